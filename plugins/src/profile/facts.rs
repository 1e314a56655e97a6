//! Who somebody is, by their own word: read, checked, said again. Pure.

use chat::{
    Text,
    profile::{Facts, Seniority},
    text::inert,
};
use jiff::tz::TimeZone;

/// What of a profile can be named.
pub const FIELDS: &[&str] = &[
    "about",
    "offers",
    "seeks",
    "paper",
    "name",
    "id",
    "group",
    "conflict",
    "language",
    "zone",
    "availability",
    "seniority",
    "away",
];

/// Things of one kind, at most.
const LIST_MAX: usize = 50;

/// Longest of them, in characters.
const CHARS_MAX: usize = 200;

const WHAT: Text = Text {
    en: "Say what, as in `profile add name Ana Example`.",
    zh: "请说明内容，例如 `profile add name 张三`。",
};

/// Sets `field` to `text`, or adds it where there can be several and it is not said `anew`.
///
/// # Errors
/// A sentence that says what would do.
pub fn set(facts: &mut Facts, field: &str, text: &str, anew: bool) -> Result<(), Text> {
    if text.is_empty() && field != "away" {
        return Err(WHAT);
    }
    if text.chars().count() > CHARS_MAX {
        return Err(Text { en: "That is longer than 200 characters.", zh: "内容超过 200 个字符。" });
    }
    match field {
        "zone" => {
            TimeZone::get(text).map_err(|_| Text {
                en: "A time zone is a name, as in `Europe/Berlin`.",
                zh: "时区为名称，例如 `Asia/Shanghai`。",
            })?;
            text.clone_into(&mut facts.time_zone);
        }
        "availability" => text.clone_into(&mut facts.availability),
        "seniority" => {
            facts.seniority = Some(text.parse().map_err(|()| Text {
                en: "That is one of `student`, `postdoc`, `faculty`, `industry`.",
                zh: "可选值为 `student`、`postdoc`、`faculty`、`industry`。",
            })?);
        }
        "away" => {
            facts.away = match text.to_lowercase().as_str() {
                "" | "on" | "yes" => true,
                "off" | "no" => false,
                _ => return Err(Text { en: "Say `on` or `off`.", zh: "请使用 `on` 或 `off`。" }),
            }
        }
        _ => {
            let values = values(field, text)?;
            let Some(list) = list(facts, field) else { return Err(WHAT) };
            if anew {
                list.clear();
            }
            if list.len() + values.len() > LIST_MAX {
                return Err(Text { en: "More than 50 of them are not kept.", zh: "最多保存 50 项。" });
            }
            list.extend(values);
        }
    }
    Ok(())
}

/// Takes `text` out of `field`, or all of it where none is said; whether there was something.
pub fn remove(facts: &mut Facts, field: &str, text: &str) -> bool {
    match field {
        "zone" => !std::mem::take(&mut facts.time_zone).is_empty(),
        "availability" => !std::mem::take(&mut facts.availability).is_empty(),
        "seniority" => facts.seniority.take().is_some(),
        "away" => std::mem::take(&mut facts.away),
        _ => list(facts, field).is_some_and(|list| {
            let before = list.len();
            list.retain(|value| !text.is_empty() && !value.eq_ignore_ascii_case(text));
            list.len() < before
        }),
    }
}

/// What `field` holds, as it may stand in a sentence.
pub fn told(facts: &Facts, field: &str) -> String {
    match field {
        "zone" => inert(&facts.time_zone),
        "availability" => inert(&facts.availability),
        "seniority" => facts.seniority.map(Seniority::name).unwrap_or_default().to_owned(),
        "away" => if facts.away { "on" } else { "off" }.to_owned(),
        _ => {
            let mut facts = facts.clone();
            list(&mut facts, field)
                .map(|list| list.iter().map(|value| inert(value)).collect::<Vec<_>>().join("; "))
                .unwrap_or_default()
        }
    }
}

fn list<'a>(facts: &'a mut Facts, field: &str) -> Option<&'a mut std::collections::BTreeSet<String>> {
    match field {
        "name" => Some(&mut facts.names),
        "id" => Some(&mut facts.ids),
        "group" => Some(&mut facts.groups),
        "conflict" => Some(&mut facts.conflicts),
        "language" => Some(&mut facts.languages),
        _ => None,
    }
}

/// One value, or, of languages, several.
fn values(field: &str, text: &str) -> Result<Vec<String>, Text> {
    match field {
        "id" => Ok(vec![id(text)?]),
        "language" => {
            let codes = text.split([',', ' ', '，']).filter(|code| !code.is_empty()).map(str::to_lowercase);
            let codes: Vec<String> = codes.collect();
            let is_code = |code: &String| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_lowercase());
            if codes.iter().all(is_code) {
                return Ok(codes);
            }
            Err(Text {
                en: "A language is two letters, as in `en` or `zh`.",
                zh: "语言为两个字母，例如 `en` 或 `zh`。",
            })
        }
        // An account as a platform writes it where somebody is named.
        "conflict" => Ok(vec![plain(text.trim_start_matches("<@").trim_start_matches('!').trim_end_matches('>'))]),
        _ => Ok(vec![plain(text)]),
    }
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An id with its kind before it: of an ORCID the check digit must be right (ISO 7064, MOD 11-2).
fn id(text: &str) -> Result<String, Text> {
    let wrong = Text {
        en: "An id is `orcid:0000-0002-1825-0097` or `s2:1741101`; that one is none.",
        zh: "编号形如 `orcid:0000-0002-1825-0097` 或 `s2:1741101`；输入的编号无效。",
    };
    let text = text.trim_start_matches("https://").trim_start_matches("orcid.org/");
    let (kind, number) = text.split_once(':').unwrap_or(("orcid", text));
    match kind.to_lowercase().as_str() {
        "orcid" => {
            let signs: Vec<char> = number.to_uppercase().chars().filter(|sign| *sign != '-').collect();
            let [body @ .., check] = signs.as_slice() else { return Err(wrong) };
            let sum = body.iter().try_fold(0, |sum, sign| Some((sum + sign.to_digit(10)?) * 2 % 11));
            let want = sum.filter(|_| body.len() == 15).map(|sum| (12 - sum) % 11);
            let got = if *check == 'X' { Some(10) } else { check.to_digit(10) };
            if want.is_none() || want != got {
                return Err(wrong);
            }
            let groups: Vec<String> = signs.chunks(4).map(|group| group.iter().collect()).collect();
            Ok(format!("orcid:{}", groups.join("-")))
        }
        "s2" if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(format!("s2:{number}")),
        _ => Err(wrong),
    }
}

/// Whether none of these authors is called as the person said they are: by the last word of the name, or the one before a comma.
/// Where they said nothing, nobody can tell.
pub fn is_foreign(facts: &Facts, authors: &[String]) -> bool {
    let family = |name: &str| {
        let name = name.to_lowercase();
        let family = name.split_once(',').map(|(family, _)| family.trim().to_owned());
        family.unwrap_or_else(|| name.split_whitespace().last().unwrap_or_default().to_owned())
    };
    let known: Vec<String> = facts.names.iter().map(|name| family(name)).collect();
    !known.is_empty() && !authors.is_empty() && !authors.iter().any(|author| known.contains(&family(author)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &str, text: &str, want: Result<&str, &str>) {
        let mut facts = Facts::default();
        let set = set(&mut facts, field, text, false);
        match want {
            Ok(told_as) => {
                assert_eq!(set, Ok(()), "{field} {text}");
                assert_eq!(told(&facts, field), told_as);
                assert!(remove(&mut facts, field, ""));
                assert_eq!(facts, Facts::default());
            }
            Err(sentence) => assert!(set.unwrap_err().en.contains(sentence), "{field} {text}"),
        }
    }

    #[test]
    fn what_is_said_is_kept_as_it_is_meant() {
        check("zone", "Europe/Berlin", Ok("Europe/Berlin"));
        check("zone", "Mars/Base", Err("Europe/Berlin"));
        check("language", "de, EN", Ok("de; en"));
        check("language", "german", Err("two letters"));
        check("seniority", "Postdoc", Ok("postdoc"));
        check("seniority", "wizard", Err("student"));
        check("away", "", Ok("on"));
        check("away", "maybe", Err("`on` or `off`"));
        check("name", "  Ana   Example ", Ok("Ana Example"));
        check("conflict", "<@!123>", Ok("123"));
        // As it may stand in a sentence.
        check("conflict", "@carl:lab.example", Ok("@\u{200b}carl:lab.\u{200b}example"));
        check("name", "", Err("Say what"));
        check("group", &"x".repeat(201), Err("200"));
    }

    /// The examples of ORCID's own page on the structure of its identifiers.
    #[test]
    fn an_orcid_has_a_check_digit() {
        check("id", "0000-0002-1825-0097", Ok("orcid:0000-0002-1825-0097"));
        check("id", "https://orcid.org/0000-0002-1694-233x", Ok("orcid:0000-0002-1694-233X"));
        check("id", "orcid:0000-0002-1825-0098", Err("is none"));
        check("id", "orcid:0000-0002-1825", Err("is none"));
        check("id", "s2:1741101", Ok("s2:1741101"));
        check("id", "s2:", Err("is none"));
    }

    #[test]
    fn lists_grow_and_are_said_anew() {
        let mut facts = Facts::default();
        set(&mut facts, "group", "Birds", false).unwrap();
        set(&mut facts, "group", "Ducks", false).unwrap();
        assert_eq!(told(&facts, "group"), "Birds; Ducks");
        set(&mut facts, "group", "Geese", true).unwrap();
        assert_eq!(told(&facts, "group"), "Geese");
        assert!(!remove(&mut facts, "group", "Swans"));
        assert!(remove(&mut facts, "group", "geese"));
    }

    #[test]
    fn a_work_is_foreign_where_nobody_bears_a_confirmed_name() {
        let mut facts = Facts::default();
        let authors = ["Example, Ana".to_owned(), "Bob Brown".to_owned()];
        assert!(!is_foreign(&facts, &authors));
        facts.names.insert("A. Example".to_owned());
        assert!(!is_foreign(&facts, &authors));
        assert!(is_foreign(&facts, &authors[1..]));
        assert!(!is_foreign(&facts, &[]));
    }
}
