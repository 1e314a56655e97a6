//! Each kind of list in its true layout, and what is broken.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn found(name: &str, text: &str) -> Works {
    read_works(name, text.as_bytes(), &Limits::default()).unwrap()
}

#[track_caller]
fn refused(name: &str, text: &str, want: &str) {
    let error = read_works(name, text.as_bytes(), &Limits::default()).unwrap_err().to_string();
    assert!(error.starts_with(want), "{error}");
}

/// Title, year, authors and ids of each work.
fn show(works: &Works) -> Vec<String> {
    let show = |work: &ListedWork| {
        format!("{} ({}) {} [{}]", work.title, work.year.unwrap_or(0), work.authors.join(", "), work.ids.join(" "))
    };
    works.works.iter().map(show).collect()
}

const ORCID: &str = r#"{"last-modified-date":{"value":1700000000000},"group":[
 {"last-modified-date":{"value":1},"external-ids":{"external-id":[{"external-id-type":"doi","external-id-value":"10.5555/12345678",
  "external-id-normalized":{"value":"10.5555/12345678","transient":true},"external-id-normalized-error":null,
  "external-id-url":{"value":"https://doi.org/10.5555/12345678"},"external-id-relationship":"self"}]},
  "work-summary":[{"put-code":1,"created-date":{"value":1},"source":{"source-name":{"value":"Crossref"}},
   "title":{"title":{"value":"Toward a <i>Unified</i> Theory &amp; Practice"},"subtitle":{"value":"Psychoceramics"},"translated-title":null},
   "external-ids":{"external-id":[{"external-id-type":"doi","external-id-value":"https://doi.org/10.5555/12345678","external-id-relationship":"self"},
    {"external-id-type":"isbn","external-id-value":"1","external-id-relationship":"part-of"},
    {"external-id-type":"doi","external-id-value":"10.5555/book","external-id-relationship":"part-of"}]},
   "url":null,"type":"journal-article","publication-date":{"year":{"value":"2008"},"month":{"value":"08"},"day":null},
   "journal-title":{"value":"Journal"},"visibility":"public","path":"/0000-0002-1825-0097/work/1","display-index":"0"},
   {"put-code":2,"title":{"title":{"value":"Toward a unified theory"},"subtitle":null},"external-ids":null,"publication-date":null}]},
 {"external-ids":{"external-id":[]},"work-summary":[{"put-code":3,"title":null}]},
 {"external-ids":{"external-id":[]},"work-summary":[{"put-code":4,"title":{"title":{"value":"Cracked pots"}},"publication-date":{"year":null}}]}
 ],"path":"/0000-0002-1825-0097/works"}"#;

#[test]
fn orcid_works_are_read_with_their_owner() {
    let works = found("works.json", ORCID);
    assert_eq!(
        show(&works),
        ["Toward a Unified Theory & Practice: Psychoceramics (2008)  [doi:10.5555/12345678]", "Cracked pots (0)  []"]
    );
    assert_eq!((works.ids.as_slice(), works.names.len()), (["orcid:0000-0002-1825-0097".to_owned()].as_slice(), 0));
    assert_eq!(works.refused, ["Work 2 has no title."]);
}

#[test]
fn an_orcid_record_says_every_name_of_its_owner() {
    let record = format!(
        r#"{{"orcid-identifier":{{"uri":"https://orcid.org/0000-0002-1825-0097","path":"0000-0002-1825-0097","host":"orcid.org"}},
        "preferences":{{"locale":"en"}},"person":{{"name":{{"given-names":{{"value":"Josiah"}},"family-name":{{"value":"Carberry"}},
        "credit-name":null}},"other-names":{{"other-name":[{{"content":"J. S. Carberry"}},{{"content":"Josiah Carberry"}}]}}}},
        "activities-summary":{{"employments":{{}},"works":{ORCID}}}}}"#
    );
    let works = found("record", &record);
    assert_eq!(works.names, ["Josiah Carberry", "J. S. Carberry"]);
    assert_eq!((works.works.len(), works.ids.len()), (2, 1));
}

#[test]
fn whole_works_of_orcid_have_summaries_and_authors() {
    let bulk = r#"{"bulk":[{"work":{"put-code":1,"title":{"title":{"value":"On X"},"subtitle":null},"short-description":"We show X.",
        "publication-date":{"year":{"value":"2019"}},"external-ids":{"external-id":[{"external-id-type":"arxiv",
        "external-id-value":"arXiv:1707.08567v2","external-id-relationship":"self"}]},"contributors":{"contributor":[
        {"contributor-orcid":null,"credit-name":{"value":"Ana Roth"}},{"credit-name":null}]}}},{"error":{"response-code":404}}]}"#;
    let works = found("w.json", bulk);
    assert_eq!(show(&works), ["On X (2019) Ana Roth [arxiv:1707.08567]"]);
    assert_eq!(works.works[0].summary, "We show X.");
    assert_eq!(works.refused.len(), 1);
}

const PAPERS: &str = r#"{"offset":0,"data":[
  {"paperId":"aa11","externalIds":{"MAG":"1","ACL":"P19-1374","DOI":"10.18653/V1/P19-1374","CorpusId":42},"title":"A Corpus",
   "abstract":"We release it.","year":2019,"authors":[{"authorId":"7","name":"Ana Roth"},{"authorId":"8","name":"Bo Li"}]},
  {"paperId":"bb22","externalIds":null,"title":"Trees","abstract":null,"year":null,
   "authors":[{"authorId":null,"name":"Cy"},{"authorId":"7","name":"A. Roth"}]},
  {"paperId":"cc33","title":null}]}"#;

#[test]
fn papers_of_a_semantic_scholar_author_are_of_who_stands_in_all() {
    let whole = PAPERS.replace(",\n  {\"paperId\":\"cc33\",\"title\":null}", "");
    let works = found("papers.json", &whole);
    assert_eq!(
        show(&works),
        [
            "A Corpus (2019) Ana Roth, Bo Li [doi:10.18653/v1/p19-1374 acl:p19-1374 s2:aa11]",
            "Trees (0) Cy, A. Roth [s2:bb22]"
        ]
    );
    assert_eq!((works.ids, works.names), (vec!["s2:7".to_owned()], vec!["Ana Roth".to_owned(), "A. Roth".to_owned()]));
    let works = found("papers.json", PAPERS);
    assert_eq!(works.refused, ["Paper 3 has no title."]);
    assert!(works.ids.is_empty(), "one of the papers does not name anybody");
}

#[test]
fn a_semantic_scholar_author_says_who_it_is() {
    let author = r#"{"authorId":"7","externalIds":{"ORCID":["0000-0002-1825-0097"],"DBLP":["Ana Roth"]},"name":"Ana Roth",
        "aliases":["A. Roth"],"papers":[{"paperId":"aa","title":"One","year":2020,"authors":[{"authorId":"9","name":"Dee"}]}]}"#;
    let works = found("author.json", author);
    assert_eq!(works.names, ["Ana Roth", "A. Roth"]);
    assert_eq!(works.ids, ["s2:7", "orcid:0000-0002-1825-0097"]);
    let two = format!("[{author},{}]", author.replace("\"7\"", "\"8\""));
    refused("authors.json", &two, "it lists the works of 2 people");
}

#[test]
fn papers_may_stand_one_to_a_line() {
    let lines =
        "{\"paperId\":\"a\",\"title\":\"One\",\"year\":2020}\n\n{\"paperId\":\"b\",\"title\":\"Two\",\"year\":2021}\n";
    assert_eq!(show(&found("mine.jsonl", lines)), ["One (2020)  [s2:a]", "Two (2021)  [s2:b]"]);
    refused("mine.jsonl", &format!("{lines}{{\"paperId\""), "it is broken JSON: line 4");
}

#[test]
fn bibtex_of_an_anthology_author_is_a_list_without_an_owner() {
    let bib = r#"@inproceedings{roth-li-2019-large,
    title = "A Large-Scale Corpus for {E}xample Data",
    author = "Roth, Ana  and
      Li, Bo",
    editor = "Korhonen, Anna",
    booktitle = "Proceedings of ACL",
    month = jul,
    year = "2019",
    address = "Florence, Italy",
    publisher = "Association for Computational Linguistics",
    url = "https://aclanthology.org/P19-1374/",
    doi = "10.18653/v1/P19-1374",
    pages = "3846--3856",
    abstract = "We release a corpus. It is large."
}
@article{other, title = {Trees}, author = {Roth, Ana}, year = 2018}
@article{broken, title = {Torn, author = {X}
@misc{last, title = {Seas}}"#;
    let works = found("ana-roth.bib", bib);
    assert_eq!(
        show(&works),
        [
            "A Large-Scale Corpus for Example Data (2019) Ana Roth, Bo Li [doi:10.18653/v1/p19-1374 acl:p19-1374]",
            "Trees (2018) Ana Roth []",
            "Seas (0)  []"
        ]
    );
    assert_eq!(works.works[0].summary, "We release a corpus. It is large.");
    assert_eq!(works.works[1].summary, "", "a sentence made of the fields is no abstract");
    assert!(works.names.is_empty() && works.ids.is_empty());
    assert!(works.refused[0].starts_with("broken: it is broken BibTeX"), "{:?}", works.refused);
}

#[test]
fn the_anthologys_xml_is_a_list() {
    let xml = r#"<?xml version='1.0' encoding='UTF-8'?><collection id="2024.eacl"><volume id="long"><meta><booktitle>B</booktitle>
        <year>2024</year></meta><paper id="1"><title>On <fixed-case>X</fixed-case></title><author><first>Ana</first><last>Roth</last>
        </author><abstract>We show X.</abstract><url hash="29a5ddc6">2024.eacl-long.1</url></paper></volume></collection>"#;
    let works = found("2024.eacl.xml", xml);
    assert_eq!(show(&works), ["On X (2024) Ana Roth [acl:2024.eacl-long.1]"]);
    assert_eq!(works.works[0].summary, "We show X.");
}

#[test]
fn a_paper_is_a_list_of_one() {
    let markdown = "# On X\n\nNames.\n\n## Abstract\n\nWe show X.\n\n## Introduction\n\nLong ago.";
    let works = found("x.md", markdown);
    assert_eq!((show(&works).len(), works.works[0].summary.as_str()), (1, "We show X."));
    assert_eq!(found("y.md", "# On Y\n\nWe show Y.").works[0].summary, "We show Y.");
    assert_eq!(found("z.txt", "[1] is a note, and no JSON").works.len(), 1);
}

#[test]
fn entries_of_one_work_are_merged_across_all_that_joins_them() {
    let bib = "@article{a, title={On Trees}, year=2019, doi={10.1000/a}}\n@article{b, title={Seas}, year=2020}\n\
        @article{c, title={Other}, year=2018, eprint={1707.08567}, archiveprefix={arXiv}}\n\
        @article{d, title={On trees.}, year=2019, eprint={1707.08567}, archiveprefix={arXiv}, author={Roth, Ana}, abstract={Leaves.}}\n\
        @article{e, title={On Trees}, year=2021}";
    let works = found("a.bib", bib);
    assert_eq!(
        show(&works),
        ["On Trees (2019) Ana Roth [doi:10.1000/a arxiv:1707.08567]", "Seas (2020)  []", "On Trees (2021)  []"]
    );
    assert_eq!(works.works[0].summary, "Leaves.");
}

#[test]
fn what_is_over_the_limits_is_said() {
    let entries: String = (0..WORKS_MAX + 2).map(|at| format!("@misc{{k{at}, title={{Title {at}}}}}\n")).collect();
    let works = found("many.bib", &entries);
    assert_eq!(works.works.len(), WORKS_MAX);
    assert_eq!(works.refused, ["It lists 2002 works, and the first 2000 are read."]);
    let limits = Limits { bytes_max: 10, ..Limits::default() };
    let error = read_works("a.json", b"{\"title\": 1}", &limits).unwrap_err().to_string();
    assert_eq!(error, "it has 12 bytes, and at most 10 are read");
    let long = format!("{{\"title\":\"T\",\"abstract\":\"{}\"}}", "wörd ".repeat(2_000));
    assert!(found("a.json", &long).works[0].summary.len() <= SUMMARY_MAX);
}

#[test]
fn what_is_broken_or_something_else_is_refused_with_a_sentence() {
    refused("a.json", "", "it is empty");
    refused("a.json", "{\"data\": [", "it is broken JSON: EOF");
    refused("a.json", "{\"hello\": 1}", "it is JSON, but no list of works");
    refused("a.json", "[1, 2]", "it is JSON, but no list of works");
    refused("a.json", "{\"data\": []}", "it holds no work");
    refused("a.json", "{\"group\": [], \"path\": \"/0000\"}", "it holds no work");
    refused("a.json", "{\"data\": [1, {\"title\": 5}, {\"title\": \" \"}]}", "it holds no work");
    refused("a.json", &"[".repeat(100_000), "it is broken JSON: recursion limit");
    refused("a.zip", "PK\u{3}\u{4}", "its format is not one that is read (a ZIP archive)");
}

proptest! {
    #[test]
    fn no_bytes_break_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _any = read_works("a.json", &bytes, &Limits::default());
        let _any = read_works("a", &bytes, &Limits::default());
    }

    #[test]
    fn no_cut_breaks_a_list(at in 0usize..2_000, name in prop_oneof![Just("a.json"), Just("a"), Just("a.jsonl")]) {
        for list in [ORCID, PAPERS] {
            let cut: String = list.chars().take(at).chain(list.chars().skip(at + 3)).collect();
            let _any = read_works(name, cut.as_bytes(), &Limits::default());
        }
    }
}
