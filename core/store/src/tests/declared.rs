//! The declarations are those of the schema: no table and no column holds something of a person unnoticed.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use super::open;
use crate::{
    Store,
    declared::{self, Column, Fate},
};

async fn rows(store: &Store, query: String) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&store.read).await.unwrap()
}

/// Each table with its columns.
async fn schema(store: &Store) -> BTreeMap<String, BTreeSet<String>> {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> '_sqlx_migrations'";
    let mut schema = BTreeMap::new();
    for table in rows(store, tables.to_owned()).await {
        let columns = rows(store, format!("SELECT name FROM pragma_table_info('{table}')")).await;
        schema.insert(table, columns.into_iter().collect());
    }
    schema
}

#[tokio::test]
async fn every_column_of_every_table_is_declared_as_a_persons_or_as_nobodys() {
    let (_folder, store) = open().await;
    let schema = schema(&store).await;
    let declared: BTreeMap<String, BTreeSet<String>> = declared::all()
        .map(|table| (table.name.to_owned(), table.columns.iter().map(|(name, _)| (*name).to_owned()).collect()))
        .collect();
    assert_eq!(declared::all().count(), declared.len(), "a table is declared twice");
    for (table, columns) in &schema {
        let known = declared.get(table).unwrap_or_else(|| {
            panic!(
                "the table {table} is not declared: write a `Table` for it into the `TABLES` of the module that holds its SQL, \
                 and name that in `declared::all`; it says which columns hold something of a person, what becomes of its rows \
                 when somebody is forgotten, and what of them that person is handed"
            )
        });
        let missing: Vec<_> = columns.difference(known).collect();
        assert!(
            missing.is_empty(),
            "columns of {table} are not declared: {missing:?}. Add each to `columns` of its `Table`: `Column::Member` where it \
             names an account, `Column::Scope` where it holds a scope, `Column::Words` where it is of or about somebody, else \
             `Column::No` with a word that says why it tells nothing of a person"
        );
    }
    for (table, columns) in &declared {
        let there = schema.get(table).unwrap_or_else(|| panic!("the table {table} is declared, and is not there"));
        assert!(columns.is_subset(there), "columns of {table} are declared, and are not there: {columns:?}");
    }
}

#[tokio::test]
async fn whatever_names_a_person_goes_with_them_or_says_why_it_stays() {
    let (_folder, store) = open().await;
    for table in declared::all() {
        let name = table.name;
        let naming = table.columns.iter().filter(|(_, holds)| matches!(holds, Column::Member | Column::Scope));
        let naming: Vec<&str> = naming.map(|(column, _)| *column).collect();
        match table.fate {
            Fate::Gone { rows, .. } | Fate::Emptied { rows, .. } => {
                for column in naming {
                    assert!(
                        rows.contains(column),
                        "{name}.{column} names people; the rows that go are not found by it: {rows}"
                    );
                }
            }
            Fate::With(parent) => {
                let parents =
                    format!("SELECT \"table\" FROM pragma_foreign_key_list('{name}') WHERE on_delete = 'CASCADE'");
                assert!(
                    rows(&store, parents).await.iter().any(|known| known == parent),
                    "{name} goes with no row of {parent}"
                );
            }
            Fate::By(what) | Fate::Kept(what) => assert!(!what.is_empty(), "{name}"),
            Fate::Nobodys => {
                let of_people: Vec<_> =
                    table.columns.iter().filter(|(_, holds)| !matches!(holds, Column::No(_))).collect();
                assert!(of_people.is_empty(), "{name} is nobody's, but {of_people:?}");
            }
        }
        for (column, holds) in table.columns {
            assert!(!matches!(holds, Column::No(why) if why.is_empty()), "{name}.{column}");
            // What is named so names people, or says that it does not.
            let sounds_so = ["member", "author", "person", "owner", "caller", "seeker"].contains(column);
            assert!(!sounds_so || !matches!(holds, Column::No(_)), "{name}.{column} sounds like a person");
        }
    }
}
