//! What came of introductions that were possible: what matching may learn from.

use chat::{MemberId, ports::Outcome};
use jiff::Timestamp;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    forgotten, row,
};

/// Somebody who was shown to a seeker, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Introduction {
    /// The need.
    pub need: String,
    /// Who looked for somebody.
    pub seeker: MemberId,
    /// Who was shown.
    pub person: MemberId,
    /// What was known of the match, as `training` names it.
    pub features: Vec<f32>,
    /// When they were shown.
    pub at: Timestamp,
    /// Whether the seeker wanted to be introduced.
    pub asked: bool,
    /// Whether they said yes; none as long as they said nothing.
    pub accepted: Option<bool>,
}

/// Need, seeker, person, features, time, asked, accepted.
type Row = (String, String, String, String, i64, bool, Option<bool>);

/// What is kept of it. Each is handed what is theirs, without the others: whom they were shown, and to whom they were shown.
pub(crate) const TABLES: &[Table] = &[Table::new(
    "match_outcome",
    &[
        ("need", Column::Words),
        ("seeker", Column::Member),
        ("person", Column::Member),
        ("features", Column::Words),
        ("at_us", Column::No("time")),
        ("asked", Column::Words),
        ("accepted", Column::Words),
    ],
    Fate::Gone { kind: "outcomes of introductions", rows: "seeker IN {members} OR person IN {members}" },
)
.exported(&[
    Export {
        file: "introductions.json",
        part: "sought",
        columns: "'need', need, 'at', at_us, 'asked', json(iif(asked, 'true', 'false'))",
        rows: "seeker IN {members} ORDER BY at_us, need",
        times: &["at"],
    },
    Export {
        file: "introductions.json",
        part: "found",
        columns: "'at', at_us, 'features', json(features), \
             'accepted', json(iif(accepted IS NULL, 'null', iif(accepted, 'true', 'false')))",
        rows: "person IN {members} ORDER BY at_us, need",
        times: &["at"],
    },
])];

impl Store {
    /// Keeps what came of a possible introduction. What came before stays: who asked was shown, and who said yes was asked.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written.
    pub async fn keep_outcome(
        &self,
        need: &str,
        seeker: &MemberId,
        (person, features): (&MemberId, &[f32]),
        outcome: Outcome,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "keeping what came of an introduction";
        let accepted = match outcome {
            Outcome::Shown | Outcome::Asked => None,
            Outcome::Accepted => Some(true),
            Outcome::Declined => Some(false),
        };
        let mut transaction = self.begin(doing).await?;
        for member in [seeker, person] {
            let over = forgotten::is_over(&mut transaction, self, &member.0, at.as_microsecond()).await;
            if over.map_err(StoreError::sql(doing))? {
                return Ok(());
            }
        }
        sqlx::query(
            "INSERT INTO match_outcome (need, seeker, person, features, at_us, asked, accepted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (need, seeker, person) DO UPDATE SET asked = match_outcome.asked OR excluded.asked, \
                 accepted = COALESCE(excluded.accepted, match_outcome.accepted)",
        )
        .bind(need)
        .bind(&seeker.0)
        .bind(&person.0)
        .bind(row::json(&features, doing)?)
        .bind(at.as_microsecond())
        .bind(outcome != Outcome::Shown)
        .bind(accepted)
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::sql(doing))?;
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    /// All that came of introductions, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn introductions(&self) -> Result<Vec<Introduction>, StoreError> {
        let doing = "reading what came of introductions";
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT need, seeker, person, features, at_us, asked, accepted FROM match_outcome \
             ORDER BY at_us, need, seeker, person",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql(doing))?;
        rows.into_iter()
            .map(|(need, seeker, person, features, at, asked, accepted)| {
                Ok(Introduction {
                    need,
                    seeker: MemberId(seeker),
                    person: MemberId(person),
                    features: row::parse(&features, doing)?,
                    at: Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?,
                    asked,
                    accepted,
                })
            })
            .collect()
    }
}
