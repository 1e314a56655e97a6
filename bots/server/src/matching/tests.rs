//! What holds of a match, whatever is in the profiles.

use chat::{
    ports::Embedding,
    profile::{EntryKind, entry_id},
};
use proptest::prelude::*;
use store::{AccountProfile, Conversation, LineKind};
use tempfile::TempDir;

use super::*;

const YEAR: i16 = 2026;

const MODEL: &str = "words";

/// Texts that share words lie near each other: a stand-in for an encoder, which is no part of what is tested here.
struct Words;

const DIMS: usize = 64;

fn embed(text: &str) -> Embedding {
    let mut vector = vec![0.0f32; DIMS];
    for term in chat::text::terms(text) {
        let at = term.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        vector[at % DIMS] += 1.0;
    }
    let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
    vector.iter_mut().for_each(|value| *value /= norm);
    vector
}

#[async_trait]
impl Embedder for Words {
    fn model(&self) -> &str {
        MODEL
    }

    fn dims(&self) -> usize {
        DIMS
    }

    fn tokens_max(&self) -> usize {
        256
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    async fn embed(&self, _: EmbedTask, texts: &[&str]) -> Result<Vec<Embedding>, PortError> {
        Ok(texts.iter().map(|text| embed(text)).collect())
    }
}

fn paper(title: &str, summary: &str, authors: &[&str], year: i16) -> Entry {
    Entry {
        id: entry_id(EntryKind::Paper, title),
        kind: EntryKind::Paper,
        text: title.to_owned(),
        summary: summary.to_owned(),
        authors: authors.iter().map(|name| (*name).to_owned()).collect(),
        year: Some(year),
        ids: Vec::new(),
        source: String::new(),
        room: None,
    }
}

fn set(values: &[&str]) -> std::collections::BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// A person with one account.
fn person(account: &str, facts: Facts, entries: &[Entry]) -> Person {
    let kept = entries.iter().map(|entry| ProfileEntry {
        entry: entry.clone(),
        lines: person::lines(entry).into_iter().map(|text| ProfileLine { vector: embed(&text), text }).collect(),
    });
    let given = Given::new(AccountProfile { facts: Some(facts), entries: kept.collect() });
    let account = MemberId::from(account);
    Person::new(std::slice::from_ref(&account), &[(account.clone(), Arc::new(given))].into())
}

fn asked(lines: &[&str], pool: Vec<Person>, seekers: Vec<Person>, without_conflicts: bool) -> fit::Question {
    let line = |text: &&str| Line { vector: embed(text), terms: chat::text::terms(text) };
    fit::Question {
        need: Need { year: YEAR, without_conflicts, ..Need::default() },
        lines: lines.iter().map(line).collect(),
        pool: Arc::new(Pool::new(pool).unwrap()),
        seekers,
    }
}

/// Nothing is read here.
fn no_door() -> Door {
    Door::new("colloquy".into(), crate::apart::Limits::default())
}

async fn open() -> (TempDir, Matcher) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    let versions = Versions::of(folder.path(), "match");
    (folder, Matcher::new(store, Arc::new(Words), versions, no_door()))
}

fn need(lines: &[&str], among: &[&str]) -> Need {
    Need {
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        among: among.iter().map(|account| vec![MemberId::from(*account)]).collect(),
        year: YEAR,
        ..Need::default()
    }
}

async fn give(matcher: &Matcher, account: &str, entries: &[Entry]) {
    let account = MemberId::from(account);
    matcher.keep(std::slice::from_ref(&account), &account, entries).await.unwrap();
}

const WORDS: [&str; 12] = [
    "parsing",
    "treebanks",
    "speech",
    "duck",
    "genomes",
    "protein",
    "summaries",
    "translation",
    "robots",
    "vision",
    "fairness",
    "privacy",
];

fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    let text = proptest::collection::vec(proptest::sample::select(&WORDS[..]), 2..6).prop_map(|words| words.join(" "));
    proptest::collection::vec(text, 1..most)
}

proptest! {
    /// Without the entries that are cited, the score is lower; each on its way down by what it is said to carry.
    #[test]
    fn what_is_cited_carries_the_score(
        need in texts(4),
        people in proptest::collection::vec(texts(8), 1..5),
    ) {
        let papers: Vec<Vec<Entry>> = people
            .iter()
            .map(|titles| titles.iter().zip(2015..).map(|(title, year)| paper(title, "", &[], year)).collect())
            .collect();
        let pool = |papers: &[Vec<Entry>]| -> Vec<Person> {
            papers.iter().zip('a'..).map(|(own, name)| person(&name.to_string(), Facts::default(), own)).collect()
        };
        let lines: Vec<&str> = need.iter().map(String::as_str).collect();
        let question = asked(&lines, pool(&papers), Vec::new(), false);
        for fit in question.rank(usize::MAX, None).unwrap() {
            prop_assert!(fit.evidence.len() <= 3 && !fit.evidence.is_empty());
            let cited: Vec<&String> = fit.evidence.iter().map(|pair| &pair.entry.id).collect();
            for pair in &fit.evidence {
                prop_assert!(pair.carries > 0.0 && pair.entry.text.contains(&pair.line));
            }
            // The words weigh as before: only this person's entries are gone.
            let mut left = papers.clone();
            left[fit.person].retain(|entry| !cited.contains(&&entry.id));
            let before = &question.pool;
            let items: Vec<_> = left[fit.person].clone();
            let rest = person("rest", Facts::default(), &items);
            let without = before.beside(&[rest]).unwrap();
            let scoring = training::matching::Scoring::in_year(YEAR);
            let score = without.explain(&question.lines, 0, &scoring, 0).unwrap().score;
            prop_assert!(score < fit.score, "{score} is not below {}", fit.score);
            let carried: f32 = fit.evidence.iter().map(|pair| pair.carries).sum();
            prop_assert!((fit.score - carried - score).abs() < 1e-4, "{} - {carried} is not {score}", fit.score);
        }
    }

    /// However a conflict came about, and under whatever name: nobody passes.
    #[test]
    fn a_conflict_never_passes(
        planted in proptest::collection::vec((1usize..8, 0usize..7, 0usize..4, 0i16..4), 1..8),
    ) {
        const NAMES: [(&str, &str); 8] = [
            ("Ana", "Ruiz"), ("Bo", "Lee"), ("Cy", "Ng"), ("Dana", "Wu"),
            ("Eva", "Müller"), ("Finn", "Diaz"), ("Gus", "Roth"), ("Hana", "Sato"),
        ];
        let spelled = |place: usize, way: usize| {
            let (given, family) = NAMES[place];
            match way {
                0 => format!("{given} {family}"),
                1 => format!("{family}, {given}"),
                2 => format!("{}. {family}", &given[..1]),
                _ => format!("{} {}", given.to_uppercase(), family.to_uppercase()),
            }
        };
        let own = |place: usize| format!("Parsing treebanks the way of number {place}");
        let mut facts: Vec<Facts> =
            (0..8).map(|place| Facts { names: set(&[&spelled(place, 0)]), ..Facts::default() }).collect();
        let mut papers: Vec<Vec<Entry>> =
            (0..8).map(|place| vec![paper(&own(place), "", &[&spelled(place, 1)], YEAR)]).collect();
        for (at, (place, kind, way, age)) in planted.iter().enumerate() {
            let (place, year) = (*place, YEAR - age);
            let title = format!("A shared study of ducks {at}");
            match kind {
                0 => papers[0].push(paper(&title, "", &[&spelled(place, *way), "X Y"], year)),
                1 => papers[place].push(paper(&title, "", &["X Y", &spelled(0, *way)], year)),
                // A list without authors: both hold it.
                2 => {
                    papers[0].push(paper(&title, "", &[], year));
                    papers[place].push(paper(&title.to_uppercase(), "", &[], year));
                }
                3 => {
                    let group = format!("Lab {at}");
                    facts[0].groups.insert(group.to_uppercase());
                    facts[place].groups.insert(format!(" {group}"));
                }
                4 => { facts[0].conflicts.insert(spelled(place, *way)); }
                5 => { facts[place].conflicts.insert("@0".to_owned()); }
                _ => {
                    let orcid = format!("orcid:{at}");
                    facts[0].ids.insert(orcid.clone());
                    facts[place].ids.insert(orcid);
                }
            }
        }
        let mut persons: Vec<Person> = facts
            .into_iter()
            .zip(&papers)
            .enumerate()
            .map(|(place, (facts, papers))| person(&format!("@{place}"), facts, papers))
            .collect();
        let seeker = persons.remove(0);
        let question = asked(&["parsing treebanks", "ducks"], persons, vec![seeker], true);
        let found: Vec<usize> = question.rank(usize::MAX, None).unwrap().iter().map(|fit| fit.person + 1).collect();
        let members = question.team(7).unwrap().members;
        for (place, kind, ..) in &planted {
            prop_assert!(!found.contains(place), "{place} passed with a conflict of kind {kind}");
            prop_assert!(members.iter().all(|(fit, _)| fit.person + 1 != *place));
        }
        // And nobody is kept out for nothing.
        let free = (1..8).filter(|place| planted.iter().all(|(other, ..)| other != place)).count();
        prop_assert_eq!(found.len(), free);
    }
}

/// What a ranking says, without the entries' own details.
fn shown(fits: &[Fit]) -> Vec<String> {
    fits.iter().map(|fit| format!("{} {:.6} {:?} {:?}", fit.person, fit.score, fit.brings, fit.features)).collect()
}

const DUCKS: &str = "Ducks and the parsing of their speech";

#[tokio::test]
async fn who_is_not_named_or_was_erased_changes_nothing() {
    let asks = need(&["duck speech parsing", "protein genomes"], &["ana", "cy"]);
    let mut rankings = Vec::new();
    for with_bob in [false, true] {
        let (_folder, matcher) = open().await;
        give(&matcher, "ana", &[paper("Parsing ducks", "Ducks are parsed by ear.", &["Ana"], 2024)]).await;
        give(&matcher, "cy", &[paper("Genomes of ducks", "", &[], 2020), paper("Protein speech", "", &[], 2022)]).await;
        let fresh = shown(&matcher.rank(&asks, 9).await.unwrap());
        if with_bob {
            give(&matcher, "bob", &[paper(DUCKS, "Ducks and protein and genomes.", &["Bob"], 2025)]).await;
            let named = need(&["duck speech parsing", "protein genomes"], &["ana", "cy", "bob"]);
            assert_eq!(matcher.rank(&named, 9).await.unwrap().len(), 3);
            assert_eq!(shown(&matcher.rank(&asks, 9).await.unwrap()), fresh, "bob is not named");
            matcher.store.erase(&["bob".into()]).await.unwrap();
            matcher.clear();
            assert_eq!(shown(&matcher.rank(&named, 9).await.unwrap()), fresh, "bob is as if he had never been");
        }
        rankings.push(shown(&matcher.rank(&asks, 9).await.unwrap()));
    }
    assert_eq!(rankings[0], rankings[1]);
    assert_eq!(rankings[0].len(), 2);
}

#[tokio::test]
async fn a_profile_is_read_anew_when_it_changes() {
    let (_folder, matcher) = open().await;
    let ana = [MemberId::from("ana")];
    let asks = need(&["parsing ducks"], &["ana"]);
    let entry = paper("Parsing ducks", "Short. Ducks are parsed by ear and by hand.", &["Ana"], 2024);
    let about = Entry::statement(EntryKind::About, "I plant trees in autumn", YEAR);
    assert_eq!(matcher.keep(&ana, &ana[0], &[entry.clone(), about.clone()]).await.unwrap(), 2);
    assert_eq!(matcher.keep(&ana, &ana[0], std::slice::from_ref(&entry)).await.unwrap(), 0);
    let fits = matcher.rank(&asks, 9).await.unwrap();
    assert_eq!(fits[0].evidence[0].line, "Parsing ducks");
    assert_eq!((fits[0].latest, fits[0].lacks.len()), (Some(2024), 0));
    assert_eq!(matcher.profile(&ana).await.unwrap().entries, [about, entry.clone()]);
    assert_eq!(matcher.discard(&ana, &[entry.id]).await.unwrap(), 1);
    assert!(matcher.rank(&asks, 9).await.unwrap().iter().all(|fit| fit.evidence[0].line != "Parsing ducks"));

    let away = Facts { away: true, conflicts: set(&["Bo"]), ..Facts::default() };
    give(&matcher, "ana", &[paper("Parsing ducks", "", &[], 2024)]).await;
    matcher.set_facts(&ana, &ana[0], &Facts { away: false, ..away.clone() }).await.unwrap();
    assert!(matcher.rank(&asks, 9).await.unwrap()[0].facts.conflicts.is_empty(), "for nobody else");
    matcher.set_facts(&ana, &ana[0], &away).await.unwrap();
    assert!(matcher.rank(&asks, 9).await.unwrap().is_empty());
    assert_eq!(matcher.profile(&ana).await.unwrap().facts, away);
}

#[tokio::test]
async fn entries_without_vectors_are_matched_by_words_until_they_have_some() {
    let (_folder, matcher) = open().await;
    let many: Vec<Entry> = (0..80).map(|at| paper(&format!("Parsing ducks in year {at}"), "", &[], 2024)).collect();
    give(&matcher, "ana", &many).await;
    assert_eq!(matcher.rank(&need(&["parsing ducks"], &["ana"]), 9).await.unwrap().len(), 1);
    // Those that were left are embedded by now or here, each once.
    matcher.embed_missing(&["ana".into()]).await.unwrap();
    assert!(matcher.store.entries_without_lines(&["ana".into()], MODEL, 99).await.unwrap().is_empty());
    let over: Vec<Entry> = (0..=ENTRIES_MAX).map(|at| paper(&format!("Other {at}"), "", &[], 2024)).collect();
    let refused = matcher.keep(&[], &"ana".into(), &over).await;
    assert!(matches!(refused, Err(PortError::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn what_was_said_counts_in_its_room_alone() {
    let (_folder, matcher) = open().await;
    let line = store::Line {
        id: "1".into(),
        kind: LineKind::Talk,
        author: Some("ana".into()),
        name: "Ana".to_owned(),
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
        text: "We parse duck speech with treebanks every Monday".to_owned(),
        link: None,
    };
    let place = chat::Place {
        platform: chat::Platform::Matrix,
        community: "lab".into(),
        room: "seminar".into(),
        thread: None,
        audience: chat::Audience::Room,
    };
    let conversation = Conversation {
        document: chat::DocumentId("said".to_owned()),
        room: "seminar".into(),
        name: "Seminar".to_owned(),
        is_note: false,
        changes: 0,
    };
    matcher.store.keep_lines(&place, &conversation, &[line]).await.unwrap();
    let asks = need(&["duck speech treebanks"], &["ana"]);
    let here = matcher.rank(&Need { room: Some("seminar".into()), ..asks.clone() }, 9).await.unwrap();
    assert_eq!(here[0].evidence[0].entry.kind, EntryKind::Message);
    for room in [None, Some("elsewhere".into())] {
        assert!(matcher.rank(&Need { room, ..asks.clone() }, 9).await.unwrap().is_empty());
    }
    assert!(matcher.profile(&["ana".into()]).await.unwrap().entries.is_empty());
}

#[test]
fn what_they_bring_is_what_the_seekers_lack() {
    let ana = person("ana", Facts::default(), &[paper("Parsing treebanks", "", &[], 2025)]);
    let seeks = Entry::statement(EntryKind::Seeks, "Protein genomes", YEAR);
    let bob = person("bob", Facts::default(), &[paper("Protein genomes", "", &[], 2025), seeks.clone()]);
    let cy = person("cy", Facts::default(), &[paper("Parsing treebanks of speech", "", &[], 2025)]);
    let dee = person("dee", Facts::default(), &[seeks]);
    let lines = ["parsing treebanks", "protein genomes", "privacy fairness"];
    let question = asked(&lines, vec![ana.clone(), bob, cy, dee], vec![ana], false);
    let fits = question.rank(9, None).unwrap();
    let of = |person| fits.iter().find(|fit| fit.person == person);
    assert!(of(0).is_none(), "nobody is proposed to themselves");
    assert!(of(3).is_none(), "what somebody looks for is no evidence that they have it");
    assert_eq!((of(1).unwrap().brings.as_slice(), of(1).unwrap().lacks.as_slice()), (&[1][..], &[0, 2][..]));
    assert_eq!(of(2).unwrap().brings, [0; 0], "the seeker covers it");
    let team = question.team(3).unwrap();
    let members: Vec<(usize, Vec<usize>)> =
        team.members.iter().map(|(fit, lines)| (fit.person, lines.clone())).collect();
    assert_eq!((members, team.uncovered), (vec![(1, vec![1]), (2, vec![0])], vec![2]));
    assert_eq!(asked(&lines, vec![], vec![], false).team(3).unwrap().uncovered, [0, 1, 2]);
}

/// Bo declared a conflict with Carl by name, and with `@carl`; Dee with nobody. Whoever asks, whatever they call themselves and
/// whatever paper they put there, is shown the same.
#[test]
fn a_declared_conflict_cannot_be_asked_for() {
    let named = |names: &[&str]| Facts { names: set(names), ids: set(names), ..Facts::default() };
    let declared = Facts { conflicts: set(&["Carl Secret", "@carl", "orcid:7"]), ..named(&["Bo Lee"]) };
    let pool = || {
        vec![
            person("@bo", declared.clone(), &[paper("Parsing treebanks", "", &[], 2025)]),
            person("@dee", named(&["Dee Wu"]), &[paper("Parsing treebanks again", "", &[], 2025)]),
        ]
    };
    let ranked = |seeker: Person, also: Option<Person>, authors: &[&str], is_vouched: bool, asked_for: bool| {
        let pool = pool().into_iter().chain(also).collect();
        let mut question = asked(&["parsing treebanks"], pool, vec![seeker], asked_for);
        question.need.authors = authors.iter().map(|name| (*name).to_owned()).collect();
        question.need.is_vouched = is_vouched;
        shown(&question.rank(9, None).unwrap())
    };
    let eve = |facts: Facts| person("@eve", facts, &[]);
    for asked_for in [false, true] {
        let plain = ranked(eve(Facts::default()), None, &[], false, asked_for);
        assert_eq!(plain.len(), 2);
        let probes = [named(&["Carl Secret"]), named(&["C. Secret"]), named(&["@carl"]), named(&["orcid:7"])];
        for probe in probes {
            assert_eq!(ranked(eve(probe.clone()), None, &[], false, asked_for), plain, "{probe:?}");
            // Nor as somebody who is found herself.
            let also = person("@eve", probe.clone(), &[]);
            assert_eq!(ranked(eve(probe.clone()), Some(also), &[], false, asked_for), plain, "{probe:?}");
        }
        // A paper that a member put there, with authors made up.
        assert_eq!(ranked(eve(Facts::default()), None, &["Carl Secret"], false, asked_for), plain);
        // It counts for whom it was declared with.
        assert_eq!(ranked(person("@carl", Facts::default(), &[]), None, &[], false, asked_for).len(), 1);
    }
    assert_eq!(ranked(eve(Facts::default()), None, &["Secret, Carl"], true, true).len(), 1, "a paper of the community");
    // Who calls herself Bo is not shown whom Bo declared a conflict with.
    let bo = |name: &str| Facts { conflicts: set(&["@dee"]), ..named(&[name]) };
    let without = |facts: Facts| {
        let pool = vec![
            person("@bo", bo("Bo Lee"), &[]),
            person("@dee", Facts::default(), &[paper("Parsing treebanks", "", &[], 2025)]),
        ];
        shown(&asked(&["parsing treebanks"], pool, vec![eve(facts)], true).rank(9, None).unwrap())
    };
    assert_eq!(without(named(&["Bo Lee"])), without(Facts::default()));
    assert_eq!(without(Facts::default()).len(), 1);
}

#[test]
fn an_author_of_the_paper_in_question_is_no_reviewer() {
    let facts = |name: &str| Facts { names: set(&[name]), ..Facts::default() };
    let pool = || {
        vec![
            person("ana", facts("Ana Ruiz"), &[paper("Parsing treebanks", "", &["Ana Ruiz"], 2025)]),
            person("bo", facts("Bo Lee"), &[paper("Parsing treebanks well", "", &["Bo Lee", "Cy Ng"], 2025)]),
            person("dee", facts("Dee Wu"), &[paper("Parsing treebanks again", "", &["Dee Wu"], 2025)]),
        ]
    };
    let mut question = asked(&["parsing treebanks"], pool(), vec![], true);
    question.need.authors = vec!["Ruiz, A.".to_owned(), "Cy Ng".to_owned()];
    let found: Vec<usize> = question.rank(9, None).unwrap().iter().map(|fit| fit.person).collect();
    assert_eq!(found, [2]);
}

#[test]
fn topics_are_groups_of_near_entries_with_words_that_tell_them_apart() {
    let titles = [
        "Parsing treebanks with BERT",
        "Genomes of ducks",
        "Treebanks for parsing speech",
        "Duck genomes assembled",
        "Parsing without treebanks",
        "A cake",
    ];
    let papers: Vec<Entry> = titles.iter().map(|title| paper(title, "", &[], 2024)).collect();
    let found = topic::topics(&person("ana", Facts::default(), &papers));
    assert_eq!(found.iter().map(|topic| topic.entries.len()).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(found[0].label[..2], ["parsing", "treebanks"]);
    assert!(found[1].label.contains(&"genomes".to_owned()), "{:?}", found[1].label);
    assert!(topic::topics(&person("ana", Facts::default(), &papers[5..])).is_empty());
}

#[test]
fn a_list_of_works_becomes_entries_and_names_to_choose_from() {
    let bib = "@article{a, title={Parsing Ducks}, author={Ruiz, Ana and Lee, Bo}, year=2024, abstract={By ear.}}\n\
        @article{b, title={Ducks}, author={Ana Ruiz and Ng, Cy}, year=2023, doi={10.1000/b}}\n\
        @article{c, title={More Ducks}, author={Ruiz, A. and Wu, Dee and Ana Ruiz}, year=2022}";
    let listed = library::read_works("mine.bib", bib.as_bytes(), &library::Limits::default()).unwrap();
    let works = works::entries("mine.bib", listed);
    assert_eq!(works.names, ["Ana Ruiz"]);
    assert_eq!(works.entries[1].ids, ["doi:10.1000/b"]);
    assert_eq!((works.entries[0].summary.as_str(), works.entries[0].source.as_str()), ("By ear.", "mine.bib"));
}
