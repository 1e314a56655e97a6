//! What moderators say of the papers on their room's shelf: where they belong, under which licence, from when, and
//! whether they still hold.

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Example, Kind, Manifest, PluginError, PortError, Role, Scope, Text, Visibility,
    document::Rights,
    ports::{HeldVersion, Listing, Plugin},
    text::{digest, inert, line},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::shelf::{self, named};

static MANIFEST: Manifest = Manifest {
    name: "rights",
    summary: Text {
        en: "says of papers where they belong and what may be done with them",
        zh: "设定文献的归属和使用权限",
    },
    open: false,
    hears: None,
    commands: &[Command {
        name: "library",
        help: Text {
            en: "shows, moves, embargoes, licenses, retracts or removes a paper of this room; decides on versions of it",
            zh: "查看、移动、设禁发期、授权、标记撤稿或移除本房间的文献；裁定其不同版本",
        },
        menu: None,
        arguments: &[
            Argument::new(
                "action",
                Text { en: "what to do", zh: "要做什么" },
                Kind::Choice(&[
                    "show",
                    "move",
                    "embargo",
                    "license",
                    "confidential",
                    "retract",
                    "remove",
                    "versions",
                    "take",
                    "refuse",
                ]),
            )
            .required(),
            Argument::new(
                "value",
                Text {
                    en: "`to:community`, `until:2027-01-31`, `as:CC-BY-4.0`; `off` takes it back; a version's code; `-` for nothing",
                    zh: "如 community、2027-01-31、CC-BY-4.0；off 表示撤销；版本的代码；- 表示无",
                },
                Kind::Text,
            ),
            Argument::new("paper", Text { en: "its title, or a part of it", zh: "标题或其一部分" }, Kind::Text)
                .completed(),
        ],
        role_min: Role::Moderator,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(60),
        utterances: &[],
        examples: &[
            Example { call: "library show - no such paper", reply: "No paper here" },
            Example { call: "library versions", reply: "No version waits" },
            Example { call: "library embargo tomorrow no such paper", reply: "No paper here" },
        ],
    }],
};

/// Versions that are listed at once.
const VERSIONS_MAX: usize = 20;

/// What moderators say of papers.
pub struct RightsOf;

#[async_trait]
impl Plugin for RightsOf {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let (action, value) = (call.args.text("action"), call.args.text("value"));
        match action {
            "versions" => return versions(cx).await,
            "take" | "refuse" => return decide(cx, value, action == "take").await,
            _ => {}
        }
        let paper = call.args.required("paper", "Say which paper, by its title or a part of it.")?;
        let listing = &match shelf::find(cx, paper).await? {
            Ok(listing) => listing,
            Err(sentence) => return cx.say(sentence),
        };
        match action {
            "show" => show(cx, listing).await,
            "move" => shift(cx, listing, value).await,
            "remove" => {
                cx.remove_document(listing).await?;
                cx.say(format!("Removed: {}.", named(&listing.title)))
            }
            _ => declare(cx, listing, action, value).await,
        }
    }

    async fn complete(&self, cx: &Cx, _: &str, typed: &str) -> Result<Vec<String>, PluginError> {
        let listed = cx.documents(typed.trim(), 0, 25).await?;
        Ok(listed.into_iter().map(|listing| listing.title).collect())
    }
}

async fn show(cx: &Cx, listing: &Listing) -> Result<(), PluginError> {
    let rights = cx.rights(&listing.id).await?;
    let mut lines = vec![format!("**{}** ({})", named(&listing.title), inert(&listing.scope.to_string()))];
    lines.push(format!("- licence: {}", named(rights.license.as_deref().unwrap_or("as its source says"))));
    lines.push(match rights.embargo {
        Some(until) => format!("- under embargo until {}", until.strftime("%Y-%m-%d")),
        None => "- no embargo".to_owned(),
    });
    if let Some(member) = cx.brought_by(listing).await? {
        lines.push(format!("- added by {}", inert(&member.0)));
    }
    lines.extend(rights.confidential.then(|| "- confidential".to_owned()));
    lines.extend(rights.retracted.then(|| "- retracted".to_owned()));
    cx.say(lines.join("\n"))
}

async fn versions(cx: &Cx) -> Result<(), PluginError> {
    let waiting = cx.versions().await?;
    if waiting.is_empty() {
        return cx.say("No version waits for a decision.");
    }
    let rows = waiting.iter().map(|version| {
        let day = version.at.strftime("%Y-%m-%d");
        let (title, member) = (named(&version.title), inert(&version.member.0));
        format!(
            "- `{}` **{title}**: brought by {member} on {day}; other there: {}",
            code(version),
            inert(&version.tells)
        )
    });
    let mut lines =
        vec!["These files tell papers otherwise than the library does. Nothing of them is read.".to_owned()];
    lines.extend(rows.take(VERSIONS_MAX));
    if waiting.len() > VERSIONS_MAX {
        lines.push(format!("... and {} more.", waiting.len() - VERSIONS_MAX));
    }
    lines.push(
        "`library take CODE` puts one in the place of what the library has; `library refuse CODE` drops it.".to_owned(),
    );
    cx.say(lines.join("\n"))
}

/// What a version is called: it stays what it is when others go.
fn code(version: &HeldVersion) -> String {
    digest(&[&version.document.0, &version.file])[..8].to_owned()
}

async fn decide(cx: &Cx, called: &str, take: bool) -> Result<(), PluginError> {
    let waiting = cx.versions().await?;
    let Some(version) = waiting.iter().find(|version| code(version) == called.trim()) else {
        return cx.say("Say which, by its code in `library versions`.");
    };
    let title = &version.title;
    match cx.decide(version, take).await {
        Ok(()) => cx.say(format!("{}: {}.", if take { "Taken" } else { "Refused" }, named(title))),
        Err(PluginError::Port { source: PortError::Refused { reason, .. }, .. }) => {
            cx.say(format!("That version cannot be taken: {}.", inert(&reason)))
        }
        Err(error) => Err(error),
    }
}

async fn shift(cx: &Cx, listing: &Listing, value: &str) -> Result<(), PluginError> {
    let place = &cx.call().place;
    let scope = match value.trim_start_matches("to:") {
        "community" => Scope::Community(place.community.clone()),
        "room" => Scope::Room(place.room.clone()),
        other => match other.parse::<Scope>() {
            Ok(scope) => scope,
            Err(_) => return cx.say("Say where: `community`, `room` for this one, or `group:NAME`."),
        },
    };
    cx.move_document(listing, &scope).await?;
    cx.say(format!("Moved to {}: {}.", inert(&scope.to_string()), named(&listing.title)))
}

async fn declare(cx: &Cx, listing: &Listing, action: &str, value: &str) -> Result<(), PluginError> {
    let off = matches!(value, "off" | "no" | "none");
    let before = cx.rights(&listing.id).await?;
    let rights = match action {
        "embargo" if off => Rights { embargo: None, ..before },
        "embargo" => match day(value.trim_start_matches("until:")) {
            Some(until) => Rights { embargo: Some(until), ..before },
            None => return cx.say("An embargo ends on a day, as in `library embargo 2027-01-31 TITLE`."),
        },
        "license" if off => Rights { license: None, ..before },
        "license" => Rights { license: Some(line(value.trim_start_matches("as:"))), ..before },
        "confidential" => Rights { confidential: !off, ..before },
        _ => Rights { retracted: !off, ..before },
    };
    cx.set_rights(listing, &rights).await?;
    show(cx, listing).await
}

/// The beginning of a day.
fn day(text: &str) -> Option<Timestamp> {
    let date: Date = text.trim().parse().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
