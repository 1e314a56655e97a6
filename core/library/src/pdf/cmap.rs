//! What a font maps: characters to Unicode, and characters to widths. Ranges are numbers in a file, and `pdf-extract` writes
//! each of their members into a table.
//!
//! **Invariant:** no table has more rows than [`MEMBERS_MAX`].

use pdf_extract::Object;

/// Most characters of a font: Unicode has not so many.
const MEMBERS_MAX: u64 = 1 << 20;

/// A code written in a way that no font has.
const UNKNOWN: u64 = u64::MAX;

/// Whether the ranges of a character map are of a size that a font has; true of what is no character map.
pub(super) fn ends(content: &[u8]) -> bool {
    let mut members = 0_u64;
    for begin in [b"beginbfrange".as_slice(), b"begincidrange"] {
        let mut rest = content;
        while let Some(at) = memchr::memmem::find(rest, begin) {
            rest = &rest[at + begin.len()..];
            let mut codes = Codes(rest);
            // From, to, and what it maps to; an array of those holds as many bytes as it has members.
            while let (Some(from), Some(to)) = (codes.next(), codes.next()) {
                members = members.saturating_add(to.saturating_sub(from));
                if members > MEMBERS_MAX || from == UNKNOWN || to == UNKNOWN {
                    return false;
                }
                codes.skip_target();
            }
        }
    }
    true
}

/// The codes of a section, as far as they stand next to each other.
struct Codes<'a>(&'a [u8]);

impl Codes<'_> {
    /// What a range maps to: a code, a number, or an array.
    fn skip_target(&mut self) {
        self.0 = self.0.trim_ascii_start();
        match self.0.first() {
            Some(b'[') => {
                self.0 = &self.0[self.0.iter().position(|byte| *byte == b']').map_or(self.0.len(), |at| at + 1)..]
            }
            Some(b'<' | b'(') => {
                self.next();
            }
            _ => {
                let end = self.0.iter().position(|byte| !(byte.is_ascii_digit() || b"+-.".contains(byte)));
                self.0 = &self.0[end.unwrap_or(self.0.len())..];
            }
        }
    }
}

impl Iterator for Codes<'_> {
    type Item = u64;

    /// The next code as a number: its last four bytes, as `pdf-extract` reads it.
    fn next(&mut self) -> Option<u64> {
        self.0 = self.0.trim_ascii_start();
        let (open, after) = self.0.split_first()?;
        let close = match open {
            b'<' => b'>',
            b'(' => b')',
            _ => return None,
        };
        let end = after.iter().position(|byte| *byte == close)?;
        let (inner, rest) = (&after[..end], &after[end + 1..]);
        self.0 = rest;
        if close == b')' {
            // Between parentheses, with their escapes, codes are written by nobody.
            return Some(UNKNOWN);
        }
        let digits = inner.iter().filter_map(|byte| char::from(*byte).to_digit(16));
        Some(digits.fold(0_u64, |code, digit| (code << 4 | u64::from(digit)) & 0xffff_ffff))
    }
}

/// Whether the widths that an object gives to ranges of characters are those of a font.
pub(super) fn has_sane_widths(object: &Object) -> bool {
    let dict = match object {
        Object::Dictionary(dict) => dict,
        Object::Array(widths) => return are_sane(widths),
        _ => return true,
    };
    // A descendant font may stand within the font; widths of their own object were looked at as that.
    let of = |key: &[u8]| dict.get(key).and_then(Object::as_array).ok();
    let inner = of(b"DescendantFonts").into_iter().flatten();
    of(b"W").is_none_or(|widths| are_sane(widths)) && inner.clone().all(has_sane_widths)
}

/// `[first [w w w] first last w ..]`.
fn are_sane(widths: &[Object]) -> bool {
    let mut members = 0_i64;
    let mut rest = widths;
    loop {
        rest = match rest {
            [Object::Integer(_), Object::Array(_), rest @ ..] => rest,
            [Object::Integer(first), Object::Integer(last), _, rest @ ..] => {
                members = members.saturating_add(last.saturating_sub(*first).max(0));
                rest
            }
            [Object::Dictionary(dict), rest @ ..] => {
                let inner = dict.get(b"W").and_then(Object::as_array);
                if inner.is_ok_and(|widths| !are_sane(widths)) {
                    return false;
                }
                rest
            }
            [_, rest @ ..] => rest,
            [] => return members <= i64::try_from(MEMBERS_MAX).unwrap_or(i64::MAX),
        };
    }
}

#[cfg(test)]
mod tests {
    use pdf_extract::dictionary;

    use super::*;

    #[track_caller]
    fn check(content: &str, want: bool) {
        assert_eq!(ends(content.as_bytes()), want, "{content}");
    }

    #[test]
    fn a_range_as_wide_as_all_numbers_is_not_written_out() {
        check("2 beginbfrange <0000> <005E> <0020> <005F> <0061> [<00660066> <00660069>] endbfrange", true);
        check("1 beginbfrange <00000000> <FFFFFFFF> <0020> endbfrange", false);
        check("1 beginbfrange\n<00000000>\n<ffffffff>\n<0020>", false);
        check("2 beginbfrange <0000> <0001> [<0041> <0042>] <00000000><FFFFFFFF><0020> endbfrange", false);
        check("1 begincidrange <00000000> <FFFFFFFF> 7 endcidrange", false);
        check("2 begincidrange <0000> <00ff> 0 <00000000> <FFFFFFFF> 7 endcidrange", false);
        check("1 beginbfrange (\\000\\000\\000\\000) (\\377\\377\\377\\377) <0020> endbfrange", false);
        check("100 begincidrange <0000> <ffff> 0 endcidrange", true);
        check(&"1 beginbfrange <0000> <FFFF> <0000> endbfrange ".repeat(20), false);
        check("BT (beginbfrange) Tj ET", true);
        check("", true);
    }

    #[test]
    fn widths_for_more_characters_than_there_are_are_not_written_out() {
        let font = |last: i64| {
            let widths: Vec<Object> =
                vec![1.into(), Object::Array(vec![500.into()]), 2.into(), last.into(), 500.into()];
            Object::Dictionary(dictionary! { "W" => widths })
        };
        assert!(has_sane_widths(&font(60_000)));
        assert!(!has_sane_widths(&font(i64::MAX)));
        let inner = |last| Object::Dictionary(dictionary! { "DescendantFonts" => vec![font(last)] });
        assert!(has_sane_widths(&inner(60_000)) && !has_sane_widths(&inner(1 << 40)));
        assert!(!has_sane_widths(&Object::Array(vec![2.into(), (1_i64 << 40).into(), 500.into()])));
    }
}
