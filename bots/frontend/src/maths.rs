//! Formulas for platforms that set none: LaTeX becomes Unicode where nothing is lost, else stays, as code. Pure.

use std::{borrow::Cow, panic, sync::LazyLock};

use regex::{Captures, Regex};

/// Replaces `$...$`, `$$...$$`, `\(...\)` and `\[...\]` outside of code.
pub fn to_unicode(text: &str) -> Cow<'_, str> {
    // Code and what is escaped first: neither holds a formula. A single dollar opens one only right before and closes only right after
    // a character that is no space, so that prices stay prices.
    static FORMULA: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?s)(?P<code>```.*?(?:```|\z)|`[^`\n]*`|\\[!-'*-/:-@\\\]^-`{-~])|\$\$(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\]|\\\((?P<c>.+?)\\\)|\$(?P<d>[^\s$](?:[^$\n]*?[^\s$])?)\$")
            .expect("a constant pattern")
    });
    FORMULA.replace_all(text, |found: &Captures<'_>| {
        let formula = ["a", "b", "c", "d"].iter().find_map(|name| found.name(name));
        match formula {
            None => found[0].to_owned(),
            Some(formula) => set(formula.as_str()),
        }
    })
}

fn set(formula: &str) -> String {
    // unicodeit 0.2.2 panics at some formulas (`\not\in\alpha`), where it cuts a character in two.
    let Ok(set) = panic::catch_unwind(|| unicodeit::replace(formula.trim())) else { return code(formula) };
    // What still holds a command or a group was not understood whole: the source is the truth.
    let whole = !set.contains(['\\', '{', '}', '^', '_', '&']);
    if whole { crate::markdown::escape(&set) } else { code(formula) }
}

fn code(formula: &str) -> String {
    format!("`{}`", formula.trim().replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(to_unicode(text), want);
    }

    #[test]
    fn what_unicode_can_say_is_said_in_unicode() {
        check(r"the loss $\alpha x^2 \leq \beta_1$ falls", "the loss α x² ≤ β₁ falls");
        check(r"\(\sum x\)", "∑ x");
    }

    #[test]
    fn what_it_cannot_say_stays_as_it_is() {
        check(r"so $\frac{a+b}{c_{ij}}$ holds", r"so `\frac{a+b}{c_{ij}}` holds");
        check("it costs $5 or $6", "it costs $5 or $6");
    }

    #[test]
    fn what_is_escaped_is_no_formula() {
        check(r"\$\alpha\$ and \\(\beta\\)", r"\$\alpha\$ and \\(\beta\\)");
        check(r"\* $\alpha$", r"\* α");
    }

    #[test]
    fn what_breaks_the_translation_stays_as_it_is() {
        check(r"$\overline{*-b}$ and $x \not\in\alpha$", r"`\overline{*-b}` and `x \not\in\alpha`");
        check(r"`$\alpha$` and ```$\beta$```", r"`$\alpha$` and ```$\beta$```");
    }
}
