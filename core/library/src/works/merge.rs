//! Several entries of one work.

use std::collections::HashMap;

use super::{ListedWork, distinct};
use crate::identity;

/// Makes one work of those that share an id, or title and year; each stands where its first entry stood.
///
/// What one entry lacks the others give: the longest summary and list of authors, every id.
pub(super) fn merge(works: Vec<ListedWork>) -> Vec<ListedWork> {
    // Where each work went: into itself, or on into an earlier one.
    let mut into: Vec<usize> = (0..works.len()).collect();
    let mut by: HashMap<String, usize> = HashMap::new();
    for (place, work) in works.iter().enumerate() {
        let title = identity::fold(&work.title);
        let title = (!title.is_empty()).then(|| format!("title:{title}|{:?}", work.year));
        for key in work.ids.iter().cloned().chain(title) {
            let known = *by.entry(key).or_insert(place);
            let (one, two) = (root(&into, known), root(&into, place));
            into[one.max(two)] = one.min(two);
        }
    }
    let mut merged: Vec<Option<ListedWork>> = Vec::with_capacity(works.len());
    for (place, work) in works.into_iter().enumerate() {
        merged.push(None);
        match &mut merged[root(&into, place)] {
            Some(first) => take(first, work),
            empty => *empty = Some(work),
        }
    }
    merged.into_iter().flatten().collect()
}

fn root(into: &[usize], mut at: usize) -> usize {
    while into[at] != at {
        at = into[at];
    }
    at
}

fn take(first: &mut ListedWork, other: ListedWork) {
    if other.summary.len() > first.summary.len() {
        first.summary = other.summary;
    }
    if other.authors.len() > first.authors.len() {
        first.authors = other.authors;
    }
    first.year = first.year.or(other.year);
    first.ids.extend(other.ids);
    distinct(&mut first.ids);
}
