//! What is remembered of people and rooms. All is kept by account; an account without a link is a person by itself.
//!
//! **Invariant:** a block is laid on, and lifted from, all accounts that the person has at that time; linking and parting move
//! none. One of a room binds nobody in another one.
//! **Invariant:** a role is the account's alone, whatever it is linked with.

use std::sync::PoisonError;

use async_trait::async_trait;
use chat::{
    Blocked, Consent, MemberId, Place, Policy, PortError, Role, RoomId, Standing, Switch, Visibility,
    people::{Linking, Party, Register},
    profile::Accounts,
};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Move, Table},
    row,
    since::{ALLOWING, note_policy, note_switches, switches},
};

/// What is kept of people and rooms.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "consent",
        &[("member", Column::Member), ("switch", Column::Words), ("at_us", Column::No("time"))],
        Fate::Gone { kind: "consents", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "person.json",
        part: "consents",
        columns: "'account', member, 'switch', switch, 'since', at_us",
        rows: "member IN {members} ORDER BY member, switch",
        times: &["since"],
    }])
    .decided(),
    Table::new(
        "account_link",
        &[("member", Column::Member), ("person", Column::Words)],
        Fate::Gone { kind: "links between accounts", rows: "member IN {members}" },
    )
    .decided(),
    Table::new(
        "link_code",
        &[
            ("member", Column::Member),
            ("code", Column::Words),
            ("until_us", Column::No("time")),
            ("place", Column::No("room")),
            ("own_code", Column::Words),
            ("other", Column::Member),
            ("other_place", Column::No("room")),
            ("other_code", Column::Words),
        ],
        Fate::Gone { kind: "codes", rows: "member IN {members} OR other IN {members}" },
    ),
    Table::new(
        "role_grant",
        &[("member", Column::Member), ("role", Column::Words)],
        Fate::Gone { kind: "roles", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "person.json",
        part: "roles",
        columns: "'account', member, 'role', json(role)",
        rows: "member IN {members} ORDER BY member",
        times: &[],
    }])
    .decided(),
    Table::new(
        "blocked_member",
        &[("member", Column::Member), ("room", Column::No("room"))],
        Fate::Kept("who is blocked must not come back by being forgotten"),
    )
    .exported(&[Export {
        file: "person.json",
        part: "blocked",
        columns: "'account', member, 'room', room",
        rows: "member IN {members} ORDER BY member, room",
        times: &[],
    }])
    .moved(&[
        Move::Room(
            "INSERT INTO blocked_member (member, room) SELECT member, $2 FROM blocked_member WHERE room = $1 \
             ON CONFLICT DO NOTHING",
        ),
        Move::Room("DELETE FROM blocked_member WHERE room = $1"),
    ])
    .decided(),
    Table::new("room_policy", &[("room", Column::No("room")), ("policy", Column::No("setting"))], Fate::Nobodys)
        .moved(&[
            Move::Room(
                "INSERT INTO room_policy (room, policy) SELECT $2, policy FROM room_policy WHERE room = $1 \
                 ON CONFLICT DO NOTHING",
            ),
            Move::Room("DELETE FROM room_policy WHERE room = $1"),
        ])
        .decided(),
    Table::new("everything", &[("paused", Column::No("setting"))], Fate::Nobodys).decided(),
];

const PORT: &str = "register";

#[async_trait]
impl Register for Store {
    async fn standing(&self, member: &MemberId) -> Result<Standing, PortError> {
        self.standing_of(member).await.map_err(StoreError::port(PORT))
    }

    async fn standing_at(&self, member: &MemberId, said: Timestamp) -> Result<Standing, PortError> {
        self.standing_then(member, said).await.map_err(StoreError::port(PORT))
    }

    async fn set_consent(&self, member: &MemberId, switch: Switch, on: bool, at: Timestamp) -> Result<(), PortError> {
        match on {
            true => self.consent(member, switch, at).await,
            false => self.withdraw(member, switch, at).await,
        }
        .map_err(StoreError::port(PORT))
    }

    async fn willing(&self, switch: Switch) -> Result<Vec<Accounts>, PortError> {
        self.all_willing(switch).await.map_err(StoreError::port(PORT))
    }

    async fn set_grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), PortError> {
        self.grant(member, role).await.map_err(StoreError::port(PORT))
    }

    async fn set_blocked(&self, member: &MemberId, room: Option<&RoomId>, blocked: bool) -> Result<(), PortError> {
        self.block(member, room, blocked).await.map_err(StoreError::port(PORT))
    }

    async fn policy(&self, room: &RoomId) -> Result<Policy, PortError> {
        self.policy_of(room).await.map_err(StoreError::port(PORT))
    }

    async fn policy_at(&self, room: &RoomId, said: Timestamp) -> Result<Policy, PortError> {
        self.policy_then(room, said).await.map_err(StoreError::port(PORT))
    }

    fn visibility(&self, room: &RoomId) -> Visibility {
        let discreet = self.discreet.read().unwrap_or_else(PoisonError::into_inner);
        if discreet.contains(room) { Visibility::Caller } else { Visibility::Room }
    }

    async fn set_policy(&self, room: &RoomId, policy: Option<&Policy>, at: Timestamp) -> Result<(), PortError> {
        self.keep_policy(room, policy, at).await.map_err(StoreError::port(PORT))
    }

    async fn policies(&self) -> Result<Vec<(RoomId, Policy)>, PortError> {
        self.all_policies().await.map_err(StoreError::port(PORT))
    }

    async fn is_paused(&self) -> Result<bool, PortError> {
        self.paused().await.map_err(StoreError::port(PORT))
    }

    async fn pause_all(&self, paused: bool) -> Result<(), PortError> {
        self.pause(paused).await.map_err(StoreError::port(PORT))
    }

    async fn offer_link(
        &self,
        member: &MemberId,
        place: &Place,
        code: &str,
        until: Timestamp,
    ) -> Result<(), PortError> {
        self.offer(member, place, code, until).await.map_err(StoreError::port(PORT))
    }

    async fn say_link(
        &self,
        member: &MemberId,
        place: &Place,
        code: &str,
        next: (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Option<Linking>, PortError> {
        self.say_code(member, place, code, next, now).await.map_err(StoreError::port(PORT))
    }

    async fn pending_link(&self, member: &MemberId, now: Timestamp) -> Result<Option<(Party, String)>, PortError> {
        self.waiting_link(member, now).await.map_err(StoreError::port(PORT))
    }

    async fn refuse_link(&self, member: &MemberId, code: &str) -> Result<bool, PortError> {
        self.refuse(member, code).await.map_err(StoreError::port(PORT))
    }

    async fn unlink(&self, member: &MemberId, at: Timestamp) -> Result<bool, PortError> {
        self.take_apart(member, at).await.map_err(StoreError::port(PORT))
    }
}

/// All accounts of the person whose account `$1` is, itself among them.
const ACCOUNTS: &str = "SELECT $1 AS member UNION SELECT other.member FROM account_link own \
     JOIN account_link other ON other.person = own.person WHERE own.member = $1";

/// The room of a block that holds in all.
const EVERYWHERE: &str = "";

/// `sql` with [`ACCOUNTS`] in the place of `{accounts}`: no word of it comes from outside.
pub(crate) fn of_accounts(sql: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(sql.replace("{accounts}", ACCOUNTS))
}

impl Store {
    pub(crate) async fn standing_of(&self, member: &MemberId) -> Result<Standing, StoreError> {
        let doing = "looking a person up";
        let sql = StoreError::sql(doing);
        // One snapshot for the four.
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let accounts = accounts(&mut snapshot, member).await.map_err(&sql)?;
        let consent = switches(&mut snapshot, member, accounts.len()).await.map_err(&sql)?;
        let role: Option<String> = sqlx::query_scalar("SELECT role FROM role_grant WHERE member = $1")
            .bind(&member.0)
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(&sql)?;
        let rooms: Vec<String> = sqlx::query_scalar("SELECT room FROM blocked_member WHERE member = $1")
            .bind(&member.0)
            .fetch_all(&mut *snapshot)
            .await
            .map_err(&sql)?;
        Ok(Standing {
            accounts: accounts.into_iter().map(MemberId).collect(),
            consent: Consent(consent),
            grant: role.map(|role| row::parse::<Role>(&role, doing)).transpose()?,
            blocked: Blocked {
                everywhere: rooms.iter().any(|room| room == EVERYWHERE),
                rooms: rooms.into_iter().filter(|room| room != EVERYWHERE).map(RoomId).collect(),
            },
        })
    }

    /// The date stays that of the first time.
    async fn consent(&self, member: &MemberId, switch: Switch, at: Timestamp) -> Result<(), StoreError> {
        let doing = "keeping a consent";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        sqlx::query(
            "INSERT INTO consent (member, switch, at_us) VALUES ($1, $2, $3) ON CONFLICT (member, switch) DO NOTHING",
        )
        .bind(&member.0)
        .bind(switch.name())
        .bind(at.as_microsecond())
        .execute(&mut *transaction)
        .await
        .map_err(&sql)?;
        let all = accounts(&mut transaction, member).await.map_err(&sql)?;
        note_switches(&mut transaction, &all, at).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)
    }

    /// What one account allowed any other may forbid; what one asked to be protected from, no other takes back.
    async fn withdraw(&self, member: &MemberId, switch: Switch, at: Timestamp) -> Result<(), StoreError> {
        let doing = "withdrawing a consent";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let whose = if switch.is_protective() { "$1" } else { "{accounts}" };
        sqlx::query(of_accounts(&format!("DELETE FROM consent WHERE switch = $2 AND member IN ({whose})")))
            .bind(&member.0)
            .bind(switch.name())
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        let all = accounts(&mut transaction, member).await.map_err(&sql)?;
        note_switches(&mut transaction, &all, at).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)
    }

    /// Those who allow something, blocked or not, by account, sorted.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn consenting(&self, switch: Switch) -> Result<Vec<MemberId>, StoreError> {
        let allowing = format!("{} ORDER BY c.member", ALLOWING.replace("{switch}", "$1"));
        let members: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(allowing))
            .bind(switch.name())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql("looking for who consented"))?;
        Ok(members.into_iter().map(MemberId).collect())
    }

    /// In one pass, however many they are.
    async fn all_willing(&self, switch: Switch) -> Result<Vec<Accounts>, StoreError> {
        let sql = format!(
            "SELECT COALESCE(l.person, '=' || a.member) AS person, a.member FROM ({}) a \
             LEFT JOIN account_link l ON l.member = a.member \
             WHERE a.member NOT IN (SELECT member FROM blocked_member WHERE room = '') ORDER BY 1, 2",
            ALLOWING.replace("{switch}", "$1")
        );
        let rows: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(switch.name())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql("looking for who is willing"))?;
        let persons = rows.chunk_by(|(one, _), (other, _)| one == other);
        let mut willing: Vec<Accounts> =
            persons.map(|rows| rows.iter().map(|(_, member)| MemberId(member.clone())).collect()).collect();
        willing.sort();
        Ok(willing)
    }

    async fn grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), StoreError> {
        let doing = "granting a role";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        sqlx::query("DELETE FROM role_grant WHERE member = $1")
            .bind(&member.0)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        if let Some(role) = role {
            sqlx::query("INSERT INTO role_grant (member, role) VALUES ($1, $2)")
                .bind(&member.0)
                .bind(row::json(&role, doing)?)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)
    }

    async fn block(&self, member: &MemberId, room: Option<&RoomId>, blocked: bool) -> Result<(), StoreError> {
        let doing = "blocking a person";
        let query = match (blocked, room) {
            (true, _) => of_accounts(
                "INSERT INTO blocked_member (member, room) SELECT member, $2 FROM ({accounts}) WHERE 1 = 1 \
                 ON CONFLICT DO NOTHING",
            ),
            (false, Some(_)) => of_accounts("DELETE FROM blocked_member WHERE member IN ({accounts}) AND room = $2"),
            (false, None) => of_accounts("DELETE FROM blocked_member WHERE member IN ({accounts}) AND $2 = ''"),
        };
        sqlx::query(query)
            .bind(&member.0)
            .bind(room.map_or(EVERYWHERE, |room| room.0.as_str()))
            .execute(&self.write)
            .await
            .map_err(StoreError::sql(doing))?;
        Ok(())
    }

    pub(crate) async fn policy_of(&self, room: &RoomId) -> Result<Policy, StoreError> {
        let doing = "reading a room's policy";
        let policy: Option<String> = sqlx::query_scalar("SELECT policy FROM room_policy WHERE room = $1")
            .bind(&room.0)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        Ok(policy.map(|json| row::parse(&json, doing)).transpose()?.unwrap_or_default())
    }

    async fn keep_policy(&self, room: &RoomId, policy: Option<&Policy>, at: Timestamp) -> Result<(), StoreError> {
        let doing = "keeping a room's policy";
        let mut transaction = self.begin(doing).await?;
        let query = match policy {
            Some(policy) => sqlx::query(
                "INSERT INTO room_policy (room, policy) VALUES ($1, $2) \
                 ON CONFLICT (room) DO UPDATE SET policy = excluded.policy",
            )
            .bind(&room.0)
            .bind(row::json(policy, doing)?),
            None => sqlx::query("DELETE FROM room_policy WHERE room = $1").bind(&room.0),
        };
        query.execute(&mut *transaction).await.map_err(StoreError::sql(doing))?;
        note_policy(&mut transaction, room, policy, at).await.map_err(StoreError::sql(doing))?;
        transaction.commit().await.map_err(StoreError::sql(doing))?;
        self.learn_discreet().await
    }

    /// Looks up which rooms' replies are for who asks alone.
    pub(crate) async fn learn_discreet(&self) -> Result<(), StoreError> {
        let policies = self.all_policies().await?.into_iter();
        let discreet = policies.filter(|(_, policy)| policy.visibility == Visibility::Caller).map(|(room, _)| room);
        *self.discreet.write().unwrap_or_else(PoisonError::into_inner) = discreet.collect();
        Ok(())
    }

    async fn all_policies(&self) -> Result<Vec<(RoomId, Policy)>, StoreError> {
        let doing = "reading the rooms' policies";
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT room, policy FROM room_policy ORDER BY room")
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|(room, policy)| Ok((RoomId(room), row::parse(&policy, doing)?))).collect()
    }

    async fn paused(&self) -> Result<bool, StoreError> {
        let query = sqlx::query_scalar("SELECT paused FROM everything");
        query.fetch_one(&self.read).await.map_err(StoreError::sql("asking whether everything is paused"))
    }

    async fn pause(&self, paused: bool) -> Result<(), StoreError> {
        sqlx::query("UPDATE everything SET paused = $1")
            .bind(paused)
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("pausing"))?;
        Ok(())
    }
}

/// All accounts of a person, sorted.
pub(crate) async fn accounts(connection: &mut SqliteConnection, member: &MemberId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(of_accounts("{accounts} ORDER BY member")).bind(&member.0).fetch_all(connection).await
}
