//! What each table of the state holds of people. A module that keeps anything declares its tables beside its own SQL; what
//! erases, hands over and moves is one fold over [`all`] and knows no table by name, but for what plugins keep under keys of a
//! room (`moves`).
//!
//! A new table: declare it as a [`Table`] in its module, and name the module's `TABLES` in [`all`]. A new column: add it to the
//! declaration of its table. A test compares the declarations with the schema.
//!
//! **Invariant:** every column of every table is declared, as a person's or as nobody's with a reason.
//! **Invariant:** all is kept by account, so that linking two accounts, or parting them, moves no row.

use crate::{
    audit, data, documents, forgotten, inbox, jobs, outbox, outcomes, profiles, reading, register, rights, said,
    schedule, since, versions,
};

/// A table, and what becomes of its rows.
pub(crate) struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, each with what it holds.
    pub columns: &'static [(&'static str, Column)],
    /// What becomes of a person's rows when they are forgotten.
    pub fate: Fate,
    /// What of a person's rows they are handed.
    pub exported: &'static [Export],
    /// What a room that goes on as another takes with it.
    pub moved: &'static [Move],
    /// Whether its rows are what people and moderators decided: they outlive the restoring of an older backup.
    pub is_decided: bool,
}

impl Table {
    /// A table of which nothing is handed over or moved.
    pub const fn new(name: &'static str, columns: &'static [(&'static str, Column)], fate: Fate) -> Self {
        Self { name, columns, fate, exported: &[], moved: &[], is_decided: false }
    }

    /// The same, with what is handed over.
    pub const fn exported(self, exported: &'static [Export]) -> Self {
        Self { exported, ..self }
    }

    /// The same, with what moves.
    pub const fn moved(self, moved: &'static [Move]) -> Self {
        Self { moved, ..self }
    }

    /// The same, as decisions.
    pub const fn decided(self) -> Self {
        Self { is_decided: true, ..self }
    }
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A person's account.
    Member,
    /// A scope, which may be a person's.
    Scope,
    /// What somebody wrote, or what is about them.
    Words,
    /// Nothing of a person: why, in a word or two.
    No(&'static str),
}

/// What becomes of a person's rows when they are forgotten. In conditions `{members}` are their accounts and `{scopes}` the
/// scopes of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are removed.
    Gone {
        /// What they are called to who is told.
        kind: &'static str,
        /// Which they are.
        rows: &'static str,
    },
    /// They stay, and columns are emptied.
    Emptied {
        /// What they are called to who is told.
        kind: &'static str,
        /// What is set.
        set: &'static str,
        /// Which they are; not, once it is set.
        rows: &'static str,
    },
    /// They go with the row of another table that they refer to.
    With(&'static str),
    /// Something else removes them before: what.
    By(&'static str),
    /// They stay: why.
    Kept(&'static str),
    /// None is a person's.
    Nobodys,
}

/// A list in a file of the archive.
pub(crate) struct Export {
    /// The file.
    pub file: &'static str,
    /// The list's name in the file; empty where the file is this list.
    pub part: &'static str,
    /// The arguments of `json_object` for one row.
    pub columns: &'static str,
    /// Which rows, in which order.
    pub rows: &'static str,
    /// Which of the values are times in microseconds.
    pub times: &'static [&'static str],
}

/// Moves rows from one room, `$1`, to another, `$2`.
pub(crate) enum Move {
    /// By the rooms' ids.
    Room(&'static str),
    /// By the rooms' scopes.
    Scope(&'static str),
    /// By the rooms' scopes, after all others: what was copied by then goes.
    ScopeLast(&'static str),
}

/// What is handed over, each with its table, in the order of [`all`].
pub(crate) fn exports() -> Vec<(&'static Table, &'static Export)> {
    all().flat_map(|table| table.exported.iter().map(move |export| (table, export))).collect()
}

/// All tables, in the order in which they are erased: what others are found by goes after them.
pub(crate) fn all() -> impl Iterator<Item = &'static Table> {
    [
        // These three before the documents, with which they would go uncounted.
        reading::TABLES,
        jobs::TABLES,
        versions::TABLES,
        documents::TABLES,
        rights::TABLES,
        // Before the posts and the flights, which tell whose call one is beside.
        data::TABLES,
        outbox::TABLES,
        inbox::TABLES,
        audit::TABLES,
        // Before the policies, by which it is told whether a room has a history of its own.
        since::TABLES,
        register::TABLES,
        schedule::TABLES,
        outcomes::TABLES,
        profiles::TABLES,
        said::TABLES,
        forgotten::TABLES,
    ]
    .into_iter()
    .flatten()
}
