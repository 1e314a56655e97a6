//! A channel as far as it is read: what its lines say, who spoke when, which conversations are settled.

use std::collections::HashMap;

use super::{
    Line, WINDOW,
    features::{FEATURES, OWN, Pair},
    reading::{self, Naming, Reading},
};

/// A spread of cosines below this says nothing.
const SPREAD_MIN: f32 = 0.02;

/// A channel as far as it is read: [`candidates`](Self::candidates) and [`settle`](Self::settle) line by line.
#[derive(Debug)]
pub struct Channel<'a> {
    pub(super) lines: &'a [Line<'a>],
    pub(super) vectors: Option<&'a [Vec<f32>]>,
    pub(super) readings: Vec<Reading>,
    /// Place of each line among its author's.
    pub(super) ordinals: Vec<usize>,
    /// Lines of each author so far.
    pub(super) said: Vec<Vec<usize>>,
    /// The last line in which one of a pair called the other; the lower number first.
    pub(super) talks: HashMap<(usize, usize), usize>,
    /// The last line that called each author.
    pub(super) called: Vec<Option<usize>>,
    /// The first line of each line's conversation, and by first lines the conversation's latest.
    pub(super) roots: Vec<usize>,
    pub(super) latest: Vec<usize>,
    /// Children of each line.
    pub(super) children: Vec<usize>,
    row: Vec<f32>,
}

impl<'a> Channel<'a> {
    /// Reads all lines; names and rarity of words are those of the whole.
    pub fn new(lines: &'a [Line<'a>], vectors: Option<&'a [Vec<f32>]>) -> Self {
        let readings = reading::read(lines);
        let authors = readings.iter().map(|reading| reading.author + 1).max().unwrap_or(0);
        Self {
            lines,
            vectors,
            readings,
            ordinals: Vec::with_capacity(lines.len()),
            said: vec![Vec::new(); authors],
            talks: HashMap::new(),
            called: vec![None; authors],
            roots: Vec::with_capacity(lines.len()),
            latest: (0..lines.len()).collect(),
            children: vec![0; lines.len()],
            row: Vec::new(),
        }
    }

    /// Takes the parent of `child` as decided; lines are settled in order.
    pub fn settle(&mut self, child: usize, parent: usize) {
        let reading = &self.readings[child];
        self.ordinals.push(self.said[reading.author].len());
        self.said[reading.author].push(child);
        for (author, naming) in &reading.named {
            if *naming >= Naming::First {
                self.talks.insert((reading.author.min(*author), reading.author.max(*author)), child);
                self.called[*author] = Some(child);
            }
        }
        let root = self.roots.get(parent).copied().unwrap_or(child);
        self.roots.push(root);
        self.latest[root] = child;
        if parent < child {
            self.children[parent] += 1;
        }
    }

    /// Hands out the rows of `child`: first that of a start (itself), then those of the lines before it, latest first.
    pub fn candidates(&mut self, child: usize, mut each: impl FnMut(usize, &[f32])) {
        let mut row = std::mem::take(&mut self.row);
        let overlaps: Vec<f32> = (child.saturating_sub(WINDOW)..child)
            .rev()
            .map(|at| self.readings[child].overlap(&self.readings[at]))
            .collect();
        let best = overlaps.iter().copied().fold(0.0, f32::max);
        row.clear();
        self.of_child(child, best, &mut row);
        debug_assert_eq!(row.len(), OWN);
        row.push(1.0);
        row.resize(FEATURES, 0.0);
        each(child, &row);
        let mut between: Vec<usize> = Vec::new();
        let near = self.nearness(child);
        for (at, (candidate, overlap)) in (child.saturating_sub(WINDOW)..child).rev().zip(overlaps).enumerate() {
            row.truncate(OWN);
            row.push(0.0);
            let pair = Pair { child, candidate, overlap, best, near: near.get(at).copied(), between: &between };
            self.of_pair(&pair, &mut row);
            debug_assert_eq!(row.len(), FEATURES);
            each(candidate, &row);
            let author = self.readings[candidate].author;
            if !between.contains(&author) {
                between.push(author);
            }
        }
        self.row = row;
    }

    /// How near each candidate's vector is, latest first: against the mean and spread of all, since each embedder
    /// has its own idea of near. Empty without vectors.
    fn nearness(&self, child: usize) -> Vec<f32> {
        let Some((vectors, own)) = self.vectors.and_then(|vectors| Some((vectors, vectors.get(child)?))) else {
            return Vec::new();
        };
        let range = vectors.get(child.saturating_sub(WINDOW)..child).unwrap_or_default();
        let mut found: Vec<f32> = range.iter().rev().map(|vector| cosine(own, vector)).collect();
        let count = found.len().max(1) as f32;
        let mean = found.iter().sum::<f32>() / count;
        if !mean.is_finite() {
            return Vec::new();
        }
        let spread = (found.iter().map(|near| (near - mean).powi(2)).sum::<f32>() / count).sqrt().max(SPREAD_MIN);
        found.iter_mut().for_each(|near| *near = ((*near - mean) / spread / 2.0).clamp(-2.0, 2.0));
        found
    }

    pub(super) fn minutes(&self, from: usize, to: usize) -> f32 {
        let seconds = self.lines[to].at.as_second().saturating_sub(self.lines[from].at.as_second());
        (seconds as f32 / 60.0).max(0.0)
    }
}

fn cosine(one: &[f32], two: &[f32]) -> f32 {
    // Eight sums side by side, as the compiler may not reorder one.
    let (ones, twos) = (one.chunks_exact(8), two.chunks_exact(8));
    let rest: f32 = ones.remainder().iter().zip(twos.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0; 8];
    for (one, two) in ones.zip(twos) {
        for ((sum, a), b) in sums.iter_mut().zip(one).zip(two) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f32>()
}
