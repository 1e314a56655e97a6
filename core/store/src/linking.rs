//! Accounts that are one person's: an offer, a confirmation by each of the two, and only then a link.
//!
//! **Invariant:** each of the two confirms with a code that it alone was shown, together with the name of the other: no word that
//! one can talk the other into saying links anything.

use chat::{
    MemberId, Place,
    people::{Linking, Party},
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use sqlx::{FromRow, SqliteConnection};

use crate::{Store, StoreError, register::accounts, row, since::note_switches};

const DOING: &str = "linking two accounts";

/// An offer, however far it came.
#[derive(FromRow)]
struct Offer {
    member: String,
    place: String,
    code: String,
    own_code: Option<String>,
    other: Option<String>,
    other_place: Option<String>,
    other_code: Option<String>,
}

impl Store {
    pub(crate) async fn offer(
        &self,
        member: &MemberId,
        place: &Place,
        code: &str,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let doing = "keeping a code";
        sqlx::query(
            "INSERT INTO link_code (member, place, code, until_us) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (member) DO UPDATE SET place = excluded.place, code = excluded.code, until_us = excluded.until_us, \
                 own_code = NULL, other = NULL, other_place = NULL, other_code = NULL",
        )
        .bind(&member.0)
        .bind(row::json(place, doing)?)
        .bind(code)
        .bind(until.as_microsecond())
        .execute(&self.write)
        .await
        .map_err(StoreError::sql(doing))?;
        Ok(())
    }

    pub(crate) async fn say_code(
        &self,
        member: &MemberId,
        place: &Place,
        code: &str,
        (next, until): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Option<Linking>, StoreError> {
        let sql = StoreError::sql(DOING);
        let mut transaction = self.begin(DOING).await?;
        sqlx::query("DELETE FROM link_code WHERE until_us < $1")
            .bind(now.as_microsecond())
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
        let offers: Vec<Offer> = sqlx::query_as(
            "SELECT member, place, code, own_code, other, other_place, other_code FROM link_code \
             WHERE $1 IN (code, own_code, other_code)",
        )
        .bind(code)
        .fetch_all(&mut *transaction)
        .await
        .map_err(&sql)?;
        // A code that two accounts were given by chance links neither.
        let [offer] = offers.as_slice() else { return Ok(None) };
        let (is_theirs, is_other) = (offer.member == member.0, offer.other.as_ref() == Some(&member.0));
        let is_free = offer.other.is_none() || is_other;
        let is = |one: &Option<String>| one.as_deref() == Some(code);
        let done = if offer.code == code && !is_theirs && is_free && offer.own_code.is_none() {
            let with = party(&mut transaction, &offer.member, &offer.place).await?;
            if with.accounts.contains(member) {
                return Ok(None);
            }
            sqlx::query("UPDATE link_code SET other = $2, other_place = $3, other_code = $4 WHERE member = $1")
                .bind(&offer.member)
                .bind(&member.0)
                .bind(row::json(place, DOING)?)
                .bind(next)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
            Linking::Shown(with)
        } else if is(&offer.other_code) && is_other && offer.own_code.is_none() {
            sqlx::query("UPDATE link_code SET own_code = $2, until_us = $3 WHERE member = $1")
                .bind(&offer.member)
                .bind(next)
                .bind(until.as_microsecond())
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
            Linking::Confirmed(party(&mut transaction, &offer.member, &offer.place).await?)
        } else if let (true, true, Some(other)) = (is(&offer.own_code), is_theirs, &offer.other) {
            let with = party(&mut transaction, other, offer.other_place.as_deref().unwrap_or_default()).await?;
            join(&mut transaction, member, &with.member, now).await.map_err(&sql)?;
            Linking::Linked(with)
        } else {
            return Ok(None);
        };
        transaction.commit().await.map_err(&sql)?;
        Ok(Some(done))
    }

    pub(crate) async fn waiting_link(
        &self,
        member: &MemberId,
        now: Timestamp,
    ) -> Result<Option<(Party, String)>, StoreError> {
        let sql = StoreError::sql(DOING);
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let row: Option<(String, String, String)> = sqlx::query_as(
            "SELECT other, other_place, own_code FROM link_code WHERE member = $1 AND until_us >= $2 \
             AND own_code IS NOT NULL AND other IS NOT NULL AND other_place IS NOT NULL",
        )
        .bind(&member.0)
        .bind(now.as_microsecond())
        .fetch_optional(&mut *snapshot)
        .await
        .map_err(&sql)?;
        let Some((other, place, code)) = row else { return Ok(None) };
        Ok(Some((party(&mut snapshot, &other, &place).await?, code)))
    }

    pub(crate) async fn refuse(&self, member: &MemberId, code: &str) -> Result<bool, StoreError> {
        let refused = sqlx::query(
            "DELETE FROM link_code WHERE (member = $1 AND own_code = $2) OR (other = $1 AND other_code = $2)",
        )
        .bind(&member.0)
        .bind(code)
        .execute(&self.write)
        .await
        .map_err(StoreError::sql("ending an offer to link accounts"))?;
        Ok(refused.rows_affected() > 0)
    }

    pub(crate) async fn take_apart(&self, member: &MemberId, at: Timestamp) -> Result<bool, StoreError> {
        let doing = "taking an account from the others";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let all = accounts(&mut transaction, member).await.map_err(&sql)?;
        let linked = sqlx::query("DELETE FROM account_link WHERE member = $1")
            .bind(&member.0)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?
            .rows_affected();
        drop_lone_links(&mut transaction).await.map_err(&sql)?;
        note_switches(&mut transaction, &all, at).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(linked > 0)
    }
}

/// An account with those that come with it.
async fn party(connection: &mut SqliteConnection, member: &str, place: &str) -> Result<Party, StoreError> {
    let (member, place) = (MemberId(member.to_owned()), row::parse(place, DOING)?);
    let accounts = accounts(connection, &member).await.map_err(StoreError::sql(DOING))?;
    Ok(Party { member, place, accounts: accounts.into_iter().map(MemberId).collect() })
}

/// Makes two persons one. A block and a role stay with the account that has them.
async fn join(
    connection: &mut SqliteConnection,
    one: &MemberId,
    other: &MemberId,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM link_code WHERE member = $1").bind(&one.0).execute(&mut *connection).await?;
    let mut all = accounts(connection, one).await?;
    all.extend(accounts(connection, other).await?);
    let person = person(one, other, now);
    for account in &all {
        sqlx::query(
            "INSERT INTO account_link (member, person) VALUES ($1, $2) \
             ON CONFLICT (member) DO UPDATE SET person = excluded.person",
        )
        .bind(account)
        .bind(&person)
        .execute(&mut *connection)
        .await?;
    }
    note_switches(connection, &all, now).await
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
