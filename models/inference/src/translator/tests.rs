//! Held against what Hugging Face's own code computes: see `tests/files/translation/README.md`.

use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;

use super::*;
use crate::catalogue::{ModelFile, Origin, Task};

/// How far a logit may lie from PyTorch's.
const TOLERANCE: f32 = 1e-4;

/// What was computed for a text: `make.py` writes it.
#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    logits: Vec<Vec<f32>>,
    greedy: Vec<u32>,
    greedy_text: String,
    beam: Vec<u32>,
    beam_text: String,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/translation").join(name)
}

fn model(name: &str) -> Model {
    let tokens = |english: &str, german: &str| {
        [("en", english), ("de", german)].map(|(code, token)| (code.to_owned(), token.to_owned())).into()
    };
    let (pairs, languages, prefix) = match name {
        "marian" => (vec!["en-de".to_owned()], [].into(), ">>deu<<"),
        "m2m100" => (Vec::new(), tokens("__en__", "__de__"), ""),
        _ => (Vec::new(), tokens("eng_Latn", "deu_Latn"), ""),
    };
    Model {
        name: name.to_owned(),
        task: Task::Translate,
        summary: String::new(),
        license: "CC0-1.0".to_owned(),
        size_mib: 1,
        memory_mib: 1,
        source: Origin::Folder { path: folder(name) },
        files: vec![ModelFile {
            from: "config.json".to_owned(),
            to: "config.json".to_owned(),
            bytes: None,
            sha256: None,
        }],
        generate: None,
        embed: None,
        translate: Some(TranslateSpec { pairs, languages, prefix: prefix.to_owned(), beams: 4 }),
    }
}

fn machine(name: &str) -> (Machine, Vec<Case>) {
    let machine = Machine::read(&model(name), &folder(name), &Device::Cpu).unwrap();
    let cases = fs::read(folder(name).join("expected.json")).unwrap();
    (machine, serde_json::from_slice(&cases).unwrap())
}

#[track_caller]
fn check(name: &str) {
    let (mut machine, cases) = machine(name);
    let language = machine.vocabulary.language("de");
    for case in cases {
        assert_eq!(machine.vocabulary.source(&case.text, "en").unwrap(), case.ids, "{}", case.text);
        let memory = machine.network.read_text(&case.ids).unwrap();
        let mut written = Written::default();
        let tokens = [machine.config.start()].into_iter().chain(case.greedy.iter().copied());
        for (token, wanted) in tokens.zip(&case.logits) {
            let found = machine.network.write(&memory, &mut written, &[token], &[0]).unwrap().remove(0);
            let far = found.iter().zip(wanted).map(|(one, two)| (one - two).abs()).fold(0.0, f32::max);
            assert!(far < TOLERANCE && found.len() == wanted.len(), "{}: {far}", case.text);
        }
        for (beams, ids, text) in [(1, &case.greedy, &case.greedy_text), (4, &case.beam, &case.beam_text)] {
            machine.spec.beams = beams;
            let mut written = Written::default();
            let found = machine
                .search(case.ids.len(), language)
                .run(|tokens, parents| machine.network.write(&memory, &mut written, tokens, parents));
            let found = found.unwrap().unwrap();
            let (end, wanted) = ids.split_last().unwrap();
            assert_eq!((found.as_slice(), *end), (wanted, machine.config.eos_token_id), "{beams} beams: {}", case.text);
            assert_eq!(machine.vocabulary.text(&found), *text, "{}", case.text);
        }
    }
}

#[test]
fn marian_computes_what_transformers_computes() {
    check("marian");
}

#[test]
fn m2m100_computes_what_transformers_computes() {
    check("m2m100");
}

#[test]
fn nllb_computes_what_transformers_computes() {
    check("nllb");
}

fn open(name: &str, options: &Options) -> TranslationModel {
    TranslationModel::open(&model(name), &folder(name), options).unwrap()
}

#[tokio::test]
async fn texts_come_back_in_order_with_what_they_cost() {
    let translator = open("m2m100", &Options::default());
    let (_, cases) = machine("m2m100");
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let found = translator.translate(&texts, "en", "de").await.unwrap();
    let wanted: Vec<Option<String>> = cases.iter().map(|case| Some(case.beam_text.clone())).collect();
    assert_eq!(found.texts, wanted);
    assert_eq!(found.usage.prompt_tokens, cases.iter().map(|case| case.ids.len()).sum::<usize>());
    assert!(found.usage.completion_tokens >= texts.len());
    assert!(translator.translates("de", "en") && !translator.translates("en", "fr"));
    assert_eq!(translator.translate(&[], "en", "de").await.unwrap(), Translation::default());
}

#[tokio::test]
async fn nothing_is_cut() {
    let translator = open("marian", &Options::default());
    assert_eq!(translator.tokens_max(), 62);
    let long = "duck ".repeat(60);
    assert!(translator.count_tokens(&long) > 62);
    let refused = |answer: Result<Translation, PortError>| matches!(answer, Err(PortError::Refused { .. }));
    assert!(refused(translator.translate(&["A duck.", &long], "en", "de").await));
    assert!(refused(translator.translate(&["Eine Ente."], "de", "en").await));
}

/// The queue has one place: whoever leaves it makes room.
#[tokio::test]
async fn a_dropped_call_leaves_the_queue() {
    let translator = open("nllb", &Options { waiting_max: 1, ..Options::default() });
    let many = vec!["The ducks dive at dawn in the shallow water."; 4_000];
    for _ in 0..3 {
        let call = translator.translate(&many, "en", "de");
        assert!(tokio::time::timeout(std::time::Duration::from_millis(30), call).await.is_err());
    }
    let started = Instant::now();
    translator.translate(&["The ducks dive."], "en", "de").await.unwrap();
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn a_text_that_is_left_stops_within_a_token() {
    let (machine, cases) = machine("m2m100");
    let asked = std::cell::Cell::new(0);
    let is_left = || asked.replace(asked.get() + 1) >= 2;
    let language = machine.vocabulary.language("de");
    assert!(matches!(machine.translate(&cases[0].ids, language, &is_left), Err(Stop::Abandoned)));
    assert_eq!(asked.get(), 3);
}

#[track_caller]
fn refused(file: &str, change: impl Fn(&str) -> String, want: &str) {
    let changed = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder("nllb")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, changed.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = changed.path().join(file);
    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    fs::write(&path, change(&text)).unwrap();
    let error = Machine::read(&model("nllb"), changed.path(), &Device::Cpu).err().unwrap();
    let said = chat::error::chain(&error);
    assert!(said.contains(want), "{said}");
}

#[test]
fn files_that_do_not_fit_each_other_are_refused_with_the_reason() {
    refused("config.json", |text| text.replace("m2m_100", "t5"), "unknown variant `t5`");
    refused("config.json", |text| text.replace("\"d_model\": 16", "\"d_model\": 15"), "15 dimensions");
    refused("config.json", |text| text.replace("\"encoder_ffn_dim\": 24", "\"encoder_ffn_dim\": 25"), "fc1");
    refused("tokenizer.json", |text| text.replace("deu_Latn", "xxx_Latn"), "no token deu_Latn");
    refused("tokenizer.json", |_| "{}".to_owned(), "tokenizer.json");
    refused("model.safetensors", |_| "no weights".to_owned(), "loading `nllb` failed");
}
