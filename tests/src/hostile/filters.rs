//! PDF streams that decode to more than a machine has: by one filter, by several, by predictors, and behind a password.

use super::{
    Hostile, kind,
    pack::{ascii85, deflated_times, layered, lzw_zeros, md5, rc4},
    pdf::{Pdf, drawn_times},
};

/// A mebibyte of zeros: what most bombs are full of.
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Eight gibibytes of them.
const EIGHT_GIB: u64 = 8 << 10;

pub(super) const KINDS: &[Hostile] = &[
    kind("flate-two-layers.pdf", "8 GiB of zeros deflated twice", || flate(2, EIGHT_GIB)),
    kind("flate-four-layers.pdf", "8 GiB of zeros deflated four times", || flate(4, EIGHT_GIB)),
    kind("flate-eight-layers.pdf", "8 GiB of zeros deflated eight times", || flate(8, EIGHT_GIB)),
    kind("flate-forty-layers.pdf", "1 GiB of zeros deflated forty times", || flate(40, 1 << 10)),
    kind(
        "flate-many-streams.pdf",
        "three hundred streams of 30 MiB each, all of them contents of one page",
        many_streams,
    ),
    kind("flate-cut-off.pdf", "4 GiB of zeros, the end of the stream cut off", || {
        let data = layered(deflated_times(&ZEROS, 4 << 10), 1);
        filtered("[/FlateDecode /FlateDecode]", "", &data[..data.len() - 9])
    }),
    kind("flate-abbreviated.pdf", "4 GiB of zeros, the filters named as inline images name them", || {
        filtered("[/Fl /Fl]", "", &layered(deflated_times(&ZEROS, 4 << 10), 1))
    }),
    kind("filter-elsewhere.pdf", "4 GiB of zeros, the filters said in an object of their own", || {
        let data = layered(deflated_times(&ZEROS, 4 << 10), 2);
        Pdf::page("").stream("/Filter 5 0 R", &data).add("[6 0 R 6 0 R 6 0 R]").add("/FlateDecode").finish()
    }),
    kind("filter-name-escaped.pdf", "4 GiB of zeros, the filters' names written in hexadecimal", || {
        filtered("[/#46lateDecode /Flate#44ecode]", "", &layered(deflated_times(&ZEROS, 4 << 10), 1))
    }),
    kind("filter-flood.pdf", "a stream with a hundred thousand filters", || {
        filtered(&format!("[{}]", "/FlateDecode ".repeat(100_000)), "", &layered(b"BT (x) Tj ET".to_vec(), 3))
    }),
    kind("filter-is-itself.pdf", "a filter that is said by an object which refers to itself", || {
        Pdf::page("").stream("/Filter 5 0 R", &layered(b"BT (x) Tj ET".to_vec(), 1)).add("5 0 R").finish()
    }),
    kind("lzw.pdf", "1.1 GB of zeros by LZW", || filtered("/LZWDecode", "", &lzw_zeros(150))),
    kind("lzw-twice.pdf", "LZW within Flate: 7 GB of zeros", || {
        filtered("[/FlateDecode /LZWDecode]", "", &layered(lzw_zeros(1000), 1))
    }),
    kind("ascii85-flate.pdf", "1 GiB of zeros by Flate, written as ASCII85", || {
        filtered("[/ASCII85Decode /FlateDecode]", "", &ascii85(&deflated_times(&ZEROS, 1 << 10)))
    }),
    kind("ascii85-flate-thrice.pdf", "8 GiB of zeros by Flate, three layers of it, written as ASCII85", || {
        let data = ascii85(&layered(deflated_times(&ZEROS, EIGHT_GIB), 2));
        filtered("[/ASCII85Decode /FlateDecode /FlateDecode /FlateDecode]", "", &data)
    }),
    kind("ascii85-zeros.pdf", "ASCII85 in which one letter is four zeros, behind Flate: 2 GiB", || {
        filtered("[/FlateDecode /ASCII85Decode]", "", &deflated_times(&[b'z'; 1 << 20], 512))
    }),
    kind("hex.pdf", "1 GiB of hexadecimal digits behind Flate", || {
        filtered("[/FlateDecode /ASCIIHexDecode]", "", &deflated_times(&[b'0'; 1 << 20], 1 << 10))
    }),
    kind("run-length.pdf", "runs of 128 zeros behind two layers of Flate: 64 GiB", || {
        let runs = deflated_times(&[129, 0].repeat(1 << 19), 1 << 10);
        filtered("[/FlateDecode /FlateDecode /RunLengthDecode]", "", &layered(runs, 1))
    }),
    kind("run-length-alone.pdf", "32 MiB of runs: 2 GiB of zeros", || {
        filtered("/RunLengthDecode", "", &[129, 0].repeat(16 << 20))
    }),
    kind("predictor-wide.pdf", "a predictor with rows of 2^31 columns, 32 colours and 16 bits", || {
        predicted("/Predictor 15 /Columns 2147483647 /Colors 32 /BitsPerComponent 16")
    }),
    kind("predictor-overflow.pdf", "a predictor whose row has a length beyond 64 bits", || {
        predicted("/Predictor 12 /Columns 9223372036854775807 /Colors 9223372036854775807 /BitsPerComponent 64")
    }),
    kind("predictor-negative.pdf", "a predictor with rows of negative length", || {
        predicted("/Predictor 12 /Columns -1 /Colors -3 /BitsPerComponent -8")
    }),
    kind("predictor-empty.pdf", "a predictor with rows of no length", || {
        predicted("/Predictor 15 /Columns 0 /Colors 0 /BitsPerComponent 0")
    }),
    kind("predictor-bomb.pdf", "2 GiB of rows for a predictor, behind two layers of Flate", || {
        let parms = "/DecodeParms [null << /Predictor 15 /Columns 1 >>]";
        filtered("[/FlateDecode /FlateDecode]", parms, &layered(deflated_times(&ZEROS, 2 << 10), 1))
    }),
    kind("font-bomb.pdf", "a font file of 4 GiB", || {
        let bomb = layered(deflated_times(&ZEROS, 4 << 10), 1);
        Pdf::page("/Resources << /Font << /F 5 0 R >> >>")
            .stream("", b"BT /F 12 Tf (hello) Tj ET")
            .add("<< /Type /Font /Subtype /TrueType /BaseFont /A /FontDescriptor 6 0 R /ToUnicode 7 0 R >>")
            .add("<< /Type /FontDescriptor /FontName /A /Flags 4 /FontFile2 7 0 R /FontFile 7 0 R /FontFile3 7 0 R >>")
            .stream("/Filter [/FlateDecode /FlateDecode]", &bomb)
            .finish()
    }),
    kind("image-bomb.pdf", "a picture that inflates to 8 GiB, drawn a thousand times", || {
        Pdf::page("/Resources << /XObject << /I 5 0 R >> >>")
            .stream("", &b"q /I Do Q ".repeat(1000))
            .stream(
                "/Subtype /Image /Width 65535 /Height 65535 /BitsPerComponent 16 /Filter [/FlateDecode /FlateDecode]",
                &layered(deflated_times(&ZEROS, EIGHT_GIB), 1),
            )
            .finish()
    }),
    kind("encrypted-bomb.pdf", "4 GiB of zeros in a file that opens with the empty password", || {
        encrypted(&layered(deflated_times(&ZEROS, 4 << 10), 3), "[/FlateDecode /FlateDecode /FlateDecode /FlateDecode]")
    }),
    kind("encrypted-operators.pdf", "96 MiB of operators in a file that opens with the empty password", || {
        encrypted(&deflated_times(&b"q Q ".repeat(1 << 18), 96), "/FlateDecode")
    }),
    kind("text-of-zeros.pdf", "2 GiB of zeros where a page's text should be, behind one layer of Flate", || {
        drawn_times(&ZEROS, 2 << 10)
    }),
];

/// A page whose content has these filters.
fn filtered(filter: &str, entries: &str, data: &[u8]) -> Vec<u8> {
    Pdf::page("").stream(&format!("/Filter {filter} {entries}"), data).finish()
}

/// `mebibytes` of zeros in this many layers.
fn flate(layers: usize, mebibytes: u64) -> Vec<u8> {
    let names = format!("[{}]", "/FlateDecode ".repeat(layers));
    filtered(&names, "", &layered(deflated_times(&ZEROS, mebibytes), layers - 1))
}

fn predicted(parms: &str) -> Vec<u8> {
    filtered("/FlateDecode", &format!("/DecodeParms << {parms} >>"), &deflated_times(&ZEROS, 1))
}

fn many_streams() -> Vec<u8> {
    let data = deflated_times(&b"BT (ducks) Tj ET ".repeat(1 << 16), 28);
    let contents: String = (5..305).map(|number| format!("{number} 0 R ")).collect();
    let file = Pdf::page("").add(format!("[{contents}]"));
    (0..300).fold(file, |file, _| file.stream("/Filter /FlateDecode", &data)).finish()
}

/// What a short password is filled up with.
const FILLING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08, 0x2e, 0x2e, 0x00,
    0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];

/// A page whose content is encrypted with a key that the empty password opens: 40 bits, the standard handler's
/// revision 2.
fn encrypted(data: &[u8], filter: &str) -> Vec<u8> {
    let id = [7; 16];
    let owner = rc4(&md5(&FILLING)[..5], &FILLING);
    let key = &md5(&[&FILLING, &*owner, &(-4_i32).to_le_bytes(), &id].concat())[..5];
    let user = rc4(key, &FILLING);
    // Each object has a key of its own: that of the file, its number and its generation. The content is object 4.
    let data = rc4(&md5(&[key, &[4, 0, 0, 0, 0]].concat())[..10], data);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (owner, user, id) = (hex(&owner), hex(&user), hex(&id));
    Pdf::page("")
        .stream(&format!("/Filter {filter}"), &data)
        .add(format!("<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <{owner}> /U <{user}> >>"))
        .finish_with(&format!("/Encrypt 5 0 R /ID [<{id}> <{id}>]"))
}
