//! The configuration: defaults, then the file, then `COLLOQUY_*` variables, then flags. Parsed once, handed down.
//!
//! Every key stands with its comment in `colloquy.default.toml`, which is also where the defaults come from.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, FileFormat};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{acquire::Quotas, apart, cli::Cli, fetch::Hosts};

/// The documented default file.
pub const DEFAULTS: &str = include_str!("colloquy.default.toml");

/// Looked for in the working folder.
pub const FILE: &str = "colloquy.toml";

/// Variables that are no keys of the configuration.
const NOT_KEYS: [&str; 7] = [
    "COLLOQUY_CONFIG",
    "COLLOQUY_LOG_JSON",
    "COLLOQUY_QDRANT_API_KEY",
    "COLLOQUY_DISCORD_TOKEN",
    "COLLOQUY_MATRIX_PASSWORD",
    "COLLOQUY_MATRIX_TOKEN",
    "COLLOQUY_MATRIX_STORE_KEY",
];

/// All settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where things are kept.
    pub data: Data,
    /// Which models, and from where.
    pub models: Models,
    /// Where vectors are kept.
    pub index: Index,
    /// What comes into the library from elsewhere.
    pub library: Library,
    /// Limits of the host.
    pub engine: Engine,
    /// Whom this serves.
    pub community: Community,
    /// The Discord bot.
    pub discord: Discord,
    /// The Matrix bot.
    pub matrix: Matrix,
    /// What the operator's machines ask.
    pub web: Web,
    /// The file that was read, where there was one; `models use` writes there.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The program that reads strangers' files, where that is not this one.
    #[serde(skip)]
    pub program: Option<PathBuf>,
}

/// `[data]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The data folder; empty for the system's own place.
    pub dir: PathBuf,
}

/// `[models]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// The folder of models; empty for the system's cache.
    pub dir: PathBuf,
    /// The language model; empty for none.
    pub generate: String,
    /// The encoder.
    pub embed: String,
    /// Models that are made for translating, the preferred first; empty for the language model alone.
    pub translators: Vec<String>,
    /// A catalogue that adds to the embedded one; empty for none.
    pub catalogue: PathBuf,
    /// Use the CPU even where there is a GPU.
    pub force_cpu: bool,
    /// Seconds without a token after which the engine is replaced.
    pub stall_seconds: u64,
}

impl Models {
    /// The names of all that are used.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        [&self.generate, &self.embed].into_iter().chain(&self.translators).filter(|name| !name.is_empty())
    }
}

/// `[index]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// In this process or on a server.
    pub kind: IndexKind,
    /// The server's gRPC address.
    pub url: String,
    /// The server's collection.
    pub collection: String,
    /// A file that holds the server's key; empty for none, or for `COLLOQUY_QDRANT_API_KEY`.
    pub api_key_file: PathBuf,
}

/// Where the index lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum IndexKind {
    /// In this process.
    Embedded,
    /// On a Qdrant server.
    Server,
}

impl TryFrom<String> for IndexKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "embedded" => Ok(Self::Embedded),
            "server" => Ok(Self::Server),
            _ => Err(format!("index.kind is `{text}`, it must be `embedded` or `server`")),
        }
    }
}

impl From<IndexKind> for String {
    fn from(kind: IndexKind) -> Self {
        match kind {
            IndexKind::Embedded => "embedded".to_owned(),
            IndexKind::Server => "server".to_owned(),
        }
    }
}

/// `[library]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Hosts that links may be fetched from; empty for none.
    pub fetch_hosts: Hosts,
    /// Memory that reading one file may take, in MiB.
    pub read_memory_mib: u64,
    /// Seconds that reading one file may take.
    pub read_seconds: u64,
    /// Files that are read at a time.
    pub read_at_once: usize,
    /// What a room's own shelf may hold, in MiB of files.
    pub room_mib_max: u64,
    /// What one person may add a day, in MiB of files.
    pub person_mib_a_day: u64,
    /// Files that one person may add a day.
    pub person_files_a_day: usize,
    /// Free disk below which no file is taken, in MiB.
    pub disk_free_mib_min: u64,
}

impl Library {
    /// What members may bring.
    pub fn quotas(&self) -> Quotas {
        let mib = |many: u64| (many > 0).then(|| many.saturating_mul(1 << 20));
        Quotas {
            of_scope: mib(self.room_mib_max),
            of_person: mib(self.person_mib_a_day),
            files_of_person: Some(self.person_files_a_day).filter(|many| *many > 0),
            disk_free: self.disk_free_mib_min.saturating_mul(1 << 20),
        }
    }

    /// What reading one file may cost.
    pub fn reading(&self) -> apart::Limits {
        apart::Limits {
            memory_mib: self.read_memory_mib,
            time: Duration::from_secs(self.read_seconds.max(1)),
            at_once: self.read_at_once,
            ..apart::Limits::default()
        }
    }
}

/// `[engine]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Calls that run at a time.
    pub slots: usize,
    /// Calls that run or wait, in all.
    pub calls_max: usize,
    /// Calls that run or wait, of one caller.
    pub calls_per_caller_max: usize,
    /// Tokens of conversation that a call sees.
    pub session_tokens: usize,
    /// Calls a minute of one person; 0 for no limit, as for the next two.
    pub calls_per_minute_of_person: u32,
    /// Calls a minute in one room.
    pub calls_per_minute_in_room: u32,
    /// Calls a minute in the community.
    pub calls_per_minute_in_all: u32,
    /// Refusals a minute that a person is told; 0 for no limit.
    pub refusals_per_minute_of_person: u32,
}

/// `[community]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Community {
    /// Its name, in scopes: `community:NAME`.
    pub name: String,
}

/// `[discord]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    /// A file that holds the token.
    pub token_file: PathBuf,
    /// Another server; empty for Discord itself.
    pub api_base: String,
    /// Only these guilds; empty for all.
    pub guilds: Vec<String>,
    /// Roles whose members are moderators.
    pub moderator_roles: Vec<String>,
    /// Users who are operators.
    pub operators: Vec<String>,
    /// Milliseconds between two edits.
    pub edit_gap_ms: u64,
    /// Whether the privileged intent was granted.
    pub message_content: bool,
}

/// `[matrix]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// The homeserver; empty for none.
    pub homeserver: String,
    /// The bot's account.
    pub user: String,
    /// Who may invite it.
    pub allow: Vec<String>,
    /// Accounts that are operators.
    pub operators: Vec<String>,
    /// Milliseconds between two edits.
    pub edit_gap_ms: u64,
    /// A file that holds the store's key.
    pub store_key_file: PathBuf,
}

/// `[web]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Where it listens; empty for nowhere.
    pub address: String,
    /// Whether it may listen where other machines reach it.
    pub open: bool,
    /// Seconds that a stop waits for answers in the making.
    pub drain_seconds: u64,
}

/// Why the configuration cannot be used: names file or variable, key and remedy.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something wrong.
    #[error("in the configuration file {}: {reason}\nEvery key stands with its comment in colloquy.default.toml.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Line, key and remedy.
        reason: String,
    },
    /// A variable or flag says something wrong.
    #[error("in the COLLOQUY_* variables or flags: {reason}")]
    Layer {
        /// Key and remedy.
        reason: String,
    },
    /// A secret cannot be read.
    #[error("`{key}` names {}, which cannot be read: {source}; make it readable or leave the key empty", path.display())]
    Secret {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Settings {
    /// The defaults, as documented.
    pub fn defaults() -> Self {
        Self::merge(None, std::iter::empty(), &[]).expect("the documented defaults are checked by a test")
    }

    /// The program that reads strangers' files: this one, also where its file was replaced since it started.
    pub fn program(&self) -> PathBuf {
        let own = Path::new("/proc/self/exe");
        let this = || if own.exists() { own.to_owned() } else { env::current_exe().unwrap_or("colloquy".into()) };
        self.program.clone().unwrap_or_else(this)
    }

    /// All layers, merged.
    ///
    /// # Errors
    /// [`SettingsError`], which names what to mend.
    pub fn load(cli: &Cli) -> Result<Self, SettingsError> {
        let file = match &cli.config {
            Some(path) => Some(path.clone()),
            None => [PathBuf::from(FILE), Self::own_file()].into_iter().find(|path| path.exists()),
        };
        let text = file.as_deref().map(read).transpose()?;
        // A variable of somebody else's may be no text at all.
        let variables = env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| is_key(name))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        let mut settings = Self::merge(file.as_deref().zip(text.as_deref()), variables, &cli.set)?;
        if let Some(data) = &cli.data {
            settings.data.dir.clone_from(data);
        }
        settings.file = file;
        Ok(settings)
    }

    fn merge(
        file: Option<(&Path, &str)>,
        variables: impl Iterator<Item = (String, String)>,
        flags: &[String],
    ) -> Result<Self, SettingsError> {
        let layer = |reason: String| SettingsError::Layer { reason };
        let mut builder = Config::builder().add_source(config::File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some((path, text)) = file {
            let wrong = |reason: String| SettingsError::File { path: path.to_owned(), reason };
            let given: toml::Table =
                toml::from_str(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
            let known: toml::Table = toml::from_str(DEFAULTS).map_err(|error| layer(error.to_string()))?;
            check(&given, &known, "").map_err(wrong)?;
            builder = builder.add_source(config::File::from_str(text, FileFormat::Toml));
        }
        let known: toml::Table = toml::from_str(DEFAULTS).map_err(|error| layer(error.to_string()))?;
        for (name, value) in variables {
            let key = name["COLLOQUY_".len()..].to_lowercase().replace("__", ".");
            known_key(&known, &key).map_err(|reason| layer(format!("the variable {name}: {reason}")))?;
            builder =
                builder.set_override(&key, value_of(&known, &key, &value)).map_err(|error| layer(error.to_string()))?;
        }
        for flag in flags {
            let (key, value) =
                flag.split_once('=').ok_or_else(|| layer(format!("`--set {flag}` has no `=`; write KEY=VALUE")))?;
            known_key(&known, key).map_err(|reason| layer(format!("`--set {flag}`: {reason}")))?;
            builder =
                builder.set_override(key, value_of(&known, key, value)).map_err(|error| layer(error.to_string()))?;
        }
        let settings: Self =
            builder.build().and_then(Config::try_deserialize).map_err(|error| layer(error.to_string()))?;
        if settings.community.name.trim().is_empty() {
            return Err(layer("`community.name` is empty; it names the scope that papers belong to".to_owned()));
        }
        Ok(settings)
    }

    /// The configuration file of this user, read where the working folder has none.
    pub fn own_file() -> PathBuf {
        base("XDG_CONFIG_HOME", ".config").join(FILE)
    }

    /// A library of its own below the data folder, in this process: what is tried or measured leaves the configured
    /// one, and its Qdrant server, alone.
    pub fn aside(&mut self, below: &str) {
        self.data.dir = self.data_dir().join(below);
        self.index.kind = IndexKind::Embedded;
    }

    /// The data folder.
    pub fn data_dir(&self) -> PathBuf {
        or_else(&self.data.dir, || base("XDG_DATA_HOME", ".local/share"))
    }

    /// The folder of models.
    pub fn models_dir(&self) -> PathBuf {
        or_else(&self.models.dir, || base("XDG_CACHE_HOME", ".cache").join("models"))
    }

    /// The Qdrant server's key, from its variable or its file.
    ///
    /// # Errors
    /// [`SettingsError::Secret`].
    pub fn qdrant_api_key(&self) -> Result<Option<Zeroizing<String>>, SettingsError> {
        secret("COLLOQUY_QDRANT_API_KEY", "index.api_key_file", &self.index.api_key_file)
    }

    /// The Discord bot's token, from its variable or its file.
    ///
    /// # Errors
    /// [`SettingsError::Secret`].
    pub fn discord_token(&self) -> Result<Option<Zeroizing<String>>, SettingsError> {
        secret("COLLOQUY_DISCORD_TOKEN", "discord.token_file", &self.discord.token_file)
    }

    /// The key of the Matrix store, from its variable or its file.
    ///
    /// # Errors
    /// [`SettingsError::Secret`].
    pub fn matrix_store_key(&self) -> Result<Option<Zeroizing<String>>, SettingsError> {
        secret("COLLOQUY_MATRIX_STORE_KEY", "matrix.store_key_file", &self.matrix.store_key_file)
    }
}

/// The secret of a variable; none where it is not set, or empty.
pub fn variable(name: &str) -> Option<Zeroizing<String>> {
    let value = Zeroizing::new(env::var(name).ok()?);
    Some(Zeroizing::new(value.trim().to_owned())).filter(|value| !value.is_empty())
}

/// A secret: from its variable, else from the file that `key` names, where it names one.
fn secret(name: &str, key: &'static str, path: &Path) -> Result<Option<Zeroizing<String>>, SettingsError> {
    if let Some(value) = variable(name) {
        return Ok(Some(value));
    }
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let unreadable = |source| SettingsError::Secret { key, path: path.to_owned(), source };
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    Ok(Some(Zeroizing::new(text.trim().to_owned())))
}

/// A value of a variable or a flag: a list where the key holds one, its elements set apart by commas.
fn value_of(known: &toml::Table, key: &str, value: &str) -> config::Value {
    let (table, name) = key.rsplit_once('.').unwrap_or(("", key));
    match known.get(table).and_then(|table| table.get(name)) {
        Some(toml::Value::Array(_)) => {
            let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect::<Vec<_>>().into()
        }
        _ => value.into(),
    }
}

fn read(path: &Path) -> Result<String, SettingsError> {
    fs::read_to_string(path).map_err(|source| SettingsError::Read { path: path.to_owned(), source })
}

fn or_else(path: &Path, default: impl FnOnce() -> PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() { default() } else { path.to_owned() }
}

/// `$VARIABLE/colloquy`, or the same below the home folder.
fn base(variable: &str, below_home: &str) -> PathBuf {
    let base = env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    base.unwrap_or_else(|| env::home_dir().unwrap_or_default().join(below_home)).join("colloquy")
}

/// Whether a variable of ours names a key, not a secret or something of the tests.
fn is_key(name: &str) -> bool {
    name.starts_with("COLLOQUY_") && !NOT_KEYS.contains(&name) && !name.starts_with("COLLOQUY_TEST_")
}

/// Whether a dotted key stands in the defaults; else what to write instead.
fn known_key(known: &toml::Table, key: &str) -> Result<(), String> {
    let (mut table, mut above) = (known, String::new());
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        let name = if above.is_empty() { part.to_owned() } else { format!("{above}.{part}") };
        let keys = || table.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (table.get(part), parts.peek()) {
            (Some(toml::Value::Table(below)), Some(_)) => (table, above) = (below, name),
            (Some(toml::Value::Table(below)), None) => {
                let (first, keys) = (below.keys().next().map_or("", String::as_str), below.keys().count());
                let variable = format!("COLLOQUY_{}__{}", name.to_uppercase(), first.to_uppercase());
                return Err(format!(
                    "`{name}` is a table of {keys} keys; set one, as {variable} or --set {name}.{first}=VALUE"
                ));
            }
            (Some(_), None) => return Ok(()),
            _ => return Err(format!("there is no key `{name}`; here are {}", keys())),
        }
    }
    Ok(())
}

/// Holds a file to the keys and types of the defaults.
fn check(given: &toml::Table, known: &toml::Table, above: &str) -> Result<(), String> {
    for (key, value) in given {
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match (known.get(key), value) {
            (None, _) => {
                let keys: Vec<&str> = known.keys().map(String::as_str).collect();
                return Err(format!("there is no key `{name}`; here are {}", keys.join(", ")));
            }
            (Some(toml::Value::Table(known)), toml::Value::Table(given)) => check(given, known, &name)?,
            (Some(known), given) if known.type_str() != given.type_str() => {
                return Err(format!("`{name}` is a {}, it must be a {}", given.type_str(), known.type_str()));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Settings, SettingsError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Settings::merge(Some((Path::new("colloquy.toml"), file)), variables, &flags)
    }

    #[test]
    fn later_layers_win() {
        let slots =
            |file, variables: &[(&str, &str)], flags: &[&str]| merged(file, variables, flags).unwrap().engine.slots;
        let default = slots("", &[], &[]);
        assert_eq!(slots("[engine]\nslots = 9", &[], &[]), 9);
        assert_ne!(default, 9);
        assert_eq!(slots("[engine]\nslots = 9", &[("COLLOQUY_ENGINE__SLOTS", "8")], &[]), 8);
        assert_eq!(slots("[engine]\nslots = 9", &[("COLLOQUY_ENGINE__SLOTS", "8")], &["engine.slots=7"]), 7);
    }

    #[test]
    fn the_documented_defaults_are_complete() {
        assert_eq!(Settings::defaults().models.embed, inference::catalogue::EMBEDDER_DEFAULT);
    }

    #[track_caller]
    fn refused(file: &str, variables: &[(&str, &str)], flags: &[&str], want: &[&str]) {
        let error = merged(file, variables, flags).unwrap_err().to_string();
        for part in want {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        refused("[engine]\nslotz = 1", &[], &[], &["colloquy.toml", "`engine.slotz`", "slots"]);
        refused("[engine]\nslots = \"two\"", &[], &[], &["`engine.slots`", "string", "integer"]);
        refused("[engine\n", &[], &[], &["colloquy.toml", "line 1"]);
        refused("", &[("COLLOQUY_ENGINE__SLOTS", "two")], &[], &["slots"]);
        refused("", &[("COLLOQUY_ENGINE__SLOTZ", "2")], &[], &["COLLOQUY_ENGINE__SLOTZ", "slotz", "slots"]);
        refused("", &[("COLLOQUY_DATA", "/srv")], &[], &["COLLOQUY_DATA", "COLLOQUY_DATA__DIR", "data.dir"]);
        refused("", &[("COLLOQUY_MODELS_DIR", "/srv")], &[], &["COLLOQUY_MODELS_DIR", "no key `models_dir`"]);
        refused("[community]\nname = \" \"", &[], &[], &["community.name"]);
        refused("", &[], &["engine.slots"], &["KEY=VALUE"]);
        refused("[index]\nkind = \"elsewhere\"", &[], &[], &["elsewhere", "embedded"]);
    }
}
