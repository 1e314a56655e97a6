//! Who brings a paper again changes nothing of it that another brought: it waits for a moderator.

use std::collections::HashMap;

use chat::{Role, Scope};
use server::home::{Home, Needs};
use tests::{World, desk::Desk, double::PlatformDouble};

const NOON: &str = "2026-11-24T12:00:00Z";

fn record(title: &str, doi: &str, author: &str, text: &str) -> Vec<u8> {
    let doi = if doi.is_empty() { String::new() } else { format!("doi = {{{doi}}}, ") };
    format!("@article{{x, title = {{{title}}}, author = {{{author}}}, {doi}year = {{2020}}, abstract = {{{text}}}}}\n")
        .into_bytes()
}

/// Ana's paper, hers better told, and what Eve would make of it.
fn files() -> HashMap<String, Vec<u8>> {
    let doi = "10.1234/ducks";
    let long = "Zqducks dive for 999 seconds, as was measured on a lake with a watch, and again on another lake.";
    let jats = format!(
        "<article><front><journal-meta><journal-title>Evil Letters</journal-title></journal-meta><article-meta>\
         <article-id pub-id-type=\"doi\">{doi}</article-id><title-group><article-title>How Zqducks Fly</article-title>\
         </title-group><contrib-group><contrib contrib-type=\"author\"><name><surname>Evil</surname><given-names>Eve\
         </given-names></name></contrib></contrib-group><abstract><p>{long}</p></abstract></article-meta></front>\
         <body><sec><title>Results</title><p>{long}</p></sec></body></article>"
    );
    let ana = "Example, Ana";
    [
        ("ana.bib", record("How zqducks dive", doi, ana, "Zqducks dive for 12 seconds.")),
        ("ana-better.bib", record("How zqducks dive", doi, ana, "Zqducks dive for 12 seconds, and zqgeese for 7.")),
        ("same.bib", record("How zqducks dive", doi, ana, "Zqducks dive for 12 seconds.")),
        // The same DOI; the same title and author without one; better structured; and one's own that becomes another's.
        ("doi.bib", record("Zqducks, revised", doi, "Evil, Eve", long)),
        ("title.bib", record("How Zqducks Dive", "", ana, long)),
        ("jats.xml", jats.into_bytes()),
        ("own.bib", record("Songs of eve", "", "Evil, Eve", "Nothing is said here.")),
        ("own-too.bib", record("Songs of eve", doi, "Evil, Eve", long)),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

const ASKED: &str = "!ask How long do zqducks dive?";

#[tokio::test]
async fn what_another_brought_is_changed_by_nobody_who_brings_it_again() {
    let mut desk = Desk::open(PlatformDouble { files: files(), ..PlatformDouble::default() }, NOON).await;
    desk.platform.set_role(&"mod".into(), Role::Moderator);
    let said = desk.sends("lab", "ana", "!add", &["ana.bib"]).await;
    assert!(said.contains("Added one paper"), "{said}");
    for file in ["doi.bib", "title.bib", "jats.xml"] {
        let said = desk.sends("lab", "eve", "!add", &[file]).await;
        assert!(said.contains("somebody else brought that paper") && said.contains("Nothing was added"), "{said}");
    }
    let said = desk.sends("lab", "eve", "!add", &["own.bib"]).await;
    assert!(said.contains("Added one paper"), "{said}");
    let said = desk.sends("lab", "eve", "!add", &["own-too.bib"]).await;
    assert!(said.contains("somebody else brought that paper"), "{said}");
    // What says nothing else waits for nobody.
    let said = desk.sends("lab", "eve", "!add", &["same.bib"]).await;
    assert!(said.contains("known already") && !said.contains("moderator"), "{said}");

    let said = desk.says("lab", "ana", ASKED).await;
    assert!(said.contains("12 seconds") && !said.contains("999"), "{said}");
    let said = desk.says("lab", "ana", "!papers").await;
    assert!(said.contains("How zqducks dive") && !said.contains("revised") && !said.contains("Fly"), "{said}");

    // It is the moderators' to decide, and theirs alone.
    for line in ["!library versions", "!library take 1", "!library refuse 1"] {
        let said = desk.says("lab", "eve", line).await;
        assert!(said.contains("Moderator") && !said.contains("999"), "{line}: {said}");
    }
    let said = desk.says("lab", "mod", "!library versions").await;
    let first = "**How zqducks dive**: brought by eve on 2026-11-24; other there: title, authors, text";
    assert!(said.contains(first), "{said}");
    let waiting = codes(&said);
    assert_eq!(waiting.len(), 4, "{said}");
    let said = desk.says("lab", "mod", "!library show - zqducks dive").await;
    assert!(said.contains("added by ana"), "{said}");
    // In another room nothing waits.
    assert!(desk.says("hall", "mod", "!library versions").await.contains("No version waits"));
    let elsewhere = desk.says("hall", "mod", &format!("!library take {}", waiting[0])).await;
    assert!(elsewhere.contains("Say which"), "{elsewhere}");

    // Their own one may better; what is refused stays so, and what is taken holds.
    let said = desk.sends("lab", "ana", "!add", &["ana-better.bib"]).await;
    assert!(said.contains("Added one paper") || said.contains("known already"), "{said}");
    assert!(desk.says("lab", "ana", "!ask How long do zqgeese dive?").await.contains("zqgeese for 7"));
    assert!(desk.says("lab", "mod", &format!("!library refuse {}", waiting[0])).await.contains("Refused"));
    assert!(!desk.sends("lab", "eve", "!add", &["doi.bib"]).await.contains("moderator"));
    assert_eq!(codes(&desk.says("lab", "mod", "!library versions").await), waiting[1..]);
    assert!(desk.says("lab", "mod", &format!("!library take {}", waiting[1])).await.contains("Taken"));
    assert!(desk.says("lab", "ana", ASKED).await.contains("999 seconds"));
    // From then on it is nobody's who brought it.
    let said = desk.sends("lab", "ana", "!add", &["ana.bib"]).await;
    assert!(!said.contains("Added"), "{said}");
    assert!(desk.says("lab", "ana", ASKED).await.contains("999 seconds"));

    // Who is forgotten takes along what waits, and its files.
    let files = |desk: &Desk| walk(&desk.world.dir.path().join("files"));
    let before = files(&desk);
    assert!(desk.says("lab", "eve", "!privacy forget --confirm").await.contains("kept files"));
    let said = desk.says("lab", "mod", "!library versions").await;
    assert!(!said.contains("eve"), "{said}");
    assert!(files(&desk) < before);
}

/// The codes of the versions in a list.
fn codes(said: &str) -> Vec<String> {
    let rows = said.lines().filter_map(|line| line.strip_prefix("- `"));
    rows.map(|row| row.split('`').next().unwrap().to_owned()).collect()
}

/// How many files there are.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn what_an_operator_brought_or_moved_is_no_members_to_change() {
    let mut desk = Desk::open(PlatformDouble { files: files(), ..PlatformDouble::default() }, NOON).await;
    desk.platform.set_role(&"olga".into(), Role::Operator);
    desk.sends("lab", "ana", "!add", &["ana.bib"]).await;
    let said = desk.says("lab", "olga", "!library move to:community zqducks").await;
    assert!(said.contains("Moved"), "{said}");
    for (who, file) in [("eve", "doi.bib"), ("eve", "title.bib"), ("ana", "ana-better.bib")] {
        desk.sends("lab", who, "!add", &[file]).await;
        let said = desk.says("hall", "ana", ASKED).await;
        assert!(said.contains("12 seconds") && !said.contains("999") && !said.contains("zqgeese"), "{file}: {said}");
    }
    // An operator's own file holds over a member's, whose version then waits.
    desk.sends("hall", "eve", "!add", &["doi.bib"]).await;
    let path = desk.world.dir.path().join("operator.bib");
    std::fs::write(&path, &files()["ana.bib"]).unwrap();
    let (bar, stop) = (indicatif::ProgressBar::hidden(), tokio_util::sync::CancellationToken::new());
    let hall = Scope::Room("hall".into());
    server::ingest::ingest(&desk.home().library(), &[path], &hall, &bar, &stop).await.unwrap();
    let said = desk.says("hall", "ana", ASKED).await;
    assert!(said.contains("12 seconds") && !said.contains("999"), "{said}");
    assert!(desk.says("hall", "olga", "!library versions").await.contains("before an operator's file"));
}

/// A document's id outlives the name that it was made of: nobody gets at it by that name.
#[tokio::test]
async fn a_name_that_a_paper_had_before_leads_nobody_to_it() {
    let text = "Zqducks dive for 12 seconds.";
    let mut files = files();
    let jats = String::from_utf8(files["jats.xml"].clone()).unwrap().replace("999", "12");
    let jats = jats.replace("How Zqducks Fly", "How zqducks dive").replace("Evil", "Example").replace("Eve", "Ana");
    files.insert("preprint.bib".to_owned(), record("How zqducks dive", "10.9999/preprint", "Example, Ana", text));
    files.insert("journal.xml".to_owned(), jats.into_bytes());
    let evil = "Zqducks dive for 999 seconds and no less than that, as everybody knows who has seen them.";
    files.insert("evil.bib".to_owned(), record("Zqducks, revised", "10.9999/preprint", "Evil, Eve", evil));
    let mut desk = Desk::open(PlatformDouble { files, ..PlatformDouble::default() }, NOON).await;
    for (who, file) in [("ana", "preprint.bib"), ("ana", "journal.xml"), ("eve", "evil.bib")] {
        desk.sends("lab", who, "!add", &[file]).await;
    }
    let said = desk.says("lab", "ana", ASKED).await;
    assert!(said.contains("12 seconds") && !said.contains("999"), "{said}");
    // A paper that is taken off the shelf leaves no file there.
    desk.platform.set_role(&"mod".into(), Role::Moderator);
    for title in ["How zqducks", "Zqducks, revised"] {
        desk.says("lab", "mod", &format!("!library remove - {title}")).await;
    }
    assert!(desk.says("lab", "mod", "!papers").await.contains("is empty"));
    assert_eq!(walk(&desk.world.dir.path().join("files")), 0);
    // And may come again.
    assert!(desk.sends("lab", "ana", "!add", &["preprint.bib"]).await.contains("Added one paper"));
}

/// What a member says of a paper, that it is retracted too, ends with an operator's file; and a title is no longer than a title.
#[tokio::test]
async fn what_a_member_said_ends_with_an_operators_file() {
    let text = "Zqducks dive for 12 seconds.";
    let long = record(&"zq ".repeat(400_000), "10.1234/long", "Example, Ana", text);
    let files = [
        ("retracted.bib".to_owned(), record("RETRACTED: How zqducks dive", "10.1234/ducks", "Evil, Eve", text)),
        ("long.bib".to_owned(), long),
    ];
    let mut desk = Desk::open(PlatformDouble { files: files.into(), ..PlatformDouble::default() }, NOON).await;
    assert!(desk.sends("lab", "eve", "!add", &["retracted.bib"]).await.contains("Added one paper"));
    let path = desk.world.dir.path().join("operator.bib");
    std::fs::write(&path, record("How zqducks dive", "10.1234/ducks", "Example, Ana", text)).unwrap();
    let (bar, stop) = (indicatif::ProgressBar::hidden(), tokio_util::sync::CancellationToken::new());
    let lab = Scope::Room("lab".into());
    server::ingest::ingest(&desk.home().library(), &[path], &lab, &bar, &stop).await.unwrap();
    let said = desk.says("lab", "ana", ASKED).await;
    assert!(said.contains("12 seconds") && !said.to_lowercase().contains("retract"), "{said}");
    assert!(desk.sends("hall", "eve", "!add", &["long.bib"]).await.len() < 2_000);
}

/// As many files, and as many bytes, as the operator lets one bring; and none that the disk has no room for.
#[tokio::test]
async fn a_person_and_a_room_have_quotas() {
    let add = async |change: fn(&mut server::settings::Library), files: usize| {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = tests::settings(dir.path());
        tests::models();
        change(&mut settings.library);
        let home = Home::open(&settings, Needs::Library).await.unwrap();
        let world = World { home, dir };
        let acquirer = world.home.acquirer();
        let (mut last, ana) = (Ok(()), "ana".into());
        for number in 0..files {
            // What stands between entries is no text.
            let entry =
                String::from_utf8(record(&format!("Ducks {number}"), "", "Example, Ana", "A duck dives.")).unwrap();
            let text = format!("{entry}{}", "This is a comment.\n".repeat(25_000));
            let by = (&ana, NOON.parse().unwrap());
            let added = acquirer.add(&Scope::Room("7".into()), by, &format!("{number}.bib"), text.into_bytes()).await;
            last = added.map(|added| assert_eq!(added.documents.len(), 1, "{added:?}"));
        }
        last.map_err(|error| error.to_string())
    };
    assert_eq!(add(|_| (), 2).await, Ok(()));
    let refused = [
        (add(|library| library.person_files_a_day = 1, 2).await, "you added 1 files today"),
        (add(|library| library.person_mib_a_day = 1, 3).await, "more than 1 MiB today"),
        (add(|library| library.room_mib_max = 1, 3).await, "this shelf would hold more than 1 MiB"),
        (add(|library| library.disk_free_mib_min = 1 << 40, 1).await, "too little free disk"),
    ];
    for (outcome, sentence) in refused {
        let said = outcome.unwrap_err();
        assert!(said.contains(sentence), "{said}");
    }
}
