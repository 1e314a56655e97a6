//! PubMed's own XML: one draft per record.

use chat::Identifiers;

use crate::{
    Draft, ReadError, Reader, Reading, Refusal,
    body::Body,
    clean, identity,
    read::Input,
    xml::{self, Element},
};

/// <https://dtd.nlm.nih.gov/ncbi/pubmed/>.
pub(crate) struct Pubmed;

impl Reader for Pubmed {
    fn format(&self) -> &'static str {
        "pubmed"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let root = xml::parse(&xml::decode(input.bytes), "PubMed XML", input.limits.depth_max)?;
        let mut records = Vec::new();
        if root.name == "PubmedArticle" {
            records.push(&root);
        } else {
            records.extend(root.all("PubmedArticle"));
        }
        let mut reading = Reading::default();
        for record in records {
            let pmid = record.line_at(&["MedlineCitation", "PMID"]).unwrap_or_default();
            match draft(record, &pmid) {
                Some(draft) => reading.drafts.push(draft),
                None => reading.refused.push(Refusal { fragment: pmid, error: ReadError::Nothing { what: "title" } }),
            }
        }
        Ok(reading)
    }
}

fn draft(record: &Element, pmid: &str) -> Option<Draft> {
    let article = record.at(&["MedlineCitation", "Article"])?;
    let title = article.line_at(&["ArticleTitle"])?;
    let authors = article.at(&["AuthorList"]).into_iter().flat_map(|list| list.all("Author")).map(|author| {
        let part = |name| author.line_at(&[name]).unwrap_or_default();
        match author.line_at(&["CollectiveName"]) {
            Some(group) => group,
            None => format!("{} {}", part("ForeName"), part("LastName")),
        }
    });
    // The parts of a structured abstract stay one section: an abstract is one passage where it fits.
    let parts = article.at(&["Abstract"]).into_iter().flat_map(|part| part.all("AbstractText")).map(|part| {
        let text = clean::line(&part.text());
        part.attribute("Label").map_or(text.clone(), |label| format!("{label}: {text}"))
    });
    let mut body = Body::default();
    body.heading(1, "Abstract");
    body.paragraph(&parts.collect::<Vec<_>>().join(" "));
    let issue = article.at(&["Journal", "JournalIssue", "PubDate"]);
    let year = issue.and_then(|date| date.line_at(&["Year"]).or_else(|| date.line_at(&["MedlineDate"])));
    let mut ids = Vec::new();
    if let Some(list) = record.at(&["PubmedData", "ArticleIdList"]) {
        ids.extend(list.all("ArticleId"));
    }
    let doi = ids.iter().find(|id| id.attribute("IdType") == Some("doi")).map(|id| id.text());
    let doi =
        doi.or_else(|| article.all("ELocationID").find(|id| id.attribute("EIdType") == Some("doi")).map(Element::text));
    let mut kinds = Vec::new();
    article.below("PublicationType", &mut kinds);
    let draft = Draft {
        title: title.trim_end_matches('.').trim_matches(['[', ']']).to_owned(),
        authors: authors.collect(),
        year: year.and_then(|year| year.get(..4)?.parse().ok()),
        venue: article.line_at(&["Journal", "Title"]),
        identifiers: Identifiers {
            doi: doi.and_then(|doi| identity::doi(&doi)),
            pubmed: Some(pmid.to_owned()).filter(|pmid| !pmid.is_empty()),
            ..Identifiers::default()
        },
        retracted: kinds.iter().any(|kind| kind.text() == "Retracted Publication"),
        fragment: Some(pmid.to_owned()),
        ..Draft::default()
    };
    Some(draft.with_body(body.finish()))
}

#[cfg(test)]
mod tests {
    use crate::Limits;

    #[test]
    fn a_record_is_a_draft() {
        let xml = r#"<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>42</PMID><Article>
            <Journal><JournalIssue><PubDate><Year>2011</Year></PubDate></JournalIssue><Title>J. Test</Title></Journal>
            <ArticleTitle>On X.</ArticleTitle><Abstract><AbstractText Label="AIM">Why.</AbstractText><AbstractText>How.</AbstractText></Abstract>
            <AuthorList><Author><LastName>Roth</LastName><ForeName>Ana</ForeName></Author></AuthorList>
            <PublicationTypeList><PublicationType>Retracted Publication</PublicationType></PublicationTypeList></Article></MedlineCitation>
            <PubmedData><ArticleIdList><ArticleId IdType="doi">10.1000/X</ArticleId></ArticleIdList></PubmedData></PubmedArticle></PubmedArticleSet>"#;
        let draft = crate::read("p.xml", xml.as_bytes(), &Limits::default()).unwrap().drafts.remove(0);
        assert_eq!((draft.title.as_str(), draft.text.as_str()), ("On X", "AIM: Why. How."));
        assert_eq!((draft.authors[0].as_str(), draft.year, draft.retracted), ("Ana Roth", Some(2011), true));
        assert_eq!(draft.keys()[..2], ["doi:10.1000/x", "pubmed:42"]);
    }
}
