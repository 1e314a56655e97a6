//! What moderators say of the papers on their room's shelf: where they belong, under which licence, from when, and
//! whether they still hold.

use std::time::Duration;

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Example, Kind, Manifest, PluginError, Role, Scope, Text, Visibility,
    document::Rights,
    ports::{Listing, Plugin},
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
            en: "shows, moves, embargoes, licenses, retracts or removes a paper of this room",
            zh: "查看、移动、设禁发期、授权、标记撤稿或移除本房间的文献",
        },
        menu: None,
        arguments: &[
            Argument::new(
                "action",
                Text { en: "what to do", zh: "要做什么" },
                Kind::Choice(&["show", "move", "embargo", "license", "confidential", "retract", "remove"]),
            )
            .required(),
            Argument::new(
                "value",
                Text {
                    en: "`to:community`, `until:2027-01-31`, `as:CC-BY-4.0`; `off` takes it back; `-` for nothing",
                    zh: "如 community、2027-01-31、CC-BY-4.0；off 表示撤销；- 表示无",
                },
                Kind::Text,
            )
            .required(),
            Argument::new("paper", Text { en: "its title, or a part of it", zh: "标题或其一部分" }, Kind::Text)
                .required()
                .completed(),
        ],
        role_min: Role::Moderator,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(60),
        utterances: &[],
        examples: &[
            Example { call: "library show - no such paper", reply: "No paper here" },
            Example { call: "library embargo tomorrow no such paper", reply: "No paper here" },
        ],
    }],
};

/// What moderators say of papers.
pub struct RightsOf;

#[async_trait]
impl Plugin for RightsOf {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let (action, value) = (call.args.text("action"), call.args.text("value"));
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
    let mut lines = vec![format!("**{}** ({})", named(&listing.title), listing.scope)];
    lines.push(format!("- licence: {}", rights.license.as_deref().unwrap_or("as its source says")));
    lines.push(match rights.embargo {
        Some(until) => format!("- under embargo until {}", until.strftime("%Y-%m-%d")),
        None => "- no embargo".to_owned(),
    });
    lines.extend(rights.confidential.then(|| "- confidential".to_owned()));
    lines.extend(rights.retracted.then(|| "- retracted".to_owned()));
    cx.say(lines.join("\n"))
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
    cx.say(format!("Moved to {scope}: {}.", named(&listing.title)))
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
        "license" => Rights { license: Some(value.trim_start_matches("as:").to_owned()), ..before },
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
