//! Plain text: empty lines part paragraphs; short lines that look like headings are sections.

use crate::{Draft, ReadError, Reader, Reading, body::Body, clean, pdf::heading, read::Input};

/// Text in any usual encoding.
pub(crate) struct Plain;

impl Reader for Plain {
    fn format(&self) -> &'static str {
        "text"
    }

    fn read(&self, input: Input<'_>) -> Result<Reading, ReadError> {
        Ok(draft(&clean::decode(input.bytes, None)).into())
    }
}

fn draft(text: &str) -> Draft {
    let text = text.replace("\r\n", "\n").replace(['\r', '\u{c}'], "\n");
    let mut draft = Draft::default();
    let mut body = Body::default();
    let mut paragraph: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        if !line.trim().is_empty() {
            paragraph.push(line);
            continue;
        }
        let lines = std::mem::take(&mut paragraph);
        let underlined = matches!(lines.as_slice(), [_, rule] if rule.trim().len() >= 3 && rule.trim().chars().all(|found| matches!(found, '=' | '-' | '~')));
        let alone = lines.len() == 1;
        let Some(first) = lines.first().map(|line| clean::line(line)) else { continue };
        let short = first.chars().count() <= 120 && !first.ends_with(['.', ',', ';', ':']);
        if draft.title.is_empty() && body.is_empty() && short && (alone || underlined) {
            draft.title = first;
        } else if underlined
            || (alone && heading::known(&first).is_some())
            || (alone && heading::numbered(&first).is_some())
        {
            let level = heading::numbered(&first).map_or(1, |(level, _)| level);
            body.heading(level, heading::numbered(&first).map_or(first.as_str(), |(_, name)| name));
        } else {
            body.paragraph(&lines.join("\n"));
        }
    }
    draft.with_body(body.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_parted_by_empty_lines_and_headings_found() {
        let draft = draft(
            "Reading group\r\n=============\r\n\r\nWe meet\r\non Friday.\r\n\r\n2.1 Rules\r\n\r\nBe brief.\r\n\r\nReferences\r\n\r\n[1] X.\r\n",
        );
        assert_eq!(
            (draft.title.as_str(), draft.text.as_str()),
            ("Reading group", "We meet on Friday.\n\nBe brief.\n\n[1] X.")
        );
        let names: Vec<_> = draft.sections.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["Rules", "References"]);
    }

    #[test]
    fn a_text_without_a_title_line_has_none_of_its_own() {
        assert_eq!(draft("One line.\nAnother line.").title, "");
        assert_eq!(draft("Only prose here.").text, "Only prose here.");
    }
}
