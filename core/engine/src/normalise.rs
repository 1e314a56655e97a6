//! Cosines of passages in several languages, made comparable.
//!
//! An encoder of many languages lays a question nearer to whatever is in its own language than to the same said in
//! another. [`Background`] samples a library's passages by language; [`Normaliser`] knows where the cosines of a question
//! to each sample lie, and moves that of a passage in another language to where it would lie in the question's own: as many
//! deviations from the mean (z-score normalisation against a background). Pure.
//!
//! **Invariant:** what a scope holds is a background for its readers alone.
//! **Invariant:** a passage in the question's own language, and any of a library in one language, keeps its cosine.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use chat::{
    Readable, Scope,
    ports::{Embedding, Point},
};

use crate::lexicon::Lexical;

/// Passages of a language that stand for all of it: the mean of their cosines is then known to a sixteenth of a deviation.
const SAMPLE: usize = 256;

/// With fewer passages nothing is known of a language, and their cosines stay as they are.
const SAMPLE_MIN: usize = 24;

/// What the deviations of two languages differ by at most: past that it is an accident of the sample.
const STRETCH_MAX: f32 = 2.0;

/// How many passages in the question's language say what a cosine in another stands for.
const NEIGHBOURS: usize = 5;

/// A sample of a library's passages, by scope and language.
#[derive(Debug, Clone, Default)]
pub struct Background(BTreeMap<Scope, BTreeMap<String, Sample>>);

#[derive(Debug, Clone, Default)]
struct Sample {
    seen: usize,
    vectors: Vec<Embedding>,
}

impl Background {
    /// Counts a passage: each of a language and a scope is as likely as any other to be in its sample.
    pub fn count(&mut self, point: &Point) {
        let Some(language) = &point.language else { return };
        let sample = self.0.entry(point.scope.clone()).or_default().entry(language.clone()).or_default();
        sample.seen += 1;
        if sample.vectors.len() < SAMPLE {
            return sample.vectors.push(point.dense.clone());
        }
        // By its id, so that the same library has the same sample at every start.
        let mut hasher = DefaultHasher::new();
        (&point.passage.document.0, point.passage.ordinal).hash(&mut hasher);
        let lot = hasher.finish() % sample.seen as u64;
        if let Some(place) = usize::try_from(lot).ok().and_then(|lot| sample.vectors.get_mut(lot)) {
            place.clone_from(&point.dense);
        }
    }

    /// What a question's cosines are compared by; none where what may be read is in one language, as far as can be told.
    /// `own` tells the question's language, and is asked only where that matters.
    pub fn around(&self, readable: &Readable, question: &[f32], own: impl FnOnce() -> String) -> Option<Normaliser> {
        let mut samples: BTreeMap<&String, Vec<&Sample>> = BTreeMap::new();
        for (language, sample) in readable.scopes().iter().filter_map(|scope| self.0.get(scope)).flatten() {
            samples.entry(language).or_default().push(sample);
        }
        samples.retain(|_, samples| samples.iter().map(|sample| sample.vectors.len()).sum::<usize>() >= SAMPLE_MIN);
        let spread = |samples: &[&Sample]| Spread::joined(samples.iter().map(|sample| sample.spread(question)));
        let spreads: BTreeMap<String, Spread> =
            samples.into_iter().map(|(language, samples)| (language.clone(), spread(&samples))).collect();
        if spreads.len() < 2 { None } else { Normaliser::new(&own(), spreads) }
    }
}

impl Sample {
    /// Where the cosines of a question to it lie, and for how many passages it stands.
    fn spread(&self, question: &[f32]) -> (Spread, usize) {
        let cosines: Vec<f32> = self.vectors.iter().map(|vector| cosine(question, vector)).collect();
        (Spread::of(&cosines), self.seen)
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Where the cosines of a question to the passages of a language lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Their mean.
    pub mean: f32,
    /// Their standard deviation.
    pub deviation: f32,
}

impl Spread {
    /// That of these; of none, zero.
    pub fn of(cosines: &[f32]) -> Self {
        let count = cosines.len().max(1) as f32;
        let mean = cosines.iter().sum::<f32>() / count;
        let variance = cosines.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / count;
        Self { mean, deviation: variance.sqrt() }
    }

    /// That of all of which these are parts, each with how many there are.
    fn joined(parts: impl Iterator<Item = (Self, usize)>) -> Self {
        let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (part, weight) in parts {
            let weight = weight as f32;
            count += weight;
            sum += weight * part.mean;
            squares += weight * (part.deviation.powi(2) + part.mean.powi(2));
        }
        let mean = sum / f32::max(count, 1.0);
        let variance = squares / f32::max(count, 1.0) - mean.powi(2);
        Self { mean, deviation: variance.max(0.0).sqrt() }
    }
}

/// Makes the cosines of a question comparable.
#[derive(Debug, Clone, PartialEq)]
pub struct Normaliser {
    own: String,
    home: Spread,
    spreads: BTreeMap<String, Spread>,
}

impl Normaliser {
    /// One for a question in the language `own`; none with fewer than two languages. Of a question in none of them, the
    /// language that lies nearest to it stands for its own.
    pub fn new(own: &str, spreads: BTreeMap<String, Spread>) -> Option<Self> {
        if spreads.len() < 2 {
            return None;
        }
        let nearest = || spreads.values().copied().max_by(|a, b| a.mean.total_cmp(&b.mean));
        let home = spreads.get(own).copied().or_else(nearest)?;
        Some(Self { own: own.to_owned(), home, spreads })
    }

    /// Whether a passage is in another language than the question, so that their words tell nothing.
    pub fn is_foreign(&self, language: Option<&str>) -> bool {
        language.is_some_and(|language| language != self.own)
    }

    /// The cosine that a passage of a language would have in the question's.
    pub fn cosine(&self, cosine: f32, language: Option<&str>) -> f32 {
        let theirs = language.filter(|language| *language != self.own).and_then(|code| self.spreads.get(code));
        let Some(theirs) = theirs else { return cosine };
        let stretch = match theirs.deviation {
            deviation if deviation > f32::EPSILON => self.home.deviation / deviation,
            _ => 1.0,
        };
        let stretch = stretch.clamp(1.0 / STRETCH_MAX, STRETCH_MAX);
        (self.home.mean + (cosine - theirs.mean) * stretch).clamp(-1.0, 1.0)
    }
}

/// What the words of a passage in another language would say: the mean of those in the question's language whose cosines
/// are nearest to its; what it does share with the question counts where that is more. `own`: their cosines and words.
pub fn imputed(cosine: f32, shared: Lexical, own: &[(f32, Lexical)]) -> Lexical {
    let mut nearest: Vec<&(f32, Lexical)> = own.iter().collect();
    nearest.sort_by(|a, b| (a.0 - cosine).abs().total_cmp(&(b.0 - cosine).abs()));
    nearest.truncate(NEIGHBOURS);
    let mean = |of: fn(&Lexical) -> f32| {
        nearest.iter().map(|(_, lexical)| of(lexical)).sum::<f32>() / nearest.len().max(1) as f32
    };
    Lexical {
        bm25: mean(|lexical| lexical.bm25).max(shared.bm25),
        coverage: mean(|lexical| lexical.coverage).max(shared.coverage),
        sentence: mean(|lexical| lexical.sentence).max(shared.sentence),
    }
}

#[cfg(test)]
mod tests {
    use chat::{Audience, DocumentId, PassageId, Place, Platform};

    use super::*;

    fn spread(mean: f32, deviation: f32) -> Spread {
        Spread { mean, deviation }
    }

    /// German lies lower and closer together than English; of French, in which nothing is said to lie, nothing is known.
    fn english_question() -> Normaliser {
        let spreads = [("de", spread(0.1, 0.05)), ("en", spread(0.2, 0.1))];
        Normaliser::new("en", spreads.map(|(code, spread)| (code.to_owned(), spread)).into()).unwrap()
    }

    #[track_caller]
    fn check(cosine: f32, language: Option<&str>, want: f32) {
        let found = english_question().cosine(cosine, language);
        assert!((found - want).abs() < 1e-6, "{cosine} {language:?}: {found}, want {want}");
    }

    #[test]
    fn what_stands_out_in_its_language_stands_out_as_much_in_the_questions() {
        check(0.1, Some("de"), 0.2);
        check(0.25, Some("de"), 0.5);
        check(0.05, Some("de"), 0.1);
        check(0.9, Some("de"), 1.0);
    }

    #[test]
    fn what_is_in_the_questions_language_or_in_an_unknown_one_stays() {
        for language in [Some("en"), Some("fr"), None] {
            check(0.31, language, 0.31);
        }
        let normaliser = english_question();
        assert!(normaliser.is_foreign(Some("de")) && normaliser.is_foreign(Some("fr")));
        assert!(!normaliser.is_foreign(Some("en")) && !normaliser.is_foreign(None));
    }

    #[test]
    fn a_passage_that_a_threshold_would_refuse_for_its_language_alone_is_not_refused() {
        // The thresholds of one language: a background passage stays below, an answer comes above.
        let (threshold, normaliser) = (0.42, english_question());
        let (background, answer) = (0.14, 0.24);
        assert!(answer < threshold, "this is what it is for");
        assert!(normaliser.cosine(answer, Some("de")) > threshold);
        assert!(normaliser.cosine(background, Some("de")) < threshold);
    }

    #[test]
    fn one_language_is_compared_with_none_and_a_strange_question_by_the_nearest() {
        let spreads = |codes: &[(&str, f32)]| -> BTreeMap<String, Spread> {
            codes.iter().map(|(code, mean)| ((*code).to_owned(), spread(*mean, 0.1))).collect()
        };
        assert_eq!(Normaliser::new("de", spreads(&[("en", 0.1)])), None);
        let polish = Normaliser::new("pl", spreads(&[("en", 0.1), ("de", 0.3)])).unwrap();
        assert!((polish.cosine(0.2, Some("en")) - 0.4).abs() < 1e-6);
        assert!((polish.cosine(0.2, Some("de")) - 0.2).abs() < 1e-6);
        assert!(polish.is_foreign(Some("de")));
    }

    #[test]
    fn a_sample_with_hardly_any_spread_stretches_nothing_far() {
        let spreads = [("de", spread(0.1, 0.0)), ("en", spread(0.2, 0.1)), ("fr", spread(0.1, 0.001))];
        let normaliser = Normaliser::new("en", spreads.map(|(code, spread)| (code.to_owned(), spread)).into()).unwrap();
        assert!((normaliser.cosine(0.2, Some("de")) - 0.3).abs() < 1e-6);
        assert!((normaliser.cosine(0.2, Some("fr")) - 0.4).abs() < 1e-6);
    }

    #[test]
    fn a_librarys_languages_are_sampled_alike_however_large_they_are() {
        let place = Place {
            platform: Platform::Matrix,
            community: "lab".into(),
            room: "seminar".into(),
            thread: None,
            audience: Audience::Room,
        };
        let readable = Readable::of(&place, &"ana".into(), &[], &[]);
        let mut background = Background::default();
        // The questions' axis is the first; each language lies around its own mean on it.
        for (code, count, mean) in
            [(Some("de"), 4_000, 0.1), (Some("en"), 100, 0.4), (Some("fr"), 3, 0.9), (None, 50, 0.9)]
        {
            let scopes = [Scope::Community("lab".into()), Scope::Room("seminar".into())];
            for ordinal in 0..count {
                let dense = vec![mean + if ordinal % 2 == 0 { 0.05 } else { -0.05 }, 0.0];
                background.count(&Point {
                    passage: PassageId { document: DocumentId(format!("{code:?}")), ordinal },
                    scope: scopes[usize::from(ordinal % 4 == 0)].clone(),
                    title: String::new(),
                    text: String::new(),
                    language: code.map(str::to_owned),
                    year: None,
                    dense,
                });
            }
        }
        // What is somebody else's alone changes nothing.
        for ordinal in 0..200 {
            let id = DocumentId(format!("theirs{ordinal}"));
            background.count(&Point {
                passage: PassageId { document: id, ordinal: 0 },
                scope: Scope::Person("bob".into()),
                title: String::new(),
                text: String::new(),
                language: Some(if ordinal % 2 == 0 { "fr" } else { "en" }.to_owned()),
                year: None,
                dense: vec![-1.0, 0.0],
            });
        }
        assert_eq!(background.0[&Scope::Community("lab".into())]["de"].vectors.len(), SAMPLE);
        let normaliser = background.around(&readable, &[1.0, 0.0], || "en".to_owned()).unwrap();
        assert_eq!(normaliser.spreads.len(), 2, "three passages say nothing of French");
        let (german, english) = (normaliser.spreads["de"], normaliser.spreads["en"]);
        assert!((german.mean - 0.1).abs() < 0.02 && (german.deviation - 0.05).abs() < 0.01, "{german:?}");
        assert!((english.mean - 0.4).abs() < 1e-3, "{english:?}");
        assert_eq!(Background::default().around(&readable, &[1.0, 0.0], || unreachable!("nobody asks")), None);
    }

    #[test]
    fn words_in_another_language_count_as_those_of_its_like() {
        let lexical = |share: f32| Lexical { bm25: share, coverage: share, sentence: share };
        let own: Vec<(f32, Lexical)> =
            [(0.9, 0.8), (0.5, 0.3), (0.5, 0.5), (0.5, 0.4), (0.4, 0.2), (0.6, 0.6), (0.0, 0.0)]
                .map(|(cosine, share)| (cosine, lexical(share)))
                .into();
        let found = imputed(0.5, lexical(0.0), &own);
        assert!((found.coverage - 0.4).abs() < 1e-6, "{found:?}");
        assert_eq!(imputed(0.5, lexical(0.9), &own), lexical(0.9), "names and formulas are the same everywhere");
        assert_eq!(imputed(0.5, lexical(0.1), &[]), lexical(0.1));
    }
}
