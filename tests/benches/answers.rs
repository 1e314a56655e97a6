//! What a person waits for: first sign, sources, whole answer, alone and with three others; and the memory after 300
//! answers: `cargo bench --profile dev --workspace --bench answers`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat::{Event, ports::Dispatch};
use futures::{StreamExt, future::join_all};
use tests::World;

const QUESTIONS: [&str; 8] = [
    "How is conversation disentanglement annotated?",
    "How can explanations of ethical reasoning be refined?",
    "How do I book the GPU server?",
    "Which models are used for machine translation?",
    "What are the limits of language models in question answering?",
    "How is bias in word embeddings measured?",
    "What does the reading group expect from its members?",
    "How are named entities recognised?",
];

struct Times {
    first: Duration,
    sources: Option<Duration>,
    whole: Duration,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
    runtime.shutdown_background();
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn measure() {
    let world = World::start().await;
    world.ingest(&tests::samples()).await;
    if let Some(model) = &world.home.generator {
        model.ready().await.expect("the model loads");
    }
    // One host for all: they share its queue.
    let (dispatch, _) = world.home.host();
    println!("callers  first sign s p50, p95  sources s p50, p95  whole answer s p50, p95");
    for callers in [1, 4] {
        let mut all = Vec::new();
        for round in 0..6 {
            all.extend(join_all((0..callers).map(|caller| ask(&world, &dispatch, round * callers + caller))).await);
        }
        row(callers, &all);
    }
    let answers: usize = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(300);
    let before = resident_mib();
    println!("resident memory: {before} MiB before");
    for answer in 0..answers {
        ask(&world, &dispatch, answer).await;
        if (answer + 1) % (answers / 3).max(1) == 0 {
            println!("after {} more answers: {} MiB", answer + 1, resident_mib());
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn row(callers: usize, all: &[Times]) {
    let at = |of: &dyn Fn(&Times) -> Option<Duration>, share: f64| {
        let mut times: Vec<f64> = all.iter().filter_map(of).map(|time| time.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        times
            .get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    };
    let pair = |of: &dyn Fn(&Times) -> Option<Duration>| format!("{:.3}, {:.3}", at(of, 0.5), at(of, 0.95));
    println!(
        "{callers:>7}  {:>21}  {:>18}  {:>23}",
        pair(&|times| Some(times.first)),
        pair(&|times| times.sources),
        pair(&|times| Some(times.whole))
    );
}

async fn ask(world: &World, dispatch: &Arc<dyn Dispatch>, number: usize) -> Times {
    // Numbered callers, so that the queue sees four people.
    let mut message = world.message(&format!("/ask {}", QUESTIONS[number % QUESTIONS.len()]));
    message.author = format!("caller{number}").as_str().into();
    message.id = format!("{}-{number}", message.id).as_str().into();
    let started = Instant::now();
    let mut events = dispatch.message(message).await;
    let mut times = Times { first: Duration::ZERO, sources: None, whole: Duration::ZERO };
    while let Some(event) = events.next().await {
        // That it was accepted is not shown to anybody.
        if times.first.is_zero() && !matches!(event, Event::Accepted { .. }) {
            times.first = started.elapsed();
        }
        if let Event::Sources { .. } = event {
            times.sources = Some(started.elapsed());
        }
    }
    times.whole = started.elapsed();
    times
}

/// Resident memory of this process; 0 where the system does not say.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
