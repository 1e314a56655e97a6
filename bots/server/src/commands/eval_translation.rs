//! `eval translation`: sentences translated as somebody asks for it, against references: two files, line by line.

use std::{fs, path::Path};

use anyhow::{Context, bail};
use chat::ports::{Linguist as _, PluginData as _};
use engine::language::Lingua;
use plugins::translation::{
    glossary::{Glossary, Hits, Term},
    protect::{spans, verify},
};
use training::measures::{Bleu, Chrf, Tokenizer};

use super::eval_qa::ask;
use crate::{
    home::{Home, Needs},
    progress::say,
    settings::Settings,
};

/// How a reply begins that shows the original.
const FAILED: &str = "I could not translate this";

/// What stands between a translation and what is said of it.
const NOTES: &str = "\n\n(";

/// A sentence with what came of it.
struct Row {
    source: String,
    reference: String,
    /// The translation; none where nothing held and the original was shown.
    held: Option<String>,
}

impl Row {
    /// What a reader sees.
    fn shown(&self) -> &str {
        self.held.as_deref().unwrap_or(&self.source)
    }
}

/// Measures a language.
pub async fn run(
    settings: &Settings,
    to: &str,
    source: &Path,
    reference: &Path,
    glossary: Option<&Path>,
    limit: Option<usize>,
) -> anyhow::Result<bool> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()));
    let (sources, references) = (read(source)?, read(reference)?);
    if sources.lines().count() != references.lines().count() {
        bail!("{} and {} have not the same number of lines", source.display(), reference.display());
    }
    let mut settings = settings.clone();
    settings.aside("eval/translation");
    let home = Home::open(&settings, Needs::Everything).await?;
    let glossary = glossary.map(|path| read_glossary(path, &read(path)?)).transpose()?.unwrap_or_default();
    let terms: Vec<&Term> = glossary.terms().collect();
    let key = format!("glossary:{}", home.seat().place.community);
    home.store.set("translation", None, &key, Some(serde_json::to_value(terms)?)).await?;
    match &home.generator {
        Some(generator) => generator.ready().await?,
        None if home.translators.is_empty() => {
            bail!("no model is configured: `models.generate` and `models.translators` are empty")
        }
        None => {}
    }
    let mut rows = Vec::new();
    for (source, reference) in sources.lines().zip(references.lines()).take(limit.unwrap_or(usize::MAX)) {
        let said = ask(&home, &format!("/translate to:{to} text:{source}")).await.text;
        let translation = said.split(NOTES).next().unwrap_or_default().trim().to_owned();
        let held = Some(translation).filter(|text| !text.is_empty() && !text.starts_with(FAILED));
        rows.push(Row { source: source.to_owned(), reference: reference.to_owned(), held });
    }
    print(to, &rows, &glossary);
    home.close().await?;
    Ok(true)
}

fn read_glossary(path: &Path, text: &str) -> anyhow::Result<Glossary> {
    let is_tbx = path.extension().is_some_and(|ending| ending == "tbx" || ending == "xml");
    let import = if is_tbx { Glossary::import_tbx(text) } else { Glossary::import_csv(text) };
    let import = import.with_context(|| format!("{} is no glossary", path.display()))?;
    if let Some(refused) = import.refused.first() {
        bail!("{}: {refused}", path.display());
    }
    Ok(import.glossary)
}

fn print(to: &str, rows: &[Row], glossary: &Glossary) {
    let bleu = Bleu { tokenizer: Tokenizer::of(to) };
    let scores = |name: &str, pairs: &[(&str, [&str; 1])]| {
        let all = || pairs.iter().map(|(text, references)| (*text, references));
        say(&format!(
            "{name:<22} {:>6} {:>6.1} {:>6.1} {:>6.1}",
            pairs.len(),
            100.0 * Chrf::Characters.corpus(all()),
            100.0 * Chrf::CharactersAndWords.corpus(all()),
            100.0 * bleu.corpus(all()),
        ));
    };
    let held: Vec<&Row> = rows.iter().filter(|row| row.held.is_some()).collect();
    let pairs = |rows: &[&Row], text: fn(&Row) -> &str| -> Vec<(String, String)> {
        rows.iter().map(|row| (text(row).to_owned(), row.reference.clone())).collect()
    };
    say("                            n   chrF chrF++   BLEU");
    let everything: Vec<&Row> = rows.iter().collect();
    for (name, told) in [
        ("the source, copied", pairs(&everything, |row| &row.source)),
        ("what is shown", pairs(&everything, Row::shown)),
        ("translations that held", pairs(&held, Row::shown)),
    ] {
        let told: Vec<(&str, [&str; 1])> =
            told.iter().map(|(text, reference)| (text.as_str(), [reference.as_str()])).collect();
        scores(name, &told);
    }
    let lingua = Lingua::default();
    let is_in = held.iter().filter(|row| lingua.identify(row.shown()).is_some_and(|found| found.code == to)).count();
    let (mut guarded, mut whole) = (0, 0);
    for row in &held {
        let spans = spans(&row.source, &[]);
        guarded += spans.len();
        let lost = verify(&row.source, &spans, row.shown()).err().map_or(0, |faults| faults.len());
        whole += spans.len().saturating_sub(lost);
    }
    say(&format!(
        "{} of {} held; of these {is_in} are in `{to}`; protected spans that survived: {whole} of {guarded}",
        held.len(),
        rows.len()
    ));
    let mut hits = Hits::default();
    for row in &held {
        let found = glossary.hits(&row.source, row.shown(), "en", to);
        hits = Hits { expected: hits.expected + found.expected, found: hits.found + found.found };
    }
    if !glossary.is_empty() {
        say(&format!("terms of the glossary as it has them: {} of {}", hits.found, hits.expected));
    }
}
