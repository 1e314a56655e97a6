//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// A self-hosted assistant for research communities: answers from your papers, with lines one can check.
#[derive(Debug, Parser)]
#[command(name = "colloquy", version, about, long_about = None, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Configuration file [default: colloquy.toml in this folder, where there is one]
    #[arg(long, global = true, value_name = "FILE", env = "COLLOQUY_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder: documents, index, state
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Set any key of the configuration, for example `--set engine.slots=2`
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Log in JSON, a line for each event
    #[arg(long, global = true, env = "COLLOQUY_LOG_JSON")]
    pub log_json: bool,
    /// Log more; twice for everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Try it: fetch two small models, read the sample papers, answer four questions, stay open as a chat
    Try {
        /// The sample papers [default: those of the source tree]
        #[arg(long, value_name = "DIR")]
        samples: Option<PathBuf>,
    },
    /// Read papers and notes into the library: PDF, JATS, ACL Anthology XML, BibTeX, arXiv Atom, HTML, Markdown, text
    Ingest {
        /// Files and folders
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Who may read them: community:NAME, group:NAME, room:NAME or person:NAME [default: the community]
        #[arg(long)]
        scope: Option<chat::Scope>,
        /// Also write the whole report, a line for each file, into this file
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
    },
    /// Ask one question
    Ask {
        /// The question
        #[arg(required = true, value_parser = question)]
        question: Vec<String>,
    },
    /// Chat in this terminal; through a pipe, one question a line
    Chat,
    /// Serve Discord and Matrix, whichever is configured
    Serve {
        /// Only these
        #[arg(long, value_enum)]
        only: Vec<Frontend>,
    },
    /// Look after the Matrix account
    #[command(subcommand)]
    Matrix(MatrixCommand),
    /// Look after the library
    #[command(subcommand)]
    Library(Library),
    /// Look after the models
    #[command(subcommand)]
    Models(Models),
    /// Learn from what people said, of those who agreed to it; also while `serve` runs, which uses what was learned at once
    #[command(subcommand)]
    Train(Train),
    /// Write the data folder into one file, also while `serve` runs: everything but the index, which is derived.
    /// Keys are in it that lie in the folder: keep it as safe
    Backup {
        /// The ZIP file, in place of an earlier one
        file: PathBuf,
    },
    /// Fill an empty data folder from a backup, whose checksums are compared first. Who was forgotten, blocked or withdrew a
    /// consent since is not brought back where `decisions.json` of the data folder says so
    Restore {
        /// The ZIP file
        file: PathBuf,
        /// The last `decisions.json` [default: the one in the data folder, which may hold that one file]
        #[arg(long, value_name = "FILE")]
        decisions: Option<PathBuf>,
    },
    /// Look into the audit trail, also while `serve` runs
    #[command(subcommand)]
    Audit(Audit),
    /// Ask the language model again what it was asked in a call, and compare what it says
    Replay {
        /// The call, as `audit list` prints it
        call: String,
    },
    /// Check configuration, models, disk, memory, processor, index and state
    Doctor {
        /// Also check every model file against its checksum
        #[arg(long)]
        deep: bool,
    },
    /// Print every key of the configuration with its default and what it means
    Config,
    /// Measure retrieval and answers
    #[command(subcommand)]
    Eval(Eval),
}

/// A platform that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Frontend {
    /// Discord
    Discord,
    /// Matrix
    Matrix,
}

/// `colloquy matrix`
#[derive(Debug, Subcommand)]
pub enum MatrixCommand {
    /// Log in once: device, cross-signing, recovery key, key backup. The password or token comes from
    /// COLLOQUY_MATRIX_PASSWORD or COLLOQUY_MATRIX_TOKEN
    Setup {
        /// A file that holds the recovery key of an earlier device, to take its history over
        #[arg(long, value_name = "FILE")]
        recovery_key_file: Option<PathBuf>,
        /// Forget the device that is set up here and make a new one
        #[arg(long)]
        replace: bool,
    },
}

/// `colloquy library`
#[derive(Debug, Subcommand)]
pub enum Library {
    /// List documents by title
    List {
        /// Part of a title or an author
        #[arg(default_value = "")]
        matching: String,
        /// Most rows
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show a document: what is known of it, and its passages
    Show {
        /// Its id, as `list` prints it
        id: String,
        /// Print the passages whole
        #[arg(long)]
        text: bool,
    },
    /// Remove documents with everything derived from them
    Remove {
        /// Their ids, as `list` prints them
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Count documents, passages and characters
    Stats,
    /// Build the index anew, for example after another encoder was chosen
    Reindex,
}

/// `colloquy train`
#[derive(Debug, Subcommand)]
pub enum Train {
    /// How papers are ranked for somebody, from thumbs, what was saved and what was waved away
    Recommend(TrainOptions),
    /// How people are ranked for a need, from introductions: who was asked for, and who said yes
    Match(TrainOptions),
}

/// What `train` does of it. Without any it learns; Ctrl-C keeps how far it came, and the same command goes on from there.
#[derive(Debug, Clone, Copy, Args)]
pub struct TrainOptions {
    /// List what was learned before, and which is in use
    #[arg(long)]
    pub list: bool,
    /// Use the version before the one in use again, or none
    #[arg(long, conflicts_with = "list")]
    pub rollback: bool,
    /// Begin anew where an earlier training was broken off
    #[arg(long, conflicts_with_all = ["list", "rollback"])]
    pub anew: bool,
}

/// `colloquy audit`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Check that every event is what was written; names the first that is not
    Verify {
        /// A hash that was the last one once, as `verify` and `serve` print it: a trail without it was cut off
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
    /// List the last calls, with the names that `replay` takes
    List {
        /// Most rows
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// `colloquy models`
#[derive(Debug, Subcommand)]
pub enum Models {
    /// List the catalogue: what is here, what is used
    List,
    /// Bring a model to this machine
    Fetch {
        /// Its name
        name: String,
    },
    /// Show all that is known of a model
    Show {
        /// Its name
        name: String,
    },
    /// Use a model from now on: fetches it and writes its name into the configuration file
    Use {
        /// Its name
        name: String,
    },
}

/// `colloquy eval`
#[derive(Debug, Subcommand)]
pub enum Eval {
    /// nDCG@10, Recall@100, MAP and MRR of a retrieval collection
    Retrieval(EvalRetrieval),
    /// Support, citations and abstention on questions with known documents
    Qa {
        /// JSON lines: question, and gold: document ids, or "none"
        file: PathBuf,
        /// The library to ask: files and folders, read into a library of their own [default: the configured library]
        #[arg(long, value_name = "PATH")]
        library: Vec<PathBuf>,
    },
    /// chrF and BLEU of translations, how many held, and whether protected parts survived
    Translation {
        /// Into which language: de, fr ..
        #[arg(long)]
        to: String,
        /// Sentences, one a line
        source: PathBuf,
        /// Their translations, line by line
        reference: PathBuf,
        /// Terms of the community, as `glossary import` takes them: CSV or TBX
        #[arg(long)]
        glossary: Option<PathBuf>,
        /// Most lines
        #[arg(long)]
        limit: Option<usize>,
    },
    /// How well the conversations of annotated channels are told apart
    Disentangle {
        /// A folder of NAME.ascii.txt and NAME.annotation.txt, as irc-disentanglement has them
        dir: PathBuf,
    },
    /// Loss, easy and hard pairs of papers matched with people who rated their own expertise
    Match {
        /// A folder of evaluations*.tsv, papers.jsonl and profiles_d20_N.json, as goldstandard-reviewer-paper-match has them
        dir: PathBuf,
    },
    /// Hit@10 and MRR of new co-authors, predicted from earlier years
    Coauthor {
        /// JSON lines: title, abstract, authors, author_ids, year
        file: PathBuf,
        /// The last year that is known [default: the one before the last]
        #[arg(long)]
        until: Option<i16>,
        /// Papers that an author must have by then
        #[arg(long, default_value_t = 3)]
        papers_min: u32,
    },
    /// Recall, nDCG, coverage and novelty of recommended papers, cold ones apart, beside the baselines
    Recommend {
        /// A folder of items.jsonl (id, title, abstract, year) and users.jsonl (id, items: ids, or id, day, value)
        dir: PathBuf,
        /// Most people
        #[arg(long)]
        limit: Option<usize>,
    },
    /// ROUGE, support, coverage, copying and length of summaries, beside the first sentence and the title
    Summary {
        /// JSON lines: papers as SciTLDR has them, or meetings as QMSum has them
        file: PathBuf,
        /// Most lines
        #[arg(long)]
        limit: Option<usize>,
    },
}

/// `colloquy eval retrieval`
#[derive(Debug, Args)]
pub struct EvalRetrieval {
    /// The collection's format
    #[arg(long, value_enum, default_value_t = Format::Beir)]
    pub format: Format,
    /// Its folder: corpus.jsonl, queries*.jsonl, qrels/*.tsv
    pub dir: PathBuf,
    /// Which evidence [default: all three]
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,
    /// Relevance judgements: the name of a file in qrels/
    #[arg(long, default_value = "")]
    pub split: String,
    /// Most queries
    #[arg(long)]
    pub limit: Option<usize>,
}

/// A collection's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// BEIR: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv
    Beir,
}

/// Which evidence a search uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Vectors alone
    Dense,
    /// Terms alone
    Sparse,
    /// Both, fused by rank and re-ranked
    Hybrid,
}

fn question(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("I need a question") } else { Ok(text.to_owned()) }
}
