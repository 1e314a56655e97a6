//! A source's licence statement, shortened to the name that people use where it is one of the usual ones.

use std::sync::LazyLock;

use regex::Regex;

static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)|(publicdomain/zero))")
        .expect("a fixed pattern")
});
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:CC|creative commons)[ -](?:BY|attribution)((?:[ -]?(?:NC|non-?commercial|SA|share-?alike|ND|no-?deriv(?:ative)?s?|works))*)\b(?:[^.\d]{0,40}(\d\.\d))?")
        .expect("a fixed pattern")
});

/// `CC BY 4.0` and the like where the statement is one of Creative Commons; else its first 200 characters.
pub(crate) fn name(statement: &str) -> Option<String> {
    let statement = crate::clean::line(statement);
    if statement.is_empty() {
        return None;
    }
    if let Some(found) = ADDRESS.captures(&statement) {
        return Some(match (found.get(1), found.get(2)) {
            (Some(kind), Some(version)) => format!("CC {} {}", kind.as_str().to_uppercase(), version.as_str()),
            _ => "CC0 1.0".to_owned(),
        });
    }
    if statement.to_uppercase().contains("CC0") || statement.contains("public domain") {
        return Some("CC0 1.0".to_owned())
            .filter(|_| statement.to_uppercase().contains("CC0"))
            .or(Some("public domain".to_owned()));
    }
    if let Some(found) = NAME.captures(&statement) {
        let terms = found.get(1).map_or("", |terms| terms.as_str()).to_lowercase();
        let mut name = "CC BY".to_owned();
        for (sign, short) in [
            ("nc", "-NC"),
            ("noncommercial", "-NC"),
            ("non-commercial", "-NC"),
            ("sa", "-SA"),
            ("share", "-SA"),
            ("nd", "-ND"),
            ("deriv", "-ND"),
        ] {
            if terms.contains(sign) && !name.contains(short) {
                name.push_str(short);
            }
        }
        if let Some(version) = found.get(2) {
            name = format!("{name} {}", version.as_str());
        }
        return Some(name);
    }
    Some(statement.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statement: &str, want: &str) {
        assert_eq!(name(statement).unwrap_or_default(), want);
    }

    #[test]
    fn the_usual_licences_have_short_names() {
        check("distributed under http://creativecommons.org/licenses/by/2.0, which permits", "CC BY 2.0");
        check("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC BY-NC-SA 4.0");
        check("https://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0");
        check("under the terms of the Creative Commons Attribution License, which permits", "CC BY");
        check("Creative Commons Attribution-NonCommercial 4.0 International", "CC BY-NC 4.0");
        check("CC BY-SA 4.0", "CC BY-SA 4.0");
        check("CC0", "CC0 1.0");
        check("  ", "");
        check("All rights reserved by the lab.", "All rights reserved by the lab.");
    }
}
