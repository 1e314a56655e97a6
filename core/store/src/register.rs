//! What is remembered of people and rooms. All is kept by account; an account without a link is a person by itself.
//!
//! **Invariant:** every account of a blocked person is blocked by itself, so that taking links apart frees none.

use std::sync::PoisonError;

use async_trait::async_trait;
use chat::{
    Consent, MemberId, Policy, PortError, Role, RoomId, Standing, Switch, Visibility, people::Register,
    profile::Accounts,
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::{Store, StoreError, row};

const PORT: &str = "register";

#[async_trait]
impl Register for Store {
    async fn standing(&self, member: &MemberId) -> Result<Standing, PortError> {
        self.standing_of(member).await.map_err(StoreError::port(PORT))
    }

    async fn set_consent(&self, member: &MemberId, switch: Switch, on: bool, at: Timestamp) -> Result<(), PortError> {
        match on {
            true => self.consent(member, switch, at).await,
            false => self.withdraw(member, switch).await,
        }
        .map_err(StoreError::port(PORT))
    }

    async fn willing(&self, switch: Switch) -> Result<Vec<Accounts>, PortError> {
        self.all_willing(switch).await.map_err(StoreError::port(PORT))
    }

    async fn set_grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), PortError> {
        self.grant(member, role).await.map_err(StoreError::port(PORT))
    }

    async fn set_blocked(&self, member: &MemberId, blocked: bool) -> Result<(), PortError> {
        self.block(member, blocked).await.map_err(StoreError::port(PORT))
    }

    async fn policy(&self, room: &RoomId) -> Result<Policy, PortError> {
        self.policy_of(room).await.map_err(StoreError::port(PORT))
    }

    fn visibility(&self, room: &RoomId) -> Visibility {
        let discreet = self.discreet.read().unwrap_or_else(PoisonError::into_inner);
        if discreet.contains(room) { Visibility::Caller } else { Visibility::Room }
    }

    async fn set_policy(&self, room: &RoomId, policy: Option<&Policy>) -> Result<(), PortError> {
        self.keep_policy(room, policy).await.map_err(StoreError::port(PORT))
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

    async fn offer_link(&self, member: &MemberId, code: &str, until: Timestamp) -> Result<(), PortError> {
        self.offer(member, code, until).await.map_err(StoreError::port(PORT))
    }

    async fn accept_link(&self, member: &MemberId, code: &str, now: Timestamp) -> Result<Option<MemberId>, PortError> {
        self.accept(member, code, now).await.map_err(StoreError::port(PORT))
    }

    async fn unlink(&self, member: &MemberId) -> Result<bool, PortError> {
        self.take_apart(member).await.map_err(StoreError::port(PORT))
    }
}

/// All accounts of the person whose account `$1` is, itself among them.
const ACCOUNTS: &str = "SELECT $1 AS member UNION SELECT other.member FROM account_link own \
     JOIN account_link other ON other.person = own.person WHERE own.member = $1";

/// `sql` with [`ACCOUNTS`] in the place of `{accounts}`: no word of it comes from outside.
fn of_accounts(sql: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(sql.replace("{accounts}", ACCOUNTS))
}

impl Store {
    async fn standing_of(&self, member: &MemberId) -> Result<Standing, StoreError> {
        let doing = "looking a person up";
        let sql = StoreError::sql(doing);
        // One snapshot for the four.
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let accounts = accounts(&mut snapshot, member).await.map_err(&sql)?;
        let switches: Vec<String> =
            sqlx::query_scalar(of_accounts("SELECT DISTINCT switch FROM consent WHERE member IN ({accounts})"))
                .bind(&member.0)
                .fetch_all(&mut *snapshot)
                .await
                .map_err(&sql)?;
        let roles: Vec<String> =
            sqlx::query_scalar(of_accounts("SELECT role FROM role_grant WHERE member IN ({accounts})"))
                .bind(&member.0)
                .fetch_all(&mut *snapshot)
                .await
                .map_err(&sql)?;
        let blocked: i64 =
            sqlx::query_scalar(of_accounts("SELECT COUNT(*) FROM blocked_member WHERE member IN ({accounts})"))
                .bind(&member.0)
                .fetch_one(&mut *snapshot)
                .await
                .map_err(&sql)?;
        // A switch of a later version means nothing here: silence is no.
        let consent = Switch::ALL.into_iter().filter(|switch| switches.iter().any(|name| name == switch.name()));
        let roles = roles.iter().map(|role| row::parse::<Role>(role, doing)).collect::<Result<Vec<_>, _>>()?;
        Ok(Standing {
            accounts: accounts.into_iter().map(MemberId).collect(),
            consent: Consent(consent.collect()),
            grant: roles.into_iter().max(),
            blocked: blocked > 0,
        })
    }

    /// The date stays that of the first time.
    async fn consent(&self, member: &MemberId, switch: Switch, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO consent (member, switch, at_us) VALUES ($1, $2, $3) ON CONFLICT (member, switch) DO NOTHING",
        )
        .bind(&member.0)
        .bind(switch.name())
        .bind(at.as_microsecond())
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("keeping a consent"))?;
        Ok(())
    }

    async fn withdraw(&self, member: &MemberId, switch: Switch) -> Result<(), StoreError> {
        sqlx::query(of_accounts("DELETE FROM consent WHERE switch = $2 AND member IN ({accounts})"))
            .bind(&member.0)
            .bind(switch.name())
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("withdrawing a consent"))?;
        Ok(())
    }

    /// Those who consented, blocked or not, by account, sorted.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read.
    pub async fn consenting(&self, switch: Switch) -> Result<Vec<MemberId>, StoreError> {
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT member FROM consent WHERE switch = $1 UNION \
             SELECT other.member FROM consent c JOIN account_link own ON own.member = c.member \
             JOIN account_link other ON other.person = own.person WHERE c.switch = $1 ORDER BY member",
        )
        .bind(switch.name())
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("looking for who consented"))?;
        Ok(members.into_iter().map(MemberId).collect())
    }

    /// In one pass, however many they are.
    async fn all_willing(&self, switch: Switch) -> Result<Vec<Accounts>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "WITH account AS ( \
                 SELECT c.member, COALESCE(l.person, '=' || c.member) AS person, c.switch \
                 FROM consent c LEFT JOIN account_link l ON l.member = c.member WHERE c.switch = $1 \
             ), whole AS ( \
                 SELECT member, person FROM account \
                 UNION SELECT l.member, l.person FROM account_link l JOIN account a ON a.person = l.person \
             ) \
             SELECT person, member FROM whole WHERE person NOT IN ( \
                 SELECT w.person FROM whole w JOIN blocked_member b ON b.member = w.member \
             ) ORDER BY person, member",
        )
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

    /// The person's role, whichever account it was given to before.
    async fn grant(&self, member: &MemberId, role: Option<Role>) -> Result<(), StoreError> {
        let doing = "granting a role";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        sqlx::query(of_accounts("DELETE FROM role_grant WHERE member IN ({accounts})"))
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

    async fn block(&self, member: &MemberId, blocked: bool) -> Result<(), StoreError> {
        let doing = "blocking a person";
        let mut transaction = self.begin(doing).await?;
        match blocked {
            true => block_accounts(&mut transaction, member).await,
            false => sqlx::query(of_accounts("DELETE FROM blocked_member WHERE member IN ({accounts})"))
                .bind(&member.0)
                .execute(&mut *transaction)
                .await
                .map(drop),
        }
        .map_err(StoreError::sql(doing))?;
        transaction.commit().await.map_err(StoreError::sql(doing))
    }

    async fn policy_of(&self, room: &RoomId) -> Result<Policy, StoreError> {
        let doing = "reading a room's policy";
        let policy: Option<String> = sqlx::query_scalar("SELECT policy FROM room_policy WHERE room = $1")
            .bind(&room.0)
            .fetch_optional(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        Ok(policy.map(|json| row::parse(&json, doing)).transpose()?.unwrap_or_default())
    }

    async fn keep_policy(&self, room: &RoomId, policy: Option<&Policy>) -> Result<(), StoreError> {
        let doing = "keeping a room's policy";
        let query = match policy {
            Some(policy) => sqlx::query(
                "INSERT INTO room_policy (room, policy) VALUES ($1, $2) \
                 ON CONFLICT (room) DO UPDATE SET policy = excluded.policy",
            )
            .bind(&room.0)
            .bind(row::json(policy, doing)?),
            None => sqlx::query("DELETE FROM room_policy WHERE room = $1").bind(&room.0),
        };
        query.execute(&self.write).await.map_err(StoreError::sql(doing))?;
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

    async fn offer(&self, member: &MemberId, code: &str, until: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO link_code (member, code, until_us) VALUES ($1, $2, $3) \
             ON CONFLICT (member) DO UPDATE SET code = excluded.code, until_us = excluded.until_us",
        )
        .bind(&member.0)
        .bind(code)
        .bind(until.as_microsecond())
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("keeping a code"))?;
        Ok(())
    }

    async fn accept(&self, member: &MemberId, code: &str, now: Timestamp) -> Result<Option<MemberId>, StoreError> {
        let doing = "linking two accounts";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let offers: Vec<String> = sqlx::query_scalar("SELECT member FROM link_code WHERE code = $1 AND until_us >= $2")
            .bind(code)
            .bind(now.as_microsecond())
            .fetch_all(&mut *transaction)
            .await
            .map_err(&sql)?;
        // A code that two accounts were given by chance links neither.
        let [other] = offers.as_slice() else { return Ok(None) };
        if *other == member.0 {
            return Ok(None);
        }
        let other = MemberId(other.clone());
        sqlx::query("DELETE FROM link_code WHERE member = $1 OR until_us < $2")
            .bind(&other.0)
            .bind(now.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        let mut all = accounts(&mut transaction, &other).await.map_err(&sql)?;
        all.extend(accounts(&mut transaction, member).await.map_err(&sql)?);
        let person = person(&other, member, now);
        for account in &all {
            sqlx::query(
                "INSERT INTO account_link (member, person) VALUES ($1, $2) \
                 ON CONFLICT (member) DO UPDATE SET person = excluded.person",
            )
            .bind(account)
            .bind(&person)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        }
        if any_blocked(&mut transaction, member).await.map_err(&sql)? {
            block_accounts(&mut transaction, member).await.map_err(&sql)?;
        }
        transaction.commit().await.map_err(&sql)?;
        Ok(Some(other))
    }

    async fn take_apart(&self, member: &MemberId) -> Result<bool, StoreError> {
        let doing = "taking an account from the others";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let linked = sqlx::query("DELETE FROM account_link WHERE member = $1")
            .bind(&member.0)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?
            .rows_affected();
        drop_lone_links(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(linked > 0)
    }
}

/// All accounts of a person, sorted.
async fn accounts(connection: &mut SqliteConnection, member: &MemberId) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(of_accounts("{accounts} ORDER BY member")).bind(&member.0).fetch_all(connection).await
}

async fn any_blocked(connection: &mut SqliteConnection, member: &MemberId) -> Result<bool, sqlx::Error> {
    let query = of_accounts("SELECT COUNT(*) FROM blocked_member WHERE member IN ({accounts})");
    let blocked: i64 = sqlx::query_scalar(query).bind(&member.0).fetch_one(connection).await?;
    Ok(blocked > 0)
}

async fn block_accounts(connection: &mut SqliteConnection, member: &MemberId) -> Result<(), sqlx::Error> {
    let query = of_accounts(
        "INSERT INTO blocked_member (member) SELECT member FROM ({accounts}) WHERE 1 = 1 \
         ON CONFLICT (member) DO NOTHING",
    );
    sqlx::query(query).bind(&member.0).execute(connection).await.map(drop)
}

/// A link to nobody is none.
pub(crate) async fn drop_lone_links(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM account_link WHERE person IN \
         (SELECT person FROM account_link GROUP BY person HAVING COUNT(*) = 1)",
    )
    .execute(connection)
    .await
    .map(drop)
}

/// A new person's id: nobody else can have linked these two at this time.
fn person(one: &MemberId, other: &MemberId, at: Timestamp) -> String {
    row::hex(Sha256::digest(format!("{}:{one}{other}{}", one.0.len(), at.as_nanosecond())))
}
