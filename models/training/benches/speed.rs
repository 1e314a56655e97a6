//! A match among 10 000 people, the digests of 1 000 members, and learning from 100 000 words of feedback:
//! `cargo bench --profile dev --package training`.
//!
//! A plain program: what counts is the slowest of many matches and the time of two long jobs.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use training::{
    learn::Options,
    matching::{Item, Lexicon, Line, People, Person, Profile, Register, Rules, Scoring, Work},
    recommend::{Catalogue, DigestOptions, Feedback, Learned, Neighbours, Paper, Signals, Tastes, digest, learn},
};

/// As all-MiniLM-L6-v2 has it.
const DIMS: usize = 384;

/// Terms of an abstract, without stop words.
const TERMS: usize = 90;

/// Words of the language, the first ones far more frequent.
const VOCABULARY: f32 = 30_000.0;

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn main() {
    let mut random = fastrand::Rng::with_seed(1);
    let (packed, people) = timed(|| people(&mut random));
    println!("10 000 profiles of 20 vectors: packed in {:.1} s", packed.as_secs_f64());
    for lines in [1, 4, 16] {
        let mut times: Vec<Duration> = (0..100)
            .map(|_| {
                let need: Vec<Line> = (0..lines).map(|_| line(&mut random)).collect();
                timed(|| people.search(&need, &Scoring::in_year(2026), 10, |_| true).expect("it matches")).0
            })
            .collect();
        times.sort();
        println!("match of {lines:>2} lines: p50 {:>5.1?}  p95 {:>5.1?}", times[50], times[95]);
    }
    drop(people);

    let named = |at: u32| format!("Given{} M. Family{}", at % 1_500, at / 4);
    let person = |at: u32| Person { names: [named(at)].into(), ..Person::default() };
    let candidates: Vec<Person> = (0..10_000).map(person).collect();
    let works: Vec<Work> = (0..20_000)
        .map(|_| Work { authors: (0..4).map(|_| named(random.u32(..20_000))).collect(), year: Some(2024) })
        .collect();
    let (read, register) = timed(|| Register::new(&candidates, &works));
    let mut times: Vec<Duration> = (0..100)
        .map(|at| timed(|| register.against(std::slice::from_ref(&candidates[at]), &Rules::in_year(2026))).0)
        .collect();
    times.sort();
    println!("register of 10 000 candidates and 20 000 works: {:.1} s", read.as_secs_f64());
    println!("conflicts of one seeker: p50 {:>5.1?}  p95 {:>5.1?}", times[50], times[95]);

    let catalogue = Catalogue::new(&(0..20_000).map(|_| paper(&mut random)).collect::<Vec<_>>()).expect("it packs");
    let feedback: Vec<Feedback> = (0..100_000)
        .map(|at| Feedback { user: at % 2_000, paper: random.u32(..20_000), value: 1.0, day: random.i32(0..700) })
        .collect();
    let tastes = Tastes::new(&feedback, catalogue.len(), 700, Some(365.0));
    let (counted, neighbours) = timed(|| Neighbours::new(&tastes, catalogue.len()));
    println!("neighbours of 20 000 papers, 100 000 likes: {:.1} s", counted.as_secs_f64());
    let signals = Signals { catalogue: &catalogue, tastes: &tastes, neighbours: &neighbours, today: 700 };
    let fresh: Vec<u32> = (0..2_000).collect();
    let (made, picks) = timed(|| {
        let of = |user| {
            digest(&signals, &tastes.of(user), training::recommend::Way::Blend, &fresh, &DigestOptions::default())
        };
        (0..1_000).map(|user| of(user).len()).sum::<usize>()
    });
    println!("digests of 1 000 members over 2 000 new papers: {:.1} s, {picks} papers", made.as_secs_f64());
    let options = Options { patience: 100, epochs_max: 20, ..Options::default() };
    let mut watch = |_: &_| ControlFlow::Continue(());
    let (took, learned) = timed(|| learn(&catalogue, &feedback, 700, Some(365.0), &options, None, &mut watch));
    let Ok(Learned::Done(model)) = learned else { panic!("it learns: {learned:?}") };
    let (rows, epochs) = (model.report.rows, model.report.epochs.len());
    println!("learning from 100 000 words: {:.1} s, {rows} rows, {epochs} epochs", took.as_secs_f64());
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let started = Instant::now();
    let made = run();
    (started.elapsed(), made)
}

fn line(random: &mut fastrand::Rng) -> Line {
    let vector: Vec<f32> = (0..DIMS).map(|_| random.f32() - 0.5).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    // Log-uniform ranks: Zipf's law.
    let terms = (0..TERMS).map(|_| format!("w{}", VOCABULARY.powf(random.f32()) as u32)).collect();
    Line { vector: vector.iter().map(|x| x / norm).collect(), terms }
}

fn paper(random: &mut fastrand::Rng) -> Paper {
    Paper { line: line(random), day: random.i32(0..700) }
}

fn people(random: &mut fastrand::Rng) -> People {
    let mut item = || Item { lines: vec![line(random)], year: Some(2020), weight: 1.0 };
    let profiles: Vec<Profile> = (0..10_000).map(|_| Profile { items: (0..20).map(|_| item()).collect() }).collect();
    let lines = profiles.iter().flat_map(|profile| &profile.items).flat_map(|item| &item.lines);
    let lexicon = Lexicon::new(lines.map(|line| line.terms.as_slice()));
    People::new(Arc::new(lexicon), &profiles).expect("all vectors are alike")
}
