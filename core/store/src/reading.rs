//! What people said of papers and were shown, and which papers may be recommended to whom.
//!
//! **Invariant:** what may be recommended is told by [`Store::readable_papers`] alone: never what was said in a room, nor what
//! is retracted, confidential or under embargo.

use std::collections::HashMap;

use chat::{
    DocumentId, MemberId, Readable,
    ports::{Embedding, Verdict},
};
use jiff::Timestamp;
use sqlx::{FromRow, QueryBuilder, Sqlite};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    documents::readable_only,
    forgotten, row,
};

/// Passages of a paper that stand for it: its abstract is among them.
const PASSAGES: i64 = 2;

/// The last word of an account on a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Whose.
    pub member: MemberId,
    /// On what.
    pub document: DocumentId,
    /// What.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

/// A paper, as recommending weighs it.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperText {
    /// Which.
    pub document: DocumentId,
    /// Its title.
    pub title: String,
    /// Full names.
    pub authors: Vec<String>,
    /// Its year.
    pub year: Option<i16>,
    /// When it was first seen in the library.
    pub arrived: Timestamp,
    /// The text of its first passages.
    pub text: String,
    /// Their vectors; none of one that was not embedded yet.
    pub vectors: Vec<Embedding>,
}

/// A paper that may be read: its id, and whether it may be recommended.
pub type ReadablePaper = (DocumentId, bool);

/// What changes whenever the papers, or the words on them, do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadingMark {
    papers: [i64; 5],
    words: [i64; 5],
}

impl ReadingMark {
    /// Whether the papers are the same as at the other mark.
    pub fn has_papers_of(&self, other: &Self) -> bool {
        self.papers == other.papers
    }
}

/// A word: member, document, verdict, time.
type WordRow = (String, String, String, i64);

#[derive(FromRow)]
struct PaperRow {
    id: String,
    title: String,
    authors: String,
    year: Option<i16>,
    at_us: i64,
    text: Option<String>,
    vector: Option<Vec<u8>>,
}

/// What is kept of it.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "paper_word",
        &[("member", Column::Member), ("document", ID), ("verdict", Column::Words), ("at_us", TIME)],
        Fate::Gone { kind: "words on papers", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "reading.json",
        part: "words",
        columns: "'paper', document, 'word', verdict, 'at', at_us",
        rows: "member IN {members} ORDER BY at_us, document",
        times: &["at"],
    }]),
    Table::new(
        "paper_shown",
        &[("member", Column::Member), ("document", ID), ("at_us", TIME)],
        Fate::Gone { kind: "papers shown", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "reading.json",
        part: "shown",
        columns: "'paper', document, 'at', at_us",
        rows: "member IN {members} ORDER BY at_us, document",
        times: &["at"],
    }]),
    Table::new("paper_arrival", &[("document", ID), ("at_us", TIME)], Fate::With("document")),
];

const ID: Column = Column::No("id");
const TIME: Column = Column::No("time");

impl Store {
    /// Keeps an account's word on a paper, in the place of the one before; nothing of a paper that is gone.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn keep_verdict(
        &self,
        member: &MemberId,
        document: &DocumentId,
        verdict: Verdict,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "keeping a word on a paper";
        let mut transaction = self.begin(doing).await?;
        if forgotten::is_over(&mut transaction, self, &member.0, at.as_microsecond())
            .await
            .map_err(StoreError::sql(doing))?
        {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO paper_word (member, document, verdict, at_us) SELECT $1, id, $3, $4 FROM document WHERE id = $2 \
             ON CONFLICT (member, document) DO UPDATE SET verdict = excluded.verdict, at_us = excluded.at_us",
        )
        .bind(&member.0)
        .bind(&document.0)
        .bind(verdict.name())
        .bind(at.as_microsecond())
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::sql(doing))?;
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// The last words of these accounts, or of all, the newest last.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn verdicts(&self, accounts: Option<&[MemberId]>) -> Result<Vec<Word>, StoreError> {
        let doing = "reading words on papers";
        let mut query = QueryBuilder::<Sqlite>::new("SELECT member, document, verdict, at_us FROM paper_word");
        of_accounts(&mut query, accounts);
        query.push(" ORDER BY at_us, member, document");
        let rows: Vec<WordRow> = query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        let word = |(member, document, verdict, at): WordRow| {
            // A word of a later version means nothing here.
            let verdict = Verdict::ALL.into_iter().find(|known| known.name() == verdict)?;
            let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing));
            Some(at.map(|at| Word { member: MemberId(member), document: DocumentId(document), verdict, at }))
        };
        rows.into_iter().filter_map(word).collect()
    }

    /// Remembers that these papers were shown to an account.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn keep_shown(
        &self,
        member: &MemberId,
        documents: &[DocumentId],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "remembering what was shown";
        let mut transaction = self.begin(doing).await?;
        if forgotten::is_over(&mut transaction, self, &member.0, at.as_microsecond())
            .await
            .map_err(StoreError::sql(doing))?
        {
            return Ok(());
        }
        for document in documents {
            sqlx::query(
                "INSERT INTO paper_shown (member, document, at_us) SELECT $1, id, $3 FROM document WHERE id = $2 \
                 ON CONFLICT DO NOTHING",
            )
            .bind(&member.0)
            .bind(&document.0)
            .bind(at.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::sql(doing))?;
        }
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// What was shown to these accounts, sorted; but for what was shown first at exactly the time `but_at`.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn shown_papers(
        &self,
        accounts: &[MemberId],
        but_at: Option<Timestamp>,
    ) -> Result<Vec<DocumentId>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT DISTINCT document FROM paper_shown");
        of_accounts(&mut query, Some(accounts));
        if let Some(at) = but_at {
            query.push(" AND at_us <> ").push_bind(at.as_microsecond());
        }
        query.push(" ORDER BY document");
        let ids: Vec<String> = query
            .build_query_scalar()
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql("reading what was shown"))?;
        Ok(ids.into_iter().map(DocumentId).collect())
    }

    /// Notes the papers that are here for the first time: they are new from this time on.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn note_arrivals(&self, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO paper_arrival (document, at_us) SELECT id, $1 FROM document \
             WHERE format <> 'conversation' AND id NOT IN (SELECT document FROM paper_arrival)",
        )
        .bind(at.as_microsecond())
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("noting what is new in the library"))?;
        Ok(())
    }

    /// The papers of a reader, by id: those that came since a time, or all that arrived.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn readable_papers(
        &self,
        readable: &Readable,
        since: Option<Timestamp>,
    ) -> Result<Vec<ReadablePaper>, StoreError> {
        // One row for all of them: handing over thousands takes longer than finding them.
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT json_group_array(json_array(d.id, a.at_us IS NOT NULL AND NOT d.retracted AND NOT EXISTS ( \
                 SELECT 1 FROM document_right r WHERE r.document = d.id \
                 AND (r.retracted OR r.confidential OR r.embargo_us > ",
        );
        query.push_bind(readable.as_of().as_microsecond()).push(")) AND a.at_us >= ");
        query.push_bind(since.map_or(i64::MIN, Timestamp::as_microsecond));
        query
            .push(")) FROM document d LEFT JOIN paper_arrival a ON a.document = d.id WHERE d.format <> 'conversation'");
        readable_only(&mut query, Some(readable));
        let doing = "looking for papers to recommend";
        let json: String = query.build_query_scalar().fetch_one(&self.read).await.map_err(StoreError::sql(doing))?;
        // NULL where it never came is no number to compare.
        let rows: Vec<(DocumentId, Option<u8>)> = row::parse(&json, doing)?;
        let mut papers: Vec<ReadablePaper> = rows.into_iter().map(|(id, open)| (id, open == Some(1))).collect();
        papers.sort();
        Ok(papers)
    }

    /// Every paper that arrived, by id, with the vectors of `model`: for weighing, whoever may read them.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn papers(&self, model: &str) -> Result<Vec<PaperText>, StoreError> {
        let doing = "reading the papers";
        let rows: Vec<PaperRow> = sqlx::query_as(
            "SELECT d.id, d.title, d.authors, d.year, a.at_us, p.text, v.vector FROM paper_arrival a \
             JOIN document d ON d.id = a.document \
             LEFT JOIN passage p ON p.document = d.id AND p.ordinal < $2 \
             LEFT JOIN passage_vector v ON v.document = d.id AND v.ordinal = p.ordinal AND v.model = $1 \
             ORDER BY d.id, p.ordinal",
        )
        .bind(model)
        .bind(PASSAGES)
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        let mut papers: Vec<PaperText> = Vec::new();
        for row in rows {
            if papers.last().is_none_or(|last| last.document.0 != row.id) {
                papers.push(PaperText {
                    document: DocumentId(row.id),
                    title: row.title,
                    authors: row::parse(&row.authors, doing)?,
                    year: row.year,
                    arrived: Timestamp::from_microsecond(row.at_us).map_err(StoreError::damaged(doing))?,
                    text: String::new(),
                    vectors: Vec::new(),
                });
            }
            let Some(paper) = papers.last_mut() else { continue };
            if let Some(text) = row.text {
                paper.text.push_str(&text);
                paper.text.push('\n');
            }
            if let Some(blob) = row.vector {
                paper.vectors.push(row::vector(&blob, doing)?);
            }
        }
        Ok(papers)
    }

    /// The titles of those papers that may be read, in the order of `ids`.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn readable_titles(
        &self,
        readable: &Readable,
        ids: &[DocumentId],
    ) -> Result<Vec<(DocumentId, String)>, StoreError> {
        let mut titles: HashMap<String, String> = HashMap::with_capacity(ids.len());
        for some in ids.chunks(crate::documents::VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT d.id, d.title FROM document d WHERE d.id IN (");
            let mut values = query.separated(", ");
            for id in some {
                values.push_bind(&id.0);
            }
            query.push(")");
            readable_only(&mut query, Some(readable));
            let rows: Vec<(String, String)> =
                query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql("reading titles"))?;
            titles.extend(rows);
        }
        Ok(ids.iter().filter_map(|id| Some((id.clone(), titles.remove(&id.0)?))).collect())
    }

    /// What tells whether papers or words changed since. It misses nothing but a paper that was read again with exactly as
    /// many letters.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn reading_mark(&self, model: &str) -> Result<ReadingMark, StoreError> {
        let sql = StoreError::sql("asking whether papers or words changed");
        let papers: (i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(SUM(passages), 0), COALESCE(SUM(characters), 0), \
                 (SELECT COUNT(*) FROM paper_arrival), \
                 (SELECT COUNT(*) FROM passage_vector WHERE model = $1) FROM document",
        )
        .bind(model)
        .fetch_one(&self.read)
        .await
        .map_err(&sql)?;
        let words: (i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(MAX(at_us), 0), \
                 (SELECT COUNT(*) FROM consent WHERE switch = 'improve'), \
                 (SELECT COALESCE(SUM(CASE WHEN is_on THEN 2 ELSE 1 END), 0) FROM consent_change WHERE switch = 'improve'), \
                 (SELECT COUNT(*) FROM blocked_member) FROM paper_word",
        )
        .fetch_one(&self.read)
        .await
        .map_err(&sql)?;
        Ok(ReadingMark { papers: papers.into(), words: words.into() })
    }
}

/// Narrows a query without a condition to rows of these accounts.
fn of_accounts(query: &mut QueryBuilder<Sqlite>, accounts: Option<&[MemberId]>) {
    let Some(accounts) = accounts else { return };
    query.push(" WHERE member IN (");
    let mut values = query.separated(", ");
    for account in accounts {
        values.push_bind(account.0.clone());
    }
    query.push(")");
}
