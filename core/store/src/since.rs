//! From when on people and rooms let what is said be kept: what was said is judged by how things stood then.
//!
//! **Invariant:** whatever changes a consent, a link or a policy notes it here in the same transaction, and no change counts earlier
//! than the one before it.

use std::collections::BTreeSet;

use chat::{Consent, MemberId, Policy, RoomId, Standing, Switch};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Move, Table},
    register::of_accounts,
};

/// What is kept of it. A room's goes on with it before its policy does: another room's own policy has its own history.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "consent_change",
        &[
            ("member", Column::Member),
            ("switch", Column::Words),
            ("at_us", Column::No("time")),
            ("is_on", Column::No("setting")),
        ],
        Fate::Gone { kind: "changes of consents", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "person.json",
        part: "changes of consents",
        columns: "'account', member, 'switch', switch, 'at', at_us, \
                  'on', json(CASE WHEN is_on THEN 'true' ELSE 'false' END)",
        rows: "member IN {members} ORDER BY at_us, member, switch",
        times: &["at"],
    }])
    .decided(),
    Table::new(
        "room_keeping",
        &[("room", Column::No("room")), ("at_us", Column::No("time")), ("keeps", Column::No("setting"))],
        Fate::Nobodys,
    )
    .moved(&[
        Move::Room(
            "INSERT INTO room_keeping (room, at_us, keeps) SELECT $2, at_us, keeps FROM room_keeping WHERE room = $1 \
             AND NOT EXISTS (SELECT 1 FROM room_policy WHERE room = $2) ON CONFLICT DO NOTHING",
        ),
        Move::Room("DELETE FROM room_keeping WHERE room = $1"),
    ])
    .decided(),
];

/// The accounts that turned a switch on, and whose person did so with every other account too; `{switch}` is its name.
pub(crate) const ALLOWING: &str = "SELECT c.member FROM consent c WHERE c.switch = {switch} AND NOT EXISTS ( \
     SELECT 1 FROM account_link own JOIN account_link other ON other.person = own.person \
     WHERE own.member = c.member AND NOT EXISTS ( \
         SELECT 1 FROM consent o WHERE o.member = other.member AND o.switch = c.switch))";

/// Whether the policy lets what is said be kept.
fn keeps(policy: &Policy) -> bool {
    policy.index_messages && !policy.paused
}

impl Store {
    /// See [`chat::people::Register::standing_at`].
    pub(crate) async fn standing_then(&self, member: &MemberId, said: Timestamp) -> Result<Standing, StoreError> {
        let then: Vec<String> = sqlx::query_scalar(
            "SELECT c.switch FROM consent_change c WHERE c.member = $1 AND c.is_on AND c.at_us = ( \
                 SELECT MAX(o.at_us) FROM consent_change o \
                 WHERE o.member = c.member AND o.switch = c.switch AND o.at_us <= $2)",
        )
        .bind(&member.0)
        .bind(said.as_microsecond())
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("looking up what a person consented to"))?;
        // Now comes last: what was taken back meanwhile does not hold.
        let mut standing = self.standing_of(member).await?;
        let both = Switch::ALL.into_iter().filter(|switch| {
            let (then, now) = (then.iter().any(|name| name == switch.name()), standing.consent.to(*switch));
            if switch.is_protective() { then || now } else { then && now }
        });
        standing.consent = Consent(both.collect());
        Ok(standing)
    }

    /// See [`chat::people::Register::policy_at`].
    pub(crate) async fn policy_then(&self, room: &RoomId, said: Timestamp) -> Result<Policy, StoreError> {
        let then: Option<bool> = sqlx::query_scalar(
            "SELECT keeps FROM room_keeping WHERE room = $1 AND at_us <= $2 ORDER BY at_us DESC LIMIT 1",
        )
        .bind(&room.0)
        .bind(said.as_microsecond())
        .fetch_optional(&self.read)
        .await
        .map_err(StoreError::sql("looking up what a room keeps"))?;
        let mut policy = self.policy_of(room).await?;
        policy.index_messages &= then == Some(true);
        Ok(policy)
    }
}

/// The switches that hold for a person with these accounts now.
pub(crate) async fn switches(
    connection: &mut SqliteConnection,
    member: &MemberId,
    accounts: usize,
) -> Result<BTreeSet<Switch>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(of_accounts(
        "SELECT switch, COUNT(*) FROM consent WHERE member IN ({accounts}) GROUP BY switch",
    ))
    .bind(&member.0)
    .fetch_all(connection)
    .await?;
    let holds = |switch: &Switch| {
        // A switch of a later version means nothing here: silence is no.
        let with =
            rows.iter().find(|(name, _)| name == switch.name()).and_then(|(_, with)| usize::try_from(*with).ok());
        with.is_some_and(|with| switch.is_protective() || with == accounts)
    };
    Ok(Switch::ALL.into_iter().filter(holds).collect())
}

/// Notes from when on the switches of these accounts stand as they do now, those that changed.
pub(crate) async fn note_switches(
    connection: &mut SqliteConnection,
    accounts: &[String],
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    for account in accounts {
        let member = MemberId(account.clone());
        let linked = crate::register::accounts(connection, &member).await?.len();
        let on = switches(connection, &member, linked).await?;
        for switch in Switch::ALL {
            let last: Option<(i64, bool)> = sqlx::query_as(
                "SELECT at_us, is_on FROM consent_change WHERE member = $1 AND switch = $2 ORDER BY at_us DESC LIMIT 1",
            )
            .bind(account)
            .bind(switch.name())
            .fetch_optional(&mut *connection)
            .await?;
            let is_on = on.contains(&switch);
            if last.is_some_and(|(_, was_on)| was_on) == is_on {
                continue;
            }
            sqlx::query(
                "INSERT INTO consent_change (member, switch, at_us, is_on) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (member, switch, at_us) DO UPDATE SET is_on = excluded.is_on",
            )
            .bind(account)
            .bind(switch.name())
            .bind(last.map_or(at.as_microsecond(), |(before, _)| before.max(at.as_microsecond())))
            .bind(is_on)
            .execute(&mut *connection)
            .await?;
        }
    }
    Ok(())
}

/// Notes from when on a room keeps what is said, or does not, where that changed.
pub(crate) async fn note_policy(
    connection: &mut SqliteConnection,
    room: &RoomId,
    policy: Option<&Policy>,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let last: Option<(i64, bool)> =
        sqlx::query_as("SELECT at_us, keeps FROM room_keeping WHERE room = $1 ORDER BY at_us DESC LIMIT 1")
            .bind(&room.0)
            .fetch_optional(&mut *connection)
            .await?;
    let keeps = policy.is_some_and(keeps);
    if last.is_some_and(|(_, kept)| kept) == keeps {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO room_keeping (room, at_us, keeps) VALUES ($1, $2, $3) \
         ON CONFLICT (room, at_us) DO UPDATE SET keeps = excluded.keeps",
    )
    .bind(&room.0)
    .bind(last.map_or(at.as_microsecond(), |(before, _)| before.max(at.as_microsecond())))
    .bind(keeps)
    .execute(connection)
    .await
    .map(drop)
}
