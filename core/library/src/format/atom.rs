//! Answers of the arXiv API: one draft per entry.

use chat::Identifiers;

use crate::{
    Draft, ReadError, Reader, Reading, Refusal,
    body::Body,
    identity, license,
    read::Input,
    xml::{self, Element},
};

/// <https://info.arxiv.org/help/api/user-manual.html>, section 3.3.
pub(crate) struct Atom;

impl Reader for Atom {
    fn format(&self) -> &'static str {
        "atom"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        let root = xml::parse(&xml::decode(input.bytes), "Atom", input.limits.depth_max)?;
        let mut reading = Reading::default();
        for entry in root.all("entry") {
            match draft(entry) {
                Ok(draft) => reading.drafts.push(draft),
                Err(error) => {
                    let fragment = entry.line_at(&["id"]).unwrap_or_default();
                    reading.refused.push(Refusal { fragment, error });
                }
            }
        }
        Ok(reading)
    }
}

fn draft(entry: &Element) -> Result<Draft, ReadError> {
    let address = entry.line_at(&["id"]).unwrap_or_default();
    if address.contains("/api/errors") {
        let said = entry.line_at(&["summary"]).unwrap_or_default();
        return Err(ReadError::broken("Atom", format!("it is an error message of arXiv: {said}")));
    }
    let title = entry.line_at(&["title"]).ok_or(ReadError::Nothing { what: "title" })?;
    let arxiv = address.split_once("/abs/").and_then(|(_, id)| identity::arxiv(id));
    let mut body = Body::default();
    let summary = entry.at(&["summary"]).map(Element::text).unwrap_or_default();
    let comment = entry.line_at(&["comment"]).unwrap_or_default();
    body.heading(1, "Abstract");
    body.paragraph(&summary.replace("\\ ", " ")); // LaTeX's hard space, as in `i.i.d.\ samples`
    let withdrawn = |text: &str| {
        let text = text.to_lowercase();
        text.contains("withdrawn")
            && (text.contains("this paper") || text.contains("this article") || text.contains("by the author"))
    };
    let draft = Draft {
        title,
        authors: entry.all("author").filter_map(|author| author.line_at(&["name"])).collect(),
        year: entry.line_at(&["published"]).and_then(|date| date.get(..4)?.parse().ok()),
        venue: entry.line_at(&["journal_ref"]).or_else(|| arxiv.as_ref().map(|_| "arXiv".to_owned())),
        identifiers: Identifiers {
            doi: entry.line_at(&["doi"]).and_then(|doi| identity::doi(&doi)),
            arxiv: arxiv.clone(),
            ..Identifiers::default()
        },
        license: entry.at(&["license"]).and_then(|found| license::name(&found.text())),
        retracted: withdrawn(&comment) || (summary.len() < 400 && withdrawn(&summary)),
        fragment: arxiv.or_else(|| Some(address).filter(|address| !address.is_empty())),
        ..Draft::default()
    };
    Ok(draft.with_body(body.finish()))
}

#[cfg(test)]
mod tests {
    use crate::Limits;

    #[test]
    fn an_entry_is_a_draft_and_an_error_a_refusal() {
        let feed = r#"<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"><title>q</title>
            <entry><id>http://arxiv.org/abs/math/0309136v2</id><title>On
              X</title><summary>We show X.</summary><published>2003-09-08T00:00:00Z</published>
              <author><name>Ana Roth</name></author><arxiv:doi>10.1000/ABC</arxiv:doi>
              <arxiv:comment>This paper has been withdrawn by the author</arxiv:comment></entry>
            <entry><id>https://arxiv.org/api/errors#id</id><title>Error</title><summary>incorrect id</summary></entry></feed>"#;
        let reading = crate::read("a.atom", feed.as_bytes(), &Limits::default()).unwrap();
        let draft = &reading.drafts[0];
        assert_eq!((draft.title.as_str(), draft.year, draft.retracted), ("On X", Some(2003), true));
        assert_eq!(draft.identifiers.arxiv.as_deref(), Some("math/0309136"));
        assert_eq!(draft.identifiers.doi.as_deref(), Some("10.1000/abc"));
        assert!(reading.refused[0].error.to_string().contains("incorrect id"));
    }

    #[test]
    fn an_empty_answer_is_refused_with_a_sentence() {
        let error = crate::read("a.xml", b"<feed><title>q</title></feed>", &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "it holds no entry");
    }
}
