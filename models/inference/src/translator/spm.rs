//! SentencePiece models, as Marian and M2M100 are published with: read from their own file, no other program needed.
//!
//! The file is a Protocol Buffers message (`sentencepiece_model.proto`), of which a few fields matter here.

use std::collections::HashMap;

use chat::error::Cause;
use tokenizers::{models::unigram::Unigram, normalizers::Precompiled};

/// What stands for a space within a piece.
pub const SPACE: char = '▁';

/// Cuts texts into pieces.
pub struct Pieces {
    normaliser: Option<Precompiled>,
    adds_space: bool,
    squeezes: bool,
    cutter: Cutter,
}

enum Cutter {
    Unigram { model: Box<Unigram>, known: HashMap<String, f32> },
    Pairs(HashMap<String, f32>),
}

/// What a piece is, by its number in the file.
const NORMAL: u64 = 1;
const UNKNOWN: u64 = 2;
const USER_DEFINED: u64 = 4;

/// How pieces were found, by its number in the file.
const UNIGRAM: u64 = 1;
const PAIRS: u64 = 2;

impl Pieces {
    /// Reads the bytes of a `.spm` or `.model` file.
    ///
    /// # Errors
    /// A sentence saying why they are none that can be used.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let broken = || "it is no SentencePiece model".to_owned();
        let mut all: Vec<(String, f64)> = Vec::new();
        let (mut unknown, mut kind) = (None, UNIGRAM);
        let (mut normaliser, mut adds_space, mut squeezes) = (None, true, true);
        for (number, field) in fields(bytes).ok_or_else(broken)? {
            match (number, field) {
                (1, Field::Bytes(piece)) => {
                    let (mut text, score, what) = piece_of(piece).ok_or_else(broken)?;
                    match what {
                        UNKNOWN => {
                            unknown = Some(all.len());
                            // Its name, `<unk>`, is five signs in a text.
                            "\0".clone_into(&mut text);
                        }
                        NORMAL | USER_DEFINED => {}
                        // What controls is in no text: `</s>` in one is four signs.
                        _ => continue,
                    }
                    all.push((text, f64::from(score)));
                }
                (2, Field::Bytes(trainer)) => {
                    for field in fields(trainer).ok_or_else(broken)? {
                        if let (3, Field::Number(found)) = field {
                            kind = found;
                        }
                    }
                }
                (3, Field::Bytes(rules)) => {
                    for field in fields(rules).ok_or_else(broken)? {
                        match field {
                            (2, Field::Bytes(table)) if !table.is_empty() => {
                                normaliser = Some(Precompiled::from(table).map_err(|error| error.to_string())?);
                            }
                            (3, Field::Number(flag)) => adds_space = flag != 0,
                            (4, Field::Number(flag)) => squeezes = flag != 0,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let unknown = unknown.ok_or_else(broken)?;
        let known = all.iter().enumerate().filter(|(at, _)| *at != unknown);
        let known = known.map(|(_, (text, score))| (text.clone(), *score as f32)).collect();
        let cutter = match kind {
            UNIGRAM => {
                let model = Unigram::from(all, Some(unknown), false).map_err(|error| error.to_string())?;
                Cutter::Unigram { model: Box::new(model), known }
            }
            PAIRS => Cutter::Pairs(known),
            _ => return Err("its SentencePiece model is of words or characters".to_owned()),
        };
        Ok(Self { normaliser, adds_space, squeezes, cutter })
    }

    /// The pieces of a text, in order; what has no piece comes in runs, as it is.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn cut(&self, text: &str) -> Result<Vec<String>, Cause> {
        let text = match &self.normaliser {
            Some(normaliser) => normaliser.normalize_string(text),
            None => text.to_owned(),
        };
        let text = match self.squeezes {
            true => text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
            false => text,
        };
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let mut spaced = if self.adds_space { String::from(SPACE) } else { String::new() };
        spaced.extend(text.chars().map(|sign| if sign == ' ' { SPACE } else { sign }));
        match &self.cutter {
            Cutter::Unigram { model, known } => Ok(joined(model.encode(&spaced)?, known)),
            Cutter::Pairs(known) => {
                // No piece goes on behind a space, so that words are cut one by one.
                let starts = spaced.char_indices().filter(|(_, sign)| *sign == SPACE).map(|(at, _)| at);
                let mut borders: Vec<usize> = std::iter::once(0).chain(starts).collect();
                borders.push(spaced.len());
                borders.dedup();
                let words = borders.windows(2).map(|border| &spaced[border[0]..border[1]]);
                Ok(joined(words.flat_map(|word| paired(word, known)).collect(), known))
            }
        }
    }
}

/// Pairs of neighbours are joined to the piece of the highest score, of equal ones the first, until none is one.
fn paired(word: &str, known: &HashMap<String, f32>) -> Vec<String> {
    let mut pieces: Vec<String> = word.chars().map(String::from).collect();
    loop {
        let mut best: Option<(usize, f32)> = None;
        for (at, pair) in pieces.windows(2).enumerate() {
            let score = known.get(&pair.concat()).copied();
            if let Some(score) = score.filter(|score| best.is_none_or(|(_, most)| *score > most)) {
                best = Some((at, score));
            }
        }
        let Some((at, _)) = best else { return pieces };
        let second = pieces.remove(at + 1);
        pieces[at].push_str(&second);
    }
}

/// Neighbours that are no pieces become one.
fn joined(pieces: Vec<String>, known: &HashMap<String, f32>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::with_capacity(pieces.len());
    let mut is_open = false;
    for piece in pieces {
        let is_known = known.contains_key(&piece);
        match joined.last_mut() {
            Some(last) if is_open && !is_known => last.push_str(&piece),
            _ => joined.push(piece),
        }
        is_open = !is_known;
    }
    joined
}

fn piece_of(bytes: &[u8]) -> Option<(String, f32, u64)> {
    let mut piece = (String::new(), 0.0, NORMAL);
    for field in fields(bytes)? {
        match field {
            (1, Field::Bytes(text)) => piece.0 = String::from_utf8(text.to_vec()).ok()?,
            (2, Field::Four(bits)) => piece.1 = f32::from_le_bytes(bits),
            (3, Field::Number(what)) => piece.2 = what,
            _ => {}
        }
    }
    Some(piece)
}

enum Field<'a> {
    Number(u64),
    Four([u8; 4]),
    Bytes(&'a [u8]),
    Eight,
}

/// The fields of a message with their numbers; none where it is broken.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let field = match key & 7 {
            0 => Field::Number(varint(&mut bytes)?),
            1 => {
                bytes = bytes.get(8..)?;
                Field::Eight
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (inside, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Field::Bytes(inside)
            }
            5 => {
                let (bits, rest) = bytes.split_first_chunk()?;
                bytes = rest;
                Field::Four(*bits)
            }
            _ => return None,
        };
        found.push((key >> 3, field));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_refused() {
        for bytes in [b"".as_slice(), b"hello", &[0x0a, 0xff, 0xff], &[0x0a, 0x03, 0x0a, 0x01, b'a'], &[0x80; 12]] {
            assert!(Pieces::read(bytes).is_err());
        }
    }

    #[test]
    fn the_pair_of_the_highest_score_is_joined_first() {
        let known = [("ab", -2.0), ("bc", -1.0), ("abc", -3.0), ("a", 0.0), ("b", 0.0), ("c", 0.0)];
        let known = known.into_iter().map(|(piece, score)| (piece.to_owned(), score)).collect();
        assert_eq!(paired("abcab", &known), ["abc", "ab"]);
        assert_eq!(joined(paired("aXYb", &known), &known), ["a", "XY", "b"]);
    }
}
