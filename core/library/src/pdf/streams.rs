//! Every stream of a PDF made plain, within limits, before a parser asks for it: what it decodes to is counted through
//! all of its filters, and what no text needs is emptied.
//!
//! [`check`] looks at the bytes, because object and cross-reference streams are decoded while a file is opened;
//! [`settle`] looks at the open document, where an encrypted one is readable.
//!
//! **Invariant:** no stream grows beyond [`STREAM_MAX`] and no file beyond [`FILE_MAX`], whatever its filters; no
//! allocation follows a number in the file alone.

use std::io::{self, Read, Write};

use flate2::read::{DeflateDecoder, ZlibDecoder};
use pdf_extract::{Dictionary, Document, Object, Stream};

use super::cmap;
use crate::ReadError;

/// Largest decoded stream: the contents of a page have some hundred kilobytes, a large font has a few megabytes.
const STREAM_MAX: usize = 32 << 20;

/// What all streams of a file may decode to together.
const FILE_MAX: usize = 256 << 20;

/// Largest object stream of an encrypted file: it can be measured only after it was decoded. Deflate gains at most 1 to
/// 1032, so that it is within what the process may take; writers put 100 to 200 objects into one, which is some ten kilobytes.
const HIDDEN_MAX: usize = 256 << 10;

/// Most filters of a stream: writers use one, or two.
const FILTERS_MAX: usize = 16;

/// Bytes before `stream` in which its dictionary is looked for.
const DICTIONARY_MAX: usize = 64 << 10;

/// Widest field of a cross-reference stream, in bytes.
const FIELD_BYTES_MAX: u64 = 8;

/// Widest row of a predictor, in bytes.
const ROW_MAX: i64 = 1 << 20;

/// A stream that grows beyond all use.
struct TooMuch;

fn refusal() -> ReadError {
    ReadError::broken("PDF", "its streams inflate beyond all use")
}

/// Looks for what would grow while the file is opened.
///
/// # Errors
/// [`ReadError::Broken`] where a stream grows beyond all use.
pub(super) fn check(bytes: &[u8]) -> Result<(), ReadError> {
    let is_encrypted = find(bytes, b"/Encrypt").is_some();
    let mut total = 0;
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], b"stream") {
        let keyword = at + found;
        let start = keyword + b"stream".len();
        at = start;
        if bytes[..keyword].ends_with(b"end") {
            continue;
        }
        let data = match &bytes[start..] {
            [b'\r', b'\n', rest @ ..] | [b'\n' | b'\r', rest @ ..] => rest,
            _ => continue,
        };
        let head = &bytes[keyword.saturating_sub(DICTIONARY_MAX)..keyword];
        // Its own dictionary, and nothing of the object before it.
        let head = &head[memchr::memmem::rfind(head, b"obj").unwrap_or_default()..];
        let end = find(data, b"endstream").unwrap_or(data.len());
        if !has_sane_fields(head) {
            return Err(ReadError::broken("PDF", "its table of objects makes no sense"));
        }
        let is_opened = holds(head, b"ObjStm") || holds(head, b"XRef");
        if is_opened {
            let filters = names_after(head, b"/Filter");
            if is_encrypted && holds(head, b"ObjStm") && (end > HIDDEN_MAX || filters.len() > 1) {
                return Err(refusal());
            }
            if filters.len() > FILTERS_MAX {
                return Err(refusal());
            }
            total += grown(&data[..end], &filters).map_err(|TooMuch| refusal())?;
            if total > FILE_MAX {
                return Err(refusal());
            }
        }
        // The next one may begin within what this one takes for its data, so it is looked for there too.
    }
    Ok(())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

/// Whether a dictionary names something, also where it writes letters of a name by their numbers.
fn holds(head: &[u8], name: &[u8]) -> bool {
    find(head, name).is_some() || (head.contains(&b'#') && find(&unescaped(head), name).is_some())
}

/// Names with `#41` written as `A`.
fn unescaped(head: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(head.len());
    let mut rest = head;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(letter) if *first == b'#' => {
                plain.push(letter);
                rest = &after[2..];
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

/// The names that follow a key, in its array or alone. A reference is not followed: what it may name is measured as if it named Flate.
fn names_after(head: &[u8], key: &[u8]) -> Vec<Vec<u8>> {
    let head = unescaped(head);
    let Some(at) = find(&head, key) else { return Vec::new() };
    let rest = head[at + key.len()..].trim_ascii_start();
    let span = match rest.first() {
        Some(b'[') => &rest[1..find(rest, b"]").unwrap_or(rest.len())],
        Some(b'/') => {
            let end = rest[1..].iter().position(|byte| is_delimiter(*byte)).map_or(rest.len(), |end| end + 1);
            &rest[..end]
        }
        _ => return vec![b"FlateDecode".to_vec()],
    };
    span.split(|byte| *byte == b'/')
        .map(|name| name.trim_ascii().to_vec())
        .filter(|name| !name.is_empty())
        .take(FILTERS_MAX + 1)
        .collect()
}

fn is_delimiter(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"()<>[]{}/%\0".contains(&byte)
}

/// Whether the fields of a cross-reference stream are some, and no wider than a number is. Without any the reader counts on
/// for ever.
fn has_sane_fields(head: &[u8]) -> bool {
    if !holds(head, b"XRef") {
        return true;
    }
    let head = unescaped(head);
    let fields = head
        .windows(2)
        .enumerate()
        .filter(|(at, pair)| *pair == b"/W" && head.get(at + 2).is_none_or(|after| is_delimiter(*after)));
    for (at, _) in fields {
        let rest = head[at + 2..].trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b"[") else { return false };
        let span = &rest[..find(rest, b"]").unwrap_or(rest.len())];
        let widths: Option<Vec<u64>> = span
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .map(|word| std::str::from_utf8(word).ok()?.parse().ok())
            .collect();
        let is_sane = widths.is_some_and(|widths| {
            widths.iter().all(|width| *width <= FIELD_BYTES_MAX) && widths.iter().sum::<u64>() > 0
        });
        if !is_sane {
            return false;
        }
    }
    true
}

/// What data decodes to through these filters, in bytes: the most of all steps.
fn grown(data: &[u8], filters: &[Vec<u8>]) -> Result<usize, TooMuch> {
    let mut data = data.to_vec();
    let mut most = data.len();
    for filter in filters {
        data = match decoded(filter, &data)? {
            Some(plain) => plain,
            None => break,
        };
        most = most.max(data.len());
    }
    Ok(most)
}

/// Makes every stream of an open document plain, and empties pictures.
///
/// # Errors
/// [`ReadError::Broken`] where one grows beyond all use, or counts on for ever.
pub(super) fn settle(document: &mut Document) -> Result<(), ReadError> {
    let mut total = 0;
    let streams: Vec<_> =
        document.objects.iter().filter(|(_, object)| object.as_stream().is_ok()).map(|(id, _)| *id).collect();
    for id in streams {
        let Ok(stream) = document.get_object(id).and_then(Object::as_stream) else { continue };
        let content = plain(document, stream).map_err(|TooMuch| refusal())?;
        if !cmap::ends(&content) {
            return Err(ReadError::broken("PDF", "a font of it maps more characters than there are"));
        }
        total += content.len();
        if total > FILE_MAX {
            return Err(refusal());
        }
        if let Ok(stream) = document.get_object_mut(id).and_then(Object::as_stream_mut) {
            stream.set_plain_content(content);
        }
    }
    if document.objects.values().all(cmap::has_sane_widths) {
        Ok(())
    } else {
        Err(ReadError::broken("PDF", "a font of it gives widths to more characters than there are"))
    }
}

/// The content of a stream through all of its filters; empty where it is a picture.
fn plain(document: &Document, stream: &Stream) -> Result<Vec<u8>, TooMuch> {
    let name = |key: &[u8]| stream.dict.get(key).and_then(Object::as_name).unwrap_or_default();
    // What is called a picture but holds a drawing is none either: no text stands in a picture.
    if name(b"Subtype") == b"Image" {
        return Ok(Vec::new());
    }
    let filters = values(document, &stream.dict, &[b"Filter", b"F"]);
    let parameters = values(document, &stream.dict, &[b"DecodeParms", b"DP"]);
    if filters.len() > FILTERS_MAX {
        return Err(TooMuch);
    }
    let mut content = stream.content.clone();
    for (at, filter) in filters.iter().enumerate() {
        let Ok(filter) = filter.as_name() else { return Ok(Vec::new()) };
        let parameters = parameters.get(at).and_then(|found| found.as_dict().ok());
        match decoded(filter, &content)? {
            Some(plain) => content = unpredicted(plain, parameters)?,
            // A picture's own, or one that nobody knows.
            None => return Ok(Vec::new()),
        }
    }
    if content.len() > STREAM_MAX { Err(TooMuch) } else { Ok(content) }
}

/// What stands under the first of these keys: one object, or those of an array; references followed.
fn values<'a>(document: &'a Document, dict: &'a Dictionary, keys: &[&[u8]]) -> Vec<&'a Object> {
    let follow = |object: &'a Object| document.dereference(object).map_or(&Object::Null, |(_, found)| found);
    let Some(found) = keys.iter().find_map(|key| dict.get(key).ok()) else { return Vec::new() };
    match follow(found) {
        Object::Array(all) => all.iter().take(FILTERS_MAX + 1).map(follow).collect(),
        // A specification of a file, which `F` means in a stream of another kind.
        Object::Null | Object::String(..) => Vec::new(),
        one => vec![one],
    }
}

/// One filter undone; none for a filter that no text stands behind.
fn decoded(filter: &[u8], data: &[u8]) -> Result<Option<Vec<u8>>, TooMuch> {
    let plain = match filter {
        b"FlateDecode" | b"Fl" => inflated(data)?,
        b"LZWDecode" | b"LZW" => {
            let mut plain = Bounded::default();
            // As `lopdf` does; the other way to count is written by nobody.
            let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
            let ended = decoder.into_stream(&mut plain).decode_all(data).status;
            if ended.is_err() && plain.is_over {
                return Err(TooMuch);
            }
            plain.bytes
        }
        b"ASCII85Decode" | b"A85" => ascii85(data),
        b"ASCIIHexDecode" | b"AHx" => hex(data),
        b"RunLengthDecode" | b"RL" => run_lengths(data)?,
        // Whose key is none.
        b"Crypt" => data.to_vec(),
        _ => return Ok(None),
    };
    if plain.len() > STREAM_MAX { Err(TooMuch) } else { Ok(Some(plain)) }
}

fn inflated(data: &[u8]) -> Result<Vec<u8>, TooMuch> {
    let read = |source: &mut dyn Read| {
        let mut plain = Vec::new();
        // What came before it broke off is used.
        let _broken = source.take(STREAM_MAX as u64 + 1).read_to_end(&mut plain);
        if plain.len() > STREAM_MAX { Err(TooMuch) } else { Ok(plain) }
    };
    let plain = read(&mut ZlibDecoder::new(data))?;
    match data.get(2..) {
        Some(raw) if plain.is_empty() => read(&mut DeflateDecoder::new(raw)),
        _ => Ok(plain),
    }
}

/// Groups of five signs, each four bytes; `z` is four zeros.
fn ascii85(data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut group: Vec<u8> = Vec::with_capacity(5);
    let mut put = |group: &mut Vec<u8>| {
        let count = group.len();
        group.resize(5, 84);
        let value = group.iter().fold(0_u32, |value, digit| value.wrapping_mul(85).wrapping_add(u32::from(*digit)));
        plain.extend_from_slice(&value.to_be_bytes()[..count.saturating_sub(1)]);
        group.clear();
    };
    for byte in data.strip_prefix(b"<~").unwrap_or(data) {
        match byte {
            b'z' if group.is_empty() => put(&mut vec![0; 5]),
            b'!'..=b'u' => {
                group.push(byte - b'!');
                if group.len() == 5 {
                    put(&mut group);
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => break,
        }
    }
    if group.len() > 1 {
        put(&mut group);
    }
    plain
}

fn hex(data: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Vec<u8> = data.iter().take_while(|byte| **byte != b'>').filter_map(digit).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or_default()).collect()
}

/// A length and bytes, or a length and one byte to repeat: at most 64 to 1.
fn run_lengths(data: &[u8]) -> Result<Vec<u8>, TooMuch> {
    let mut plain = Vec::new();
    let mut rest = data;
    while let [length, after @ ..] = rest {
        let length = usize::from(*length);
        match length {
            128 => break,
            0..128 => {
                let run = &after[..after.len().min(length + 1)];
                plain.extend_from_slice(run);
                rest = &after[run.len()..];
            }
            _ => {
                let Some((byte, after)) = after.split_first() else { break };
                plain.resize(plain.len() + 257 - length, *byte);
                rest = after;
            }
        }
        if plain.len() > STREAM_MAX {
            return Err(TooMuch);
        }
    }
    Ok(plain)
}

/// Undoes what a predictor did, as `lopdf` does it.
fn unpredicted(data: Vec<u8>, parameters: Option<&Dictionary>) -> Result<Vec<u8>, TooMuch> {
    let Some(parameters) = parameters else { return Ok(data) };
    let number = |key: &[u8], or: i64| parameters.get(key).and_then(Object::as_i64).unwrap_or(or);
    if !(10..=15).contains(&number(b"Predictor", 1)) {
        return Ok(data);
    }
    let sides = [number(b"Columns", 1), number(b"Colors", 1), number(b"BitsPerComponent", 8)];
    let row = sides.iter().try_fold(1_i64, |row, side| row.checked_mul(*side));
    if sides.iter().any(|side| *side < 1) || row.is_none_or(|row| row / 8 > ROW_MAX) {
        return Err(TooMuch);
    }
    // Stored without a gain, so that its own code, which undoes both, undoes the predictor alone.
    let mut stored = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::none());
    let kept = stored.write_all(&data).and_then(|()| stored.finish());
    let Ok(kept) = kept else { return Ok(data) };
    let mut dict = Dictionary::new();
    dict.set("Filter", "FlateDecode");
    dict.set("DecodeParms", Object::Dictionary(parameters.clone()));
    Ok(Stream::new(dict, kept).decompressed_content().unwrap_or(data))
}

/// Bytes up to the most that a stream may have.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    is_over: bool,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > STREAM_MAX {
            self.is_over = true;
            return Err(io::Error::other("too much"));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::ZlibEncoder};
    use pdf_extract::dictionary;

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn of(filters: &[&str], content: Vec<u8>) -> Stream {
        let filters = filters.iter().map(|name| Object::Name(name.as_bytes().to_vec())).collect::<Vec<_>>();
        Stream::new(dictionary! { "Filter" => filters }, content)
    }

    #[track_caller]
    fn decodes(filters: &[&str], content: &[u8], want: &[u8]) {
        let found = plain(&Document::new(), &of(filters, content.to_vec()));
        assert_eq!(String::from_utf8_lossy(&found.unwrap_or(b"too much".to_vec())), String::from_utf8_lossy(want));
    }

    #[test]
    fn every_filter_of_text_is_undone_in_its_order() {
        let zip = deflated(b"(Hello) Tj");
        decodes(&[], b"(Hello) Tj", b"(Hello) Tj");
        decodes(&["FlateDecode"], &zip, b"(Hello) Tj");
        decodes(&["Fl", "Fl"], &deflated(&zip), b"(Hello) Tj");
        decodes(&["ASCIIHexDecode"], b"28 48 69 29>rest", b"(Hi)");
        decodes(&["ASCIIHexDecode"], b"7", b"p");
        decodes(&["ASCII85Decode"], b"87cURDZ~>", b"Hello");
        decodes(&["A85"], b"<~87cURDZ~>", b"Hello");
        decodes(&["ASCII85Decode"], b"z!!~>", b"\0\0\0\0\0");
        decodes(&["RunLengthDecode"], &[1, b'a', b'b', 254, b'c', 128, 9], b"abccc");
        decodes(&["RunLengthDecode"], &[9, b'a'], b"a");
        decodes(&["ASCIIHexDecode", "RunLengthDecode"], b"FE 63>", b"ccc");
        decodes(&["DCTDecode"], b"a picture", b"");
        decodes(&["FlateDecode"], b"x\x9c rubbish", b"");
        let mut lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
        decodes(&["LZWDecode"], &lzw.encode(b"ducks, ducks, ducks").unwrap(), b"ducks, ducks, ducks");
    }

    #[test]
    fn a_stream_that_grows_beyond_all_use_is_not_decoded_at_any_depth() {
        let zeros = vec![0; STREAM_MAX + 1];
        let mut layers = deflated(&zeros);
        for depth in 1..8 {
            decodes(&vec!["FlateDecode"; depth], &layers, b"too much");
            layers = deflated(&layers);
        }
        let mut lzw = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
        decodes(&["LZWDecode"], &lzw.encode(&zeros).unwrap(), b"too much");
        decodes(&["ASCII85Decode"], &vec![b'z'; STREAM_MAX / 4 + 1], b"too much");
        decodes(&["RunLengthDecode"], &[129, 0].repeat(STREAM_MAX / 128 + 1), b"too much");
        decodes(&vec!["ASCIIHexDecode"; FILTERS_MAX + 1], b"", b"too much");
    }

    #[test]
    fn no_row_is_as_wide_as_a_file_says() {
        let predicted = |columns: i64, colors: i64| {
            let parameters = dictionary! { "Predictor" => 12, "Columns" => columns, "Colors" => colors };
            unpredicted(vec![2, 1, 2, 2, 1, 1], Some(&parameters)).ok()
        };
        assert_eq!(predicted(2, 1), Some(vec![1, 2, 2, 3]));
        assert_eq!(predicted(1 << 40, 1), None);
        assert_eq!(predicted(1 << 20, 1 << 20), None);
        assert_eq!(predicted(i64::MAX, i64::MAX), None);
        assert_eq!(predicted(0, 1), None);
    }

    #[track_caller]
    fn opens(dict: &str, data: &[u8], want: bool) {
        let pdf = [b"%PDF-1.5\n1 0 obj <<", dict.as_bytes(), b">> stream\r\n", data, b"\nendstream endobj"].concat();
        assert_eq!(check(&pdf).is_ok(), want, "{dict}");
    }

    #[test]
    fn what_is_decoded_while_a_file_is_opened_is_measured_before() {
        let bomb = deflated(&vec![0; STREAM_MAX + 1]);
        opens("/Type /ObjStm /Filter /FlateDecode", &bomb, false);
        opens("/Type /ObjStm /Filter 9 0 R", &bomb, false);
        opens("/Type/#4fbjStm/Filter/FlateDecode", &bomb, false);
        opens("/Type /XRef /W [1 2 1] /Filter [ /FlateDecode /FlateDecode ]", &deflated(&bomb), false);
        opens("/Type /ObjStm /Filter /FlateDecode", &deflated(b"1 0 2 5 true false"), true);
        opens("/Type /ObjStm /Filter /FlateDecode /Encrypt", &vec![b'a'; HIDDEN_MAX + 1], false);
        opens("/Type /ObjStm /Filter [/FlateDecode /FlateDecode] /Encrypt", b"a", false);
        opens("/Type /ObjStm /Filter /FlateDecode /Encrypt", b"a", true);
    }

    #[test]
    fn fields_of_no_width_or_of_any_are_refused() {
        opens("/Type /XRef /W [1 2 1]", b"", true);
        opens("/Type /XRef /W[1 4 2]/Index[0 9]", b"", true);
        opens("/Type /XRef /W [0 0 0] /Index [0 99999999999]", b"", false);
        opens("/Type /XRef /W [1 99999999999 1]", b"", false);
        opens("/Type /XRef /W [1 -2 1]", b"", false);
        opens("/Type /XRef /W 7 0 R", b"", false);
        opens("/Type /Font /W [1 99999999999 1]", b"", true);
    }
}
