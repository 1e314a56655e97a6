//! What people say of their work: facts and entries by account, and for each entry the lines that it is matched by.
//!
//! **Invariant:** whatever changes a profile changes [`Store::profile_stamp`] in the same transaction.
//! **Invariant:** what was said in a room is kept there alone, and read here for that room.

use std::collections::{BTreeMap, BTreeSet};

use chat::{
    MemberId, RoomId,
    ports::Embedding,
    profile::{ENTRIES_MAX, Entry, EntryKind, Facts},
};
use jiff::Timestamp;
use sqlx::{FromRow, QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Table},
    documents::VALUES_MAX,
    row,
};

/// A line of an entry, and its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileLine {
    /// The line.
    pub text: String,
    /// Its vector.
    pub vector: Embedding,
}

/// An entry with its lines for one model; none before it was embedded with that one.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileEntry {
    /// The entry.
    pub entry: Entry,
    /// Its lines, in order.
    pub lines: Vec<ProfileLine>,
}

/// What one account gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccountProfile {
    /// Who its owner says to be; none where they said nothing with this account.
    pub facts: Option<Facts>,
    /// Its entries, by id.
    pub entries: Vec<ProfileEntry>,
}

/// Something that somebody said in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLine {
    /// Who.
    pub member: MemberId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// What is kept of it. Where others named a forgotten person as a conflict, [`drop_conflicts`] takes that out.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "profile_facts",
        &[("member", Column::Member), ("facts", Column::Words)],
        Fate::Gone { kind: "profiles", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "profile.json",
        part: "who",
        columns: "'account', member, 'facts', json(facts)",
        rows: "member IN {members} ORDER BY member",
        times: &[],
    }]),
    Table::new(
        "profile_entry",
        &[
            ("member", Column::Member),
            ("id", Column::Words),
            ("kind", Column::Words),
            ("year", Column::Words),
            ("source", Column::Words),
            ("authors", Column::Words),
            ("ids", Column::Words),
            ("text", Column::Words),
            ("summary", Column::Words),
        ],
        Fate::Gone { kind: "entries of profiles", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "profile.json",
        part: "entries",
        columns: "'kind', kind, 'text', text, 'summary', summary, 'authors', json(authors), \
             'year', year, 'ids', json(ids), 'source', source",
        rows: "member IN {members} ORDER BY member, kind, id",
        times: &[],
    }]),
    Table::new(
        "profile_vector",
        &[
            ("member", Column::Member),
            ("entry", Column::Words),
            ("model", Column::No("name of a model")),
            ("line", Column::No("number")),
            ("text", Column::Words),
            ("vector", Column::Words),
        ],
        Fate::With("profile_entry"),
    ),
    Table::new("profile_stamp", &[("changes", Column::No("number"))], Fate::Nobodys),
];

const COLUMNS: &str = "member, id, kind, year, source, authors, ids, text, summary";

#[derive(FromRow)]
struct EntryRow {
    member: String,
    id: String,
    kind: String,
    year: Option<i16>,
    source: String,
    authors: String,
    ids: String,
    text: String,
    summary: String,
}

impl EntryRow {
    fn entry(self, doing: &'static str) -> Result<(MemberId, Entry), StoreError> {
        let entry = Entry {
            id: self.id,
            kind: row::parse(&format!("\"{}\"", self.kind), doing)?,
            text: self.text,
            summary: self.summary,
            authors: row::parse(&self.authors, doing)?,
            year: self.year,
            ids: row::parse(&self.ids, doing)?,
            source: self.source,
            room: None,
        };
        Ok((MemberId(self.member), entry))
    }
}

impl Store {
    /// What changes whenever any profile does.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be read; so for all that reads here.
    pub async fn profile_stamp(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT changes FROM profile_stamp")
            .fetch_one(&self.read)
            .await
            .map_err(StoreError::sql("asking whether profiles changed"))
    }

    /// What each of these accounts gave, with the lines for `model`; accounts that gave nothing are left out.
    ///
    /// # Errors
    /// See above.
    pub async fn profiles_of(
        &self,
        accounts: &[MemberId],
        model: &str,
    ) -> Result<BTreeMap<MemberId, AccountProfile>, StoreError> {
        let doing = "reading profiles";
        let sql = StoreError::sql(doing);
        let mut snapshot = self.read.begin().await.map_err(&sql)?;
        let mut profiles: BTreeMap<MemberId, AccountProfile> = BTreeMap::new();
        for some in accounts.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT member, facts FROM profile_facts WHERE member");
            within(&mut query, some.iter().map(|account| &account.0));
            let rows: Vec<(String, String)> = query.build_query_as().fetch_all(&mut *snapshot).await.map_err(&sql)?;
            for (member, facts) in rows {
                profiles.entry(MemberId(member)).or_default().facts = Some(row::parse(&facts, doing)?);
            }
            let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM profile_entry WHERE member"));
            within(&mut query, some.iter().map(|account| &account.0));
            query.push(" ORDER BY member, id");
            let rows: Vec<EntryRow> = query.build_query_as().fetch_all(&mut *snapshot).await.map_err(&sql)?;
            for row in rows {
                let (member, entry) = row.entry(doing)?;
                profiles.entry(member).or_default().entries.push(ProfileEntry { entry, lines: Vec::new() });
            }
            let mut query =
                QueryBuilder::<Sqlite>::new("SELECT member, entry, text, vector FROM profile_vector WHERE model = ");
            query.push_bind(model).push(" AND member");
            within(&mut query, some.iter().map(|account| &account.0));
            query.push(" ORDER BY member, entry, line");
            let rows: Vec<(String, String, String, Vec<u8>)> =
                query.build_query_as().fetch_all(&mut *snapshot).await.map_err(&sql)?;
            for (member, id, text, vector) in rows {
                let Some(profile) = profiles.get_mut(&MemberId(member)) else { continue };
                // In the order of ids, as they were read.
                if let Ok(at) = profile.entries.binary_search_by(|known| known.entry.id.cmp(&id)) {
                    let vector = row::vector(&vector, doing)?;
                    profile.entries[at].lines.push(ProfileLine { text, vector });
                }
            }
        }
        Ok(profiles)
    }

    /// Every account that gave anything, sorted.
    ///
    /// # Errors
    /// See above.
    pub async fn profiled(&self) -> Result<Vec<MemberId>, StoreError> {
        let members: Vec<String> = sqlx::query_scalar(
            "SELECT member FROM profile_facts UNION SELECT member FROM profile_entry ORDER BY member",
        )
        .fetch_all(&self.read)
        .await
        .map_err(StoreError::sql("looking for profiles"))?;
        Ok(members.into_iter().map(MemberId).collect())
    }

    /// Entries of these accounts that have no lines for `model`, at most `limit`.
    ///
    /// # Errors
    /// See above.
    pub async fn entries_without_lines(
        &self,
        accounts: &[MemberId],
        model: &str,
        limit: usize,
    ) -> Result<Vec<(MemberId, Entry)>, StoreError> {
        let doing = "looking for entries without vectors";
        let mut found = Vec::new();
        for some in accounts.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {COLUMNS} FROM profile_entry e WHERE member"));
            within(&mut query, some.iter().map(|account| &account.0));
            query.push(
                " AND NOT EXISTS (SELECT 1 FROM profile_vector v WHERE v.member = e.member AND v.entry = e.id AND v.model = ",
            );
            query.push_bind(model).push(") ORDER BY member, id LIMIT ");
            query.push_bind(i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX));
            let rows: Vec<EntryRow> =
                query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
            for row in rows {
                found.push(row.entry(doing)?);
            }
        }
        Ok(found)
    }

    /// Keeps who a person says to be with `member`, and takes it from their other `accounts`.
    ///
    /// # Errors
    /// [`StoreError`] where the state cannot be written; so for all that writes here.
    pub async fn keep_facts(&self, accounts: &[MemberId], member: &MemberId, facts: &Facts) -> Result<(), StoreError> {
        let doing = "keeping who somebody is";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM profile_facts WHERE member");
        within(&mut query, accounts.iter().chain([member]).map(|account| &account.0));
        query.build().execute(&mut *transaction).await.map_err(&sql)?;
        if *facts != Facts::default() {
            sqlx::query("INSERT INTO profile_facts (member, facts) VALUES ($1, $2)")
                .bind(&member.0)
                .bind(row::json(facts, doing)?)
                .execute(&mut *transaction)
                .await
                .map_err(&sql)?;
        }
        touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)
    }

    /// Keeps entries with `member`, each with its lines for `model`, in the place of those of the same ids of any of the
    /// person's `accounts`; how many are new.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where the person would have more than [`ENTRIES_MAX`], and for what was said in a room;
    /// nothing is kept then.
    pub async fn keep_entries(
        &self,
        accounts: &[MemberId],
        member: &MemberId,
        model: &str,
        entries: &[ProfileEntry],
    ) -> Result<usize, StoreError> {
        let doing = "keeping entries of a profile";
        let sql = StoreError::sql(doing);
        if entries.iter().any(|kept| kept.entry.kind == EntryKind::Message) {
            return Err(StoreError::Refused { reason: "what was said in a room is kept there alone".to_owned() });
        }
        let refused = || StoreError::Refused { reason: format!("a profile holds at most {ENTRIES_MAX} entries") };
        // The last of the same id counts.
        let entries: BTreeMap<&str, &ProfileEntry> =
            entries.iter().map(|kept| (kept.entry.id.as_str(), kept)).collect();
        if entries.len() > ENTRIES_MAX {
            return Err(refused());
        }
        let accounts: BTreeSet<&String> = accounts.iter().chain([member]).map(|account| &account.0).collect();
        let mut transaction = self.begin(doing).await?;
        let mut query = QueryBuilder::<Sqlite>::new("SELECT DISTINCT id FROM profile_entry WHERE member");
        within(&mut query, accounts.iter().copied());
        let known: Vec<String> = query.build_query_scalar().fetch_all(&mut *transaction).await.map_err(&sql)?;
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let new = entries.keys().filter(|id| !known.contains(*id)).count();
        if known.len() + new > ENTRIES_MAX {
            return Err(refused());
        }
        remove(&mut transaction, &accounts, entries.keys()).await.map_err(&sql)?;
        for kept in entries.values() {
            let entry = &kept.entry;
            sqlx::query(
                "INSERT INTO profile_entry (member, id, kind, year, source, authors, ids, text, summary) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&member.0)
            .bind(&entry.id)
            .bind(entry.kind.name())
            .bind(entry.year)
            .bind(&entry.source)
            .bind(row::json(&entry.authors, doing)?)
            .bind(row::json(&entry.ids, doing)?)
            .bind(&entry.text)
            .bind(&entry.summary)
            .execute(&mut *transaction)
            .await
            .map_err(&sql)?;
            write_lines(&mut transaction, model, member, &entry.id, &kept.lines).await.map_err(&sql)?;
        }
        touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(new)
    }

    /// Keeps the lines of entries that have none for `model`; nothing of an entry that is gone.
    ///
    /// # Errors
    /// See above.
    pub async fn keep_lines_of_entries(
        &self,
        model: &str,
        lines: &[(MemberId, String, Vec<ProfileLine>)],
    ) -> Result<(), StoreError> {
        let doing = "keeping vectors of a profile";
        let sql = StoreError::sql(doing);
        let mut transaction = self.begin(doing).await?;
        for (member, id, lines) in lines {
            write_lines(&mut transaction, model, member, id, lines).await.map_err(&sql)?;
        }
        touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)
    }

    /// Removes entries of a person; how many there were.
    ///
    /// # Errors
    /// See above.
    pub async fn discard_entries(&self, accounts: &[MemberId], ids: &[String]) -> Result<usize, StoreError> {
        let doing = "removing entries of a profile";
        let sql = StoreError::sql(doing);
        let accounts: BTreeSet<&String> = accounts.iter().map(|account| &account.0).collect();
        let mut transaction = self.begin(doing).await?;
        let mut gone = 0;
        for some in ids.chunks(VALUES_MAX) {
            gone += remove(&mut transaction, &accounts, some.iter()).await.map_err(&sql)?;
        }
        touch(&mut transaction).await.map_err(&sql)?;
        transaction.commit().await.map_err(&sql)?;
        Ok(gone)
    }

    /// What each of these accounts said in a room that keeps it, the newest first, at most `limit` of each.
    ///
    /// # Errors
    /// See above.
    pub async fn said_in(
        &self,
        room: &RoomId,
        accounts: &[MemberId],
        limit: usize,
    ) -> Result<Vec<RoomLine>, StoreError> {
        let doing = "reading what was said in a room";
        let mut found = Vec::new();
        for some in accounts.chunks(VALUES_MAX) {
            let mut query = QueryBuilder::<Sqlite>::new(
                "SELECT author, at_us, text FROM (SELECT author, at_us, text, id, \
                 ROW_NUMBER() OVER (PARTITION BY author ORDER BY at_us DESC, id) AS place \
                 FROM said WHERE kind = 'talk' AND room = ",
            );
            query.push_bind(&room.0).push(" AND author");
            within(&mut query, some.iter().map(|account| &account.0));
            query.push(") AS told WHERE place <= ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
            query.push(" ORDER BY author, place");
            let rows: Vec<(String, i64, String)> =
                query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
            for (member, at, text) in rows {
                let at = Timestamp::from_microsecond(at).map_err(StoreError::damaged(doing))?;
                found.push(RoomLine { member: MemberId(member), at, text });
            }
        }
        Ok(found)
    }
}

/// Says that profiles changed.
pub(crate) async fn touch(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE profile_stamp SET changes = changes + 1").execute(connection).await.map(drop)
}

/// Takes out of what others declare whatever names a person: their accounts, and the ids and names that they gave. To be said
/// while their own profile is there.
pub(crate) async fn drop_conflicts(
    connection: &mut SqliteConnection,
    accounts: &[MemberId],
    doing: &'static str,
) -> Result<(), StoreError> {
    let sql = StoreError::sql(doing);
    let (mut own, mut others) = (Vec::new(), Vec::new());
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT member, facts FROM profile_facts").fetch_all(&mut *connection).await.map_err(&sql)?;
    for (member, facts) in rows {
        let facts: Facts = row::parse(&facts, doing)?;
        match accounts.iter().any(|account| account.0 == member) {
            true => own.push(facts),
            false if !facts.conflicts.is_empty() => others.push((member, facts)),
            false => {}
        }
    }
    let given = own.iter().flat_map(|facts| facts.names.iter().chain(&facts.ids));
    let names: BTreeSet<String> =
        given.chain(accounts.iter().map(|account| &account.0)).map(|name| name.trim().to_lowercase()).collect();
    for (member, mut facts) in others {
        let before = facts.conflicts.len();
        facts.conflicts.retain(|named| !names.contains(&named.trim().to_lowercase()));
        if facts.conflicts.len() < before {
            sqlx::query("UPDATE profile_facts SET facts = $2 WHERE member = $1")
                .bind(member)
                .bind(row::json(&facts, doing)?)
                .execute(&mut *connection)
                .await
                .map_err(&sql)?;
        }
    }
    Ok(())
}

/// Removes entries; how many of their ids there were.
async fn remove(
    connection: &mut SqliteConnection,
    accounts: &BTreeSet<&String>,
    ids: impl Iterator<Item = impl ToString> + Clone,
) -> Result<usize, sqlx::Error> {
    let condition = |start: &str| {
        let mut query = QueryBuilder::<Sqlite>::new(format!("{start} FROM profile_entry WHERE member"));
        within(&mut query, accounts.iter().copied());
        query.push(" AND id");
        within(&mut query, ids.clone());
        query
    };
    let count: i64 = condition("SELECT COUNT(DISTINCT id)").build_query_scalar().fetch_one(&mut *connection).await?;
    condition("DELETE").build().execute(connection).await?;
    Ok(usize::try_from(count).unwrap_or(0))
}

async fn write_lines(
    connection: &mut SqliteConnection,
    model: &str,
    member: &MemberId,
    id: &str,
    lines: &[ProfileLine],
) -> Result<(), sqlx::Error> {
    for (line, place) in lines.iter().zip(0i16..) {
        sqlx::query(
            "INSERT INTO profile_vector (member, entry, model, line, text, vector) \
             SELECT member, id, $3, $4, $5, $6 FROM profile_entry WHERE member = $1 AND id = $2 \
             ON CONFLICT DO NOTHING",
        )
        .bind(&member.0)
        .bind(id)
        .bind(model)
        .bind(place)
        .bind(&line.text)
        .bind(row::blob(&line.vector))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Pushes ` IN (...)`.
fn within(query: &mut QueryBuilder<Sqlite>, values: impl Iterator<Item = impl ToString>) {
    query.push(" IN (");
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.to_string());
    }
    query.push(")");
}
