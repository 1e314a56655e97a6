//! Cleans text: encodings, Unicode NFC, ligatures, mojibake, invisible characters, white space, boilerplate.

use std::{borrow::Cow, sync::LazyLock};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use regex::Regex;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

static BOILERPLATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)^(?:",
        r"(?:this content )?downloaded (?:from|on|by) .{0,200}",
        r"|authorized licensed use limited to.{0,300}",
        r"|see discussions, stats,? and author profiles.{0,200}",
        r"|view publication stats",
        r"|permission to make digital or hard copies.*",
        r"|this (?:article|content) is protected by copyright.{0,200}",
        r"|(?:©|\(c\)|copyright).{0,160}all rights reserved\.?",
        r"|all rights reserved\.?",
        r"|arxiv:\d{4}\.\d{4,5}(?:v\d+)? +\[.{0,60}",
        r"|skip to (?:main )?content|accept (?:all )?cookies|cookie (?:settings|policy)|back to top",
        r"|share (?:this|on) (?:article|page|twitter|facebook).{0,40}",
        r")$"
    ))
    .expect("a fixed pattern")
});

/// The text of `bytes`: by byte order mark, then as UTF-8 where it is (nearly) valid, then as `declared`, then as the
/// encoding that the letters suggest.
pub fn decode(bytes: &[u8], declared: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    let lossy = match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => return text.to_owned(),
        Cow::Owned(text) => text,
    };
    let bad = lossy.matches('\u{fffd}').count();
    let good = lossy.chars().filter(|found| !found.is_ascii()).count() - bad;
    if good > 2 * bad {
        return lossy.replace('\u{fffd}', "");
    }
    let declared =
        declared.and_then(|label| Encoding::for_label(label.trim().as_bytes())).filter(|found| *found != UTF_8);
    let encoding = declared.unwrap_or_else(|| {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        detector.guess(None, Utf8Detection::Deny)
    });
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Whether `bytes` are no text in any usual encoding.
pub fn is_binary(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() {
        return false;
    }
    let head = &bytes[..bytes.len().min(16 * 1024)];
    let odd = head.iter().filter(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31 | 127)).count();
    head.contains(&0) || odd * 50 > head.len()
}

/// One line or paragraph: repaired, NFC, without ligatures and invisible characters, white space single.
pub fn line(text: &str) -> String {
    // Repaired first: what was misread holds control characters that mean something. The other controls part words.
    let text: String = repair(text).chars().map(|found| if found.is_control() { ' ' } else { found }).collect();
    let text = chat::text::legible(&text);
    let mut clean = String::with_capacity(text.len());
    let mut space = false;
    for character in text.chars() {
        match character {
            chat::text::BREAK | '\u{fffd}' => {}
            found if found.is_whitespace() => space = !clean.is_empty(),
            found => {
                if std::mem::take(&mut space) {
                    clean.push(' ');
                }
                match ligature(found) {
                    Some(letters) => clean.push_str(letters),
                    None if is_private(found) => {}
                    None => clean.push(found),
                }
            }
        }
    }
    if is_nfc_quick(clean.chars()) == IsNormalized::Yes { clean } else { clean.nfc().collect() }
}

/// What Windows-1252 makes of the first bytes of common characters.
const LEADS: [char; 7] = ['Ã', 'Â', 'â', 'Å', 'Ä', 'Î', 'Ï'];

/// Whether a paragraph is what sites and publishers add to every page.
pub fn is_boilerplate(paragraph: &str) -> bool {
    paragraph.len() < 600 && BOILERPLATE.is_match(paragraph.trim())
}

/// The letters of a typographic ligature.
fn ligature(character: char) -> Option<&'static str> {
    Some(match character {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        _ => return None,
    })
}

/// Characters that mean something in one font only.
fn is_private(character: char) -> bool {
    matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

/// UTF-8 that was read as Windows-1252, read rightly: `naÃ¯ve` is `naïve`, `donâ€™t` is `don’t`.
///
/// Only runs that start with a lead byte of Latin and Greek letters or general punctuation are tried, and but for `Ã`
/// and `Â` no quotation mark may follow it: elsewhere the same characters are real (`CAFÉ”`).
fn repair(text: &str) -> Cow<'_, str> {
    if !text.contains(LEADS) {
        return Cow::Borrowed(text);
    }
    let mut repaired = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(LEADS) {
        repaired.push_str(&rest[..start]);
        rest = &rest[start..];
        match misread(rest) {
            Some((character, length)) => {
                repaired.push(character);
                rest = &rest[length..];
            }
            None => {
                let length = rest.chars().next().map_or(rest.len(), char::len_utf8);
                repaired.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    repaired.push_str(rest);
    Cow::Owned(repaired)
}

/// The character whose UTF-8 bytes were misread as the head of `text`, and the length of that head.
fn misread(text: &str) -> Option<(char, usize)> {
    let mut bytes = [0_u8; 3];
    let mut taken = 0;
    let mut length = 0;
    let wanted = if text.starts_with('â') { 3 } else { 2 };
    for character in text.chars().take(wanted) {
        bytes[taken] = to_windows_1252(character)?;
        taken += 1;
        length += character.len_utf8();
    }
    if taken < wanted || (matches!(bytes[0], 0xc4 | 0xc5 | 0xce | 0xcf) && matches!(bytes[1], 0x85 | 0x91..=0x97)) {
        return None;
    }
    let character = std::str::from_utf8(&bytes[..wanted]).ok()?.chars().next()?;
    (!character.is_control()).then_some((character, length))
}

fn to_windows_1252(character: char) -> Option<u8> {
    let code = u32::from(character);
    if (0x80..0xa0).contains(&code) {
        return u8::try_from(code).ok(); // C1 controls: what Latin-1 makes of these bytes
    }
    let mut utf8 = [0; 4];
    let (bytes, _, failed) = WINDOWS_1252.encode(character.encode_utf8(&mut utf8));
    if failed { None } else { bytes.first().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(line(text), want);
    }

    #[test]
    fn utf8_read_as_latin1_is_repaired() {
        check("naÃ¯ve donâ€™t Ã–sterreich 5 Î¼m Å\u{a0}koda", "naïve don’t Österreich 5 μm Škoda");
        check("$Ï\u{89}$Test", "$ω$Test");
        check("Â°C and Ã©tude â€“ yes", "°C and étude – yes");
    }

    #[test]
    fn letters_that_only_look_misread_are_kept() {
        check("CAFÉ” SÃO PAULO, Århus, Ångström, château", "CAFÉ” SÃO PAULO, Århus, Ångström, château");
        check("TÂCHE Ä” Â NAÏVE “ÎLE”", "TÂCHE Ä” Â NAÏVE “ÎLE”");
    }

    #[test]
    fn ligatures_and_invisible_characters_are_resolved() {
        check("eﬃcient ﬁ\u{ad}nd\u{200b}ing\u{feff} a\u{0}b", "efficient finding a b");
        check("  two\r\n lines\u{a0}here\t", "two lines here");
        check("e\u{301}tude x²", "étude x²");
        check("a\u{202e}b\u{2066}c\u{2069}d\u{61c}e\u{e0041}f", "abcdef");
        check("می\u{200c}خواهم 👩\u{200d}🔬", "می\u{200c}خواهم 👩\u{200d}🔬");
    }

    #[test]
    fn encodings_are_told_apart() {
        assert_eq!(decode("\u{feff}größer".as_bytes(), None), "größer");
        assert_eq!(decode(b"gr\xf6\xdfer als die \xdcbung", None), "größer als die Übung");
        assert_eq!(decode(b"\xff\xfeh\0i\0", None), "hi");
        assert_eq!(decode(&[0xbb, 0xfa, 0xc6, 0xf7, 0xb7, 0xad, 0xd2, 0xeb], Some("gbk")), "机器翻译");
        let mut torn = "naïve café déjà vu".as_bytes().to_vec();
        torn.push(0xff);
        assert_eq!(decode(&torn, None), "naïve café déjà vu");
    }

    #[test]
    fn rubbish_is_binary_and_text_is_not() {
        assert!(is_binary(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]));
        assert!(!is_binary("Größe\n".as_bytes()));
        assert!(!is_binary(b"gr\xf6\xdfer"));
        assert!(!is_binary(b""));
    }

    #[test]
    fn boilerplate_is_known_and_prose_about_it_is_not() {
        assert!(is_boilerplate("Downloaded from https://site.example by guest on 3 May"));
        assert!(is_boilerplate("© 2019 The Authors. All rights reserved."));
        assert!(is_boilerplate("arXiv:1707.08567v1 [cs.IT] 27 Jul 2017"));
        assert!(!is_boilerplate("We downloaded the data from the site."));
        assert!(!is_boilerplate("Copyright law protects authors."));
    }
}
