//! Words of people, files and papers as they may stand in what we say: text, and nothing that a platform acts on. Pure.
//!
//! [`inert`] is for a word or a line within a sentence of ours, [`code`] for one that is shown as code, [`fenced`] for a block
//! of code, [`carried`] for a whole message that keeps its form, and [`legible`] is below them all: what nobody sees goes.
//!
//! **Invariant:** of what [`inert`] returns no platform makes a link, a mention, a picture, a formula or any other format, and
//! of what [`carried`] returns no mention, no invitation and no link behind other words.

use std::borrow::Cow;

/// Stands inside of what would else become a link or a mention: it has no width, so one does not see it.
pub const BREAK: char = '\u{200b}';

/// Joins what stands on its two sides, where a script or an emoji does that.
const JOINER: char = '\u{200d}';

/// Keeps apart what a script would join.
const NON_JOINER: char = '\u{200c}';

/// Digits of the longest number that begins a list.
const LIST_DIGITS_MAX: usize = 9;

/// Schemes that chat clients make a link of without two slashes behind them.
const SCHEMES: [&str; 16] = [
    "mailto",
    "matrix",
    "tel",
    "sms",
    "smsto",
    "mms",
    "xmpp",
    "sip",
    "im",
    "magnet",
    "geo",
    "urn",
    "news",
    "bitcoin",
    "data",
    "javascript",
];

/// Endings of files that are no top-level domain, so that no client takes a name with one for a host.
const ENDINGS: [&str; 18] = [
    "bib", "csv", "docx", "htm", "html", "jpeg", "jpg", "json", "pdf", "png", "svg", "tbx", "tex", "toml", "tsv",
    "txt", "xlsx", "xml",
];

/// Longest label of a host, in characters.
const LABEL_CHARS_MAX: usize = 63;

/// Longest name of an HTML entity, with its `;`, in bytes.
const ENTITY_BYTES_MAX: usize = 34;

/// Longest local part of the name of a Matrix room that is looked at, in bytes.
const ALIAS_BYTES_MAX: usize = 255;

/// A text without control and format characters: those that change the direction of others, that have no width, or that hide
/// what stands between two letters. Joiners stay where a script or an emoji needs them, line breaks and tabs stay, and so do
/// the [`BREAK`]s that we set ourselves.
pub fn legible(text: &str) -> Cow<'_, str> {
    let is_seen = |c: char| matches!(c, '\n' | '\t' | BREAK) || !(is_hidden(c) || is_line_end(c) || is_selector(c));
    if text.chars().all(is_seen) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut before = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let stays = match character {
            '\n' | '\t' | BREAK => Some(character),
            '\r' if next == Some('\n') => None,
            '\u{b}' | '\u{c}' => Some(' '),
            end if is_line_end(end) => Some('\n'),
            JOINER | NON_JOINER => joins(before, character, next).then_some(character),
            selector if is_selector(selector) => {
                let is_base = |c: char| !c.is_whitespace() && !is_selector(c) && c != JOINER && c != NON_JOINER;
                before.is_some_and(is_base).then_some(selector)
            }
            hidden if is_hidden(hidden) => None,
            seen => Some(seen),
        };
        kept.extend(stays);
        before = stays.or(before);
    }
    Cow::Owned(kept)
}

/// Whether nobody sees a character: controls, format characters (Unicode's category Cf), fillers and tags. Some of them a text
/// needs all the same: see [`legible`].
pub fn is_hidden(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e00ff}'
                | '\u{e01f0}'..='\u{e0fff}'
        )
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a character chooses a form of the one before it.
fn is_selector(character: char) -> bool {
    matches!(character, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a joiner, or a non-joiner, does something between these two.
fn joins(before: Option<char>, joiner: char, next: Option<char>) -> bool {
    let is_emoji = |c: char| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    let is_joined =
        joiner == JOINER && before.is_some_and(|c| is_emoji(c) || c == '\u{fe0f}') && next.is_some_and(is_emoji);
    is_joined || before.is_some_and(is_of_joining_script)
}

/// Arabic, Syriac and their like, the scripts of India and South-East Asia, Mongolian.
fn is_of_joining_script(character: char) -> bool {
    matches!(
        character,
        '\u{606}'..='\u{8ff}'
            | '\u{900}'..='\u{dff}'
            | '\u{f00}'..='\u{109f}'
            | '\u{1780}'..='\u{180a}'
            | '\u{1810}'..='\u{18af}'
            | '\u{1b00}'..='\u{1c4f}'
            | '\u{a840}'..='\u{abff}'
            | '\u{fb50}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{11000}'..='\u{11fff}'
            | '\u{1e900}'..='\u{1e95f}'
    )
}

/// Words on one line, with nothing that nobody sees.
pub fn line(words: &str) -> String {
    let seen: String = legible(words).chars().filter(|c| *c != BREAK).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Words as they may stand in Markdown of ours: on one line, each character itself, no link, no mention.
pub fn inert(words: &str) -> String {
    let words = line(words);
    let mut text = String::with_capacity(words.len() + words.len() / 8);
    for (at, character) in words.char_indices() {
        let (before, after) = (&words[..at], &words[at + character.len_utf8()..]);
        if is_markdown(before, character, after) {
            text.push('\\');
        }
        text.push(character);
        if is_link_or_mention(before, character, after) {
            text.push(BREAK);
        }
    }
    text
}

/// Words as code within a sentence of ours, which they do not end: on one line, no link, no mention, and else as they are, as
/// somebody may want to copy them.
pub fn code(words: &str) -> String {
    let words = line(words).replace('`', "'").replace("://", ":\u{200b}//").replace('@', "@\u{200b}");
    if words.is_empty() { "` `".to_owned() } else { format!("`{words}`") }
}

/// A text as a block of code in `language`, which it does not end.
pub fn fenced(language: &str, text: &str) -> String {
    let text = legible(text).replace("``", "''").replace("~~~", "---").replace("://", ":\u{200b}//");
    let text = text.replace('@', "@\u{200b}");
    format!("```{language}\n{}\n```", text.trim_end_matches('\n'))
}

/// Somebody's message as it may be said again, in its paragraphs, with its emphasis, code, formulas and addresses: no mention,
/// no invitation, no link or picture behind other words, no sign that the platform would fill in.
pub fn carried(message: &str) -> String {
    let message: String = legible(message).chars().filter(|c| *c != BREAK).collect();
    let mut text = String::with_capacity(message.len());
    for (at, character) in message.char_indices() {
        let (before, after) = (&message[..at], &message[at + character.len_utf8()..]);
        text.push(character);
        if is_call(before, character, after) {
            text.push(BREAK);
        }
    }
    text
}

/// Whether a character means something to Markdown where it stands; `before` begins the line.
fn is_markdown(before: &str, character: char, after: &str) -> bool {
    match character {
        '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '#' | '$' => true,
        '&' => is_entity(after),
        '-' | '+' | '=' => before.is_empty(),
        '.' | ')' => {
            let is_number = (1..=LIST_DIGITS_MAX).contains(&before.len()) && before.bytes().all(|b| b.is_ascii_digit());
            is_number && after.starts_with([' ', '\t'])
        }
        _ => false,
    }
}

/// Whether what follows a `&` makes another character of it: `#64;` or `commat;`.
fn is_entity(after: &str) -> bool {
    let head = &after.as_bytes()[..after.len().min(ENTITY_BYTES_MAX)];
    let length = head.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'#');
    length.is_some_and(|length| length > 0 && head[length] == b';')
}

/// Whether an address or a name that calls somebody goes on behind a character.
fn is_link_or_mention(before: &str, character: char, after: &str) -> bool {
    let ends_in = |test: fn(char) -> bool| before.chars().next_back().is_some_and(test);
    let follows = |test: fn(char) -> bool| after.chars().next().is_some_and(test);
    match character {
        '@' => follows(|c| !c.is_whitespace()),
        ':' => after.starts_with("//") || (follows(|c| !c.is_whitespace()) && is_scheme(before)),
        '#' | '!' => is_alias(after),
        // What is in brackets stays so: escaped it would be a formula.
        ']' => after.starts_with(['(', '[', ':']),
        '.' => ends_in(char::is_alphanumeric) && is_domain(after),
        _ => false,
    }
}

/// Whether something that calls somebody, leads elsewhere than it says, or is filled in by the platform goes on behind a
/// character.
fn is_call(before: &str, character: char, after: &str) -> bool {
    let is_in_word =
        || before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+'));
    match character {
        // No address of a mailbox.
        '@' => !is_in_word() && after.starts_with(|c: char| !c.is_whitespace()),
        '<' => {
            after.starts_with(['@', '#', ':', '/']) || ["a:", "t:", "id:"].iter().any(|sign| after.starts_with(sign))
        }
        ']' => after.starts_with(['(', '[', ':']),
        '&' => is_entity(after),
        '#' | '!' => !is_in_word() && is_alias(after),
        '.' => {
            let invites =
                [("discord", "gg"), ("discord", "com/invite"), ("discordapp", "com/invite"), ("matrix", "to")];
            invites.iter().any(|(host, rest)| ends(before, host) && begins(after, rest))
        }
        ':' => ends(before, "matrix") && after.starts_with(|c: char| c.is_alphanumeric() || c == '/'),
        _ => false,
    }
}

/// Whether a label of a host follows: `example`, `gg`. One of a single letter is an abbreviation, and that of a file ends none.
fn is_domain(after: &str) -> bool {
    let head = after.char_indices().take_while(|(_, c)| c.is_alphanumeric() || *c == '-').take(LABEL_CHARS_MAX);
    let label = head.last().map_or("", |(at, last)| &after[..at + last.len_utf8()]);
    label.chars().take(2).filter(|c| c.is_alphabetic()).count() == 2
        && !ENDINGS.contains(&label.to_lowercase().as_str())
}

/// Whether the text ends in the name of a scheme.
fn is_scheme(text: &str) -> bool {
    SCHEMES.iter().any(|scheme| ends(text, scheme))
}

/// Whether the name of a Matrix room follows: `seminar:home.org`.
fn is_alias(after: &str) -> bool {
    let head = &after.as_bytes()[..after.len().min(ALIAS_BYTES_MAX)];
    let length = head.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"._=/-+".contains(byte));
    length.is_some_and(|length| {
        length > 0 && head[length] == b':' && head.get(length + 1).is_some_and(u8::is_ascii_alphanumeric)
    })
}

fn ends(text: &str, word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.and_then(|start| text.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
}

fn begins(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the breaks shown as `·`.
    fn shown(text: &str) -> String {
        text.replace(BREAK, "·")
    }

    #[track_caller]
    fn check(words: &str, want: &str) {
        assert_eq!(shown(&inert(words)), want, "{words:?}");
    }

    #[test]
    fn a_word_of_a_person_is_text_and_nothing_else() {
        check(
            "Bayesian statistics, at 12:30 (e.g. E. coli) & more: C++ - R!",
            "Bayesian statistics, at 12:30 (e.g. E. coli) & more: C++ - R!",
        );
        check("**bold** _it_ ~~no~~ ||hidden|| `code`", r"\*\*bold\*\* \_it\_ \~\~no\~\~ \|\|hidden\|\| \`code\`");
        check("```\n@everyone\n```", r"\`\`\` @·everyone \`\`\`");
        check("# Title", r"\# Title");
        check("> said", r"\> said");
        check("- item", r"\- item");
        check("12. item", r"12\. item");
        check("===", r"\===");
        check("2.5 and 3.", "2.5 and 3.");
        check("$x^2$ and \\(x\\)", r"\$x^2\$ and \\(x\\)");
    }

    #[test]
    fn no_word_becomes_a_link() {
        check("[Log in](https://evil.example/login)", "[Log in]·(https:·//evil.·example/login)");
        check("![x](https://evil.example/?q=)", "![x]·(https:·//evil.·example/?q=)");
        check("<https://evil.example>", r"\<https:·//evil.·example\>");
        check("[a]: https://a.example", "[a]·: https:·//a.·example");
        check("www.evil.example, discord.gg/abc, evil.com", "www.·evil.·example, discord.·gg/abc, evil.·com");
        check("paper.pdf, evil.pdf.com, notes.md", "paper.pdf, evil.pdf.·com, notes.·md");
        check(
            "mailto:eve@evil.example matrix:u/eve:evil.example",
            "mailto:·eve@·evil.·example matrix:·u/eve:evil.·example",
        );
        check(
            "https&colon;//evil.example &#64;room R&D",
            r"https\&colon;//evil.·example \&#64;room R&D".replace("&#", r"&\#").as_str(),
        );
    }

    #[test]
    fn no_word_calls_anybody() {
        check("@everyone @here @room", "@·everyone @·here @·room");
        check(
            "<@123> <@!1> <@&456> <#789> </cmd:1> <t:1:R> <:a:1> <a:b:1> <id:guide>",
            r"\<@·123\> \<@·!1\> \<@·&456\> \<\#789\> \</cmd:1\> \<t:1:R\> \<:a:1\> \<a:b:1\> \<id:guide\>",
        );
        check("@eve:evil.example #room:evil.example", r"@·eve:evil.·example \#·room:evil.·example");
        check("community:lab group:nlp a:b", "community:lab group:nlp a:b");
        check("a @\u{200b}everyone @\u{202e}everyone", "a @·everyone @·everyone");
    }

    #[test]
    fn code_does_not_end_before_it_is_over() {
        assert_eq!(shown(&code("a`b\n@everyone https://a.b")), "`a'b @·everyone https:·//a.b`");
        assert_eq!(code("papers for me"), "`papers for me`");
        assert_eq!(code("\u{202e}"), "` `");
        assert_eq!(fenced("toml", "a = \"```\n@everyone\"\n"), "```toml\na = \"''`\n@\u{200b}everyone\"\n```");
    }

    #[test]
    fn what_is_carried_keeps_its_form_and_calls_nobody() {
        let check = |message: &str, want: &str| assert_eq!(shown(&carried(message)), want, "{message:?}");
        check(
            "**Yes**, `a<b`, $a<b$ and https://a.example/x:\n- ana@home.org",
            "**Yes**, `a<b`, $a<b$ and https://a.example/x:\n- ana@home.org",
        );
        check("[Log in](https://evil.example)", "[Log in]·(https://evil.example)");
        check("![x][y]\n[y]: https://evil.example", "![x]·[y]\n[y]·: https://evil.example");
        check(
            "@everyone <@1> <#2> </a:3> <t:4> <:e:5> <id:x> &#64;room",
            "@·everyone <·@·1> <·#2> <·/a:3> <·t:4> <·:e:5> <·id:x> &·#64;room",
        );
        check(
            "https://Discord.gg/x discord.com/invite/x https://matrix.to/#/@eve:e.org",
            "https://Discord.·gg/x discord.·com/invite/x https://matrix.·to/#/@·eve:e.org",
        );
        check("#seminar:home.org !x:home.org C#:a", "#·seminar:home.org !·x:home.org C#:a");
    }

    #[test]
    fn what_nobody_sees_goes_and_what_a_script_needs_stays() {
        let check = |text: &str, want: &str| assert_eq!(legible(text), want, "{text:?}");
        check("a\u{202e}b\u{2066}c\u{61c}d\u{feff}e\u{ad}f\u{0}g\u{e0041}h\u{2062}i\u{3164}j", "abcdefghij");
        check("one\r\ntwo\rthree\u{2028}four\u{85}\tfive", "one\ntwo\nthree\nfour\n\tfive");
        check("می\u{200c}خواهم क्\u{200d}ष", "می\u{200c}خواهم क्\u{200d}ष");
        check("👩\u{200d}🔬 ❤\u{fe0f}\u{200d}🔥 👩🏽\u{200d}🔬", "👩\u{200d}🔬 ❤\u{fe0f}\u{200d}🔥 👩🏽\u{200d}🔬");
        check("a\u{200d}b\u{200c}c \u{fe0f}\u{fe0f}x", "abc x");
        check("می\u{200c}\u{200c}\u{200d}خ", "می\u{200c}خ");
        check("葛\u{e0100}城 a\u{e0101}\u{e0102}", "葛\u{e0100}城 a\u{e0101}");
    }

    /// Whatever its length, in one pass.
    #[test]
    fn a_long_text_costs_no_more_than_its_length() {
        for piece in ["#", "[", "a.", "@", "&", "`", ":", "1", "\u{200d}", "<@"] {
            let text = piece.repeat(1 << 18);
            assert!(inert(&text).len() >= text.len() / 4 || piece == "\u{200d}");
            assert!(carried(&text).len() >= text.len() / 4 || piece == "\u{200d}");
        }
    }
}
