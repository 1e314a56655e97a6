//! Whether a sentence states what a line states: its numbers, polarity and, for a near copy, its every word.
//!
//! The three share one idea: a thing that stands several times in a line is compared with the occurrence whose
//! neighbours are most alike.

use super::{
    Why, lexicon,
    words::{Number, Word},
};

/// Words of the sentence, in order, that a line repeats, as a share: above it the sentence is a near copy.
const COPY_SHARE: f32 = 0.7;
/// A changed word is compared with the one in its place only in a closer copy.
pub(super) const CLOSE_SHARE: f32 = 0.8;
/// How much better the neighbours of another number must fit before the sentence's own is held for misplaced.
const MISPLACED_MARGIN: f32 = 2.5;
/// Words on each side that count as neighbours.
const NEIGHBOURS: usize = 4;

/// How alike the neighbours of two words are: near ones count more, on their own side fully, on the other by half.
fn context(one: &[Word], at: usize, two: &[Word], other: usize) -> f32 {
    let mut sum = 0.0;
    for (distance, side) in around(at, one.len()) {
        let word = &one[side];
        let weight = if word.content || word.cue { 1.0 } else { 0.4 };
        let mut best: f32 = 0.0;
        for (offset, place) in around(other, two.len()) {
            if two[place].stem != word.stem || (word.number.is_some() && word.number != two[place].number) {
                continue;
            }
            let same_side = (side < at) == (place < other);
            let near = 1.0 / (1.0 + 0.25 * f32::from(distance.abs_diff(offset)));
            best = best.max(near * if same_side { 1.0 } else { 0.5 });
        }
        sum += best * weight / (1.0 + 0.3 * f32::from(distance - 1));
    }
    sum
}

/// The places around `at` with their distance from 1.
fn around(at: usize, length: usize) -> impl Iterator<Item = (u8, usize)> {
    let reach = u8::try_from(NEIGHBOURS).unwrap_or(u8::MAX);
    (1..=reach).flat_map(move |distance| {
        let step = usize::from(distance);
        let before = at.checked_sub(step).map(|place| (distance, place));
        let after = Some(at + step).filter(|place| *place < length).map(|place| (distance, place));
        before.into_iter().chain(after)
    })
}

/// Whether every number of `sentence` stands in `near` (the line and its neighbours) or, among the same words, in `far`.
pub(super) fn numbers(sentence: &[Word], near: &[Word], far: &[Word]) -> Result<(), Why> {
    for (at, word) in sentence.iter().enumerate() {
        let Some(number) = word.number.as_ref().filter(|number| number.firm) else { continue };
        let fit = |text: &[Word], same: bool| {
            let places = text
                .iter()
                .enumerate()
                .filter(|(_, other)| other.number.as_ref().is_some_and(|other| number.agrees(other) == same));
            places.map(|(place, _)| context(sentence, at, text, place)).reduce(f32::max)
        };
        let own = match fit(near, true) {
            Some(own) => own,
            None => fit(far, true).filter(|own| *own >= 1.0).ok_or_else(|| Why::Number(shown(word, number)))?,
        };
        if fit(near, false).is_some_and(|other| other > own + MISPLACED_MARGIN) {
            return Err(Why::Number(shown(word, number)));
        }
    }
    Ok(())
}

fn shown(word: &Word, number: &Number) -> String {
    match number.unit {
        Some("%") => format!("{} %", word.lower),
        _ => word.lower.clone(),
    }
}

/// Whether `sentence` affirms and denies as `line` does, and takes the same end of each pair of opposites. What the
/// line leaves unsaid is looked up in `near`, the line and its neighbours.
pub(super) fn polarity(sentence: &[Word], line: &[Word], near: &[Word]) -> Result<(), Why> {
    for (at, word) in sentence.iter().enumerate() {
        if !word.content {
            continue;
        }
        if let Some(pole) = word.pole {
            let twins = line.iter().enumerate().filter_map(|(place, other)| Some((place, other, other.pole?)));
            let twin = twins
                .filter(|(_, _, other)| other.pair == pole.pair)
                .map(|(place, other, end)| {
                    (context(sentence, at, line, place) + if other.stem == word.stem { 0.5 } else { 0.0 }, other, end)
                })
                .max_by(|one, two| one.0.total_cmp(&two.0));
            if let Some((_, other, end)) = twin {
                let (ours, theirs) = (pole.up != word.denied, end.up != other.denied);
                // "did not rise" of a line that says "fell" is true; "fell" of one that says "did not rise" is not.
                if ours != theirs || (other.denied && !word.denied) {
                    return Err(Why::Polarity(word.lower.clone()));
                }
            }
            continue;
        }
        let same = |text: &[Word]| {
            let mut same = text.iter().filter(|other| other.content && other.stem == word.stem).peekable();
            same.peek().is_some().then(|| same.any(|other| other.denied == word.denied))
        };
        let turned = || line.iter().any(|other| lexicon::turned(&word.lower, &other.lower));
        match same(line).or_else(|| same(near)) {
            // "mice lacking it" and "its knockout" deny a name in different words.
            Some(false) if word.name && word.denied && near.iter().any(|other| lexicon::takes_away(&other.lower)) => {}
            Some(false) => return Err(Why::Polarity(word.lower.clone())),
            None if turned() => return Err(Why::Polarity(word.lower.clone())),
            _ => {}
        }
    }
    Ok(())
}

/// The share of `sentence` that stands in `line` in its order.
pub(super) fn copied(sentence: &[Word], line: &[Word]) -> f32 {
    ratio(common(sentence, line).len(), sentence.len())
}

/// Where `sentence` is `line` but for a few words: whether those change what it says. `known` tells whether a word
/// stands anywhere in the source.
pub(super) fn copy(sentence: &[Word], line: &[Word], known: impl Fn(&Word) -> bool) -> Result<(), Why> {
    let pairs = common(sentence, line);
    let share = ratio(pairs.len(), sentence.len());
    if share < COPY_SHARE || sentence.len() < 5 {
        return Ok(());
    }
    let mut from = (0, pairs.first().map_or(0, |first| first.1));
    let last_line = pairs.last().map_or(0, |last| last.1 + 1);
    for (ours, theirs) in pairs.iter().copied().chain([(sentence.len(), last_line)]) {
        gap(&sentence[from.0..ours], &line[from.1.min(theirs)..theirs], share, &known)?;
        from = (ours + 1, theirs + 1);
    }
    Ok(())
}

/// Compares what stands between two words that both texts share.
fn gap(ours: &[Word], theirs: &[Word], share: f32, known: &impl Fn(&Word) -> bool) -> Result<(), Why> {
    const LOCAL: usize = 3;
    let cues = |words: &[Word]| words.iter().filter(|word| word.cue).count();
    if cues(ours) % 2 != cues(theirs) % 2 && ours.len() <= LOCAL && theirs.len() <= LOCAL {
        let cue = ours.iter().chain(theirs).find(|word| word.cue);
        return Err(Why::Polarity(cue.map_or_else(String::new, |word| word.lower.clone())));
    }
    let content =
        |words: &[Word]| words.iter().filter(|word| word.content || word.number.is_some()).cloned().collect::<Vec<_>>();
    let (new, old) = (content(ours), content(theirs));
    if new.is_empty() || old.is_empty() {
        return Ok(());
    }
    for word in &new {
        if let Some(other) = old.iter().find(|other| lexicon::turned(&word.lower, &other.lower)) {
            return Err(Why::Changed { said: word.lower.clone(), line: other.lower.clone() });
        }
        if old.iter().any(|other| alike(word, other)) {
            continue;
        }
        if !known(word) || (new.len() == old.len() && new.len() <= 2 && share >= CLOSE_SHARE) {
            return Err(Why::Changed { said: word.lower.clone(), line: old[0].lower.clone() });
        }
    }
    Ok(())
}

/// Forms of one word: the same stem or a long common beginning.
pub(super) fn alike(one: &Word, two: &Word) -> bool {
    one.stem == two.stem || shared_start(&one.stem, &two.stem)
}

/// Whether two stems begin alike enough to be forms of one word.
pub(super) fn shared_start(one: &str, two: &str) -> bool {
    const START: usize = 5;
    let shared = one.chars().zip(two.chars()).take_while(|(a, b)| a == b).count();
    let longest = one.chars().count().max(two.chars().count());
    shared >= START && shared * 10 >= longest * 6
}

fn ratio(part: usize, whole: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "counts of words in one sentence")]
    let share = part as f32 / whole.max(1) as f32;
    share
}

/// The words that two texts share in one order, as pairs of places: the alignment with most pairs, those in a row
/// counting double, so that a word is set against the one in its place.
fn common(one: &[Word], two: &[Word]) -> Vec<(usize, usize)> {
    let width = two.len() + 1;
    let cell = |at: usize, other: usize| at * width + other;
    // `best`: from here on; `run`: from here on, starting with a pair here.
    let mut best = vec![0_u32; (one.len() + 1) * width];
    let mut run = vec![0_u32; (one.len() + 1) * width];
    for at in (0..one.len()).rev() {
        for other in (0..two.len()).rev() {
            if same(&one[at], &two[other]) {
                let next = cell(at + 1, other + 1);
                let row = if run[next] > 0 { run[next] + 1 } else { 0 };
                run[cell(at, other)] = 1 + best[next].max(row);
            }
            best[cell(at, other)] = run[cell(at, other)].max(best[cell(at + 1, other)]).max(best[cell(at, other + 1)]);
        }
    }
    let (mut at, mut other, mut in_row) = (0, 0, false);
    let mut pairs = Vec::new();
    while at < one.len() && other < two.len() {
        let here = run[cell(at, other)];
        let stays = in_row && here > 0 && here + 1 >= best[cell(at, other)];
        if stays || (here > 0 && here == best[cell(at, other)]) {
            pairs.push((at, other));
            let next = cell(at + 1, other + 1);
            in_row = run[next] > 0 && run[next] + 1 >= best[next];
            (at, other) = (at + 1, other + 1);
        } else if best[cell(at + 1, other)] >= best[cell(at, other + 1)] {
            (at, in_row) = (at + 1, false);
        } else {
            (other, in_row) = (other + 1, false);
        }
    }
    pairs
}

fn same(one: &Word, two: &Word) -> bool {
    match (&one.number, &two.number) {
        (Some(one), Some(two)) => one.agrees(two),
        (None, None) => one.stem == two.stem,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::read, *};

    #[track_caller]
    fn check(sentence: &str, line: &str, agrees: bool) {
        let (ours, theirs) = (read(sentence), read(line));
        let known = |word: &Word| theirs.iter().any(|other| alike(word, other));
        let verdict = numbers(&ours, &theirs, &theirs)
            .and_then(|()| polarity(&ours, &theirs, &theirs))
            .and_then(|()| copy(&ours, &theirs, known));
        assert_eq!(verdict.is_ok(), agrees, "{sentence} / {line}: {verdict:?}");
    }

    #[test]
    fn a_number_must_stand_in_the_line() {
        check("It took 1000 mice.", "It took 1,000 mice.", true);
        check("It took 10 mice.", "It took 1,000 mice.", false);
        check("A third, 33% of them, died.", "Of all 33 mice a third died.", false);
        check("It took 5 mg.", "It took 5 kg.", false);
    }

    #[test]
    fn a_number_must_stand_in_its_place() {
        let line = "Recurrence was 14.9% for extensive metabolizers and 29.0% for poor metabolizers.";
        check("Recurrence was 29% for poor metabolizers.", line, true);
        check("Recurrence was 29.0% for extensive metabolizers and 14.9% for poor metabolizers.", line, false);
    }

    #[test]
    fn a_denial_must_be_the_lines() {
        let line = "Folic acid did not affect overall survival in patients.";
        check("Folic acid did not affect survival.", line, true);
        check("Folic acid affects survival.", line, false);
        check("Treatment reduced mortality in mice.", "Treatment reduced mortality in mice.", true);
        check("Treatment failed to reduce mortality in mice.", "Treatment reduced mortality in mice.", false);
        check("The drug is unsafe.", "The drug is safe.", false);
        check("The gene is dissociated with risk.", "The gene is associated with risk.", false);
    }

    #[test]
    fn opposites_are_compared_in_their_place() {
        let line = "Statins lowered cholesterol levels and increased muscle pain.";
        check("Statins reduced cholesterol levels.", line, true);
        check("Statins raised cholesterol levels.", line, false);
        check("Statins increased muscle pain.", line, true);
        check("Statins decreased muscle pain.", line, false);
    }

    #[test]
    fn a_near_copy_may_not_change_a_word() {
        let line = "The protein is found in the liver of young mice.";
        check("The protein is found in the liver of mice.", line, true);
        check("The protein is found in the kidney of young mice.", line, false);
    }
}
