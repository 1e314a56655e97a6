//! What a text asks of us: a command, a mention, or nothing. Pure.

/// The names that we answer to in a room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// Our user id.
    pub(crate) user: &'a str,
    /// What the room calls us.
    pub(crate) display: &'a str,
}

/// A text as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Without the mention of us that it begins with.
    pub(crate) text: String,
    /// Whether it mentions us.
    pub(crate) is_mention: bool,
}

/// Reads a text. `is_mentioned`: the sender's client says that it mentions us. Old clients do not: for them a text that
/// begins with our pill, our user id, or our name and a colon or comma does.
pub(crate) fn read(body: &str, html: Option<&str>, is_mentioned: bool, names: Names<'_>) -> Reading {
    let body = body.trim();
    let pill = html.and_then(|html| leading_pill(html, names.user));
    let loose = is_mentioned || pill.is_some();
    let localpart = names.user.trim_start_matches('@').split(':').next().unwrap_or_default();
    let rest = None
        .or_else(|| strip(body, &format!("[{}](https://matrix.to/#/{})", pill.as_deref()?, names.user), true))
        .or_else(|| strip(body, pill.as_deref()?, true))
        .or_else(|| strip(body, names.user, true))
        .or_else(|| strip(body, names.display, loose))
        .or_else(|| strip(body, localpart, loose));
    Reading { is_mention: loose || rest.is_some(), text: rest.unwrap_or(body).to_owned() }
}

/// The word after a leading `!`, where it may be a command.
pub(crate) fn command(text: &str) -> Option<&str> {
    let word = text.trim_start().strip_prefix('!')?.split(char::is_whitespace).next()?;
    Some(word).filter(|word| !word.is_empty())
}

/// What follows `name`, in any case, at the beginning of `body`. `loose`: a space may end the name, not only a colon or
/// a comma.
fn strip<'a>(body: &'a str, name: &str, loose: bool) -> Option<&'a str> {
    let name = name.trim_start_matches('@');
    if name.is_empty() {
        return None;
    }
    let body = body.strip_prefix('@').unwrap_or(body);
    let mut rest = body.chars();
    for wanted in name.chars() {
        let found = rest.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    let rest = rest.as_str();
    let mut after = rest.chars();
    let ends = match after.next() {
        None | Some('：' | '，') => true,
        // Not within another user id.
        Some(':' | ',') => after.next().is_none_or(|next| !next.is_ascii_alphanumeric()),
        Some(next) => loose && next.is_whitespace(),
    };
    ends.then(|| rest.trim_start_matches([':', ',', '：', '，']).trim_start())
}

/// The text of the link to us that a formatted body begins with.
fn leading_pill(html: &str, user: &str) -> Option<String> {
    let html = html.split_once("</mx-reply>").map_or(html, |(_, after)| after).trim_start();
    let html = html.strip_prefix("<p>").unwrap_or(html).trim_start();
    let (tag, after) = html.strip_prefix("<a ")?.split_once('>')?;
    let (text, _) = after.split_once("</a>")?;
    let target = tag.split_once("matrix.to/#/")?.1;
    let target: &str = target.split(['"', '\'', '?']).next()?;
    let target = target.replace("%40", "@").replace("%3A", ":").replace("%3a", ":");
    (target == user).then(|| unescape(text))
}

fn unescape(html: &str) -> String {
    html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names<'_> = Names { user: "@colloquy:home.org", display: "Colloquy (lab)" };

    #[track_caller]
    fn check(body: &str, html: Option<&str>, is_mentioned: bool, want: Option<&str>) {
        let reading = read(body, html, is_mentioned, NAMES);
        let wanted = Reading { is_mention: want.is_some(), text: want.unwrap_or(body).to_owned() };
        assert_eq!(reading, wanted, "{body}");
    }

    #[test]
    fn what_the_client_calls_a_mention_is_one() {
        check("what is masking, Colloquy (lab)?", None, true, Some("what is masking, Colloquy (lab)?"));
        check("Colloquy (lab): what is masking?", None, true, Some("what is masking?"));
        check("@colloquy what is masking?", None, true, Some("what is masking?"));
    }

    #[test]
    fn an_old_client_mentions_us_at_the_beginning() {
        check("@colloquy:home.org: why?", None, false, Some("why?"));
        check("@colloquy:home.org why?", None, false, Some("why?"));
        check("colloquy (LAB), why?", None, false, Some("why?"));
        check("colloquy: why?", None, false, Some("why?"));
        check("colloquy：为什么？", None, false, Some("为什么？"));
        let pill = "<a href=\"https://matrix.to/#/@colloquy:home.org\">Colloquy &amp; Co</a> why?";
        check("Colloquy & Co why?", Some(pill), false, Some("why?"));
        let encoded = "<p><a href='https://matrix.to/#/%40colloquy%3Ahome.org'>C</a>: why?</p>";
        check("C: why?", Some(encoded), false, Some("why?"));
        check("[C](https://matrix.to/#/@colloquy:home.org): why?", Some(encoded), false, Some("why?"));
    }

    #[test]
    fn a_text_about_us_is_not_for_us() {
        check("colloquy is down again", None, false, None);
        check("I asked @colloquy:home.org: nothing", None, false, None);
        check("colloquy2: why?", None, false, None);
        check("@colloquy:home.orgs why?", None, false, None);
        check("@colloquy:other.org: why?", None, false, None);
        let other = "<a href=\"https://matrix.to/#/@colloquy:home.org.evil\">Colloquy</a> why?";
        check("Colloquy why?", Some(other), false, None);
        let room = "<a href=\"https://matrix.to/#/!room:home.org/$event\">Colloquy</a> why?";
        check("Colloquy why?", Some(room), false, None);
    }

    #[test]
    fn a_reply_quotes_before_the_pill() {
        let html =
            "<mx-reply><blockquote>x</blockquote></mx-reply><a href=\"https://matrix.to/#/@colloquy:home.org\">C</a> y";
        check("C y", Some(html), false, Some("y"));
    }

    #[test]
    fn a_command_begins_with_a_bang_and_a_word() {
        assert_eq!(command("!ask why?"), Some("ask"));
        assert_eq!(command(" !line 2"), Some("line"));
        for text in ["! ask", "!", "why !ask", "", "ask"] {
            assert_eq!(command(text), None, "{text}");
        }
    }

    #[test]
    fn a_mention_may_carry_a_command() {
        check("Colloquy (lab): !line 2", None, true, Some("!line 2"));
    }
}
