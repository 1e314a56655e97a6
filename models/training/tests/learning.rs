//! The learned ranker, and recommendations that stand on it, on data whose truth is known.

use std::ops::ControlFlow;

use training::{
    learn::{Options, Outcome, Progress, Ranker, Row, State, TrainError, train},
    matching::Line,
    recommend::{
        Catalogue, DigestOptions, Feedback, Learned, Model, Neighbours, Paper, Reason, Signals, Tastes, Way, digest,
        learn,
    },
};

const NAMES: [&str; 3] = ["one", "two", "noise"];

/// Rows where the odds are `2 one - two`, or (`bent`) where both must have the same sign.
fn rows(count: usize, bent: bool) -> Vec<Row> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..count)
        .map(|at| {
            let mut next = || 2.0 * random.f32() - 1.0;
            let features = vec![next(), 10.0 + 5.0 * next(), next()];
            let (one, two) = (features[0], (features[1] - 10.0) / 5.0);
            let odds = if bent { 20.0 * one * two } else { 6.0 * one - 3.0 * two };
            let wanted = next() < 2.0 / (1.0 + (-odds).exp()) - 1.0;
            Row { group: at as u32 % 40, features, wanted, weight: 1.0 }
        })
        .collect()
}

fn logistic() -> Options {
    Options { hidden: 0, learning_rate: 0.02, ..Options::default() }
}

fn done(outcome: Outcome) -> (Ranker, Vec<Progress>) {
    match outcome {
        Outcome::Done { ranker, history, .. } => (ranker, history),
        Outcome::Stopped(_) => panic!("nobody stopped it"),
    }
}

fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn accuracy(ranker: &Ranker, rows: &[Row]) -> f64 {
    let right = rows.iter().filter(|row| (ranker.probability(&row.features) > 0.5) == row.wanted).count();
    right as f64 / rows.len() as f64
}

/// Against scikit-learn 1.9, `LogisticRegression(C=inf)` on the same rows, scaled: the odds it was made from, within the
/// error of 4 000 rows.
#[test]
fn a_logistic_ranker_finds_the_odds() {
    let (ranker, history) = done(train(&NAMES, &rows(4_000, false), &logistic(), None, &mut go_on).unwrap());
    let slope = |at: usize| ranker.layers[0].weights[0][at] / ranker.spread[at];
    assert!((slope(0) - 6.0).abs() < 0.6, "{}", slope(0));
    assert!((slope(1) + 0.6).abs() < 0.06, "{}", slope(1));
    assert!(slope(2).abs() < 0.3, "{}", slope(2));
    assert!(history.last().unwrap().held_out < history[0].held_out);
    assert!(ranker.is_sound());
}

#[test]
fn a_hidden_layer_finds_what_a_line_cannot() {
    let rows = rows(4_000, true);
    let straight = done(train(&NAMES, &rows, &logistic(), None, &mut go_on).unwrap()).0;
    let options = Options { learning_rate: 0.02, ..Options::default() };
    let bent = done(train(&NAMES, &rows, &options, None, &mut go_on).unwrap()).0;
    assert!(accuracy(&straight, &rows) < 0.6, "{}", accuracy(&straight, &rows));
    assert!(accuracy(&bent, &rows) > 0.8, "{}", accuracy(&bent, &rows));
}

#[test]
fn broken_off_and_taken_up_again_it_is_the_same_ranker() {
    let (rows, options) = (rows(600, true), Options { epochs_max: 7, patience: 7, ..Options::default() });
    let whole = done(train(&NAMES, &rows, &options, None, &mut go_on).unwrap());
    assert_eq!(whole, done(train(&NAMES, &rows, &options, None, &mut go_on).unwrap()), "a seed gives the same again");
    let mut state: Option<State> = None;
    let mut times = 0;
    let last = loop {
        let mut stop = |_: &Progress| ControlFlow::Break(());
        match train(&NAMES, &rows, &options, state.take(), &mut stop).unwrap() {
            Outcome::Stopped(stopped) => {
                // As a job that goes through a file.
                let written = serde_json::to_string(&stopped).unwrap();
                state = Some(serde_json::from_str(&written).unwrap());
                times += 1;
            }
            outcome => break done(outcome),
        }
    };
    assert_eq!(times, 7);
    assert_eq!(last, whole);
}

#[test]
fn too_little_is_said_to_be_too_little() {
    let refused = |rows: &[Row]| train(&NAMES, rows, &logistic(), None, &mut go_on).unwrap_err().to_string();
    assert_eq!(refused(&rows(100, false)), "rows to learn from: 100, at least 200 are needed");
    let mut one = rows(300, false);
    one.iter_mut().for_each(|row| row.wanted = true);
    assert_eq!(refused(&one), "rows that were not wanted to learn from: 0, at least 20 are needed");
    let mut alone = rows(300, false);
    alone.iter_mut().for_each(|row| row.group = 0);
    assert_eq!(refused(&alone), "people to learn from: 1, at least 10 are needed");
    let mut bad = rows(300, false);
    bad[7].features[0] = f32::NAN;
    assert_eq!(refused(&bad), "row 7 has a feature that is no number");
}

#[test]
fn a_state_goes_on_with_its_own_rows_and_options_only() {
    let all = rows(400, false);
    let mut stop = |_: &Progress| ControlFlow::Break(());
    let Outcome::Stopped(state) = train(&NAMES, &all, &logistic(), None, &mut stop).unwrap() else { panic!() };
    assert_eq!(state.epoch(), 1);
    let other = train(&NAMES, &rows(401, false), &logistic(), Some((*state).clone()), &mut go_on);
    assert!(matches!(other, Err(TrainError::OtherState { what: "rows" })));
    let options = Options { seed: 1, ..logistic() };
    let other = train(&NAMES, &all, &options, Some(*state), &mut go_on);
    assert!(matches!(other, Err(TrainError::OtherState { what: "options" })));
}

const TOPICS: u32 = 6;

/// People who each like papers of one of six topics, new ones later; papers of a topic share a direction and a word.
fn community(people: u32, papers: u32) -> (Catalogue, Vec<Feedback>) {
    let mut random = fastrand::Rng::with_seed(7);
    let paper = |at: u32| {
        let mut vector: Vec<f32> = (0..12).map(|_| 0.4 * (random.f32() - 0.5)).collect();
        vector[(at % TOPICS) as usize] += 0.6;
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        let terms = vec![format!("topic{}", at % TOPICS), format!("word{}", random.u32(..50))];
        Paper { line: Line { vector, terms }, day: at as i32 }
    };
    let catalogue = Catalogue::new(&(0..papers).map(paper).collect::<Vec<_>>()).expect("all vectors are alike");
    let mut random = fastrand::Rng::with_seed(8);
    let mut feedback = Vec::new();
    for user in 0..people {
        for n in 0..12 {
            let any = random.u32(..papers);
            let own = any - any % TOPICS + user % TOPICS;
            // One in six is a whim.
            let paper = if n % 6 == 0 { any } else { own.min(papers - 1) };
            feedback.push(Feedback { user, paper, value: 1.0, day: n });
        }
        feedback.push(Feedback { user, paper: (user % TOPICS + 1) % TOPICS, value: -1.0, day: 3 });
    }
    (catalogue, feedback)
}

#[test]
fn a_model_is_used_only_with_a_report_that_it_is_ahead() {
    let (catalogue, feedback) = community(60, 300);
    let Learned::Done(model) = learn(&catalogue, &feedback, 400, None, &Options::default(), None, &mut go_on).unwrap()
    else {
        panic!("nobody stopped it")
    };
    let report = &model.report;
    assert_eq!(report.compared, 18);
    let names: Vec<&str> = report.comparisons.iter().map(|comparison| comparison.baseline.as_str()).collect();
    assert_eq!(names, ["popularity", "neighbours", "content", "blend"]);
    let popularity = &report.comparisons[0];
    assert!(popularity.difference.gain.mean > 0.0, "{popularity:?}");
    assert_eq!(model.ranker().is_some(), report.is_ahead());
    let written = serde_json::to_string(&model).unwrap();
    let read: Model = serde_json::from_str(&written).unwrap();
    assert_eq!(read.ranker(), model.ranker());
    assert_eq!(read.report.epochs, report.epochs);
    let behind: Model = {
        let mut model = model.clone();
        model.report.comparisons[2].difference.gain.mean = -0.01;
        *model
    };
    assert!(behind.ranker().is_none() && matches!(behind.way(), Way::Blend));
    let older: Model = serde_json::from_str(&written.replace("\"version\":1", "\"version\":0")).unwrap();
    assert!(older.ranker().is_none());
}

#[test]
fn learning_that_was_broken_off_goes_on() {
    let (catalogue, feedback) = community(60, 300);
    let options = Options { epochs_max: 3, ..Options::default() };
    let whole = learn(&catalogue, &feedback, 400, Some(200.0), &options, None, &mut go_on).unwrap();
    let mut stop = |_: &Progress| ControlFlow::Break(());
    let Learned::Stopped(state) = learn(&catalogue, &feedback, 400, Some(200.0), &options, None, &mut stop).unwrap()
    else {
        panic!("it was stopped")
    };
    let rest = learn(&catalogue, &feedback, 400, Some(200.0), &options, Some(*state.clone()), &mut go_on).unwrap();
    assert_eq!(rest, whole);
    let other = learn(&catalogue, &feedback[1..], 400, Some(200.0), &options, Some(*state), &mut go_on);
    assert!(matches!(other, Err(TrainError::OtherState { what: "rows" })));
}

#[test]
fn too_few_people_are_too_little_to_recommend_from() {
    let (catalogue, feedback) = community(5, 300);
    let refused = learn(&catalogue, &feedback, 400, None, &Options::default(), None, &mut go_on).unwrap_err();
    assert_eq!(refused.to_string(), "people with five likes or more to learn from: 5, at least 10 are needed");
}

#[test]
fn a_digest_is_of_the_topic_unseen_and_says_why() {
    let (catalogue, feedback) = community(60, 300);
    let tastes = Tastes::new(&feedback, catalogue.len(), 400, None);
    let neighbours = Neighbours::new(&tastes, catalogue.len());
    let signals = Signals { catalogue: &catalogue, tastes: &tastes, neighbours: &neighbours, today: 400 };
    let all: Vec<u32> = (0..350).collect();
    let taste = tastes.of(2);
    let picks = digest(&signals, &taste, Way::Blend, &all, &DigestOptions::default());
    assert_eq!(picks.len(), 10);
    let own = picks.iter().filter(|pick| pick.paper % TOPICS == 2).count();
    assert!(own >= 7, "{own} of 10");
    for pick in &picks {
        assert!(taste.seen.binary_search(&pick.paper).is_err(), "it was seen");
        assert!(pick.reasons.len() <= 3 && pick.reasons.windows(2).all(|pair| pair[0].1 >= pair[1].1));
        for (reason, raises) in &pick.reasons {
            assert!(*raises > 0.0);
            if let Reason::Near { liked, .. } | Reason::Together { liked, .. } = reason {
                assert!(taste.liked.iter().any(|(paper, _)| paper == liked), "a reason names what the person liked");
            }
            if let Reason::Topic { terms } = reason {
                assert!(!terms.is_empty());
            }
        }
    }
    // A stranger sees what is popular and new, and is not told of likes of the own.
    let stranger = digest(&signals, &tastes.of(9_999), Way::Blend, &all, &DigestOptions::default());
    assert_eq!(stranger.len(), 10);
    let kinds = stranger.iter().flat_map(|pick| &pick.reasons);
    assert!(kinds.into_iter().all(|(reason, _)| matches!(reason, Reason::Popular { .. } | Reason::New { .. })));
}
