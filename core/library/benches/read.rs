//! Documents read and passages split per second, on the sample library.

use std::{fs, path::PathBuf};

use chat::Document;
use divan::{Bencher, counter::ItemsCount};
use library::{Limits, SplitLimits, read, split};

fn main() {
    divan::main();
}

fn sample(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/library").join(file);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(file: &str) -> Vec<Document> {
    let scope: chat::Scope = "community:lab".parse().expect("a fixed scope");
    let reading = read(file, &sample(file), &Limits::default()).expect("a sample that the tests read");
    reading.drafts.into_iter().map(|draft| draft.into_document(scope.clone(), file, "")).collect()
}

/// Items are documents.
#[divan::bench(args = ["2024.eacl.xml", "P19-1374.pdf", "1471-2180-11-174.nxml", "reading-list.bib", "reading-group.html"])]
fn documents_read(bencher: Bencher<'_, '_>, file: &str) {
    let bytes = sample(file);
    let count = documents(file).len();
    bencher.counter(ItemsCount::new(count)).bench(|| read(file, &bytes, &Limits::default()));
}

/// Items are passages; tokens are counted as words, so that the splitter alone is measured.
#[divan::bench(args = ["2024.eacl.xml", "P19-1374.pdf", "1471-2180-11-174.nxml"])]
fn passages_split(bencher: Bencher<'_, '_>, file: &str) {
    let documents = documents(file);
    let count_tokens = |text: &str| text.split_whitespace().count();
    let passages = || {
        documents.iter().map(|document| split(document, &count_tokens, &SplitLimits::default()).len()).sum::<usize>()
    };
    let count = passages();
    bencher.counter(ItemsCount::new(count)).bench(passages);
}
