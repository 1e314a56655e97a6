//! A small XML tree with limits: what the XML readers stand on.
//!
//! **Invariant:** no entity is expanded but the five of XML, character references, and HTML's names (which JATS
//! uses): a file that declares its own is refused.

use html_escape::decode_html_entities;
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};

use crate::{ReadError, clean};

/// An element, with local names only: prefixes are dropped.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Node>,
}

/// What stands within an element.
#[derive(Debug)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The child elements.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The child elements of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The first element under `path`, first children first.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        let Some((name, below)) = path.split_first() else {
            return Some(self);
        };
        self.elements().filter(|element| element.name == *name).find_map(|element| element.at(below))
    }

    /// Every element of this name below, in document order.
    pub(crate) fn below<'a>(&'a self, name: &str, found: &mut Vec<&'a Self>) {
        for element in self.elements() {
            if element.name == name {
                found.push(element);
            }
            element.below(name, found);
        }
    }

    /// All text below, as it stands.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) {
        for node in &self.children {
            match node {
                Node::Element(element) => element.write_text(text),
                Node::Text(piece) => text.push_str(piece),
            }
        }
    }

    /// The cleaned text of the first element under `path`, where there is any.
    pub(crate) fn line_at(&self, path: &[&str]) -> Option<String> {
        self.at(path).map(|element| clean::line(&element.text())).filter(|line| !line.is_empty())
    }
}

/// The text of XML bytes, by their own declaration.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let declared = head.split_once("encoding=").and_then(|(_, rest)| {
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        rest[1..].split(quote).next()
    });
    clean::decode(bytes, declared)
}

/// The root element of `text`. `format` is for messages.
pub(crate) fn parse(text: &str, format: &'static str, depth_max: usize) -> Result<Element, ReadError> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        let event = reader
            .read_event()
            .map_err(|error| ReadError::broken(format, format!("{error} (at byte {})", reader.error_position())))?;
        match event {
            Event::Start(start) => {
                if open.len() > depth_max {
                    return Err(ReadError::TooDeep { max: depth_max });
                }
                open.push(element(&start, format)?);
            }
            Event::Empty(start) => append(&mut open, Node::Element(element(&start, format)?)),
            Event::End(_) => {
                // The reader checks that tags match; the first element is our own and never closed.
                if let Some(closed) = open.pop() {
                    append(&mut open, Node::Element(closed));
                }
            }
            Event::Text(piece) => append_text(&mut open, &piece.xml10_content()),
            Event::CData(piece) => append_text(&mut open, &piece.xml10_content()),
            Event::GeneralRef(reference) => {
                if let Some(character) =
                    reference.resolve_char_ref().map_err(|error| ReadError::broken(format, error))?
                {
                    append_text(&mut open, character.encode_utf8(&mut [0; 4]));
                } else {
                    // quick-xml's own table has the Greek letters wrong. An unknown name is kept as it stands.
                    let name: &str = &reference;
                    append_text(&mut open, &decode_html_entities(&format!("&{name};")));
                }
            }
            Event::DocType(declaration) if declaration.contains("<!ENTITY") => {
                return Err(ReadError::Entities);
            }
            Event::DocType(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if open.len() > 1 {
        let name = open.pop().map(|element| element.name).unwrap_or_default();
        return Err(ReadError::broken(format, format!("it ends within <{name}>")));
    }
    let root = open.pop().unwrap_or_default().children.into_iter().find_map(|node| match node {
        Node::Element(element) => Some(element),
        Node::Text(_) => None,
    });
    root.ok_or_else(|| ReadError::broken(format, "it has no element"))
}

fn element(start: &BytesStart<'_>, format: &'static str) -> Result<Element, ReadError> {
    let name = start.local_name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| ReadError::broken(format, error))?;
        let key = attribute.key.local_name().as_ref().to_owned();
        let value =
            attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| ReadError::broken(format, error))?;
        attributes.push((key, value.into_owned()));
    }
    Ok(Element { name, attributes, children: Vec::new() })
}

fn append(open: &mut [Element], node: Node) {
    if let Some(last) = open.last_mut() {
        last.children.push(node);
    }
}

fn append_text(open: &mut [Element], piece: &str) {
    let Some(last) = open.last_mut() else { return };
    match last.children.last_mut() {
        Some(Node::Text(text)) => text.push_str(piece),
        _ => last.children.push(Node::Text(piece.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(xml: &str, want: &str) {
        let found = match parse(xml, "XML", 20) {
            Ok(root) => root.text(),
            Err(error) => format!("error: {error}"),
        };
        assert!(found.starts_with(want), "{found}");
    }

    #[test]
    fn known_entities_are_resolved_and_unknown_ones_kept() {
        check("<a>&lt;5 &#x3bb; &#955; &alpha;&nbsp;&mdash; &foo;</a>", "<5 λ λ α\u{a0}— &foo;");
        check("<a>x<!-- no --><b>y</b><![CDATA[<z>]]></a>", "xy<z>");
    }

    #[test]
    fn an_entity_bomb_is_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;">]><a>&lol2;</a>"#;
        check(bomb, "error: it declares XML entities");
        check(r#"<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><a/>"#, "error: it declares XML entities");
    }

    #[test]
    fn what_is_too_deep_or_torn_is_refused() {
        check(&format!("{}{}", "<a>".repeat(50), "</a>".repeat(50)), "error: its elements are nested deeper than 20");
        check("<a><b>x</a>", "error: it is broken XML");
        check("<a><b>x</b>", "error: it is broken XML: it ends within <a>");
        check("", "error: it is broken XML: it has no element");
    }

    #[test]
    fn the_declared_encoding_counts() {
        let bytes = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9t\xe9</a>";
        assert_eq!(parse(&decode(bytes), "XML", 20).unwrap().text(), "été");
    }
}
