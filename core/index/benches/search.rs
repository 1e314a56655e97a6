//! Time of one hybrid search in process, at 1 000, 10 000 and 100 000 passages, and what it takes to get there.
//!
//! `cargo bench --profile dev --workspace --bench search [-- SIZE...]`. Vectors of 384 dimensions in clusters, words by Zipf's law over 50 000 terms,
//! 120 to a passage, 90 % of the passages in the scope that is searched. Prints a row per size and mode. Beside the
//! times as seen by a caller stands the processor time of all threads, which a busy machine does not stretch (Linux).

use std::{
    env,
    time::{Duration, Instant},
};

use chat::{
    Audience, DocumentId, PassageId, Place, Platform, Readable, Scope,
    ports::{Embedding, Index, IndexQuery, Point, SearchMode, Stamp},
};
use index::EdgeIndex;

const DIMS: usize = 384;
const CLUSTERS: usize = 500;
const VOCABULARY: usize = 50_000;
const WORDS: usize = 120;
const QUERIES: usize = 400;

/// Repeatable numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    /// From 0 to 1, 1 left out.
    fn real(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.real() * bound as f64) as usize
    }

    /// About normal: the sum of four.
    fn normal(&mut self) -> f32 {
        ((0..4).map(|_| self.real()).sum::<f64>() - 2.0) as f32
    }

    /// A word by Zipf's law: the rank `r` about as often as `1/r`.
    fn word(&mut self) -> usize {
        (VOCABULARY as f64).powf(self.real()) as usize
    }

    /// A unit vector near one of the centres.
    fn near(&mut self, centres: &[Embedding]) -> Embedding {
        let centre = &centres[self.below(centres.len())];
        unit(centre.iter().map(|value| value + 0.6 * self.normal()).collect())
    }

    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| format!("w{} ", self.word())).collect()
    }
}

fn unit(vector: Embedding) -> Embedding {
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    vector.into_iter().map(|value| value / norm).collect()
}

fn scope(number: usize) -> Scope {
    match number % 10 {
        0 => Scope::Room(format!("r{}", number % 7).as_str().into()),
        _ => Scope::Community("lab".into()),
    }
}

fn percentile(times: &mut [Duration], share: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
}

/// Processor time of this process so far, in seconds; 0 where it cannot be told.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[expect(clippy::print_stdout, reason = "a bench reports on the standard output")]
#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes };
    println!(
        "| passages | write, s (processor) | optimise, s (processor) | mode | p50, ms | p99, ms | processor, ms | recall@10 |"
    );
    println!("|--:|--:|--:|---|--:|--:|--:|--:|");
    for size in sizes {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let stamp = Stamp { model: "bench".to_owned(), dims: DIMS, chunker: 1 };
        let index = EdgeIndex::open(dir.path(), &stamp).expect("an empty index");
        let mut dice = Dice(1);
        let centres: Vec<Embedding> = (0..CLUSTERS).map(|_| (0..DIMS).map(|_| dice.normal()).collect()).collect();
        let mut vectors = Vec::with_capacity(size);
        let (mut write, mut write_processor) = (Duration::ZERO, 0.0);
        for first in (0..size).step_by(1_000) {
            let points: Vec<Point> = (first..(first + 1_000).min(size))
                .map(|number| Point {
                    passage: PassageId {
                        document: DocumentId(format!("{:016x}", number / 4)),
                        ordinal: number as u32 % 4,
                    },
                    scope: scope(number),
                    title: dice.text(8),
                    text: dice.text(WORDS),
                    language: Some("en".to_owned()),
                    year: Some(2000 + (number % 25) as i16),
                    dense: dice.near(&centres),
                })
                .collect();
            vectors
                .extend(points.iter().map(|point| (point.passage.clone(), point.scope.clone(), point.dense.clone())));
            let (start, before) = (Instant::now(), processor());
            index.upsert(points).await.expect("a write");
            write += start.elapsed();
            write_processor += processor() - before;
        }
        let (start, before) = (Instant::now(), processor());
        index.flush().await.expect("a flush");
        let (optimise, optimise_processor) = (start.elapsed(), processor() - before);
        let place = Place {
            platform: Platform::Console,
            community: "lab".into(),
            room: "r3".into(),
            thread: None,
            audience: Audience::Room,
        };
        let readable = Readable::of(&place, &"ana".into(), &[], &[]);
        for mode in [SearchMode::Dense, SearchMode::Sparse, SearchMode::Hybrid] {
            let mut dice = Dice(2);
            let mut times = Vec::with_capacity(QUERIES);
            let (mut right, mut asked, mut busy) = (0, 0, 0.0);
            for number in 0..QUERIES {
                let query = IndexQuery {
                    readable: readable.clone(),
                    text: dice.text(10),
                    dense: Some(dice.near(&centres)),
                    mode,
                    limit: 10,
                    per_document_max: if mode == SearchMode::Dense { 0 } else { 2 },
                    documents: Vec::new(),
                    languages: Vec::new(),
                    year_min: None,
                    year_max: None,
                    diversity: 0.0,
                };
                let (start, before) = (Instant::now(), processor());
                let hits = index.search(&query).await.expect("a search");
                times.push(start.elapsed());
                busy += processor() - before;
                if mode == SearchMode::Dense && number % 10 == 0 {
                    let asked_for = query.dense.as_deref().unwrap_or_default();
                    let mut exact: Vec<(f32, &PassageId)> = vectors
                        .iter()
                        .filter(|(_, scope, _)| readable.allows(scope))
                        .map(|(id, _, vector)| (vector.iter().zip(asked_for).map(|(a, b)| a * b).sum(), id))
                        .collect();
                    exact.sort_by(|a, b| b.0.total_cmp(&a.0));
                    asked += hits.len();
                    right += hits.iter().filter(|hit| exact[..10].iter().any(|(_, id)| **id == hit.passage)).count();
                }
            }
            let recall = if asked > 0 { format!("{:.3}", right as f64 / asked as f64) } else { String::new() };
            println!(
                "| {size} | {:.1} ({write_processor:.1}) | {:.1} ({optimise_processor:.1}) | {mode:?} | {:.2} | {:.2} | {:.2} | {recall} |",
                write.as_secs_f64(),
                optimise.as_secs_f64(),
                percentile(&mut times, 0.5),
                percentile(&mut times, 0.99),
                busy * 1000.0 / QUERIES as f64,
            );
        }
        let start = Instant::now();
        let listed = index.passages().await.expect("a listing").len();
        println!("listing {listed} passages took {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
        drop(index);
        let start = Instant::now();
        drop(EdgeIndex::open(dir.path(), &stamp).expect("the index again"));
        println!("opening and closing it took {:.0} ms", start.elapsed().as_secs_f64() * 1000.0);
    }
}
