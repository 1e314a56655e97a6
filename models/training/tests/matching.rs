//! Matching against numpy, and what must hold for any profiles.
//!
//! `files/matched.json` names the source and licence of its texts, and what made its figures.

use std::sync::Arc;

use proptest::prelude::*;
use serde::Deserialize;
use training::matching::{Item, Lexicon, Line, MatchError, People, Profile, Scoring};

#[derive(Deserialize)]
struct Matched {
    papers: Vec<Paper>,
    /// Cosine of terms of the first paper with each.
    terms: Vec<f32>,
    need: Vec<usize>,
    persons: Vec<Vec<usize>>,
    year: i16,
    want: Vec<f32>,
}

#[derive(Deserialize)]
struct Paper {
    text: String,
    year: i16,
    vector: Vec<f32>,
}

#[test]
fn scores_are_those_of_numpy() {
    let file: Matched = serde_json::from_str(include_str!("files/matched.json")).unwrap();
    let lines: Vec<Line> = file
        .papers
        .iter()
        .map(|paper| Line { vector: paper.vector.clone(), terms: chat::text::terms(&paper.text) })
        .collect();
    let lexicon = Lexicon::new(lines.iter().map(|line| line.terms.as_slice()));
    let first = lexicon.weigh(&lines[0].terms);
    for (line, want) in lines.iter().zip(&file.terms) {
        let found = first.cosine(&lexicon.weigh(&line.terms));
        assert!((found - want).abs() < 1e-5, "{found} is not {want}");
    }
    let item = |at: &usize| Item { lines: vec![lines[*at].clone()], year: Some(file.papers[*at].year), weight: 1.0 };
    let profiles: Vec<Profile> =
        file.persons.iter().map(|items| Profile { items: items.iter().map(item).collect() }).collect();
    let people = People::new(Arc::new(lexicon), &profiles).unwrap();
    let need: Vec<Line> = file.need.iter().map(|at| lines[*at].clone()).collect();
    let found = people.scores(&need, &Scoring::in_year(file.year)).unwrap();
    for (found, want) in found.iter().zip(&file.want) {
        assert!((found - want).abs() < 1e-5, "{found} is not {want}");
    }
    let best = people.search(&need, &Scoring::in_year(file.year), 5, |person| person != 0).unwrap();
    assert!(best.iter().all(|(person, _)| *person != 0 && *person != 3), "kept out, or without a profile");
}

#[test]
fn a_vector_of_another_encoder_is_refused() {
    let line = |length: usize| Line { vector: vec![1.0; length], terms: Vec::new() };
    let profile = |lengths: &[usize], weight: f32| Profile {
        items: vec![Item { lines: lengths.iter().map(|length| line(*length)).collect(), year: None, weight }],
    };
    let people = |profile: Profile| People::new(Arc::default(), &[profile]);
    assert_eq!(people(profile(&[3, 0, 4], 1.0)).err(), Some(MatchError::Dims { got: 4, want: 3 }));
    assert_eq!(people(profile(&[3], 0.0)).err(), Some(MatchError::NotFinite { what: "a weight" }));
    let known = people(profile(&[3], 1.0)).unwrap();
    let scores = |need: &[Line]| known.scores(need, &Scoring::default());
    assert_eq!(scores(&[line(4)]), Err(MatchError::Dims { got: 4, want: 3 }));
    assert_eq!(scores(&vec![line(3); 65]), Err(MatchError::NeedTooLong { got: 65, max: 64 }));
    assert_eq!(scores(&[]), Ok(vec![0.0]));
    assert_eq!(scores(&[line(0)]), Ok(vec![0.0]), "neither words nor vector");
}

const DIMS: usize = 4;

fn line() -> impl Strategy<Value = Line> {
    let vector = proptest::collection::vec(-1.0f32..1.0, DIMS).prop_map(|vector| {
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-3);
        vector.into_iter().map(|x| x / norm).collect()
    });
    let terms = proptest::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", "e", "f"]), 0..6);
    (vector, terms).prop_map(|(vector, terms)| Line { vector, terms: terms.into_iter().map(str::to_owned).collect() })
}

fn profile() -> impl Strategy<Value = Profile> {
    let item = (proptest::collection::vec(line(), 1..4), proptest::option::of(2000i16..2027), 0.1f32..2.0)
        .prop_map(|(lines, year, weight)| Item { lines, year, weight });
    proptest::collection::vec(item, 0..6).prop_map(|items| Profile { items })
}

fn people(profiles: &[Profile]) -> People {
    let texts = profiles.iter().flat_map(|profile| &profile.items).flat_map(|item| &item.lines);
    People::new(Arc::new(Lexicon::new(texts.map(|line| line.terms.as_slice()))), profiles)
        .expect("all vectors are alike")
}

proptest! {
    /// Faithfulness by deletion: without the cited items, one or all of them, the score is lower. The lexicon stays, as it
    /// does when a paper of one person leaves a large library.
    #[test]
    fn without_the_cited_evidence_the_score_is_lower(
        profiles in proptest::collection::vec(profile(), 1..4),
        need in proptest::collection::vec(line(), 1..4),
    ) {
        let scoring = Scoring::in_year(2026);
        let texts = profiles.iter().flat_map(|profile| &profile.items).flat_map(|item| &item.lines);
        let lexicon = Arc::new(Lexicon::new(texts.map(|line| line.terms.as_slice())));
        let all = People::new(lexicon.clone(), &profiles).unwrap();
        for (person, profile) in profiles.iter().enumerate() {
            let found = all.explain(&need, person, &scoring, 3).unwrap();
            let without = |gone: &[usize]| {
                let items = profile.items.iter().enumerate().filter(|(at, _)| !gone.contains(at));
                let rest = Profile { items: items.map(|(_, item)| item.clone()).collect() };
                People::new(lexicon.clone(), &[rest]).unwrap().explain(&need, 0, &scoring, 0).unwrap().score
            };
            let cited: Vec<usize> = found.evidence.iter().map(|evidence| evidence.item).collect();
            // The drop of the first is at least the least that is cited, 1e-6, which a score in f32 shows.
            for n in 1..=cited.len() {
                prop_assert!(without(&cited[..n]) < found.score, "{cited:?} of {profile:?}");
            }
        }
    }

    /// The packed search and the explanation of one person agree, whoever else is there.
    #[test]
    fn the_score_of_a_search_is_the_score_that_is_explained(
        profiles in proptest::collection::vec(profile(), 1..5),
        need in proptest::collection::vec(line(), 1..4),
    ) {
        let (scoring, people) = (Scoring::in_year(2026), people(&profiles));
        let scores = people.scores(&need, &scoring).unwrap();
        for (person, score) in scores.iter().enumerate() {
            let explained = people.explain(&need, person, &scoring, 3).unwrap();
            prop_assert!((explained.score - score).abs() < 1e-5);
            prop_assert!((0.0..=1.0001).contains(score));
            for evidence in &explained.evidence {
                let item = &profiles[person].items[evidence.item];
                let (own, wanted) = (&item.lines[evidence.item_line], &need[evidence.need_line]);
                let dense: f32 = own.vector.iter().zip(&wanted.vector).map(|(a, b)| a * b).sum();
                prop_assert!((evidence.dense - dense).abs() < 1e-5, "the pair that is named is the pair that counts");
            }
        }
    }

    /// More of the same is no less, and an older paper no more than a newer one.
    #[test]
    fn evidence_helps_and_age_does_not(one in line(), need in line(), years in (2000i16..2027, 2000i16..2027)) {
        let of = |items: &[(Line, i16)]| {
            let item = |(line, year): &(Line, i16)| Item { lines: vec![line.clone()], year: Some(*year), weight: 1.0 };
            let profile = Profile { items: items.iter().map(item).collect() };
            let lexicon = Lexicon::new([one.terms.as_slice(), need.terms.as_slice()]);
            let people = People::new(Arc::new(lexicon), &[profile]).unwrap();
            people.scores(std::slice::from_ref(&need), &Scoring::in_year(2026)).unwrap()[0]
        };
        let (old, new) = (years.0.min(years.1), years.0.max(years.1));
        prop_assert!(of(&[(one.clone(), new)]) >= of(&[(one.clone(), old)]) - 1e-6);
        prop_assert!(of(&[(one.clone(), new), (one.clone(), new)]) >= of(&[(one.clone(), new)]) - 1e-3);
    }
}
