//! XML that expands, nests and goes on: JATS, PubMed, the ACL Anthology, Atom, and glossaries as TBX.

use super::{Hostile, kind, many, nested};

pub(super) const KINDS: &[Hostile] = &[
    kind("entities.nxml", "ten entities, each of ten of the one before: a thousand million laughs", || {
        let entities: String =
            (1..10).map(|at| format!("<!ENTITY l{at} \"{}\">", format!("&l{};", at - 1).repeat(10))).collect();
        jats(&format!("<!DOCTYPE article [<!ENTITY l0 \"lol\">{entities}]>"), "<p>&l9;</p>")
    }),
    kind("entities-quadratic.nxml", "one entity of 100 KB, used a hundred thousand times", || {
        let doctype = format!("<!DOCTYPE article [<!ENTITY a \"{}\">]>", "a".repeat(100_000));
        jats(&doctype, &format!("<p>{}</p>", "&a;".repeat(100_000)))
    }),
    kind("entity-of-itself.nxml", "an entity that holds itself", || {
        jats("<!DOCTYPE article [<!ENTITY a \"&b;\"><!ENTITY b \"&a;&a;\">]>", "<p>&a;</p>")
    }),
    kind("entity-file.nxml", "an entity that is a file of the machine", || {
        jats("<!DOCTYPE article [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>", "<p>&a;</p>")
    }),
    kind("entity-endless.nxml", "an entity that is a file without an end, by a parameter", || {
        jats("<!DOCTYPE article [<!ENTITY % a SYSTEM \"file:///dev/zero\"> %a; <!ENTITY % b \"%b;\"> %b;]>", "<p>a</p>")
    }),
    kind("doctype-open.xml", "a declaration that does not end", || {
        format!("<?xml version='1.0'?><!DOCTYPE article [{}", "<!ENTITY a 'b'>".repeat(1_000_000)).into_bytes()
    }),
    kind("deep.nxml", "a million elements within each other", || jats("", &nested("<p>", "a", "</p>", 1_000_000))),
    kind("deep-open.nxml", "eight million elements that are not closed", || {
        [b"<article><body>", &b"<sec>".repeat(8_000_000)[..]].concat()
    }),
    kind("deep-mathematics.nxml", "formulas of a hundred thousand levels", || {
        jats(
            "",
            &format!(
                "<p>{}</p>",
                nested("<mml:msup><mml:mrow>", "x", "</mml:mrow><mml:mi>2</mml:mi></mml:msup>", 100_000)
            ),
        )
    }),
    kind("attributes.nxml", "an element with a million attributes", || {
        many("<article ", 1_000_000, |at| format!("a{at}='b' "), "><body><p>a</p></body></article>")
    }),
    kind("attribute-twice.nxml", "an element with the same attribute a million times", || {
        format!("<article {}><body><p>a</p></body></article>", "a='b' ".repeat(1_000_000)).into_bytes()
    }),
    kind("attribute-long.nxml", "an attribute of 16 MB", || {
        format!("<article id='{}'><body><p>a</p></body></article>", "&#97;".repeat(3_200_000)).into_bytes()
    }),
    kind("attribute-open.nxml", "an attribute that does not end", || {
        format!("<article id='{}", "<p>".repeat(5_000_000)).into_bytes()
    }),
    kind("namespaces.nxml", "twenty thousand levels, each with a namespace of its own", || {
        let open: String = (0..20_000).map(|at| format!("<sec xmlns:n{at}='urn:{at}'>")).collect();
        jats("", &format!("{open}{}", "</sec>".repeat(20_000)))
    }),
    kind("name-long.nxml", "an element whose name has 8 MB", || {
        let name = "a".repeat(8 << 20);
        jats("", &format!("<{name}>a</{name}>"))
    }),
    kind("comment-open.nxml", "a comment that does not end", || {
        format!("<article><body><p>a</p><!-- {}", "<!-- - -- ".repeat(2_000_000)).into_bytes()
    }),
    kind("cdata-open.nxml", "text that says to be no markup and does not end", || {
        format!("<article><body><p><![CDATA[{}", "]] >".repeat(5_000_000)).into_bytes()
    }),
    kind("instructions.nxml", "two million instructions to nobody", || jats("", &"<?a b?>".repeat(2_000_000))),
    kind("references-of-characters.nxml", "references to characters that are not", || {
        jats("", &format!("<p>{}</p>", "&#0;&#x110000;&#xd800;&#99999999999999999999;&#x;&nosuch;".repeat(10_000)))
    }),
    kind("utf16-half.xml", "UTF-16 that ends within a letter and is full of halves of pairs", || {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend("<article><body><p>".encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend([0x00, 0xd8].repeat(1 << 20));
        bytes.push(0x3c);
        bytes
    }),
    kind("utf16-in-name.xml", "UTF-8 that says to be UTF-16, after a mark of the other order", || {
        [b"\xfe\xff<?xml version='1.0' encoding='UTF-16LE'?>", &jats("", "<p>ducks</p>")[..]].concat()
    }),
    kind("utf32.xml", "UTF-32, in which each letter is followed by three zeros", || {
        let text = String::from_utf8_lossy(&jats("", "<p>ducks</p>")).into_owned();
        let mut bytes = vec![0xff, 0xfe, 0, 0];
        bytes.extend(text.chars().flat_map(|letter| u32::from(letter).to_le_bytes()));
        bytes
    }),
    kind("encoding-unknown.xml", "an encoding of a megabyte's name", || {
        format!("<?xml version='1.0' encoding='{}'?><article><body><p>a</p></body></article>", "x".repeat(1 << 20))
            .into_bytes()
    }),
    kind("sections.nxml", "a million sections with a title each", || {
        jats("", &"<sec><title>a</title><p>b</p></sec>".repeat(1_000_000))
    }),
    kind("sections-deep.nxml", "sections within each other, two hundred deep, eight thousand times", || {
        jats("", &nested("<sec><title>a</title>", "<p>b</p>", "</sec>", 200).repeat(8_000))
    }),
    kind("references.nxml", "half a million references", || {
        let list =
            "<ref id='r'><element-citation><article-title>a</article-title><year>9</year></element-citation></ref>";
        format!(
            "<article><body><p>ducks</p></body><back><ref-list>{}</ref-list></back></article>",
            list.repeat(500_000)
        )
        .into_bytes()
    }),
    kind("citations.nxml", "a paragraph that cites a million references, none of which is there", || {
        jats("", &format!("<p>{}</p>", "<xref ref-type='bibr' rid='r1 r2 r3'>1</xref>".repeat(1_000_000)))
    }),
    kind("affiliations.nxml", "a thousand authors with a thousand affiliations each", || {
        let ids: String = (0..1000).map(|at| format!("<xref ref-type='aff' rid='a{at}'/>")).collect();
        let people =
            format!("<contrib contrib-type='author'><name><surname>A</surname></name>{ids}</contrib>").repeat(1000);
        let places: String = (0..10_000).map(|at| format!("<aff id='a{at}'>Lake {at}</aff>")).collect();
        let head = format!("<contrib-group>{people}{places}</contrib-group>");
        format!("<article><front><article-meta>{head}</article-meta></front><body><p>ducks</p></body></article>")
            .into_bytes()
    }),
    kind("table.nxml", "a table of a million cells that say to span a thousand million columns", || {
        let row = "<td colspan='1000000000' rowspan='1000000000'>a</td>".repeat(1000);
        jats("", &format!("<table-wrap><table>{}</table></table-wrap>", format!("<tr>{row}</tr>").repeat(1000)))
    }),
    kind("authors.pubmed.xml", "a PubMed record of half a million authors", || {
        let authors = "<Author><LastName>A</LastName><ForeName>B</ForeName></Author>".repeat(500_000);
        format!(
            "<PubmedArticle><MedlineCitation><PMID>1</PMID><Article><ArticleTitle>A</ArticleTitle>\
             <AuthorList>{authors}</AuthorList></Article></MedlineCitation></PubmedArticle>"
        )
        .into_bytes()
    }),
    kind("records.pubmed.xml", "a set of a million empty PubMed records", || {
        format!(
            "<PubmedArticleSet>{}</PubmedArticleSet>",
            "<PubmedArticle><MedlineCitation/></PubmedArticle>".repeat(1_000_000)
        )
        .into_bytes()
    }),
    kind("papers.anthology.xml", "a volume of half a million papers", || {
        many(
            "<collection id='P99'><volume id='1'><meta><booktitle>A</booktitle><year>1e9</year></meta>",
            500_000,
            |at| {
                format!("<paper id='{at}'><title>a {at}</title><author><first>A</first><last>B</last></author></paper>")
            },
            "</volume></collection>",
        )
    }),
    kind("papers-the-same.anthology.xml", "a volume of a million papers with the same number and title", || {
        format!(
            "<collection id='P99'><volume id='1'>{}</volume></collection>",
            "<paper id='1'><title>a</title></paper>".repeat(1_000_000)
        )
        .into_bytes()
    }),
    kind("entries.atom", "a feed of four hundred thousand entries", || {
        let entry = "<entry><id>http://arxiv.org/abs/1234.5678</id><title>a</title><summary>b</summary>\
                     <published>\u{2028}</published></entry>";
        format!("<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>", entry.repeat(400_000)).into_bytes()
    }),
    kind("entry-deep.atom", "an entry with a summary of a hundred thousand levels of markup", || {
        let deep = nested("<div xmlns='http://www.w3.org/1999/xhtml'>", "a", "</div>", 100_000);
        format!("<feed><entry><id>a</id><title>{deep}</title><summary>{deep}</summary></entry></feed>").into_bytes()
    }),
    kind("terms.tbx", "a glossary of three hundred thousand concepts", || {
        let term = |at| {
            format!(
                "<conceptEntry><langSec xml:lang='en'><termSec><term>t{at}</term></termSec></langSec></conceptEntry>"
            )
        };
        many("<tbx><text><body>", 300_000, term, "</body></text></tbx>")
    }),
    kind("deep.tbx", "a glossary of a million levels", || {
        format!("<tbx><text><body>{}</body></text></tbx>", nested("<conceptEntry>", "a", "</conceptEntry>", 1_000_000))
            .into_bytes()
    }),
    kind("entities.tbx", "a glossary with entities that double twenty times", || {
        let entities: String = (1..20).map(|at| format!("<!ENTITY a{at} '&a{0};&a{0};'>", at - 1)).collect();
        format!(
            "<!DOCTYPE tbx [<!ENTITY a0 'a'>{entities}]><tbx><text><body><conceptEntry><langSec xml:lang='en'>\
             <termSec><term>&a19;</term></termSec></langSec></conceptEntry></body></text></tbx>"
        )
        .into_bytes()
    }),
    kind("languages.tbx", "a concept in three hundred thousand languages", || {
        let term = |at| format!("<langSec xml:lang='l{at}'><termSec><term>t</term></termSec></langSec>");
        many("<tbx><text><body><conceptEntry>", 300_000, term, "</conceptEntry></body></text></tbx>")
    }),
];

/// An article with this declaration and body.
fn jats(doctype: &str, body: &str) -> Vec<u8> {
    let front =
        "<front><article-meta><title-group><article-title>Ducks</article-title></title-group></article-meta></front>";
    format!("<?xml version='1.0'?>{doctype}<article>{front}<body>{body}</body></article>").into_bytes()
}
