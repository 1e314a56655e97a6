//! Thumbs on answers: one vote of each person on each answer, the last one counts.

use std::time::Duration;

use async_trait::async_trait;
use chat::{Argument, Call, Command, Cx, Example, Kind, Manifest, PluginError, Role, Text, Visibility, ports::Plugin};
use serde_json::json;

static MANIFEST: Manifest = Manifest {
    name: "feedback",
    summary: Text { en: "takes thumbs on answers", zh: "接收对回答的评价" },
    open: false,
    hears: None,
    commands: &[Command {
        name: "rate",
        help: Text { en: "says whether an answer was of use", zh: "评价一个回答是否有用" },
        menu: None,
        arguments: &[
            Argument::new("thumb", Text { en: "up or down", zh: "赞或踩" }, Kind::Choice(&["up", "down"])).required()
        ],
        role_min: Role::Guest,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(5),
        utterances: &[],
        examples: &[Example { call: "rate up", reply: "Reply to an answer of mine to rate it." }],
    }],
};

/// Takes thumbs on answers.
pub struct Feedback;

#[async_trait]
impl Plugin for Feedback {
    fn manifest(&self) -> &'static Manifest {
        &MANIFEST
    }

    /// Says nothing where the vote is taken: the press of a button is its own reply.
    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        let Some(about) = &call.about else { return cx.say("Reply to an answer of mine to rate it.") };
        let vote = call.args.required("thumb", "Say `rate up` or `rate down`.")?;
        cx.save_own(&format!("{about}:{}", call.caller), Some(json!(vote))).await
    }
}
