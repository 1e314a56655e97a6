//! Lists that double, ring and flood: BibTeX, the JSON of ORCID and Semantic Scholar, and glossaries as CSV.

use super::{Hostile, kind, many, nested};

pub(super) const KINDS: &[Hostile] = &[
    kind("macros.bib", "forty abbreviations, each of which is twice the one before", || {
        let strings = many(
            "@string{a0 = \"ducks and ducks\"}\n",
            40,
            |at| format!("@string{{a{} = a{at} # a{at}}}\n", at + 1),
            "",
        );
        [&strings[..], b"@article{key, title = a40, author = a40, year = 2024}\n"].concat()
    }),
    kind("macro-of-itself.bib", "abbreviations that are each other", || {
        b"@string{a = a # a}\n@string{b = c}\n@string{c = b # a}\n@article{key, title = a # b # c, author = b}\n"
            .to_vec()
    }),
    kind("macros-in-line.bib", "a hundred thousand abbreviations, each of which is the one before", || {
        let strings = many("@string{a0 = \"duck\"}\n", 100_000, |at| format!("@string{{a{} = a{at}}}\n", at + 1), "");
        [&strings[..], b"@article{key, title = a100000}\n"].concat()
    }),
    kind("macros-used.bib", "an abbreviation of 50 KB that is used a hundred thousand times", || {
        let head = format!("@string{{a = \"{}\"}}\n", "d".repeat(50_000));
        many(&head, 100_000, |at| format!("@article{{k{at}, title = a}}\n"), "")
    }),
    kind("joined.bib", "a title of a million parts", || {
        format!("@article{{key, title = \"a\"{}}}\n", " # \"a\"".repeat(1_000_000)).into_bytes()
    }),
    kind("joined-unknown.bib", "a title of a million abbreviations that nobody defines", || {
        many("@article{key, title = a", 1_000_000, |at| format!(" # m{at}"), "}\n")
    }),
    kind("braces-open.bib", "ten megabytes of braces that open", || {
        [b"@article{key, title = ", &vec![b'{'; 10 << 20][..]].concat()
    }),
    kind("braces-closed.bib", "ten megabytes of braces that close", || {
        [b"@article{key, title = {a", &vec![b'}'; 10 << 20][..]].concat()
    }),
    kind("braces-deep.bib", "a title within a million braces", || {
        format!("@article{{key, title = {}}}\n", nested("{", "a", "}", 1_000_000)).into_bytes()
    }),
    kind("quote-open.bib", "a hundred thousand entries, the first of which has a quotation that does not end", || {
        many("@article{key, title = \"a,\n", 100_000, |at| format!("@article{{k{at}, title = {{a}}}}\n"), "")
    }),
    kind("entries.bib", "a million entries", || many("", 1_000_000, |at| format!("@misc{{k{at}, title={{a}}}}\n"), "")),
    kind("entries-the-same.bib", "a million entries with one key", || {
        "@misc{k, title={a}}\n".repeat(1_000_000).into_bytes()
    }),
    kind("entries-broken.bib", "half a million entries, each of which is broken in its own way", || {
        many(
            "",
            100_000,
            |at| {
                format!(
                    "@misc{{k{at}, title}}\n@misc{{,={{}}\n@article(k{at} title={{a}})\n@{{}}\n@misc{{k{at}, a=b#}}\n"
                )
            },
            "",
        )
    }),
    kind("fields.bib", "an entry with a million fields", || {
        many("@misc{k, title={a}", 1_000_000, |at| format!(", f{at}={{a}}"), "}\n")
    }),
    kind("authors.bib", "an entry with five million authors", || {
        format!("@misc{{k, title={{a}}, author={{A{}}}}}\n", " and A".repeat(5_000_000)).into_bytes()
    }),
    kind("names.bib", "an author of a million parts", || {
        format!("@misc{{k, title={{a}}, author={{{} {}}}}}\n", "A, ".repeat(1_000_000), "von der ".repeat(1_000_000))
            .into_bytes()
    }),
    kind(
        "parents.bib",
        "a hundred thousand entries that each take what they lack from the next, and the last from the first",
        || {
            many(
                "",
                100_000,
                |at| {
                    format!(
                        "@inproceedings{{k{at}, title={{a}}, crossref={{k{}}}, xdata={{k{}}}}}\n",
                        (at + 1) % 100_000,
                        at
                    )
                },
                "",
            )
        },
    ),
    kind("parent-is-itself.bib", "entries that take what they lack from themselves", || {
        b"@inbook{a, crossref={a}, xdata={a,b}}\n@xdata{b, xdata={a,b}, title={ducks}}\n\
          @article{c, title={a}, crossref={b}}\n"
            .to_vec()
    }),
    kind("commands.bib", "a title of a million commands and accents of TeX", || {
        format!("@misc{{k, title={{{}}}}}\n", "\\'\\^\\i{\\\"\\textsc\\emph{\\v}}$\\frac{a}$".repeat(300_000))
            .into_bytes()
    }),
    kind("dates.bib", "years and months that no calendar has", || {
        b"@misc{k, title={ducks}, year={99999999999999999999}, month={-1}, date={-9999999999/..}, pages={--1---9e9}}\n"
            .to_vec()
    }),
    kind("comments.bib", "a million comments and preambles that are not closed", || {
        "@comment{ @preamble{\"a\" # ".repeat(500_000).into_bytes()
    }),
    kind("deep-arrays.json", "a million arrays within each other", || nested("[", "1", "]", 1_000_000).into_bytes()),
    kind("deep-objects.json", "a million objects within each other", || {
        nested("{\"data\":", "1", "}", 1_000_000).into_bytes()
    }),
    kind("deep-open.json", "thirty million arrays that are not closed", || vec![b'['; 30 << 20]),
    kind("deep-in-place.json", "an ORCID record whose title has a hundred thousand levels", || {
        format!(
            "{{\"group\":[{{\"work-summary\":[{{\"title\":{}}}]}}]}}",
            nested("{\"title\":", "{\"value\":\"a\"}", "}", 100_000)
        )
        .into_bytes()
    }),
    kind("numbers.json", "numbers that no machine has", || {
        let paper = "{\"paperId\":1e999999,\"title\":\"a\",\"year\":-99999999999999999999999999,\
                     \"authors\":[{\"authorId\":1E-999999}]}";
        format!("{{\"authorId\":9e999,\"name\":\"A\",\"papers\":[{}]}}", [paper; 1000].join(",")).into_bytes()
    }),
    kind("number-long.json", "a number of ten million digits", || {
        format!("{{\"authorId\":1,\"name\":\"A\",\"papers\":[{{\"title\":\"a\",\"year\":{}}}]}}", "9".repeat(10 << 20))
            .into_bytes()
    }),
    kind("works.orcid.json", "an ORCID record of three hundred thousand works", || {
        let work = |at| {
            format!(
                "{}{{\"work-summary\":[{{\"title\":{{\"title\":{{\"value\":\"a{at}\"}}}}}}]}}",
                if at == 0 { "" } else { "," }
            )
        };
        many("{\"path\":\"/0000-0002-1825-0097/works\",\"group\":[", 300_000, work, "]}")
    }),
    kind("works-the-same.orcid.json", "an ORCID record of three hundred thousand works with the same title", || {
        let work = format!("{{\"work-summary\":[{}]}}", source("10.1/a"));
        format!("{{\"group\":[{}{work}]}}", format!("{work},").repeat(300_000)).into_bytes()
    }),
    kind(
        "sources.orcid.json",
        "one work that a hundred thousand sources describe, each with a name of its own",
        || {
            let part = |at| format!("{},", source(&format!("10.1/{at}")));
            many("{\"group\":[{\"work-summary\":[", 100_000, part, "{}]}]}")
        },
    ),
    kind("authors.scholar.json", "a paper of Semantic Scholar with half a million authors", || {
        let author = |at| format!("{}{{\"authorId\":\"{at}\",\"name\":\"A\"}}", if at == 0 { "" } else { "," });
        many(
            "{\"data\":[{\"paperId\":\"p\",\"title\":\"a\",\"authors\":[",
            500_000,
            author,
            "]},{\"title\":\"b\",\"authors\":[]}]}",
        )
    }),
    kind("aliases.scholar.json", "an author with a million other names", || {
        format!(
            "{{\"authorId\":\"1\",\"name\":\"A\",\"papers\":[{{\"title\":\"a\"}}],\"aliases\":[\"B\"{}]}}",
            ",\"B\"".repeat(1_000_000)
        )
        .into_bytes()
    }),
    kind("keys.json", "an object with the same key a million times", || {
        format!("{{\"title\":\"a\"{}}}", ",\"title\":\"a\"".repeat(1_000_000)).into_bytes()
    }),
    kind("escapes.json", "a title of a million halves of pairs and zeros", || {
        format!("{{\"paperId\":\"1\",\"title\":\"{}\"}}", "\\ud800\\u0000\\udc00\\u202e".repeat(250_000)).into_bytes()
    }),
    kind("lines.jsonl", "a million papers, one to a line", || {
        "{\"paperId\":\"1\",\"title\":\"a\"}\n".repeat(1_000_000).into_bytes()
    }),
    kind("columns.csv", "a glossary of a million columns", || {
        many("term,en", 1_000_000, |at| format!(",c{at}"), "\nducks,ducks\n")
    }),
    kind("columns-the-same.csv", "a glossary in which a million columns are the same language", || {
        format!("term{}\na{}\n", ",de".repeat(1_000_000), ",b".repeat(1_000_000)).into_bytes()
    }),
    kind("rows.csv", "a glossary of two million rows", || {
        many("en,de\n", 2_000_000, |at| format!("duck{at},Ente\n"), "")
    }),
    kind("rows-short.csv", "nine million rows that lack cells", || {
        format!("en;de;fr\n{}", ";\n,\n\t\n".repeat(3_000_000)).into_bytes()
    }),
    kind("quote-open.csv", "a cell of 30 MB that is not closed", || {
        format!("en,de\nduck,\"{}", "Ente,\n".repeat(5 << 20)).into_bytes()
    }),
    kind("quotes.csv", "a cell of thirty million quotation marks", || {
        format!("en,de\nduck,{}\n", "\"".repeat(30 << 20)).into_bytes()
    }),
    kind("formulas.csv", "cells that a spreadsheet would run", || {
        b"en,de\n=cmd|' /C calc'!A0,@SUM(1+1)*cmd\n\t=1+1,-2+3\n\"=HYPERLINK(\"\"http://a\"\")\",+1\n".to_vec()
    }),
    kind("terms-alike.csv", "four thousand terms, each of which is the beginning of the next", || {
        many("en,de\n", 4_000, |at| format!("{},a\n", "a".repeat(at + 1)), "")
    }),
    kind("zeros.tsv", "a glossary of tabs and zeros", || "en\tde\n\0\t\0\n".repeat(1_000_000).into_bytes()),
];

/// A work as ORCID has it from one source, with this DOI.
fn source(doi: &str) -> String {
    let id = format!("{{\"external-id-type\":\"doi\",\"external-id-value\":\"{doi}\"}}");
    format!("{{\"title\":{{\"title\":{{\"value\":\"a\"}}}},\"external-ids\":{{\"external-id\":[{id}]}}}}")
}
