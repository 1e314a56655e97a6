//! Counts what a PDF's streams inflate to, before a parser does it without a limit.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// Streams may inflate to this much together: a book of scans has some hundred megabytes.
const TOTAL_MAX: u64 = 1 << 30;

/// One stream of text may not: page contents have some hundred kilobytes, pictures inflate less steeply.
const STEEP_MAX: u64 = 16 << 20;

/// Deflate cannot do better than 1 to 1032, and no text does better than this.
const RATIO_MAX: u64 = 250;

/// Whether the streams of `bytes` inflate beyond all use.
pub(super) fn is_bomb(bytes: &[u8]) -> bool {
    let mut total = 0;
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], b"stream") {
        let start = at + found + b"stream".len();
        at = start;
        let data = match &bytes[start..] {
            [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
            _ => continue,
        };
        let end = find(data, b"endstream").unwrap_or(data.len());
        let Some(size) = inflated(&data[..end], 3) else { return true };
        total += size;
        if total > TOTAL_MAX {
            return true;
        }
        at = start + end;
    }
    false
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

/// The size of `data` inflated, and inflated again where it is deflated twice; none where it is a bomb.
fn inflated(data: &[u8], depth: usize) -> Option<u64> {
    if data.first().is_none_or(|first| first & 0x0f != 8) || depth == 0 {
        return Some(0);
    }
    let input = u64::try_from(data.len()).unwrap_or(u64::MAX);
    let mut decoder = ZlibDecoder::new(data);
    let mut head = Vec::new();
    // What cannot be inflated is the parser's to judge.
    let Ok(_) = decoder.by_ref().take(1 << 20).read_to_end(&mut head) else { return Some(0) };
    let most = TOTAL_MAX.min(STEEP_MAX.max(input.saturating_mul(RATIO_MAX)));
    let rest = std::io::copy(&mut decoder.take(most), &mut std::io::sink()).unwrap_or(0);
    let size = u64::try_from(head.len()).unwrap_or(u64::MAX) + rest;
    if size >= most {
        return None;
    }
    Some(size + inflated(&head, depth - 1)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn deflated(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[track_caller]
    fn check(data: &[u8], want: bool) {
        let pdf = [b"%PDF-1.5\n1 0 obj <<>> stream\r\n", data, b"\nendstream endobj"].concat();
        assert_eq!(is_bomb(&pdf), want);
    }

    #[test]
    fn a_stream_that_inflates_beyond_all_use_is_a_bomb() {
        check(&deflated(&vec![0; 64 << 20]), true);
        check(&deflated(&deflated(&vec![0; 64 << 20])), true);
    }

    #[test]
    fn ordinary_and_broken_streams_are_none() {
        check(&deflated("(Hello) Tj ".repeat(10_000).as_bytes()), false);
        check(b"x\x9c rubbish", false);
        check(b"", false);
    }
}
