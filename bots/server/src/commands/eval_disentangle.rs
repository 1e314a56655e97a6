//! `eval disentangle`: conversations of annotated channels told apart, against the people who annotated them.
//!
//! A folder as irc-disentanglement has it: `NAME.ascii.txt`, lines as `[12:18] <ana> text`, and `NAME.annotation.txt`, lines
//! as `17 21 -`, line 21 answers line 17, both from 0; a line that answers itself starts a conversation.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use anyhow::{Context, bail};
use chat::ports::{EmbedTask, Embedder};
use jiff::{SignedDuration, Timestamp};
use plugins::summary::threads::{self, Line};
use training::measures::{Clusters, Confusion, links};

use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

/// Texts that are embedded in one call.
const EMBEDDED_AT_ONCE: usize = 64;

/// A channel, spoken lines only: nobody answers who comes and goes.
struct Channel {
    authors: Vec<String>,
    texts: Vec<String>,
    times: Vec<Timestamp>,
    /// Of each annotated line those that it answers.
    answers: BTreeMap<usize, Vec<usize>>,
}

/// What one way reached.
#[derive(Default)]
struct Score {
    given: Vec<(usize, usize, usize)>,
    wanted: Vec<(usize, usize, usize)>,
    clusters: Clusters,
}

impl Score {
    fn add(&mut self, file: usize, channel: &Channel, parents: &[usize]) {
        let given: Vec<(usize, usize)> = channel.answers.keys().map(|line| (*line, parents[*line])).collect();
        let wanted: Vec<(usize, usize)> =
            channel.answers.iter().flat_map(|(line, to)| to.iter().map(|to| (*line, *to))).collect();
        let (of_given, of_wanted) = (joined(&given), joined(&wanted));
        self.clusters.add(channel.answers.keys().map(|line| (of_given[line], of_wanted[line])));
        self.given.extend(given.into_iter().map(|(line, to)| (file, line, to)));
        self.wanted.extend(wanted.into_iter().map(|(line, to)| (file, line, to)));
    }

    fn print(&self, name: &str) {
        let percent = |value: f64| 100.0 * value;
        let f = |found: &Confusion| percent(found.f1());
        say(&format!(
            "{name:<12} {:>8.1} {:>11.1} {:>8.1} {:>6.1}",
            f(&links(self.given.iter().copied(), self.wanted.iter().copied())),
            percent(self.clusters.one_to_one()),
            f(&self.clusters.exact()),
            percent(self.clusters.variation_of_information()),
        ));
    }
}

/// The conversation of each line: the first of those that links join.
fn joined(links: &[(usize, usize)]) -> HashMap<usize, usize> {
    let mut first: HashMap<usize, usize> = HashMap::new();
    fn root(first: &HashMap<usize, usize>, mut line: usize) -> usize {
        while let Some(next) = first.get(&line).filter(|next| **next != line) {
            line = *next;
        }
        line
    }
    for (line, to) in links {
        let (one, two) = (root(&first, *line), root(&first, *to));
        first.insert(one.max(two), one.min(two));
        first.entry(*line).or_insert(one.min(two));
    }
    let lines: Vec<usize> = links.iter().map(|(line, _)| *line).collect();
    lines.into_iter().map(|line| (line, root(&first, line))).collect()
}

/// Measures a folder.
pub async fn run(settings: &Settings, dir: &Path) -> anyhow::Result<bool> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .with_context(|| format!("{} cannot be read", dir.display()))?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".ascii.txt").map(str::to_owned))
        .collect();
    names.sort();
    if names.is_empty() {
        bail!("{} holds no NAME.ascii.txt", dir.display());
    }
    let mut settings = settings.clone();
    settings.aside("eval/disentangle");
    let home = Home::open(&settings, Needs::Library).await?;
    let (mut words, mut with_vectors, mut before, mut lines) =
        (Score::default(), Score::default(), Score::default(), 0);
    for (file, name) in names.iter().enumerate() {
        let channel = read(dir, name)?;
        lines += channel.answers.len();
        let told: Vec<[&str; 1]> = channel.authors.iter().map(|author| [author.as_str()]).collect();
        let all: Vec<Line<'_>> = (0..channel.texts.len())
            .map(|at| Line {
                author: &channel.authors[at],
                names: &told[at],
                at: channel.times[at],
                text: &channel.texts[at],
                reply_to: None,
            })
            .collect();
        let texts: Vec<&str> = channel.texts.iter().map(String::as_str).collect();
        let mut vectors = Vec::new();
        for some in texts.chunks(EMBEDDED_AT_ONCE) {
            vectors.extend(home.embedder.embed(EmbedTask::Passage, some).await?);
        }
        words.add(file, &channel, &threads::parents(&all, None));
        with_vectors.add(file, &channel, &threads::parents(&all, Some(&vectors)));
        before.add(file, &channel, &(0..all.len()).map(|at| at.saturating_sub(1)).collect::<Vec<_>>());
    }
    say(&format!("{lines} annotated lines of {} channels", names.len()));
    say("             links F  one-to-one  exact F    VI");
    before.print("the one before");
    words.print("words");
    with_vectors.print("and vectors");
    home.close().await?;
    Ok(true)
}

fn read(dir: &Path, name: &str) -> anyhow::Result<Channel> {
    let open = |kind: &str| {
        let path = dir.join(format!("{name}.{kind}.txt"));
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let mut channel = Channel { authors: Vec::new(), texts: Vec::new(), times: Vec::new(), answers: BTreeMap::new() };
    let (mut places, mut clock) = (HashMap::new(), SignedDuration::ZERO);
    for (number, line) in open("ascii")?.lines().enumerate() {
        let Some((minutes, author, text)) = spoken(line) else { continue };
        // A time of day alone: after midnight it begins anew.
        let mut at = SignedDuration::from_mins(minutes);
        while at + SignedDuration::from_hours(12) < clock {
            at += SignedDuration::from_hours(24);
        }
        clock = at.max(clock);
        places.insert(number, channel.texts.len());
        channel.authors.push(author.to_owned());
        channel.texts.push(text.to_owned());
        channel.times.push(Timestamp::UNIX_EPOCH + clock);
    }
    let mut answers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, line) in open("annotation")?.lines().enumerate() {
        let mut numbers = line.split_whitespace().map_while(|word| word.parse::<usize>().ok());
        let (Some(one), Some(two)) = (numbers.next(), numbers.next()) else {
            bail!("{name}.annotation.txt, line {}: two numbers are wanted", number + 1);
        };
        answers.entry(one.max(two)).or_default().push(one.min(two));
    }
    for (line, to) in answers {
        let Some(line) = places.get(&line) else { continue };
        let mut to: Vec<usize> = to.iter().filter_map(|to| places.get(to).copied()).collect();
        if to.is_empty() {
            to.push(*line);
        }
        channel.answers.insert(*line, to);
    }
    Ok(channel)
}

/// Minutes of the day, author and text of a line that somebody said.
fn spoken(line: &str) -> Option<(i64, &str, &str)> {
    let (time, rest) = line.get(line.find('[')? + 1..)?.split_once(']')?;
    let mut parts = time.split(':');
    let (hours, minutes): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let rest = rest.trim_start();
    let (author, text) = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?,
        None => rest.strip_prefix('*')?.trim_start().split_once(' ')?,
    };
    Some((60 * hours + minutes, author, text.trim()))
}
