//! `train`: learns from what people said who agreed to it, beside a process that serves: it reads the state, and writes
//! numbered files that the other one looks at.
//!
//! **Invariant:** what was learned is used only where it was measured to be better than what is used without it.

use std::{
    collections::HashMap,
    fmt::Display,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use chat::{MemberId, Switch, people::Register as _};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use store::{Introduction, Store};
use training::{
    learn::{Options, Progress, State, TrainError},
    matching::{MatchLearned, MatchModel, MatchReport, MatchSignals, Shown, learn_matching, match_options},
    measures::Interval,
    recommend::{Catalogue, Feedback, Learned, Model, Report, learn},
};

use crate::{
    cli::{Train, TrainOptions},
    progress::{complain, say},
    reading::{self, HALF_LIFE_DAYS},
    settings::Settings,
    versions::Versions,
};

/// Below this, nobody's taste is told by what they said.
const NOTHING_YET: &str = "nobody who agreed to `privacy set improve on` said anything to learn from yet";

/// A training that was broken off.
#[derive(Serialize, Deserialize)]
struct BrokenOff {
    /// The day that it counts from.
    day: i32,
    state: State,
}

/// How a training ended.
enum Ended<M> {
    Done(Box<M>),
    Stopped(Box<State>),
}

/// What can be learned, once or again.
trait Kind: Send + Sync + 'static {
    /// What comes of it.
    type Model: Serialize + DeserializeOwned + Send + 'static;

    /// Learns, counting from a day.
    fn learn(
        &self,
        day: i32,
        from: Option<State>,
        watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Ended<Self::Model>, TrainError>;

    /// Whether it may be used.
    fn is_better(model: &Self::Model) -> bool;

    /// What it is compared with.
    fn lines(model: &Self::Model) -> Vec<String>;

    /// What is used without it.
    const WITHOUT: &'static str;
}

/// Runs one of them.
pub async fn run(settings: &Settings, command: Train) -> anyhow::Result<bool> {
    let data = settings.data_dir();
    match command {
        Train::Recommend(options) => {
            let versions = Versions::of(&data, "recommend");
            match options {
                TrainOptions { list: true, .. } => list::<Recommend>(&versions),
                TrainOptions { rollback: true, .. } => roll_back::<Recommend>(&versions),
                _ => train(&versions, Recommend::read(settings).await?, options.anew).await,
            }
        }
        Train::Match(options) => {
            let versions = Versions::of(&data, "match");
            match options {
                TrainOptions { list: true, .. } => list::<Match>(&versions),
                TrainOptions { rollback: true, .. } => roll_back::<Match>(&versions),
                _ => train(&versions, Match::read(settings).await?, options.anew).await,
            }
        }
    }
}

fn list<K: Kind>(versions: &Versions) -> anyhow::Result<bool> {
    let (all, current) = (versions.all()?, versions.current()?);
    for number in &all {
        let mark = if Some(*number) == current { "  in use" } else { "" };
        match versions.read::<K::Model>(*number) {
            Ok(model) => {
                say(&format!("{number:04}{mark}"));
                K::lines(&model).iter().for_each(|line| say(&format!("      {line}")));
            }
            Err(error) => say(&format!("{number:04}{mark}  cannot be read: {error}")),
        }
    }
    if current.is_none() {
        say(&format!("{} is in use", K::WITHOUT));
    }
    Ok(true)
}

fn roll_back<K: Kind>(versions: &Versions) -> anyhow::Result<bool> {
    let Some(current) = versions.current()? else {
        complain(&format!("nothing that was learned is in use, but {}", K::WITHOUT));
        return Ok(false);
    };
    // One that was never found to be better is none to go back to.
    let may =
        |number: &u32| *number < current && versions.read::<K::Model>(*number).is_ok_and(|model| K::is_better(&model));
    let before = versions.all()?.into_iter().rev().find(may);
    versions.set_current(before)?;
    match before {
        Some(number) => say(&format!("version {number:04} is in use again")),
        None => say(&format!("{} is in use again", K::WITHOUT)),
    }
    Ok(true)
}

/// Learns, and uses what came of it where it is better.
async fn train<K: Kind>(versions: &Versions, kind: K, anew: bool) -> anyhow::Result<bool> {
    let Some(_turn) = versions.turn().with_context(|| format!("{} cannot be written", versions.dir().display()))?
    else {
        complain("another process trains this just now");
        return Ok(false);
    };
    let today = reading::day(crate::now());
    let broken_off = versions.state::<BrokenOff>()?.filter(|_| !anew);
    if let Some(before) = &broken_off {
        say(&format!("going on after epoch {}", before.state.epoch()));
    }
    let kind = Arc::new(kind);
    let ended = match broken_off {
        None => learned(&kind, today, None).await?,
        Some(BrokenOff { day, state }) => match learned(&kind, day, Some(state)).await? {
            (_, Err(TrainError::OtherState { .. })) => {
                say("more was said since then: beginning anew");
                learned(&kind, today, None).await?
            }
            ended => ended,
        },
    };
    match ended {
        (day, Ok(Ended::Stopped(state))) => {
            let epoch = state.epoch();
            versions.set_state(Some(&BrokenOff { day, state: *state }))?;
            say(&format!("stopped after epoch {epoch}; the same command goes on from there"));
            Ok(false)
        }
        (_, Ok(Ended::Done(model))) => {
            let number = versions.add(model.as_ref())?;
            versions.set_state(None::<&BrokenOff>)?;
            K::lines(&model).iter().for_each(|line| say(line));
            match K::is_better(&model) {
                true => {
                    versions.set_current(Some(number))?;
                    say(&format!("version {number:04} is better, and is in use from now on"));
                }
                false => say(&format!(
                    "version {number:04} is kept, but not used: it is not better than what is in use without it, {}",
                    K::WITHOUT
                )),
            }
            Ok(true)
        }
        (_, Err(error @ TrainError::TooLittle { .. })) => {
            complain(&format!("{error}; {} stays in use", K::WITHOUT));
            Ok(false)
        }
        (_, Err(error)) => Err(error.into()),
    }
}

/// Learns on a thread of its own; an interrupt ends it after the epoch in hand.
async fn learned<K: Kind>(
    kind: &Arc<K>,
    day: i32,
    from: Option<State>,
) -> anyhow::Result<(i32, Result<Ended<K::Model>, TrainError>)> {
    let stop = Arc::new(AtomicBool::new(false));
    let listener = tokio::spawn({
        let stop = Arc::clone(&stop);
        async move {
            super::serve::signal().await;
            stop.store(true, Ordering::Relaxed);
        }
    });
    let kind = Arc::clone(kind);
    let learning = tokio::task::spawn_blocking(move || {
        let mut watch = |progress: &Progress| {
            let Progress { epoch, epochs_max, loss, held_out } = progress;
            say(&format!("epoch {epoch} of at most {epochs_max}: loss {loss:.4}, held out {held_out:.4}"));
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        kind.learn(day, from, &mut watch)
    });
    let ended = learning.await.context("the training broke")?;
    listener.abort();
    Ok((day, ended))
}

/// How papers are ranked.
struct Recommend {
    catalogue: Catalogue,
    feedback: Vec<Feedback>,
}

impl Recommend {
    async fn read(settings: &Settings) -> anyhow::Result<Self> {
        let store = super::audit::open(settings).await?;
        let texts = store.papers(&settings.models.embed).await?;
        let words = reading::words(&store).await?;
        store.close().await;
        let numbers = texts.iter().zip(0..).map(|(paper, number)| (paper.document.clone(), number)).collect();
        let dims = texts.iter().flat_map(|paper| &paper.vectors).map(Vec::len).next().unwrap_or(0);
        let catalogue = Catalogue::new(&reading::papers(&texts, dims)).context("the papers cannot be compared")?;
        let feedback = reading::feedback(&words, &numbers);
        match feedback.len() {
            0 => say(NOTHING_YET),
            count => say(&format!("{count} words on {} papers", texts.len())),
        }
        Ok(Self { catalogue, feedback })
    }
}

impl Kind for Recommend {
    type Model = Model;

    const WITHOUT: &'static str = "the fixed blend";

    fn learn(
        &self,
        day: i32,
        from: Option<State>,
        watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Ended<Model>, TrainError> {
        let options = Options::default();
        let learned = learn(&self.catalogue, &self.feedback, day, Some(HALF_LIFE_DAYS), &options, from, watch)?;
        Ok(match learned {
            Learned::Done(model) => Ended::Done(model),
            Learned::Stopped(state) => Ended::Stopped(state),
        })
    }

    fn is_better(model: &Model) -> bool {
        model.ranker().is_some()
    }

    fn lines(model: &Model) -> Vec<String> {
        let Report { feedback, rows, compared, ndcg, comparisons, .. } = &model.report;
        let mut lines = vec![
            format!("learned from {rows} rows of {feedback} words"),
            format!("nDCG@20 on {compared} people that nothing was learned from: {}", shown(ndcg)),
        ];
        lines.extend(comparisons.iter().map(|of| compare(&of.baseline, &of.ndcg, &of.difference.gain)));
        lines
    }
}

/// How people are ranked.
struct Match {
    shown: Vec<Shown>,
}

impl Match {
    async fn read(settings: &Settings) -> anyhow::Result<Self> {
        let store = super::audit::open(settings).await?;
        let (introductions, person) = (store.introductions().await?, people(&store).await?);
        store.close().await;
        // Both: the one's wish and the other's answer are learned from.
        let agreed = |of: &Introduction| Some((*person.get(&of.seeker)?, *person.get(&of.person)?));
        let mut needs: HashMap<(String, u32), u32> = HashMap::new();
        let mut shown = Vec::new();
        for of in introductions {
            let Some((seeker, _)) = agreed(&of) else { continue };
            // What another version kept tells other numbers.
            if of.features.len() != MatchSignals::NAMES.len() {
                continue;
            }
            let next = u32::try_from(needs.len()).unwrap_or(u32::MAX);
            let need = *needs.entry((of.need, seeker)).or_insert(next);
            shown.push(Shown { need, features: of.features, asked: of.asked, accepted: of.accepted });
        }
        match shown.len() {
            0 => say(NOTHING_YET),
            count => say(&format!("{count} people who were shown for {} needs", needs.len())),
        }
        Ok(Self { shown })
    }
}

/// The number of each person who agreed to be learned from, by account.
async fn people(store: &Store) -> anyhow::Result<HashMap<MemberId, u32>> {
    let willing = store.willing(Switch::Improve).await?;
    let accounts = willing
        .into_iter()
        .zip(0..)
        .flat_map(|(accounts, number)| accounts.into_iter().map(move |account| (account, number)).collect::<Vec<_>>());
    Ok(accounts.collect())
}

impl Kind for Match {
    type Model = MatchModel;

    const WITHOUT: &'static str = "the plain score";

    fn learn(
        &self,
        _: i32,
        from: Option<State>,
        watch: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Ended<MatchModel>, TrainError> {
        Ok(match learn_matching(&self.shown, &match_options(), from, watch)? {
            MatchLearned::Done(model) => Ended::Done(model),
            MatchLearned::Stopped(state) => Ended::Stopped(state),
        })
    }

    fn is_better(model: &MatchModel) -> bool {
        model.ranker().is_some()
    }

    fn lines(model: &MatchModel) -> Vec<String> {
        let MatchReport { introductions, rows, compared, ndcg, baseline, difference, .. } = &model.report;
        vec![
            format!("learned from {rows} rows of {introductions} people who were shown"),
            format!("nDCG@10 on {compared} needs that nothing was learned from: {}", shown(ndcg)),
            compare("plain score", baseline, &difference.gain),
        ]
    }
}

fn compare(name: impl Display, ndcg: &Interval, gain: &Interval) -> String {
    format!("{name:<12} {}; the difference is {}", shown(ndcg), shown(gain))
}

fn shown(of: &Interval) -> String {
    format!("{:.3} [{:.3}, {:.3}]", of.mean, of.low, of.high)
}
