//! The measures give the figures of the programs that published results come from.
//!
//! `files/scored.json` holds texts, their sources and licences, and what these programs say of them: rouge_score 0.1.2
//! (nltk 3.10.4), sacrebleu 2.6.0 (whose 0..100 is 0..1 here), and the scripts of Kummerfeld et al. 2019.

use serde::Deserialize;
use training::measures::{Bleu, Chrf, Clusters, Confusion, Rouge, Score, Tokenizer, links};

#[derive(Deserialize)]
struct Files {
    summaries: Vec<Paper>,
    translations: Vec<Language>,
    conversations: Conversations,
}

#[derive(Deserialize)]
struct Paper {
    references: Vec<String>,
    scored: Vec<Scored>,
}

/// `want`: (precision, recall, F1) of ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum.
#[derive(Deserialize)]
struct Scored {
    summary: String,
    want: [[f64; 3]; 4],
}

/// `want`, here and below: chrF2, chrF++ and BLEU.
#[derive(Deserialize)]
struct Language {
    language: String,
    sentences: Vec<Sentence>,
    want: [f64; 3],
}

#[derive(Deserialize)]
struct Sentence {
    translation: String,
    references: Vec<String>,
    want: [f64; 3],
}

/// `want`: one-to-one, 1 - scaled variation of information, and (precision, recall, F1) of exact conversations.
#[derive(Deserialize)]
struct Conversations {
    logs: Vec<Log>,
    want: [f64; 5],
    predicted_links: Vec<(u32, u32)>,
    truth_links: Vec<(u32, u32)>,
    want_links: [f64; 3],
}

/// A letter names the conversation of each message.
#[derive(Deserialize)]
struct Log {
    predicted: String,
    truth: String,
}

fn files() -> Files {
    serde_json::from_str(include_str!("files/scored.json")).expect("a file of this test, read whenever it runs")
}

#[track_caller]
fn check(about: &str, found: &[f64], want: &[f64]) {
    assert_eq!(found.len(), want.len());
    assert!(found.iter().zip(want).all(|(found, want)| (found - want).abs() < 1e-7), "{about}: {found:?} not {want:?}");
}

#[test]
fn summaries_score_as_in_rouge_score() {
    for paper in files().summaries {
        for Scored { summary, want } in paper.scored {
            let rouge = Rouge::best(&summary, &paper.references);
            let found = [rouge.rouge_1, rouge.rouge_2, rouge.rouge_l, rouge.rouge_l_sum];
            let found = found.map(|Score { precision, recall, f1 }| [precision, recall, f1]);
            check(&summary, found.as_flattened(), want.as_flattened());
        }
    }
}

#[test]
fn translations_score_as_in_sacrebleu() {
    for Language { language, sentences, want } in files().translations {
        let bleu = Bleu { tokenizer: Tokenizer::of(&language) };
        let [chrf, chrf_words] = [Chrf::Characters, Chrf::CharactersAndWords];
        for Sentence { translation, references, want } in &sentences {
            let found = [
                chrf.sentence(translation, references),
                chrf_words.sentence(translation, references),
                bleu.sentence(translation, references),
            ];
            check(translation, &found, want);
        }
        let pairs = || sentences.iter().map(|sentence| (sentence.translation.as_str(), &sentence.references));
        check(&language, &[chrf.corpus(pairs()), chrf_words.corpus(pairs()), bleu.corpus(pairs())], &want);
    }
}

#[test]
fn conversations_score_as_in_kummerfeld_2019() {
    let Conversations { logs, want, predicted_links, truth_links, want_links } = files().conversations;
    let mut all = Clusters::default();
    for Log { predicted, truth } in logs {
        all.add(predicted.chars().zip(truth.chars()));
    }
    let of = |counts: Confusion| [counts.precision(), counts.recall(), counts.f1()];
    let [precision, recall, f1] = of(all.exact());
    check("conversations", &[all.one_to_one(), all.variation_of_information(), precision, recall, f1], &want);
    check("links", &of(links(predicted_links, truth_links)), &want_links);
}
