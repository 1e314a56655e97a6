//! From texts to the tokens of a translation model, and back.
//!
//! The files are those of the hub. `source.spm`, `target.spm` and `vocab.json` for Marian, `sentencepiece.bpe.model` and
//! `vocab.json` for M2M100; `tokenizer.json` for NLLB, and for whichever was converted to it.
//!
//! **Invariant:** no text has special tokens: a `</s>` that somebody writes ends nothing.

use std::{collections::HashMap, fs, path::Path};

use chat::error::Cause;
use tokenizers::Tokenizer;

use super::{
    config::{Class, Config},
    spm::{Pieces, SPACE},
};
use crate::catalogue::TranslateSpec;

/// The languages of M2M100 in the order of their tokens, which stand behind those of `vocab.json` and in no file.
const M2M100: &str = "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi \
                      hr ht hu hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns \
                      oc or pa pl ps pt ro ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu";

/// The token of what has no token.
const UNKNOWN: &str = "<unk>";

/// The tokens of a model.
pub struct Vocabulary {
    form: Form,
    /// Ids before a text.
    prefix: Vec<u32>,
    end: u32,
    /// Ids of languages by ISO 639-1, where the model has a token for each.
    languages: HashMap<String, u32>,
    /// Ids that are no part of a text.
    special: Vec<u32>,
    tokens_max: usize,
}

enum Form {
    Pieces { source: Box<Pieces>, ids: HashMap<String, u32>, names: Vec<String>, unknown: u32 },
    Json(Box<Tokenizer>),
}

impl Vocabulary {
    /// Reads what there is in `folder`.
    ///
    /// # Errors
    /// A sentence saying which file is missing or wrong, or which language the model has no token for.
    pub fn read(folder: &Path, config: &Config, spec: &TranslateSpec) -> Result<Self, String> {
        let read =
            |name: &str| fs::read(folder.join(name)).map_err(|error| format!("its {name} cannot be read ({error})"));
        let pieces = match config.class {
            Class::Marian => "source.spm",
            Class::M2m100 => "sentencepiece.bpe.model",
        };
        let form = if folder.join(pieces).exists() && folder.join("vocab.json").exists() {
            let source = Pieces::read(&read(pieces)?).map_err(|reason| format!("of its {pieces}: {reason}"))?;
            let ids: HashMap<String, u32> = serde_json::from_slice(&read("vocab.json")?)
                .map_err(|error| format!("its vocab.json cannot be read ({error})"))?;
            let mut names = vec![String::new(); ids.len()];
            for (name, id) in &ids {
                let place =
                    names.get_mut(*id as usize).ok_or_else(|| format!("its vocab.json skips ids before {id}"))?;
                place.clone_from(name);
            }
            let unknown = *ids.get(UNKNOWN).ok_or_else(|| format!("its vocab.json has no {UNKNOWN}"))?;
            Form::Pieces { source: Box::new(source), ids, names, unknown }
        } else {
            let json = Tokenizer::from_bytes(read("tokenizer.json")?);
            let mut json = json.map_err(|error| format!("its tokenizer.json cannot be read ({error})"))?;
            json.with_padding(None).with_truncation(None).map_err(|error| error.to_string())?;
            json.set_encode_special_tokens(true);
            Form::Json(Box::new(json))
        };
        let id = |token: &str| form.id(token).ok_or_else(|| format!("it has no token {token}"));
        let languages = spec.languages.iter().map(|(language, token)| Ok((language.clone(), id(token)?)));
        let languages: HashMap<String, u32> = languages.collect::<Result<_, String>>()?;
        let prefix = if spec.prefix.is_empty() { Vec::new() } else { vec![id(&spec.prefix)?] };
        let mut special = vec![config.pad_token_id, config.eos_token_id, config.start()];
        special.extend(id("<s>"));
        special.extend(id(UNKNOWN));
        special.extend(prefix.iter().chain(languages.values()));
        let end = special.iter().copied().chain([form.ids_end().saturating_sub(1)]).max().unwrap_or_default();
        if end as usize >= config.vocab_size {
            return Err(format!("its tokenizer has an id {end}, and its token table {} rows", config.vocab_size));
        }
        let around = prefix.len() + usize::from(!languages.is_empty()) + 1;
        let tokens_max = config.max_position_embeddings.saturating_sub(around);
        Ok(Self { form, prefix, end: config.eos_token_id, languages, special, tokens_max })
    }

    /// Longest text in tokens, without those around it.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// How many tokens a text takes, without those around it.
    pub fn count(&self, text: &str) -> usize {
        // What cannot be encoded is refused when it is to be translated; its bytes are an upper bound.
        self.inside(text).map_or(text.len(), |ids| ids.len())
    }

    /// The tokens of a text in a language with those around it.
    ///
    /// # Errors
    /// The tokenizer's own.
    pub fn source(&self, text: &str, language: &str) -> Result<Vec<u32>, Cause> {
        let language = self.languages.get(language).copied();
        let before = self.prefix.iter().copied().chain(language);
        Ok(before.chain(self.inside(text)?).chain([self.end]).collect())
    }

    /// The token that a translation into a language begins with, where the model has one.
    pub fn language(&self, to: &str) -> Option<u32> {
        self.languages.get(to).copied()
    }

    /// The text of tokens.
    pub fn text(&self, ids: &[u32]) -> String {
        let ids: Vec<u32> = ids.iter().copied().filter(|id| !self.special.contains(id)).collect();
        match &self.form {
            Form::Pieces { names, .. } => {
                let pieces = ids.iter().filter_map(|id| names.get(*id as usize)).map(String::as_str);
                pieces.collect::<String>().replace(SPACE, " ").trim().to_owned()
            }
            // It fails for a decoder that is not there; what has none has no text either.
            Form::Json(json) => json.decode(&ids, true).unwrap_or_default().trim().to_owned(),
        }
    }

    fn inside(&self, text: &str) -> Result<Vec<u32>, Cause> {
        match &self.form {
            Form::Pieces { source, ids, unknown, .. } => {
                let pieces = source.cut(text)?;
                Ok(pieces.iter().map(|piece| ids.get(piece).copied().unwrap_or(*unknown)).collect())
            }
            Form::Json(json) => Ok(json.encode_fast(text, false)?.get_ids().to_vec()),
        }
    }
}

impl Form {
    fn id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Pieces { ids, .. } => ids.get(token).copied().or_else(|| {
                let language = token.strip_prefix("__")?.strip_suffix("__")?;
                let place = M2M100.split(' ').position(|known| known == language)?;
                u32::try_from(ids.len() + place).ok()
            }),
            Self::Json(json) => json.token_to_id(token),
        }
    }

    /// One past the highest id.
    fn ids_end(&self) -> u32 {
        match self {
            Self::Pieces { names, .. } => u32::try_from(names.len()).unwrap_or(u32::MAX),
            Self::Json(json) => json.get_vocab(true).into_values().max().map_or(0, |id| id + 1),
        }
    }
}
