//! Takes a model's reasoning (`<think> ... </think>`) out of a stream, however the tags are cut into pieces.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Pushed pieces in, visible text out.
#[derive(Debug, Default)]
pub struct ThinkFilter {
    held: String,
    inside: bool,
}

impl ThinkFilter {
    /// The visible part of what is known after `piece`.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut visible = String::new();
        loop {
            let tag = if self.inside { CLOSE } else { OPEN };
            if let Some(at) = self.held.find(tag) {
                if !self.inside {
                    visible.push_str(&self.held[..at]);
                }
                self.held.drain(..at + tag.len());
                self.inside = !self.inside;
                continue;
            }
            // Keep back what may be the beginning of the tag.
            let kept = (1..tag.len()).rev().find(|length| self.held.ends_with(&tag[..*length])).unwrap_or(0);
            let ready = self.held.len() - kept;
            if !self.inside {
                visible.push_str(&self.held[..ready]);
            }
            self.held.drain(..ready);
            return visible;
        }
    }

    /// What was held back and turned out to be text.
    pub fn finish(&mut self) -> String {
        if self.inside { String::new() } else { std::mem::take(&mut self.held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        for size in 1..=text.len() {
            let mut filter = ThinkFilter::default();
            let mut visible = String::new();
            for piece in text.as_bytes().chunks(size) {
                visible.push_str(&filter.push(std::str::from_utf8(piece).unwrap()));
            }
            visible.push_str(&filter.finish());
            assert_eq!(visible, want, "in pieces of {size}");
        }
    }

    #[test]
    fn reasoning_is_taken_out_however_it_is_cut() {
        check("<think>hm</think>yes", "yes");
        check("a<think>x</think>b<think>y</think>c", "abc");
        check("<think>never closed", "");
    }

    #[test]
    fn what_only_looks_like_a_tag_stays() {
        check("a < b and <thin air> <think", "a < b and <thin air> <think");
    }
}
