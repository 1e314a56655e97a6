//! Embeddings per second at batches of 1, 16 and 64 texts of 128 tokens, and the latency of a question.
//!
//! `COLLOQUY_TEST_MODELS` names the folder of the models; the catalogue's default encoder must have been fetched into it.

use std::{env, path::PathBuf};

use chat::ports::EmbedTask;
use divan::{Bencher, counter::ItemsCount};
use inference::{
    catalogue::{Catalogue, EMBEDDER_DEFAULT},
    encoder::{Encoder, forward::Workspace, tokens::Tokens},
};

fn main() {
    divan::main();
}

fn model_dir() -> PathBuf {
    let models = env::var_os("COLLOQUY_TEST_MODELS").expect("COLLOQUY_TEST_MODELS names the folder of the models");
    PathBuf::from(models).join(EMBEDDER_DEFAULT)
}

fn encoder() -> Encoder {
    let catalogue = Catalogue::with(None).expect("the embedded catalogue is right");
    let model = catalogue.get(EMBEDDER_DEFAULT).expect("it lists its default");
    Encoder::load(&model.name, &model_dir(), model.embed.as_ref().expect("it is an encoder"), 0)
        .expect("the model was fetched")
}

/// A text that is exactly `tokens` long, special ones included.
fn text(encoder: &Encoder, tokens: usize, seed: usize) -> Tokens {
    let words = ["the", "probability", "of", "a", "long", "sentence", "in", "corpus", "grows", "with", "its", "parser"];
    let text: String = (0..tokens).map(|n| words[(n * n + seed * 7 + n) % words.len()].to_owned() + " ").collect();
    let mut made = encoder.tokeniser().encode(EmbedTask::Passage, &text).expect("words have tokens");
    let end = made.ids.pop().expect("there is a last token");
    made.ids.truncate(tokens - 1);
    made.ids.push(end);
    made
}

#[divan::bench(args = [1, 16, 64])]
fn texts_of_128_tokens(bencher: Bencher<'_, '_>, batch: usize) {
    let encoder = encoder();
    let texts: Vec<Tokens> = (0..batch).map(|seed| text(&encoder, 128, seed)).collect();
    let texts: Vec<&Tokens> = texts.iter().collect();
    let mut workspace = Workspace::default();
    bencher.counter(ItemsCount::new(batch)).bench_local(|| encoder.embed(&texts, &mut workspace));
}

#[divan::bench]
fn question_of_15_tokens(bencher: Bencher<'_, '_>) {
    let encoder = encoder();
    let question = text(&encoder, 15, 3);
    let mut workspace = Workspace::default();
    bencher.bench_local(|| encoder.embed(&[&question], &mut workspace));
}

#[divan::bench(args = [1, 64])]
fn tokenising_128_tokens(bencher: Bencher<'_, '_>, batch: usize) {
    let encoder = encoder();
    let text = "the probability of a long sentence in corpus grows with its parser and other things ".repeat(8);
    let texts = vec![text; batch];
    bencher.counter(ItemsCount::new(batch)).bench_local(|| encoder.tokenise(EmbedTask::Passage, &texts));
}
