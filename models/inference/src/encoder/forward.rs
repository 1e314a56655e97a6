//! The forward pass over a packed batch: the tokens of all texts in one matrix, no padding anywhere.
//!
//! Everything but attention works row by row, and attention needs no more of other rows than their key and value of
//! the same layer. So a layer is one pass over blocks of rows: a thread takes a block through attention, projection,
//! feed-forward and on to the next layer's query, key and value while it stays in its cache, and threads wait for each
//! other once per layer.
//!
//! **Invariant:** a text's vector depends on its own tokens alone, whatever it is packed with.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use gemm::Parallelism;
use rayon::prelude::*;

use super::{
    maths,
    product::{Into, View, ViewMut, product},
    weights::{Layer, Linear, Weights},
};

/// Rows that a thread takes at a time: its share of the widest layer (1 536 columns) then fits a cache of 1 MiB.
const BLOCK_ROWS: usize = 128;

/// Under so many rows per thread, threads share each product instead: few rows each would read all weights each.
const SHARED_ROWS: usize = 32;

/// Texts as token ids, end to end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    ids: Vec<u32>,
    ends: Vec<usize>,
}

impl Packed {
    /// Packs texts.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a [u32]>) -> Self {
        let mut packed = Self::default();
        for ids in texts {
            packed.ids.extend_from_slice(ids);
            packed.ends.push(packed.ids.len());
        }
        packed
    }

    /// Rows of each text.
    pub fn texts(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| start..end)
    }
}

/// Buffers that live from call to call.
#[derive(Debug, Default)]
pub struct Workspace {
    hidden: Vec<f32>,
    qkv: Vec<f32>,
    qkv_next: Vec<f32>,
    scratch: Vec<Scratch>,
}

/// What one thread needs for a block.
#[derive(Debug, Default)]
struct Scratch {
    attended: Vec<f32>,
    out: Vec<f32>,
    middle: Vec<f32>,
    scores: Vec<f32>,
}

/// One block of rows.
struct Block<'a> {
    rows: Range<usize>,
    hidden: &'a mut [f32],
    qkv_next: &'a mut [f32],
}

/// Runs the model; row `i` of the result is the vector of token `i`.
///
/// To be called inside the rayon pool whose threads it may use.
///
/// # Panics
/// When an id or a text's length lies outside the tables: [`super::Encoder`] never passes one.
pub fn forward<'a>(weights: &Weights, packed: &Packed, workspace: &'a mut Workspace) -> &'a [f32] {
    let rows = packed.ids.len();
    let width = weights.hidden;
    let Workspace { hidden, qkv, qkv_next, scratch } = workspace;
    let threads = rayon::current_num_threads();
    let (block_rows, parallelism) = plan(rows, threads);
    hidden.resize(rows * width, 0.0);
    qkv.resize(rows * 3 * width, 0.0);
    qkv_next.resize(rows * 3 * width, 0.0);
    scratch.resize_with(threads, Scratch::default);

    for layer in 0..=weights.layers.len() {
        std::mem::swap(qkv, qkv_next);
        let next = weights.layers.get(layer);
        let blocks = hidden.chunks_mut(block_rows * width).zip(qkv_next.chunks_mut(block_rows * 3 * width));
        let blocks = blocks.enumerate().map(|(index, (hidden, qkv_next))| {
            let start = index * block_rows;
            Block { rows: start..start + hidden.len() / width, hidden, qkv_next }
        });
        each(scratch, blocks, |scratch, block| {
            match layer.checked_sub(1) {
                None => look_up(weights, packed, block.rows.clone(), block.hidden),
                Some(layer) => {
                    attend(weights, packed, qkv, block.rows.clone(), scratch);
                    feed(&weights.layers[layer], block.hidden, scratch, parallelism);
                }
            }
            if let Some(next) = next {
                linear(&next.qkv, block.hidden, block.qkv_next, parallelism);
            }
        });
    }
    hidden
}

/// Rows per block, and whether a single product is shared between threads.
fn plan(rows: usize, threads: usize) -> (usize, Parallelism) {
    if threads > 1 && rows < threads * SHARED_ROWS {
        return (rows.max(1), Parallelism::Rayon(threads));
    }
    let blocks = rows.div_ceil(BLOCK_ROWS).next_multiple_of(threads);
    (rows.div_ceil(blocks.max(1)).max(1), Parallelism::None)
}

/// Hands `work` out to as many threads as there are scratches; a thread that is late takes less.
fn each<T: Send>(scratch: &mut [Scratch], work: impl Iterator<Item = T> + Send, run: impl Fn(&mut Scratch, T) + Sync) {
    let mut work = work.peekable();
    let first = work.next();
    if work.peek().is_none() {
        // Not on a thread of its own: `gemm` may then share its products.
        if let (Some(first), Some(scratch)) = (first, scratch.first_mut()) {
            run(scratch, first);
        }
        return;
    }
    let work = Mutex::new(first.into_iter().chain(work));
    let take = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
    scratch.par_iter_mut().with_max_len(1).for_each(|scratch| {
        while let Some(item) = take() {
            run(scratch, item);
        }
    });
}

fn look_up(weights: &Weights, packed: &Packed, rows: Range<usize>, hidden: &mut [f32]) {
    let width = weights.hidden;
    for (text, part) in parts(packed, &rows) {
        for row in part {
            let to = &mut hidden[(row - rows.start) * width..][..width];
            to.copy_from_slice(&weights.words[packed.ids[row] as usize * width..][..width]);
            maths::add(to, &weights.positions[(row - text.start) * width..][..width]);
        }
    }
    weights.norm.apply(hidden);
}

/// The texts that reach into `rows`: each with the rows of it that do.
fn parts<'a>(packed: &'a Packed, rows: &Range<usize>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + 'a {
    let (start, end) = (rows.start, rows.end);
    let first = packed.ends.partition_point(|&text_end| text_end <= start);
    let mut text_start = first.checked_sub(1).map_or(0, |before| packed.ends[before]);
    packed.ends[first..].iter().map_while(move |&text_end| {
        let text = text_start..text_end;
        text_start = text_end;
        (text.start < end).then(|| (text.clone(), text.start.max(start)..text.end.min(end)))
    })
}

/// Multi-head attention of `rows` over their texts, into `scratch.attended`.
fn attend(weights: &Weights, packed: &Packed, qkv: &[f32], rows: Range<usize>, scratch: &mut Scratch) {
    let width = weights.hidden;
    let head = width / weights.heads;
    let stride = 3 * width;
    scratch.attended.resize(rows.len() * width, 0.0);
    for (text, part) in parts(packed, &rows) {
        scratch.scores.resize(part.len() * text.len(), 0.0);
        let scores = &mut scratch.scores[..];
        let attended = &mut scratch.attended[(part.start - rows.start) * width..];
        for column in (0..width).step_by(head) {
            let query = View::new(&qkv[part.start * stride + column..], part.len(), head, stride);
            let key = View::new(&qkv[text.start * stride + width + column..], text.len(), head, stride);
            let value = View::new(&qkv[text.start * stride + 2 * width + column..], text.len(), head, stride);
            let mut to = ViewMut::new(scores, part.len(), text.len(), text.len());
            product(&mut to, Into::Replace, query, key.transposed(), Parallelism::None);
            for row in scores.chunks_exact_mut(text.len()) {
                let total = maths::exponentials(row);
                maths::scale(row, 1.0 / total);
            }
            let weight = View::new(scores, part.len(), text.len(), text.len());
            let mut to = ViewMut::new(&mut attended[column..], part.len(), head, width);
            product(&mut to, Into::Replace, weight, value, Parallelism::None);
        }
    }
}

/// The rest of a layer: projection, residual, feed-forward, residual.
fn feed(layer: &Layer, hidden: &mut [f32], scratch: &mut Scratch, parallelism: Parallelism) {
    let Scratch { attended, out, middle, .. } = scratch;
    let rows = hidden.len() / layer.attended.outputs;
    out.resize(hidden.len(), 0.0);
    middle.resize(rows * layer.up.outputs, 0.0);
    linear(&layer.attended, attended, out, parallelism);
    layer.attended_norm.apply_with(hidden, out);
    linear(&layer.up, hidden, middle, parallelism);
    maths::gelu(middle);
    linear(&layer.down, middle, out, parallelism);
    layer.down_norm.apply_with(hidden, out);
}

/// `to = from * matrix + bias`, row by row.
fn linear(layer: &Linear, from: &[f32], to: &mut [f32], parallelism: Parallelism) {
    let rows = from.len() / layer.inputs;
    for row in to.chunks_exact_mut(layer.outputs) {
        row.copy_from_slice(&layer.bias);
    }
    let from = View::new(from, rows, layer.inputs, layer.inputs);
    let matrix = View::new(&layer.matrix, layer.inputs, layer.outputs, layer.outputs);
    product(&mut ViewMut::new(to, rows, layer.outputs, layer.outputs), Into::Add, from, matrix, parallelism);
}
