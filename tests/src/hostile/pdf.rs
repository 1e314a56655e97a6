//! Joins objects to a PDF with a table of where each stands.

use super::pack;

/// The catalogue of every file here: its tree is object 2.
const CATALOGUE: &str = "<< /Type /Catalog /Pages 2 0 R >>";

/// A file in the making. Objects are numbered from 1, in the order in which they are added.
pub(super) struct Pdf {
    bytes: Vec<u8>,
    offsets: Vec<usize>,
}

impl Pdf {
    /// A file without objects.
    pub(super) fn empty() -> Self {
        Self { bytes: b"%PDF-1.7\n".to_vec(), offsets: Vec::new() }
    }

    /// A file with a catalogue; the tree is to be added as object 2.
    pub(super) fn new() -> Self {
        Self::empty().add(CATALOGUE)
    }

    /// A file with one page (object 3) with these entries; its content is to be added as object 4.
    pub(super) fn page(entries: &str) -> Self {
        let page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R";
        Self::new().add("<< /Type /Pages /Kids [3 0 R] /Count 1 >>").add(format!("{page} {entries} >>"))
    }

    /// Adds an object as it is.
    pub(super) fn add(mut self, body: impl AsRef<[u8]>) -> Self {
        self.offsets.push(self.bytes.len());
        self.bytes.extend(format!("{} 0 obj\n", self.offsets.len()).bytes());
        self.bytes.extend_from_slice(body.as_ref());
        self.bytes.extend(b"\nendobj\n");
        self
    }

    /// Adds a stream: its length is said truly.
    pub(super) fn stream(self, entries: &str, data: &[u8]) -> Self {
        let length = data.len().to_string();
        self.stream_of(&length, entries, data)
    }

    /// Adds a stream that says to have this length.
    pub(super) fn stream_of(self, length: &str, entries: &str, data: &[u8]) -> Self {
        let head = format!("<< /Length {length} {entries} >>\nstream\n");
        self.add([head.as_bytes(), data, b"\nendstream"].concat())
    }

    /// Adds a stream that inflates to `part` times `times`.
    pub(super) fn inflating(self, entries: &str, part: &[u8], times: u64) -> Self {
        self.inflating_parts(entries, &[(part, times)])
    }

    /// Adds a stream that inflates to these parts, each as often as it says.
    pub(super) fn inflating_parts(self, entries: &str, parts: &[(&[u8], u64)]) -> Self {
        self.stream(&format!("/Filter /FlateDecode {entries}"), &pack::deflated_parts(parts))
    }

    /// Where the next object will stand.
    pub(super) fn here(&self) -> usize {
        self.bytes.len()
    }

    /// The file, with its table.
    pub(super) fn finish(self) -> Vec<u8> {
        self.finish_with("")
    }

    /// The file, with more entries in its trailer.
    pub(super) fn finish_with(self, trailer: &str) -> Vec<u8> {
        let Self { mut bytes, offsets } = self;
        let (table, size) = (bytes.len(), offsets.len() + 1);
        bytes.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").bytes());
        offsets.iter().for_each(|offset| bytes.extend(format!("{offset:010} 00000 n \n").bytes()));
        let trailer = format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{table}\n%%EOF\n");
        bytes.extend(trailer.bytes());
        bytes
    }

    /// The file with a table of its own making, which begins where the objects end.
    pub(super) fn finish_raw(self, table: &str) -> Vec<u8> {
        let Self { mut bytes, .. } = self;
        let start = bytes.len();
        bytes.extend(table.bytes());
        bytes.extend(format!("\nstartxref\n{start}\n%%EOF\n").bytes());
        bytes
    }
}

/// A page with this content.
pub(super) fn drawn(content: &[u8]) -> Vec<u8> {
    Pdf::page("").stream("", content).finish()
}

/// A page whose content inflates to `part` times `times`.
pub(super) fn drawn_times(part: &[u8], times: u64) -> Vec<u8> {
    Pdf::page("").inflating("", part, times).finish()
}
