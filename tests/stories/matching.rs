//! Matching, on the real host, store and encoder, in planted worlds: who is known to be the best comes first, who did not agree
//! is nowhere, conflicts keep out, and two are brought together only by two yeses.

use std::collections::HashMap;

use chat::{
    CallId, Event, Message, Role, Switch,
    people::{Personal as _, Register as _},
    ports::{Clock as _, Post},
};
use server::people::Custodian;
use tests::{
    desk::{Desk, words},
    double::PlatformDouble,
};

const NOON: &str = "2026-11-24T12:00:00Z";

/// What each works on. `eve` knows most of it and agreed to nothing.
const WORK: [(&str, &str); 5] = [
    ("bob", "I record the songs of wading birds at night and classify them with neural networks"),
    ("cyd", "I grow perovskite crystals for solar cells"),
    ("dan", "I study the tax law of medieval cities"),
    ("eve", "I classify songs of wading birds that are recorded at night, with neural networks for bird song"),
    ("fay", "I measure how rivers carry sand to the sea"),
];

const NEED: &str = "!match need: somebody who can classify bird songs recorded at night";

async fn opened() -> Desk {
    let mut desk = Desk::open(PlatformDouble::default(), NOON).await;
    for (who, work) in WORK {
        let said = desk.says("7", who, &format!("!profile add {work}")).await;
        assert!(said.contains("Kept") && said.contains("Nobody sees it"), "{said}");
        if who != "eve" {
            agrees(&desk, who).await;
        }
    }
    desk
}

async fn agrees(desk: &Desk, who: &str) {
    let now = desk.clock.now();
    desk.home().store.set_consent(&who.into(), Switch::Match, true, now).await.unwrap();
}

/// The call that a message made, and its reply with the names of its buttons' commands.
async fn asks(desk: &mut Desk, who: &str, text: &str) -> (CallId, String, Vec<String>) {
    let message = desk.message("7", who, text);
    let call = message.call_id();
    let reply = desk.reply(message).await;
    let actions = reply.events.iter().filter_map(|event| match event {
        Event::Actions { actions } => Some(actions.iter().map(|action| action.command.clone())),
        _ => None,
    });
    let actions = actions.flatten().collect();
    (call, reply.text(), actions)
}

/// In which order people are named.
fn order(text: &str) -> Vec<&str> {
    let mut found: Vec<(usize, &str)> = ["ana", "bob", "cyd", "dan", "eve", "fay"]
        .iter()
        .filter_map(|name| Some((text.find(&format!("**{name}**"))?, *name)))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

#[tokio::test]
async fn the_best_match_comes_first_and_who_did_not_agree_is_nowhere() {
    let mut desk = opened().await;
    let (_, text, actions) = asks(&mut desk, "ana", NEED).await;
    assert_eq!(order(&text).first(), Some(&"bob"), "{text}");
    assert!(
        text.contains("classify bird songs") && text.contains("wading birds at night"),
        "the pair of lines: {text}"
    );
    assert!(!text.contains("eve") && !text.contains("for bird song"), "{text}");
    assert!(actions.contains(&"introduce 1".to_owned()), "{actions:?}");

    // With her the answer would be another one: so that it was hers to be, and she is not there by her own word alone.
    agrees(&desk, "eve").await;
    let (_, with, _) = asks(&mut desk, "ana", NEED).await;
    assert!(order(&with).contains(&"eve"), "{with}");
    let said = desk.says("7", "eve", "!privacy set match off").await;
    assert!(said.contains("match: off"), "{said}");
    assert_eq!(asks(&mut desk, "ana", NEED).await.1, text, "as if she had never agreed");

    // Nor in what moderators see.
    desk.platform.set_role(&"mod".into(), Role::Moderator);
    let report = desk.says("7", "mod", "!match exposure").await;
    assert!(report.contains("Fewer than 5") && !report.contains("4 "), "of few nothing is told: {report}");
    agrees(&desk, "ana").await;
    let report = desk.says("7", "mod", "!match exposure").await;
    assert!(report.contains("5 people"), "{report}");
    assert!(desk.says("7", "ana", "!match exposure").await.contains("needs the role Moderator"));
}

#[tokio::test]
async fn who_is_elsewhere_or_away_is_not_proposed() {
    let mut desk = opened().await;
    desk.platform.set_role(&"bob".into(), Role::Guest);
    let (_, text, _) = asks(&mut desk, "ana", NEED).await;
    assert!(!order(&text).contains(&"bob"), "{text}");
    desk.platform.set_role(&"bob".into(), Role::Member);
    desk.says("7", "bob", "!profile edit away on").await;
    let (_, text, _) = asks(&mut desk, "ana", NEED).await;
    assert!(!order(&text).contains(&"bob"), "{text}");
    desk.says("7", "bob", "!profile edit away off").await;
    let (_, text, _) = asks(&mut desk, "ana", NEED).await;
    assert!(order(&text).contains(&"bob"), "{text}");
}

#[tokio::test]
async fn a_forgotten_person_changes_rankings_as_if_they_had_never_been() {
    let mut desk = opened().await;
    let (_, before, _) = asks(&mut desk, "ana", NEED).await;
    desk.says("7", "gus", "!profile add I classify the songs of birds at night").await;
    desk.says("7", "gus", "!profile add offers bird song classification, night recording").await;
    agrees(&desk, "gus").await;
    let (_, with, _) = asks(&mut desk, "ana", NEED).await;
    assert!(with.contains("**gus**"), "{with}");
    let erased = Custodian::new(desk.home()).forget(&"gus".into(), desk.clock.now()).await.unwrap();
    assert!(!erased.counts.is_empty());
    let (_, after, _) = asks(&mut desk, "ana", NEED).await;
    assert_eq!(before, after);
}

/// A co-author under another spelling, a group, a declared conflict, and the caller under another account.
#[tokio::test]
async fn a_conflict_of_interest_under_an_alias_keeps_out() {
    let bibliography =
        "@article{a, title={Songs of wading birds at night}, author={Bobby Q. Brown and Ana Example}, year={2025}}";
    let files = HashMap::from([("works.bib".to_owned(), bibliography.as_bytes().to_vec())]);
    let mut desk = Desk::open(PlatformDouble { files, ..PlatformDouble::default() }, NOON).await;
    for who in ["bob", "cyd", "dan", "fay"] {
        desk.says("7", who, "!profile add I classify bird songs that are recorded at night").await;
        agrees(&desk, who).await;
    }
    let said = desk.sends("7", "ana", "!profile add", &["works.bib"]).await;
    assert!(said.contains("1 works, 1 of them new"), "{said}");
    desk.says("7", "ana", "!profile add name Ana Example").await;
    desk.says("7", "ana", "!profile add group Bird Lab").await;
    desk.says("7", "bob", "!profile add name B. Brown").await;
    desk.says("7", "cyd", "!profile add group bird lab").await;
    let said = desk.says("7", "dan", "!profile add conflict ana").await;
    assert!(said.contains("Kept: ana") && said.contains("never shown to you"), "{said}");
    let (_, all, _) =
        asks(&mut desk, "ana", &format!("{} --conflicts", "!match limit:5 need classify bird songs")).await;
    assert_eq!(order(&all), ["fay"], "{all}");
    let (_, all, _) = asks(&mut desk, "ana", "!match limit:5 need classify bird songs").await;
    // Whoever declared it is left out in any case: one could find out by asking both ways.
    let mut named = order(&all);
    named.sort_unstable();
    assert_eq!(named, ["bob", "cyd", "fay"], "{all}");
}

#[tokio::test]
async fn a_team_covers_what_is_needed_and_says_what_it_lacks() {
    let mut desk = opened().await;
    let asked = "!match team size: 3 for: \"recording bird songs, growing perovskite crystals, deep sea diving\"";
    let (_, text, _) = asks(&mut desk, "ana", asked).await;
    let team = order(&text);
    assert!(team.contains(&"bob") && team.contains(&"cyd") && !team.contains(&"dan"), "{text}");
    let left = text.split("Stays uncovered:").nth(1).unwrap_or_default();
    assert!(left.contains("deep sea diving") && !left.contains("bird"), "{text}");
}

/// Asks to be introduced to the first one; the words that were shown first.
async fn wants(desk: &mut Desk, who: &str) -> String {
    let (call, text, _) = asks(desk, who, NEED).await;
    assert_eq!(order(&text).first(), Some(&"bob"), "{text}");
    let message = Message { about: Some(call), addressed: true, ..desk.message("7", who, "!introduce 1") };
    let draft = message.call_id();
    let shown = desk.reply(message).await.text();
    let before = desk.told("bob").await.len();
    assert!(shown.contains("what I would say to both of you"), "{shown}");
    let said = desk.presses("7", who, &draft, "introduce 1 --confirm").await.text();
    assert!(said.starts_with("I ask them. If they say yes within a week"), "{said}");
    assert!(desk.told("bob").await.len() <= before + 1);
    shown
}

/// The rooms that were opened for people: with whom, and what was said there.
async fn rooms(desk: &Desk) -> Vec<(Vec<String>, String)> {
    let gathers = |post: &Post| -> Option<Vec<String>> {
        let members = post.body.as_ref()?.get("gathers")?["members"].as_array()?;
        Some(members.iter().filter_map(|member| member.as_str().map(str::to_owned)).collect())
    };
    desk.posts().await.iter().filter_map(|post| Some((gathers(post)?, words(post)))).collect()
}

#[tokio::test]
async fn two_yeses_open_a_room_with_both() {
    let mut desk = opened().await;
    let shown = wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    let draft = shown.split("\n\n").nth(1).unwrap();
    assert!(words(&asked).contains(draft.lines().next().unwrap()), "the same words: {}", words(&asked));
    assert!(rooms(&desk).await.is_empty(), "not before the second yes");
    let said = desk.presses("7", "bob", &asked.call, "meet yes").await.text();
    assert!(said.contains("I bring the two of you together"), "{said}");
    let opened = rooms(&desk).await;
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0].0, ["ana", "bob"]);
    assert!(opened[0].1.contains("classify bird songs") && opened[0].1.contains("You both said yes"), "{opened:?}");
    // Once.
    assert!(desk.presses("7", "bob", &asked.call, "meet yes").await.text().contains("Nobody waits"));
    assert_eq!(rooms(&desk).await.len(), 1);
}

/// Nobody is brought together in a room that one of them does not see, though they saw it when they were asked.
#[tokio::test]
async fn who_does_not_see_the_room_any_more_is_not_met_there() {
    for gone in ["ana", "bob"] {
        let mut desk = opened().await;
        wants(&mut desk, "ana").await;
        let asked = desk.told("bob").await.pop().unwrap();
        desk.platform.hide("7", gone, true);
        let said = desk.presses("bobs", "bob", &asked.call, "meet yes").await.text();
        assert!(said.contains("Nobody waits"), "{gone}: {said}");
        assert!(rooms(&desk).await.is_empty(), "{gone}");
    }
    // Nor asked to.
    let mut desk = opened().await;
    let (call, _, _) = asks(&mut desk, "ana", NEED).await;
    desk.platform.hide("7", "ana", true);
    let message =
        Message { about: Some(call), addressed: true, ..desk.message("anas", "ana", "!introduce 1 --confirm") };
    let said = desk.reply(message).await.text();
    assert!(said.starts_with("I ask them."), "{said}");
    assert!(desk.told("bob").await.is_empty());
}

#[tokio::test]
async fn a_no_is_silent_and_the_same_is_not_asked_again() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    let said = desk.presses("7", "bob", &asked.call, "meet no").await.text();
    assert!(said.contains("Nobody learns that you were asked"), "{said}");
    assert!(rooms(&desk).await.is_empty() && desk.told("ana").await.is_empty());
    // The seeker hears the same as the first time.
    desk.wait(24);
    wants(&mut desk, "ana").await;
    assert_eq!(desk.told("bob").await.len(), 1, "asked again");
    // Another one may ask.
    wants(&mut desk, "hal").await;
    assert_eq!(desk.told("bob").await.len(), 2);
    // Nobody else presses his buttons.
    assert!(desk.presses("7", "ana", &asked.call, "meet yes").await.text().contains("Nobody waits"));
}

#[tokio::test]
async fn who_is_never_to_ask_again_does_not_hear_of_it() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    desk.presses("7", "bob", &asked.call, "meet never").await;
    desk.wait(24 * 200);
    wants(&mut desk, "ana").await;
    assert_eq!(desk.told("bob").await.len(), 1);
    // Three a week, from whoever.
    for who in ["gus", "hal", "ida", "jon", "kim"] {
        wants(&mut desk, who).await;
    }
    assert_eq!(desk.told("bob").await.len(), 4);
}

#[tokio::test]
async fn an_introduction_ends_with_whoever_of_the_two_is_forgotten_or_takes_back_their_word() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    Custodian::new(desk.home()).forget(&"ana".into(), desk.clock.now()).await.unwrap();
    assert!(desk.presses("7", "bob", &asked.call, "meet yes").await.text().contains("Nobody waits"));

    wants(&mut desk, "hal").await;
    let asked = desk.told("bob").await.pop().unwrap();
    Custodian::new(desk.home()).forget(&"bob".into(), desk.clock.now()).await.unwrap();
    assert!(desk.presses("7", "bob", &asked.call, "meet yes").await.text().contains("Nobody waits"));
    assert!(rooms(&desk).await.is_empty());
    for table in ["ana", "bob"] {
        let left = desk.home().store.personal(&[table.into()]).await.unwrap();
        let plugins = left.iter().find(|(name, _)| name == "plugins.json").unwrap();
        assert_eq!(plugins.1.as_array().map(Vec::len), Some(0), "{plugins:?}");
    }

    // Who switched it off meanwhile is not even told.
    let mut desk = opened().await;
    let (call, _, _) = asks(&mut desk, "ana", NEED).await;
    desk.says("7", "bob", "!privacy set match off").await;
    let message = Message { about: Some(call), addressed: true, ..desk.message("7", "ana", "!introduce 1 --confirm") };
    let said = desk.reply(message).await.text();
    assert!(said.starts_with("I ask them."), "{said}");
    assert!(desk.told("bob").await.is_empty());
}

#[tokio::test]
async fn a_button_answers_who_it_was_shown_for_and_nobody_else() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let old = desk.told("bob").await.pop().unwrap();
    Custodian::new(desk.home()).forget(&"ana".into(), desk.clock.now()).await.unwrap();
    assert!(desk.told("bob").await.is_empty(), "what named her is on its way to nobody");
    wants(&mut desk, "hal").await;
    assert!(desk.presses("7", "bob", &old.call, "meet yes").await.text().contains("Nobody waits"));
    assert!(rooms(&desk).await.is_empty());
    let asked = desk.told("bob").await.pop().unwrap();
    assert!(desk.presses("7", "bob", &asked.call, "meet yes").await.text().contains("I bring the two of you"));
    assert_eq!(rooms(&desk).await[0].0, ["hal", "bob"]);
}

#[tokio::test]
async fn what_a_seeker_takes_along_tells_nothing_of_whether_anybody_was_asked() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    wants(&mut desk, "hal").await;
    desk.says("7", "bob", "!profile edit away on").await;
    let asked = desk.told("bob").await;
    desk.presses("7", "bob", &asked[1].call, "meet no").await;
    let kept = async |who: &str| {
        let all = desk.home().store.personal(&[who.into()]).await.unwrap();
        let plugins = all.into_iter().find(|(name, _)| name == "plugins.json").unwrap().1;
        let of = |datum: &serde_json::Value| datum["plugin"] == "matching";
        let key = |datum: &serde_json::Value| datum["key"].as_str().unwrap().split(':').next().unwrap().to_owned();
        plugins.as_array().unwrap().iter().filter(|datum| of(datum)).map(key).collect::<Vec<_>>()
    };
    // One was declined, the other waits; a third one was asked for who had gone away meanwhile.
    assert_eq!(kept("ana").await, kept("hal").await);
}

#[tokio::test]
async fn another_account_asks_no_second_time() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    desk.presses("7", "bob", &asked.call, "meet never").await;
    desk.links("7", "ana", "ann").await;
    desk.wait(24 * 200);
    wants(&mut desk, "ann").await;
    assert_eq!(desk.told("bob").await.len(), 1);
}

#[tokio::test]
async fn a_paper_of_a_room_is_not_carried_out_of_it_by_a_profile() {
    let hidden = "# Ducks of the secret lake\n\nThe ducks of the secret lake sing at night, as nobody may know.\n";
    let files = HashMap::from([("ducks.md".to_owned(), hidden.as_bytes().to_vec())]);
    let mut desk = Desk::open(PlatformDouble { files, ..PlatformDouble::default() }, NOON).await;
    assert!(desk.sends("7", "bob", "!add", &["ducks.md"]).await.contains("Added one paper"));
    desk.says("7", "bob", "!profile add paper Ducks of the secret lake").await;
    agrees(&desk, "bob").await;
    let (_, text, _) = asks(&mut desk, "ana", "!match need: ducks of the secret lake").await;
    assert!(text.contains("Ducks of the secret lake") && !text.contains("sing at night"), "{text}");
}

#[tokio::test]
async fn a_blocked_seeker_brings_nobody_together() {
    let mut desk = opened().await;
    wants(&mut desk, "ana").await;
    let asked = desk.told("bob").await.pop().unwrap();
    desk.home().store.set_blocked(&"ana".into(), None, true).await.unwrap();
    let said = desk.presses("7", "bob", &asked.call, "meet yes").await.text();
    assert!(said.contains("Nobody waits"), "{said}");
    assert!(rooms(&desk).await.is_empty());
}

#[tokio::test]
async fn the_preview_is_what_others_see() {
    let mut desk = opened().await;
    desk.says("7", "bob", "!profile edit zone Europe/Berlin").await;
    desk.says("7", "bob", "!profile add language de, en").await;
    desk.says("7", "bob", "!profile add conflict Carl Secret").await;
    desk.says("7", "bob", "!profile add seeks a boat").await;
    let preview = desk.says("7", "bob", "!profile preview").await;
    let (_, seen, _) = asks(&mut desk, "ana", NEED).await;
    let card = preview.lines().find(|line| line.starts_with("**bob**")).unwrap();
    assert!(seen.contains(card), "{card} is not in {seen}");
    for hidden in ["Secret", "boat"] {
        assert!(!preview.contains(hidden) && !seen.contains(hidden), "{hidden} is seen");
    }
    let own = desk.says("7", "bob", "!profile").await;
    assert!(own.contains("Carl Secret") && own.contains("seeks: a boat"), "{own}");
    // Removed by its id, it is gone.
    let id = own.lines().find(|line| line.contains("seeks: a boat")).and_then(|line| line.split('`').nth(1)).unwrap();
    assert!(desk.says("7", "bob", &format!("!profile remove {id}")).await.contains("Removed: 1"));
    assert!(!desk.says("7", "bob", "!profile").await.contains("boat"));
}

#[tokio::test]
async fn nobody_is_shown_to_everybody() {
    let mut desk = opened().await;
    for number in 0..12 {
        let (_, text, _) = asks(&mut desk, &format!("s{number}"), NEED).await;
        assert_eq!(order(&text).first(), Some(&"bob"), "{text}");
    }
    let (_, text, _) = asks(&mut desk, "late", NEED).await;
    assert!(!order(&text).contains(&"bob"), "{text}");
    // Whoever saw him sees him again; and after a week so does everybody.
    assert_eq!(order(&asks(&mut desk, "s0", NEED).await.1).first(), Some(&"bob"));
    desk.wait(24 * 7 + 1);
    assert_eq!(order(&asks(&mut desk, "late", NEED).await.1).first(), Some(&"bob"));
}
