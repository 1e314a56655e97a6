//! Which languages are translated into, what they are called, and which of them somebody means. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// The languages that a translation may be asked into: those that are told apart.
pub const CODES: &[&str] = &["en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "zh", "ja", "ko"];

const ENGLISH: [&str; 12] = [
    "English",
    "German",
    "French",
    "Spanish",
    "Italian",
    "Portuguese",
    "Dutch",
    "Russian",
    "Arabic",
    "Chinese",
    "Japanese",
    "Korean",
];
const CHINESE: [&str; 12] =
    ["英语", "德语", "法语", "西班牙语", "意大利语", "葡萄牙语", "荷兰语", "俄语", "阿拉伯语", "中文", "日语", "韩语"];

/// The known code that a language tag (`de`, `pt-BR`) begins with.
pub fn known(tag: &str) -> Option<&'static str> {
    let broad = tag.trim().split(['-', '_']).next().unwrap_or_default().to_lowercase();
    CODES.iter().find(|code| **code == broad).copied()
}

/// What a language is called in English; of an unknown one its code.
pub fn english(code: &str) -> &str {
    called(&ENGLISH, code)
}

/// What a language is called in Chinese.
pub fn chinese(code: &str) -> &str {
    called(&CHINESE, code)
}

fn called<'a>(names: &[&'a str; 12], code: &'a str) -> &'a str {
    CODES.iter().position(|known| *known == code).and_then(|at| names.get(at)).copied().unwrap_or(code)
}

/// The language that is meant: the first wish that names one that is known, English where none does.
pub fn target(wishes: &[&str]) -> &'static str {
    wishes.iter().find_map(|wish| known(wish)).unwrap_or("en")
}

/// A request in words: the language, where it names one, and the text, where it holds it.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    let what = r"(?:\s+(?:this|that|it|these|the\s+above)\b(?:\s+(?:message|text|file|paper|sentence))?)?";
    let into = r"(?:\s+(?:in|to|into)\s+(?P<language>[a-z]+))?";
    let asked = format!(r"(?:translate{what}|what\s+does\s+(?:this|that|it)\s+mean)");
    let polite = r"(?:please\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?)?";
    Regex::new(&format!(r"(?is)^\s*{polite}{asked}{into}(?:,?\s+(?:for\s+me|please))*\s*(?:[?.!]*|:\s*(?P<text>.+))$"))
        .expect("a fixed pattern")
});

/// What a sentence asks for that is a request itself and no text to translate: the language, where it names a known one,
/// and the text behind a colon, empty where it points at something.
pub fn requested(sentence: &str) -> Option<(&'static str, &str)> {
    let found = REQUEST.captures(sentence)?;
    let named = found.name("language").map(|name| name.as_str().to_lowercase());
    let code = match named {
        Some(name) => CODES.get(ENGLISH.iter().position(|known| known.to_lowercase() == name)?)?,
        None => "",
    };
    Some((code, found.name("text").map_or("", |text| text.as_str().trim())))
}

/// A language that is not `code`, to propose another one.
pub fn other(code: &str) -> &'static str {
    if code == "de" { "en" } else { "de" }
}

/// Whether sentences stand without spaces between them there.
pub fn is_unspaced(code: &str) -> bool {
    matches!(code, "zh" | "ja")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wishes: &[&str], want: &str) {
        assert_eq!(target(wishes), want, "{wishes:?}");
    }

    #[test]
    fn the_first_known_wish_is_the_target() {
        check(&["de", "fr", "", "en"], "de");
        check(&["", "pt-BR", "", "en"], "pt");
        check(&["", "", "zh", "en"], "zh");
        check(&["", "tlh", "KO", "en"], "ko");
        check(&[], "en");
    }

    #[track_caller]
    fn check_request(sentence: &str, want: Option<(&str, &str)>) {
        assert_eq!(requested(sentence), want, "{sentence}");
    }

    #[test]
    fn a_request_is_told_from_a_text() {
        check_request("Translate this message", Some(("", "")));
        check_request("please translate this into German!", Some(("de", "")));
        check_request("Could you translate that to French, please?", Some(("fr", "")));
        check_request("What does this mean in English?", Some(("en", "")));
        check_request("translate into German: Ducks\ndive.", Some(("de", "Ducks\ndive.")));
        check_request("translate into Klingon", None);
        check_request("Translate the ducks carefully.", None);
        check_request("Die Enten tauchen.", None);
    }

    #[test]
    fn every_language_has_its_names() {
        assert_eq!((english("ko"), chinese("ko")), ("Korean", "韩语"));
        assert_eq!((english("zh"), chinese("en")), ("Chinese", "英语"));
        assert_eq!(english("tlh"), "tlh");
    }
}
