//! Bridges: what is said in one language is said again in another, below it or in a second room, and keeps up with it.
//!
//! The translator is a real one, and small: it knows the sentences of `tests/data/phrasebook`.

use anyhow::{Context as _, Result, ensure};

use super::{Person, until, until_it_listens};

/// The translator of these stories.
pub const KEYS: [(&str, &str); 5] = [
    ("models.generate", ""),
    ("models.translators", "phrasebook"),
    ("models.catalogue", concat!(env!("CARGO_MANIFEST_DIR"), "/data/phrasebook/catalogue.toml")),
    ("engine.calls_per_minute_of_person", "0"),
    ("engine.refusals_per_minute_of_person", "0"),
];

/// The one message of ours below another, when it says this: its id.
async fn echo(person: &dyn Person, of: &str, want: &str) -> Result<String> {
    let (id, _) =
        until(want, async || Ok(person.answers(of).await?.into_iter().find(|(_, text)| text.contains(want)))).await?;
    let all = person.answers(of).await?;
    ensure!(all.len() == 1, "it is said once: {all:?}");
    Ok(id)
}

/// `ana` moderates, `bob` and `cleo` talk; `cleo` wants to be left out.
pub async fn a_room_speaks_two_languages(ana: &dyn Person, bob: &dyn Person, cleo: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    cleo.says("!privacy set omit on").await?;
    cleo.hears_alone(&|text| text.contains("omit: on")).await?;
    bob.says("!bridge start en de").await?;
    bob.hears(&|text| text.contains("needs the role Moderator")).await?;
    ana.says("!bridge start en").await?;
    ana.hears(&|text| text.contains("Say it like this")).await?;
    ana.says("!bridge start en de").await?;
    ana.hears(&|text| text.contains("I say again in German")).await?;

    let left_out = cleo.tells("Das Wetter wird am Donnerstag schlecht.").await?;
    let short = bob.tells("Yes, please.").await?;
    let german = bob.tells("Die Enten schlafen auf der nördlichen Insel.").await?;
    let english = echo(bob, &german, "The ducks sleep on the northern island.").await?;
    let asked = ana.tells("Who counts the ducks on the northern island?").await?;
    echo(ana, &asked, "Wer zählt die Enten auf der nördlichen Insel?").await?;
    for untold in [&left_out, &short, &english] {
        ensure!(ana.answers(untold).await?.is_empty(), "{untold} was said again");
    }

    // What was passed over can be forced, by anybody.
    bob.replies(&short, "!force").await?;
    bob.hears_alone(&|text| text.contains("Carried over.")).await?;
    echo(bob, &short, "Ja, bitte.").await?;
    ana.replies(&left_out, "!force").await?;
    ana.hears_alone(&|text| text.contains("What they say is not carried.")).await?;

    // It keeps up with what it says again.
    bob.retells(&german, "Die Enten schlafen auf der südlichen Insel.").await?;
    let edited = echo(bob, &german, "The ducks sleep on the southern island.").await?;
    ensure!(edited == english, "an edit is an edit");
    bob.deletes(&german).await?;
    until("it is gone", async || Ok(bob.reads(&english).await?.is_none().then_some(()))).await?;

    ana.says("!bridge end").await?;
    ana.hears(&|text| text.contains("The bridge is ended.")).await?;
    let late = bob.tells("Die zweite Abbildung zeigt die Tiefe des Sees.").await?;
    ana.says("!bridge").await?;
    ana.hears(&|text| text.contains("There is no bridge here.")).await?;
    ensure!(bob.answers(&late).await?.is_empty(), "it is ended");
    Ok(())
}

/// `ana` moderates an English room, `bob` a German one; neither is in the other's. From now on a bridge joins them.
pub async fn are_joined(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(ana).await?;
    until_it_listens(bob).await?;
    ana.says("!bridge offer en").await?;
    // The code is told to her alone: whoever has it can join.
    let offer = ana.hears_alone(&|text| text.contains("!bridge join ") || text.contains("`bridge join ")).await?;
    let code =
        offer.split("bridge join ").nth(1).and_then(|rest| rest.split(' ').next()).context("no code")?.to_owned();
    bob.says(&format!("!bridge join {code} de")).await?;
    bob.hears(&|text| text.contains("until then nothing is carried")).await?;
    ana.hears(&|text| text.contains("A bridge is asked for between this room and a room on")).await?;
    ana.says(&format!("!bridge confirm {code}")).await?;
    bob.hears(&|text| text.contains("What is said here I carry to a room")).await?;
    ana.hears(&|text| text.contains("What is said here I carry to a room")).await?;
    Ok(())
}

/// What is said in either room is said in the other.
pub async fn hear_each_other(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    ana.tells("When does the boat leave tomorrow?").await?;
    bob.hears(&|text| text.contains("Wann fährt das Boot morgen ab?")).await?;
    bob.tells("Das Boot fährt morgen Abend ab.").await?;
    ana.hears(&|text| text.contains("The boat leaves tomorrow evening.")).await?;
    Ok(())
}

/// Two rooms, as above.
pub async fn two_rooms_understand_each_other(ana: &dyn Person, bob: &dyn Person) -> Result<()> {
    until_it_listens(bob).await?;
    bob.says("!bridge join 0000-0000-0000 de").await?;
    bob.hears(&|text| text.contains("unknown or too old")).await?;
    are_joined(ana, bob).await?;

    let asked = ana.tells("When does the boat leave tomorrow?").await?;
    let (there, text) = bob.hears(&|text| text.contains("Wann fährt das Boot morgen ab?")).await?;
    ensure!(text.starts_with("**Somebody") || text.starts_with("Somebody"), "who did not agree is named: {text}");
    // A reply to it is meant for who said it, and stands below what they said.
    let reply = bob.replies(&there, "Das Boot fährt morgen Abend ab.").await?;
    let back = echo(ana, &asked, "The boat leaves tomorrow evening.").await?;
    ensure!(bob.answers(&reply).await?.is_empty(), "the assistant took it for a question");
    ana.replies(&back, "Thank you very much for your help.").await?;
    echo(bob, &reply, "Vielen Dank für deine Hilfe.").await?;

    // What is not translated comes as it is; what calls all calls nobody.
    ana.tells("zq @everyone 14 < 15").await?;
    let (verbatim, _) = bob.hears(&|text| text.contains("zq ")).await?;
    ensure!(bob.calls(&verbatim).await?.is_empty(), "it calls somebody");
    ana.retells(&asked, "Where is the key of the boat house?").await?;
    until("it follows", async || {
        Ok(bob.reads(&there).await?.filter(|text| text.contains("Wo ist der Schlüssel des Bootshauses?")))
    })
    .await?;
    ana.deletes(&asked).await?;
    until("it is gone", async || Ok(bob.reads(&there).await?.is_none().then_some(()))).await?;

    bob.says("!bridge end").await?;
    ana.hears(&|text| text.contains("was ended in the other room")).await?;
    Ok(())
}
