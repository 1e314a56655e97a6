//! The ACL Anthology's XML: one draft per paper of a collection.

use chat::Identifiers;

use crate::{
    Draft, ReadError, Reader, Reading, Refusal,
    body::Body,
    identity,
    read::Input,
    xml::{self, Element, Node},
};

/// <https://github.com/acl-org/acl-anthology>, `data/xml`.
pub(crate) struct Anthology;

impl Reader for Anthology {
    fn format(&self) -> &'static str {
        "anthology"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let root = xml::parse(&xml::decode(input.bytes), "Anthology XML", input.limits.depth_max)?;
        let collection = root.attribute("id").unwrap_or_default().to_owned();
        let mut reading = Reading::default();
        for volume in root.all("volume") {
            let meta = volume.at(&["meta"]);
            let venue = meta.and_then(|meta| meta.line_at(&["booktitle"]));
            let year = meta.and_then(|meta| meta.line_at(&["year"])).and_then(|year| year.parse().ok());
            for paper in volume.all("paper") {
                let id = id(&collection, volume.attribute("id").unwrap_or_default(), paper);
                match draft(paper, &id) {
                    Some(draft) => reading.drafts.push(Draft { venue: venue.clone(), year, ..draft }),
                    None => reading.refused.push(Refusal { fragment: id, error: ReadError::Nothing { what: "title" } }),
                }
            }
        }
        Ok(reading)
    }
}

fn draft(paper: &Element, id: &str) -> Option<Draft> {
    let title = paper.at(&["title"]).map(text).filter(|title| !title.trim().is_empty())?;
    let authors = paper.all("author").map(|author| {
        let part = |name| author.line_at(&[name]).unwrap_or_default();
        format!("{} {}", part("first"), part("last"))
    });
    let mut body = Body::default();
    if let Some(paragraph) = paper.at(&["abstract"]) {
        body.heading(1, "Abstract");
        body.paragraph(&text(paragraph));
    }
    let identifiers = Identifiers {
        doi: paper.line_at(&["doi"]).and_then(|doi| identity::doi(&doi)),
        anthology: Some(id.to_lowercase()),
        ..Identifiers::default()
    };
    let draft = Draft {
        title,
        authors: authors.collect(),
        identifiers,
        retracted: paper.at(&["retracted"]).is_some(),
        fragment: Some(id.to_owned()),
        ..Draft::default()
    };
    Some(draft.with_body(body.finish()))
}

/// `P19-1374` before 2020, `2024.eacl-long.1` since: as in the paper's address, or made of the three parts.
fn id(collection: &str, volume: &str, paper: &Element) -> String {
    if let Some(url) = paper.line_at(&["url"]).filter(|url| !url.contains("://")) {
        return url;
    }
    let number = paper.attribute("id").unwrap_or_default();
    if collection.contains('.') {
        return format!("{collection}-{volume}.{number}");
    }
    // Workshops have two digits of each, conferences one and three.
    let workshop = collection.starts_with('W') || collection == "C69" || (collection == "D19" && volume.len() > 1);
    if workshop {
        format!("{collection}-{volume:0>2}{number:0>2}")
    } else {
        format!("{collection}-{volume}{number:0>3}")
    }
}

/// Text with formulas told from prose: `<tex-math>` in dollars.
fn text(element: &Element) -> String {
    let mut found = String::new();
    for node in &element.children {
        match node {
            Node::Text(piece) => found.push_str(piece),
            Node::Element(inner) if inner.name == "tex-math" => found.push_str(&format!("${}$", inner.text())),
            Node::Element(inner) => found.push_str(&text(inner)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::Limits;

    const XML: &str = r#"<collection id="W19"><volume id="1"><meta><booktitle>A Workshop</booktitle><year>2019</year></meta>
        <frontmatter><url>W19-0100</url></frontmatter>
        <paper id="2"><title>On <fixed-case>BERT</fixed-case> and <tex-math>x^2</tex-math></title>
        <author><first>Ana</first><last>Roth</last><affiliation>Uni</affiliation></author><author><last>Madonna</last></author>
        <abstract>It works.</abstract><doi>10.18653/v1/W19-0102</doi></paper>
        <paper id="3"><title>Bare</title><url>W19-0103</url><retracted date="2020-01-01">Plagiarism</retracted></paper>
        <paper id="4"/></volume></collection>"#;

    #[test]
    fn each_paper_of_a_volume_is_a_draft() {
        let reading = crate::read("w.xml", XML.as_bytes(), &Limits::default()).unwrap();
        let [one, two] = reading.drafts.as_slice() else { panic!("{reading:?}") };
        assert_eq!(one.title, "On BERT and $x^2$");
        assert_eq!(one.authors, ["Ana Roth", "Madonna"]);
        assert_eq!((one.year, one.venue.as_deref()), (Some(2019), Some("A Workshop")));
        assert_eq!(one.identifiers.anthology.as_deref(), Some("w19-0102"));
        assert_eq!(one.identifiers.doi.as_deref(), Some("10.18653/v1/w19-0102"));
        assert_eq!(
            (one.text.as_str(), one.sections.as_slice()),
            ("It works.", [(0, "Abstract".to_owned())].as_slice())
        );
        assert_eq!(two.text, "Bare. Published in A Workshop in 2019.");
        assert!(two.retracted);
        assert_eq!(reading.refused[0].fragment, "W19-0104");
    }
}
