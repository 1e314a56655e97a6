//! Encoders that say more than they hold: what repeats is encoded once, whatever its length.

use std::io::Write as _;

use flate2::{Compression, write::DeflateEncoder};

/// A zlib stream that inflates to these parts, each as often as it says. Made in the time of one of each.
pub(super) fn deflated_parts(parts: &[(&[u8], u64)]) -> Vec<u8> {
    let (mut stream, mut sum) = (vec![0x78, 0xda], Adler::default());
    for (part, times) in parts {
        let block = flushed(part);
        (0..*times).for_each(|_| stream.extend_from_slice(&block));
        sum.add(part, *times);
    }
    // The last block: with the fixed codes, empty.
    stream.extend([0x03, 0x00]);
    stream.extend(sum.bytes());
    stream
}

/// A zlib stream that inflates to `part` times `times`.
pub(super) fn deflated_times(part: &[u8], times: u64) -> Vec<u8> {
    deflated_parts(&[(part, times)])
}

/// A zlib stream of `data`.
pub(super) fn deflated(data: &[u8]) -> Vec<u8> {
    deflated_times(data, 1)
}

/// `data` deflated as often as `layers` says.
pub(super) fn layered(data: Vec<u8>, layers: usize) -> Vec<u8> {
    (0..layers).fold(data, |data, _| deflated(&data))
}

/// A gzip file that inflates to `part` times `times`.
pub(super) fn gzipped_times(part: &[u8], times: u64) -> Vec<u8> {
    let block = flushed(part);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    (0..times).for_each(|_| file.extend_from_slice(&block));
    // Sum and size are wrong, which is known only to who has inflated all of it.
    file.extend([0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]);
    file
}

/// Raw blocks of `part` that end at a byte and refer to nothing before them: they may follow each other.
fn flushed(part: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(part).expect("memory takes what is written");
    encoder.flush().expect("memory takes what is written");
    encoder.get_ref().clone()
}

/// The sum of a zlib stream.
struct Adler {
    a: u64,
    b: u64,
}

impl Default for Adler {
    fn default() -> Self {
        Self { a: 1, b: 0 }
    }
}

impl Adler {
    /// Adds `part` as often as `times` says: both sums of it are known after one pass.
    fn add(&mut self, part: &[u8], times: u64) {
        const BASE: u64 = 65_521;
        let (mut first, mut second) = (0, 0);
        for byte in part {
            first = (first + u64::from(*byte)) % BASE;
            second = (second + first) % BASE;
        }
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX) % BASE;
        for _ in 0..times {
            self.b = (self.b + length * self.a + second) % BASE;
            self.a = (self.a + first) % BASE;
        }
    }

    fn bytes(&self) -> [u8; 4] {
        u32::try_from(self.b << 16 | self.a).expect("both are under 2^16").to_be_bytes()
    }
}

/// LZW as PDF has it, of zeros: each cycle of 5.6 KB is 7.4 MB of them.
pub(super) fn lzw_zeros(cycles: usize) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    let mut put = |code: u32, width: u32| {
        held = held << width | code;
        bits += width;
        while bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).expect("eight bits"));
        }
        held &= (1 << bits) - 1;
    };
    let mut width = 9;
    for _ in 0..cycles {
        put(256, width);
        put(0, 9);
        // Each code is the one that is being defined: one zero longer than the one before.
        for code in 258..=4093_u32 {
            width = (code + 1).ilog2() + 1;
            put(code, width);
        }
        width = 12;
    }
    put(257, width);
    put(0, 7);
    bytes
}

/// ASCII85 without its shorthand for zeros.
pub(super) fn ascii85(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(data.len() * 5 / 4 + 8);
    for group in data.chunks(4) {
        let mut padded = [0; 4];
        padded[..group.len()].copy_from_slice(group);
        let mut value = u32::from_be_bytes(padded);
        let mut digits = [0; 5];
        for digit in digits.iter_mut().rev() {
            *digit = b'!' + u8::try_from(value % 85).expect("under 85");
            value /= 85;
        }
        text.extend_from_slice(&digits[..group.len() + 1]);
    }
    text.extend(b"~>");
    text
}

/// A ZIP archive of one member, deflated, that says to hold `size` bytes.
pub(super) fn zipped(name: &str, deflate: &[u8], size: u32) -> Vec<u8> {
    let (short, packed) = (|n: usize| u16::try_from(n).unwrap_or(u16::MAX), u32::try_from(deflate.len()));
    let packed = packed.unwrap_or(u32::MAX);
    let mut common = Vec::new();
    for value in [20_u16, 0, 8, 0, 33] {
        common.extend(value.to_le_bytes());
    }
    for value in [0_u32, packed, size] {
        common.extend(value.to_le_bytes());
    }
    common.extend(short(name.len()).to_le_bytes());
    let mut file = b"PK\x03\x04".to_vec();
    file.extend(&common);
    file.extend([0, 0]);
    file.extend(name.bytes());
    file.extend(deflate);
    let start = u32::try_from(file.len()).unwrap_or(u32::MAX);
    file.extend(b"PK\x01\x02\x14\x00");
    file.extend(&common);
    file.extend([0; 12]);
    file.extend([0; 4]);
    file.extend(name.bytes());
    let size = u32::try_from(file.len()).unwrap_or(u32::MAX) - start;
    file.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    file.extend(size.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    file
}

/// Raw deflate of `part` times `times`, as ZIP has it.
pub(super) fn raw_times(part: &[u8], times: u64) -> Vec<u8> {
    let zlib = deflated_times(part, times);
    zlib[2..zlib.len() - 4].to_vec()
}

/// RC4.
pub(super) fn rc4(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut j = 0_u8;
    for i in 0..256 {
        j = j.wrapping_add(state[i]).wrapping_add(key[i % key.len()]);
        state.swap(i, usize::from(j));
    }
    let (mut i, mut j) = (0_u8, 0_u8);
    let next = |byte: &u8| {
        i = i.wrapping_add(1);
        j = j.wrapping_add(state[usize::from(i)]);
        state.swap(usize::from(i), usize::from(j));
        byte ^ state[usize::from(state[usize::from(i)].wrapping_add(state[usize::from(j)]))]
    };
    data.iter().map(next).collect()
}

/// MD5 (RFC 1321): what PDF's first encryption makes its keys with.
pub(super) fn md5(data: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let mut message = data.to_vec();
    message.push(0x80);
    message.resize((message.len() + 8).next_multiple_of(64), 0);
    let (bits, end) = (u64::try_from(data.len()).unwrap_or(0) * 8, message.len() - 8);
    message[end..].copy_from_slice(&bits.to_le_bytes());
    let mut sums: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in message.chunks(64) {
        let [mut a, mut b, mut c, mut d] = sums;
        for (step, round) in (0..64_usize).map(|step| (step, step / 16)) {
            let (mixed, at) = match round {
                0 => (b & c | !b & d, step),
                1 => (d & b | !d & c, 5 * step + 1),
                2 => (b ^ c ^ d, 3 * step + 5),
                _ => (c ^ (b | !d), 7 * step),
            };
            let at = at % 16 * 4;
            let word = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
            let turned = a.wrapping_add(mixed).wrapping_add(sine(step)).wrapping_add(word);
            (a, d, c, b) = (d, c, b, b.wrapping_add(turned.rotate_left(SHIFTS[round][step % 4])));
        }
        for (sum, value) in sums.iter_mut().zip([a, b, c, d]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 16];
    for (place, sum) in digest.chunks_mut(4).zip(sums) {
        place.copy_from_slice(&sum.to_le_bytes());
    }
    digest
}

/// The constants of MD5 are those of the sine.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and under 2^32 by its definition"
)]
fn sine(step: usize) -> u32 {
    let step = f64::from(u32::try_from(step + 1).expect("at most 64"));
    (step.sin().abs() * 4_294_967_296.0) as u32
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::ZlibDecoder;

    use super::*;

    #[test]
    fn what_is_deflated_inflates_to_what_it_says() {
        let mut found = Vec::new();
        ZlibDecoder::new(&*deflated_times(b"q Q\n", 1000)).read_to_end(&mut found).unwrap();
        assert!(found == b"q Q\n".repeat(1000));
        found.clear();
        ZlibDecoder::new(&*deflated_parts(&[(b"(", 1), (b"duck", 9), (b")", 1)])).read_to_end(&mut found).unwrap();
        assert!(found == [b"(", &b"duck".repeat(9)[..], b")"].concat());
        let layers = layered(b"abc".to_vec(), 2);
        found.clear();
        ZlibDecoder::new(ZlibDecoder::new(&*layers)).read_to_end(&mut found).unwrap();
        assert_eq!(found, b"abc");
    }

    #[test]
    fn sums_and_ciphers_are_those_of_their_papers() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
        let long = b"12345678901234567890123456789012345678901234567890123456789012345678901234567890";
        assert_eq!(hex(&md5(long)), "57edf4a22be3c955ac49da2e2107b67a");
        assert_eq!(hex(&rc4(b"Key", b"Plaintext")), "bbf316e8d940af0ad3");
        assert_eq!(ascii85(b"Man "), b"9jqo^~>");
    }
}
