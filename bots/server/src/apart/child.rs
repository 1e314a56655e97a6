//! The other side of the door: reads one file from its standard input, says what is in it, and ends.
//!
//! **Invariant:** it takes its limits before it takes a byte of the file, and can widen none of them.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use super::said::{Order, Said, Work};

/// Longest order, in bytes.
const ORDER_MAX: u64 = 64 << 10;

/// Reads one file, as `read-one` is told to.
pub(crate) fn run() -> ExitCode {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let order = input.by_ref().take(ORDER_MAX).read_until(b'\n', &mut line).ok();
    let Some(order) = order.and_then(|_| serde_json::from_slice::<Order>(&line).ok()) else {
        crate::progress::complain("`read-one` is how I read files of strangers; it is not for people.");
        return ExitCode::from(crate::USAGE);
    };
    narrow(&order);
    let mut bytes = Vec::new();
    // As many as came: what the order says of their number is not reserved for.
    let came = input.take(order.bytes as u64).read_to_end(&mut bytes);
    if came.ok() != Some(order.bytes) {
        return ExitCode::from(crate::FAILED);
    }
    drop(line);
    let said = read(&order, &bytes);
    drop(bytes);
    match said.into_iter().chain([Said::Done]).try_for_each(|said| say(&said)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(crate::FAILED),
    }
}

fn read(order: &Order, bytes: &[u8]) -> Vec<Said> {
    let limits = library::Limits { time_max: order.time, ..library::Limits::default() };
    match &order.work {
        Work::Documents => match library::read(&order.name, bytes, &limits) {
            Ok(reading) => {
                let refused = reading.refused.into_iter();
                let refused = refused.map(|it| Said::Entry { fragment: it.fragment, sentence: it.error.to_string() });
                reading.drafts.into_iter().map(|draft| Said::Draft(Box::new(draft))).chain(refused).collect()
            }
            Err(error) => vec![Said::Failed(error.to_string())],
        },
        Work::Works => match library::read_works(&order.name, bytes, &limits) {
            Ok(works) => vec![Said::Works(works)],
            Err(error) => vec![Said::Failed(error.to_string())],
        },
        Work::Plugin { plugin, work } => {
            let plugins = plugins::all();
            let found = plugins.iter().find(|known| known.manifest().name == plugin);
            let made: Option<Result<Value, String>> = found.map(|found| found.read_file(work, &order.name, bytes));
            vec![match made {
                Some(Ok(value)) => Said::Value(value),
                Some(Err(sentence)) => Said::Failed(sentence),
                None => Said::Failed(format!("no plugin is called {plugin}")),
            }]
        }
    }
}

fn say(said: &Said) -> io::Result<()> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer(&mut output, said)?;
    output.write_all(b"\n")?;
    output.flush()
}

/// Takes the limits: memory, time of a processor, and no file at all.
#[cfg(unix)]
fn narrow(order: &Order) {
    use rlimit::Resource;
    let seconds = order.time.as_secs().max(1) + 1;
    let memory = addresses().saturating_add(order.memory_mib << 20);
    let limits = [
        (Resource::AS, memory, memory),
        // A second between the word and the end.
        (Resource::CPU, seconds, seconds + 1),
        (Resource::FSIZE, 0, 0),
        (Resource::CORE, 0, 0),
        // Those that are open stay so.
        (Resource::NOFILE, 0, 0),
    ];
    for (resource, soft, hard) in limits {
        // A system that knows no such limit has the others, and the deadline.
        let _unknown = resource.set(soft, hard);
    }
}

#[cfg(not(unix))]
fn narrow(_: &Order) {}

/// What the program takes before it reads, in bytes of addresses: most of it is the program itself.
#[cfg(unix)]
fn addresses() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    pages.unwrap_or(1 << 18).saturating_mul(4096)
}
