//! Lists the commands of all plugins, from their manifests.

use std::{fmt::Write, time::Duration};

use async_trait::async_trait;
use chat::{
    Argument, Call, Command, Cx, Example, Kind, Manifest, PluginError, Role, Text, Visibility, ports::Plugin,
    text::code,
};

/// What this plugin says of itself.
pub const MANIFEST: &Manifest = &Manifest {
    name: "help",
    summary: Text { en: "says what can be asked", zh: "说明可以问什么" },
    open: false,
    hears: None,
    commands: &[Command {
        name: "help",
        help: Text { en: "lists the commands, or explains one", zh: "列出命令，或解释一个命令" },
        menu: None,
        arguments: &[Argument::new("command", Text { en: "the command to explain", zh: "要解释的命令" }, Kind::Text)],
        role_min: Role::Guest,
        visibility: Visibility::Caller,
        deadline: Duration::from_secs(5),
        utterances: &[],
        examples: &[
            Example { call: "help", reply: "ask" },
            Example { call: "help ask", reply: "question" },
            Example { call: "help nothing", reply: "no command `nothing`" },
        ],
    }],
};

/// Lists the commands.
pub struct Help {
    manifests: Vec<&'static Manifest>,
}

impl Help {
    /// Help on these manifests.
    pub fn new(manifests: Vec<&'static Manifest>) -> Self {
        Self { manifests }
    }

    fn list(&self, language: &str, role: Role) -> String {
        let mut text = String::new();
        for manifest in &self.manifests {
            for command in manifest.commands.iter().filter(|command| command.role_min <= role) {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}: {}", synopsis(command), command.help.get(language));
            }
        }
        text
    }

    fn explain(&self, language: &str, name: &str) -> Option<String> {
        let command = self.manifests.iter().find_map(|manifest| manifest.command(name))?;
        let mut text = format!("{}: {}\n", synopsis(command), command.help.get(language));
        for argument in command.arguments {
            let _ = writeln!(text, "  {}: {}", argument.name, argument.help.get(language));
        }
        if command.role_min > Role::Guest {
            let _ = writeln!(text, "  needs the role {}", command.role_min.name());
        }
        for example in command.examples {
            let _ = writeln!(text, "  for example: {}", example.call);
        }
        Some(text)
    }
}

/// The command with its arguments, optional ones in brackets.
fn synopsis(command: &Command) -> String {
    let mut line = format!("`{}", command.name);
    for argument in command.arguments {
        let form = match argument.kind {
            Kind::Flag => format!("--{}", argument.name),
            Kind::Choice(words) => words.join("|"),
            Kind::Text | Kind::Link | Kind::Integer { .. } => argument.name.to_owned(),
        };
        line.push_str(&if argument.required { format!(" <{form}>") } else { format!(" [{form}]") });
    }
    line.push('`');
    line
}

#[async_trait]
impl Plugin for Help {
    fn manifest(&self) -> &'static Manifest {
        MANIFEST
    }

    async fn run(&self, cx: &Cx, call: &Call) -> Result<(), PluginError> {
        match call.args.text("command") {
            "" => cx.say(self.list(cx.language(), call.role)),
            name => match self.explain(cx.language(), name.trim_start_matches(['!', '/'])) {
                Some(text) => cx.say(text),
                None => cx.say(format!("There is no command {}; `help` lists them all.", shown(name))),
            },
        }
    }
}

/// The beginning of a caller's word, as code.
fn shown(word: &str) -> String {
    code(&word.chars().take(32).collect::<String>())
}
