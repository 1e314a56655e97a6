//! Builds a document's text paragraph by paragraph, so that offsets of pages and sections are right by construction.
//!
//! **Invariant:** paragraphs are parted by one empty line; a section starts at the first byte of its first
//! paragraph; a heading without a paragraph leaves no section.

use crate::clean;

/// The text under construction.
#[derive(Debug, Default)]
pub(crate) struct Body {
    text: String,
    sections: Vec<(usize, String)>,
    path: Vec<(usize, String)>,
    changed: bool,
}

/// The parts of a finished body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) text: String,
    pub(crate) sections: Vec<(usize, String)>,
}

impl Body {
    /// Opens a section of `level` (1 is outermost): written `Methods > Data` where it stands within another.
    pub(crate) fn heading(&mut self, level: usize, heading: &str) {
        self.path.retain(|(above, _)| *above < level);
        let heading = clean::line(heading);
        if !heading.is_empty() {
            self.path.push((level, heading));
        }
        self.changed = true;
    }

    /// Appends a paragraph, cleaned; an empty one or boilerplate is left out.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = clean::line(text);
        if !text.is_empty() && !clean::is_boilerplate(&text) {
            self.push(&text);
        }
    }

    /// Appends text that is clean already. Returns where it starts.
    pub(crate) fn push(&mut self, text: &str) -> usize {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
        let start = self.text.len();
        if std::mem::take(&mut self.changed) {
            let heading = self.path.iter().map(|(_, heading)| heading.as_str()).collect::<Vec<_>>().join(" > ");
            self.sections.push((start, heading));
        }
        self.text.push_str(text);
        start
    }

    /// Whether nothing was appended yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn finish(self) -> Parts {
        Parts { text: self.text, sections: self.sections }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_start_at_their_first_paragraph_and_nest() {
        let mut body = Body::default();
        body.paragraph("Before  all.");
        body.heading(1, "Methods");
        body.heading(2, "Data");
        body.paragraph("We took\nfour.");
        body.heading(2, "Model");
        body.paragraph("One.");
        body.heading(1, "Empty");
        body.heading(1, "Results");
        body.paragraph("Good.");
        let parts = body.finish();
        assert_eq!(parts.text, "Before all.\n\nWe took four.\n\nOne.\n\nGood.");
        let shown: Vec<_> =
            parts.sections.iter().map(|(at, name)| (&parts.text[*at..*at + 2], name.as_str())).collect();
        assert_eq!(shown, [("We", "Methods > Data"), ("On", "Methods > Model"), ("Go", "Results")]);
    }
}
