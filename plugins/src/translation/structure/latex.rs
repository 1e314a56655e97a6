//! LaTeX: the prose of the body and the title; commands, comments, formulas and tables are not.
//!
//! A scanner, not TeX: what a document defines for itself it takes for markup, with the arguments right behind it.

use std::{collections::HashSet, ops::Range};

use super::segment::{Builder, Part, Segment};
use crate::translation::protect::verbatim::{ENVIRONMENTS, environment};

/// Commands whose argument is a piece of prose of its own.
const HEADINGS: &[&str] = &[
    "caption",
    "chapter",
    "paragraph",
    "part",
    "section",
    "subparagraph",
    "subsection",
    "subsubsection",
    "subtitle",
    "title",
];
/// Commands whose argument is prose within prose.
const INLINE: &[&str] = &[
    "emph",
    "enquote",
    "footnote",
    "mbox",
    "textbf",
    "textit",
    "textmd",
    "textnormal",
    "textrm",
    "textsc",
    "textsf",
    "textsl",
    "textup",
    "text",
    "uline",
    "underline",
];
/// Commands that stand between pieces of prose, with their arguments.
const BREAKS: &[&str] = &[
    "addcontentsline",
    "affiliation",
    "appendix",
    "author",
    "bibitem",
    "bibliography",
    "bibliographystyle",
    "bigskip",
    "centering",
    "clearpage",
    "date",
    "documentclass",
    "email",
    "hline",
    "include",
    "includegraphics",
    "input",
    "label",
    "listoffigures",
    "listoftables",
    "maketitle",
    "medskip",
    "newcommand",
    "newline",
    "newpage",
    "noindent",
    "pagebreak",
    "par",
    "printbibliography",
    "renewcommand",
    "setcounter",
    "setlength",
    "smallskip",
    "tableofcontents",
    "usepackage",
    "vfill",
    "vspace",
];
/// Environments that go on with the sentence around them.
const DISPLAYS: &[&str] =
    &["align", "alignat", "displaymath", "eqnarray", "equation", "flalign", "gather", "math", "multline"];
/// Signs that LaTeX keeps for itself, by the command that writes each.
const SIGNS: &[(&str, &str)] = &[("textbackslash", "\\"), ("textasciicircum", "^"), ("textasciitilde", "~")];
const ACCENTS: &[(char, &str, &str)] = &[
    ('"', "aeiouyAEIOU", "äëïöüÿÄËÏÖÜ"),
    ('\'', "aeiouyncszAEIOU", "áéíóúýńćśźÁÉÍÓÚ"),
    ('`', "aeiouAEIOU", "àèìòùÀÈÌÒÙ"),
    ('^', "aeiouAEIOU", "âêîôûÂÊÎÔÛ"),
    ('~', "anoANO", "ãñõÃÑÕ"),
];

/// Longest verbatim text on a line, in bytes.
const VERB_BYTES_MAX: usize = 2_000;

/// What an open brace ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brace {
    Prose,
    Markup,
}

pub(super) fn read(source: &str) -> Vec<Segment> {
    let mut scan = Scan { source, builder: Builder::new(source), braces: Vec::new(), endless: HashSet::new() };
    const BEGIN: &str = "\\begin{document}";
    let body = source.find(BEGIN).map_or(0, |at| at + BEGIN.len());
    let end = source[body..].find("\\end{document}").map_or(source.len(), |at| body + at);
    if let Some(at) = source[..body].find("\\title{").filter(|at| !is_comment(&source[..*at])) {
        let start = at + "\\title".len();
        let length = group(&source[start..body], '{', '}').unwrap_or(0);
        scan.run(start + 1..(start + length).max(start + 2) - 1);
        scan.builder.close();
        scan.braces.clear();
    }
    scan.run(body..end);
    scan.builder.finish()
}

/// Whether the last line of `before` is a comment.
fn is_comment(before: &str) -> bool {
    before.rsplit('\n').next().is_some_and(|line| line.replace("\\%", "").contains('%'))
}

struct Scan<'s> {
    source: &'s str,
    builder: Builder<'s>,
    braces: Vec<Brace>,
    /// What is known to close nowhere further on, lest it be sought again.
    endless: HashSet<&'s str>,
}

impl<'s> Scan<'s> {
    fn run(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let rest = &self.source[at..range.end];
            let plain = rest.find(['\\', '%', '$', '{', '}', '&', '~', '#', '^', '_', '\n']).unwrap_or(rest.len());
            if plain > 0 {
                self.builder.words(at..at + plain);
                at += plain;
                continue;
            }
            at += self.step(at, rest);
        }
    }

    /// Reads what begins with a special sign; how long it is.
    fn step(&mut self, at: usize, rest: &'s str) -> usize {
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            '\n' => {
                let blank = rest.len() - rest.trim_start().len();
                if rest[1..blank].contains('\n') {
                    self.builder.close();
                } else {
                    self.builder.words(at..at + blank);
                }
                blank
            }
            '%' => {
                let line = rest.find('\n').map_or(rest.len(), |at| at + 1);
                let ends = line == rest.len() || rest[line..].trim_start_matches([' ', '\t']).starts_with('\n');
                if self.builder.is_open() && !ends {
                    self.builder.markup(at..at + line);
                } else {
                    self.builder.close();
                }
                line
            }
            '$' => {
                let mark = if rest.starts_with("$$") { "$$" } else { "$" };
                self.markup(at, formula(rest, mark).unwrap_or(mark.len()))
            }
            '{' => {
                self.braces.push(Brace::Markup);
                self.markup(at, 1)
            }
            '}' => match self.braces.pop() {
                Some(Brace::Prose) => {
                    self.builder.close();
                    1
                }
                _ => self.markup(at, 1),
            },
            '~' => {
                self.builder.unit("\u{a0}", at..at + 1);
                1
            }
            '\\' => self.command(at, rest),
            other => self.markup(at, other.len_utf8()),
        }
    }

    fn markup(&mut self, at: usize, length: usize) -> usize {
        self.builder.markup(at..at + length);
        length
    }

    fn skip(&mut self, length: usize) -> usize {
        self.builder.close();
        length
    }

    fn command(&mut self, at: usize, rest: &'s str) -> usize {
        let name = &rest[1..1 + rest[1..].find(|sign: char| !sign.is_ascii_alphabetic()).unwrap_or(rest.len() - 1)];
        if name.is_empty() {
            return self.symbol(at, rest);
        }
        let named = 1 + name.len();
        let head = named + usize::from(rest[named..].starts_with('*'));
        let options = head + arguments(&rest[head..], "[");
        if let Some((_, sign)) = SIGNS.iter().find(|(command, _)| *command == name) {
            let length = named + if rest[named..].starts_with("{}") { 2 } else { 0 };
            self.builder.unit(sign, at..at + length);
            return length;
        }
        match name {
            "begin" | "end" => self.environment(at, rest, name),
            "item" => {
                let spaces = rest[named..].len() - rest[named..].trim_start().len();
                let label = arguments(&rest[named + spaces..], "[");
                self.skip(if label > 0 { named + spaces + label } else { named })
            }
            "verb" | "lstinline" | "mintinline" => {
                let from = if name == "verb" { head } else { named + arguments(&rest[named..], "[") };
                let mark = rest[from..].chars().next().unwrap_or(' ');
                let length = match mark {
                    '{' => from + arguments(&rest[from..], "{"),
                    _ => {
                        let inside = from + mark.len_utf8();
                        // As TeX has it: on its line.
                        rest.get(inside..)
                            .and_then(|rest| rest[..rest.floor_char_boundary(VERB_BYTES_MAX)].find([mark, '\n']))
                            .filter(|end| rest[inside + end..].starts_with(mark))
                            .map_or(named, |end| inside + end + mark.len_utf8())
                    }
                };
                self.markup(at, length.min(rest.len()))
            }
            _ if HEADINGS.contains(&name) && rest[options..].starts_with('{') => {
                self.braces.push(Brace::Prose);
                self.skip(options + 1)
            }
            _ if INLINE.contains(&name) && rest[options..].starts_with('{') => {
                self.braces.push(Brace::Markup);
                self.markup(at, options + 1)
            }
            "href" => {
                let length = head + group(&rest[head..], '{', '}').unwrap_or(0);
                if rest[length..].starts_with('{') {
                    self.braces.push(Brace::Markup);
                    return self.markup(at, length + 1);
                }
                self.markup(at, length)
            }
            _ => {
                let length = head + arguments(&rest[head..], "[{");
                if BREAKS.contains(&name) { self.skip(length) } else { self.markup(at, length) }
            }
        }
    }

    /// A command of one sign.
    fn symbol(&mut self, at: usize, rest: &'s str) -> usize {
        let Some(sign) = rest[1..].chars().next() else { return self.skip(1) };
        let length = 1 + sign.len_utf8();
        match sign {
            '(' | '[' => {
                let close = if sign == '(' { "\\)" } else { "\\]" };
                let end = if self.endless.contains(close) { None } else { rest.find(close) };
                if end.is_none() {
                    self.endless.insert(close);
                }
                self.markup(at, end.map_or(length, |end| end + close.len()))
            }
            '%' | '&' | '_' | '#' | '$' | '{' | '}' => {
                self.builder.unit(&rest[1..2], at..at + 2);
                2
            }
            '\\' => {
                let head = length + usize::from(rest[length..].starts_with('*'));
                let spaces = rest[head..].len() - rest[head..].trim_start_matches(' ').len();
                let room = arguments(&rest[head + spaces..], "[");
                self.markup(at, if room > 0 { head + spaces + room } else { head })
            }
            _ => match accent(sign, &rest[length..]) {
                Some((letter, bytes)) => {
                    self.builder.unit(letter.encode_utf8(&mut [0; 4]), at..at + length + bytes);
                    length + bytes
                }
                None => self.markup(at, length),
            },
        }
    }

    fn environment(&mut self, at: usize, rest: &'s str, command: &str) -> usize {
        let head = 1 + command.len();
        let length = head + group(&rest[head..], '{', '}').unwrap_or(0);
        let name = rest[head..length].trim_matches(['{', '}']);
        let broad = name.trim_end_matches('*');
        if command == "end" {
            return self.skip(length);
        }
        let is_data = ENVIRONMENTS.contains(&broad) && !self.endless.contains(name);
        let whole = if is_data { environment(rest, name) } else { None };
        if is_data && whole.is_none() {
            self.endless.insert(name);
        }
        match whole {
            Some(whole) if DISPLAYS.contains(&broad) => self.markup(at, whole),
            Some(whole) => self.skip(whole),
            None => self.skip(length + arguments(&rest[length..], "[{")),
        }
    }
}

/// The length of the arguments at the start of `rest` that open with one of `opens`.
fn arguments(rest: &str, opens: &str) -> usize {
    let mut length = 0;
    while let Some(open) = rest[length..].chars().next().filter(|open| opens.contains(*open)) {
        let close = if open == '[' { ']' } else { '}' };
        match group(&rest[length..], open, close) {
            Some(group) => length += group,
            None => break,
        }
    }
    length
}

/// The length of the group that `rest` begins with; none where it does not close nearby.
fn group(rest: &str, open: char, close: char) -> Option<usize> {
    const GROUP_BYTES_MAX: usize = 2_000;
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, sign) in rest.char_indices() {
        match sign {
            _ if at > GROUP_BYTES_MAX => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if sign == open => depth += 1,
            _ if sign == close => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + sign.len_utf8());
                }
            }
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn formula(rest: &str, mark: &str) -> Option<usize> {
    let mut at = mark.len();
    while let Some(step) = rest.get(at..)?.find(['\\', '$']) {
        at += step;
        if rest[at..].starts_with(mark) {
            return Some(at + mark.len());
        }
        at += 1 + rest[at + 1..].chars().next().map_or(0, char::len_utf8);
    }
    None
}

/// The letter with its accent, and how many bytes of `rest` it takes: `e`, `{e}`.
fn accent(sign: char, rest: &str) -> Option<(char, usize)> {
    let (_, plain, accented) = ACCENTS.iter().find(|(accent, _, _)| *accent == sign)?;
    let braced = rest.starts_with('{');
    let letter = rest[usize::from(braced)..].chars().next()?;
    if braced && !rest[1 + letter.len_utf8()..].starts_with('}') {
        return None;
    }
    let place = plain.chars().position(|other| other == letter)?;
    accented.chars().nth(place).map(|found| (found, letter.len_utf8() + if braced { 2 } else { 0 }))
}

/// A command made of letters must not run into a word.
pub(super) fn settle(parts: &mut [Part<'_>]) {
    for at in 1..parts.len() {
        let (before, after) = parts.split_at_mut(at);
        let (Some(Part::Raw { raw, .. }), Some(Part::Words(words))) = (before.last(), after.first_mut()) else {
            continue;
        };
        let letters = raw.len() - raw.trim_end_matches(|sign: char| sign.is_ascii_alphabetic()).len();
        if letters > 0 && raw[..raw.len() - letters].ends_with('\\') && words.starts_with(char::is_alphabetic) {
            words.insert(0, ' ');
        }
    }
}

pub(super) fn write(parts: &[Part<'_>]) -> String {
    let mut output = String::new();
    for part in parts {
        match part {
            Part::Raw { raw, .. } => output.push_str(raw),
            Part::Words(words) => {
                for sign in words.chars() {
                    match sign {
                        '%' | '&' | '_' | '#' | '$' | '{' | '}' => {
                            output.push('\\');
                            output.push(sign);
                        }
                        '\\' => output.push_str("\\textbackslash{}"),
                        '^' => output.push_str("\\textasciicircum{}"),
                        '~' => output.push_str("\\textasciitilde{}"),
                        '\u{a0}' => output.push('~'),
                        other => output.push(other),
                    }
                }
            }
        }
    }
    output
}
