//! A generator of hostile files: each kind is made in memory, the same at every run, and none is kept in the repository.
//!
//! [`all`] lists them. `pack` compresses more than there is, `pdf` joins objects; the other modules are the kinds.
//! What a kind costs is known by what its reader would do without a limit, so the sizes here are small and what they say is large.

mod pack;
mod pdf;
mod filters;
mod drawing;
mod fonts;
mod tree;
mod xml;
mod pages;
mod lists;
mod disguise;

/// No file is larger than this: what is over is refused by its size, which proves nothing of a reader.
pub const BYTES_MAX: usize = 64 << 20;

/// One kind of hostile file.
#[derive(Debug, Clone, Copy)]
pub struct Hostile {
    /// The file's name; its ending says which reader gets it.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// Makes it.
    pub make: fn() -> Vec<u8>,
}

/// Short enough for a table of kinds.
const fn kind(name: &'static str, what: &'static str, make: fn() -> Vec<u8>) -> Hostile {
    Hostile { name, what, make }
}

/// Every kind.
pub fn all() -> Vec<Hostile> {
    [filters::KINDS, drawing::KINDS, fonts::KINDS, tree::KINDS, xml::KINDS, pages::KINDS, lists::KINDS, disguise::KINDS]
        .concat()
}

/// `head`, `count` parts that are made of their number, and `tail`.
fn many(head: &str, count: usize, part: impl Fn(usize) -> String, tail: &str) -> Vec<u8> {
    let mut text = head.to_owned();
    for number in 0..count {
        text.push_str(&part(number));
    }
    text.push_str(tail);
    text.into_bytes()
}

/// `open` as often as `close`, around `inner`.
fn nested(open: &str, inner: &str, close: &str, deep: usize) -> String {
    [&open.repeat(deep), inner, &close.repeat(deep)].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_is_made_and_no_two_are_the_same() {
        let (kinds, mut names, mut contents) = (all(), BTreeSet::new(), BTreeSet::new());
        assert!(kinds.len() >= 45, "{}", kinds.len());
        for Hostile { name, what, make } in kinds {
            let bytes = make();
            assert!(!bytes.is_empty() && bytes.len() <= BYTES_MAX, "{name}: {} bytes", bytes.len());
            assert!(!what.is_empty() && names.insert(name), "{name}");
            // Beginning, end and length tell them apart without keeping them.
            let ends = [&bytes[..bytes.len().min(4096)], &bytes[bytes.len().saturating_sub(4096)..]].concat();
            assert!(contents.insert((bytes.len(), ends)), "{name} is made twice");
        }
    }

    #[test]
    fn a_kind_is_the_same_at_every_run() {
        for Hostile { name, make, .. } in filters::KINDS.iter().chain(tree::KINDS) {
            assert!(make() == make(), "{name}");
        }
    }
}
