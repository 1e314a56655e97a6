//! What rooms, and people for themselves, ordered to be done again and again, and when it is due.

use async_trait::async_trait;
use chat::{
    Audience, CommunityId, MemberId, Place, Platform, PortError, RoomId, ThreadId,
    ports::{Order, Rhythm, Schedule},
};
use jiff::{
    Timestamp,
    civil::{Time, Weekday},
};
use sqlx::{FromRow, QueryBuilder, Sqlite};

use crate::{
    Store, StoreError,
    declared::{Column, Export, Fate, Move, Table},
    row,
};

const PORT: &str = "schedule";

#[async_trait]
impl Schedule for Store {
    async fn order(&self, order: &Order) -> Result<(), PortError> {
        self.keep_order(order).await.map_err(StoreError::port(PORT))
    }

    async fn cancel(&self, room: &RoomId, plugin: &str, key: &str) -> Result<bool, PortError> {
        self.end_order(room, plugin, key).await.map_err(StoreError::port(PORT))
    }

    async fn orders_of(&self, room: &RoomId) -> Result<Vec<Order>, PortError> {
        self.orders_in(room).await.map_err(StoreError::port(PORT))
    }

    async fn cancel_own(&self, accounts: &[MemberId], plugin: &str, key: &str) -> Result<bool, PortError> {
        self.end_own_order(accounts, plugin, key).await.map_err(StoreError::port(PORT))
    }

    async fn own_orders(&self, accounts: &[MemberId]) -> Result<Vec<Order>, PortError> {
        self.orders_by(accounts).await.map_err(StoreError::port(PORT))
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<Order>, PortError> {
        self.orders_due(now).await.map_err(StoreError::port(PORT))
    }

    async fn done(&self, order: &Order, next: Timestamp) -> Result<(), PortError> {
        self.put_off(order, next).await.map_err(StoreError::port(PORT))
    }
}

/// What is kept of orders.
pub(crate) const TABLES: &[Table] = &[
    Table::new(
        "room_order",
        &[
            ("room", Column::No("room")),
            ("plugin", Column::No("name of a plugin")),
            ("name", Column::Words),
            ("platform", Column::No("name of a platform")),
            ("community", Column::No("name of a community")),
            ("thread", Column::No("room")),
            ("command", Column::Words),
            ("args", Column::Words),
            ("member", Column::Member),
            ("weekday", Column::No("time")),
            ("time", Column::No("time")),
            ("zone", Column::No("time")),
            ("next_us", Column::No("time")),
        ],
        Fate::Gone { kind: "orders", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "orders.json",
        part: "",
        columns: EXPORTED,
        rows: "member IN {members} ORDER BY room, plugin, name",
        times: &["next"],
    }])
    // In its channel, but for what the other room ordered itself.
    .moved(&[
        Move::Room(
            "INSERT INTO room_order \
                 (room, plugin, name, platform, community, command, args, member, weekday, time, zone, next_us) \
             SELECT $2, plugin, name, platform, community, command, args, member, weekday, time, zone, next_us \
             FROM room_order WHERE room = $1 ON CONFLICT DO NOTHING",
        ),
        Move::Room("DELETE FROM room_order WHERE room = $1"),
    ]),
    Table::new(
        "own_order",
        &[
            ("member", Column::Member),
            ("plugin", Column::No("name of a plugin")),
            ("name", Column::Words),
            ("platform", Column::No("name of a platform")),
            ("community", Column::No("name of a community")),
            ("room", Column::Words),
            ("command", Column::Words),
            ("args", Column::Words),
            ("weekday", Column::No("time")),
            ("time", Column::No("time")),
            ("zone", Column::No("time")),
            ("next_us", Column::No("time")),
        ],
        Fate::Gone { kind: "orders for themselves", rows: "member IN {members}" },
    )
    .exported(&[Export {
        file: "orders.json",
        part: "",
        columns: EXPORTED,
        rows: "member IN {members} ORDER BY plugin, name, member",
        times: &["next"],
    }])
    .moved(&[Move::Room("UPDATE own_order SET room = $2 WHERE room = $1")]),
];

/// What of an order a person is handed.
const EXPORTED: &str = "'room', room, 'plugin', plugin, 'key', name, 'command', command, \
     'args', json(args), 'weekday', weekday, 'time', time, 'zone', zone, 'next', next_us";

const COLUMNS: &str = "room, plugin, name, platform, community, thread, command, args, member, weekday, time, zone, next_us, FALSE AS own";

/// The same of what people ordered for themselves.
const OWN_COLUMNS: &str = "room, plugin, name, platform, community, NULL AS thread, command, args, member, weekday, time, zone, next_us, TRUE AS own";

#[derive(FromRow)]
struct OrderRow {
    room: String,
    plugin: String,
    name: String,
    platform: String,
    community: String,
    thread: Option<String>,
    command: String,
    args: String,
    member: String,
    weekday: Option<i8>,
    time: String,
    zone: String,
    next_us: i64,
    own: bool,
}

impl OrderRow {
    fn order(self, doing: &'static str) -> Result<Order, StoreError> {
        let named = |platform: &Platform| platform.to_string() == self.platform;
        let platforms = [Platform::Console, Platform::Discord, Platform::Matrix, Platform::Web];
        let platform = platforms.into_iter().find(named);
        let platform = platform.ok_or_else(|| StoreError::damaged(doing)(format!("a platform `{}`", self.platform)))?;
        let day = self.weekday.map(Weekday::from_monday_one_offset).transpose().map_err(StoreError::damaged(doing))?;
        let time: Time = self.time.parse().map_err(StoreError::damaged::<jiff::Error>(doing))?;
        Ok(Order {
            key: self.name,
            plugin: self.plugin,
            command: self.command,
            args: row::parse(&self.args, doing)?,
            member: MemberId(self.member),
            place: Place {
                platform,
                community: CommunityId(self.community),
                room: RoomId(self.room),
                thread: self.thread.map(ThreadId),
                audience: if self.own { Audience::Caller } else { Audience::Room },
            },
            rhythm: Rhythm { day, time, zone: self.zone },
            next: Timestamp::from_microsecond(self.next_us).map_err(StoreError::damaged(doing))?,
        })
    }
}

impl Store {
    async fn keep_order(&self, order: &Order) -> Result<(), StoreError> {
        let doing = "keeping an order";
        let Order { key, plugin, command, args, member, place, rhythm, next } = order;
        let sql = if order.is_own() {
            "INSERT INTO own_order (room, plugin, name, platform, community, command, args, member, weekday, time, zone, \
                 next_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT (member, plugin, name) DO UPDATE SET platform = excluded.platform, \
                 community = excluded.community, room = excluded.room, command = excluded.command, \
                 args = excluded.args, weekday = excluded.weekday, time = excluded.time, zone = excluded.zone, \
                 next_us = excluded.next_us"
        } else {
            "INSERT INTO room_order (room, plugin, name, platform, community, command, args, member, weekday, time, zone, \
                 next_us, thread) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (room, plugin, name) DO UPDATE SET platform = excluded.platform, \
                 community = excluded.community, thread = excluded.thread, command = excluded.command, \
                 args = excluded.args, member = excluded.member, weekday = excluded.weekday, time = excluded.time, \
                 zone = excluded.zone, next_us = excluded.next_us"
        };
        let query = sqlx::query(sql)
            .bind(&place.room.0)
            .bind(plugin)
            .bind(key)
            .bind(place.platform.to_string())
            .bind(&place.community.0)
            .bind(command)
            .bind(row::json(args, doing)?)
            .bind(&member.0)
            .bind(rhythm.day.map(Weekday::to_monday_one_offset))
            .bind(rhythm.time.to_string())
            .bind(&rhythm.zone)
            .bind(next.as_microsecond());
        // What is for one person alone is in no thread.
        let query = if order.is_own() { query } else { query.bind(place.thread.as_ref().map(|thread| &thread.0)) };
        query.execute(&self.write).await.map_err(StoreError::sql(doing))?;
        Ok(())
    }

    async fn end_order(&self, room: &RoomId, plugin: &str, key: &str) -> Result<bool, StoreError> {
        let ended = sqlx::query("DELETE FROM room_order WHERE room = $1 AND plugin = $2 AND name = $3")
            .bind(&room.0)
            .bind(plugin)
            .bind(key)
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("ending an order"))?;
        Ok(ended.rows_affected() > 0)
    }

    async fn end_own_order(&self, accounts: &[MemberId], plugin: &str, key: &str) -> Result<bool, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("DELETE FROM own_order WHERE plugin = ");
        query.push_bind(plugin).push(" AND name = ").push_bind(key);
        by(&mut query, accounts);
        let ended = query.build().execute(&self.write).await.map_err(StoreError::sql("ending an order"))?;
        Ok(ended.rows_affected() > 0)
    }

    async fn orders_by(&self, accounts: &[MemberId]) -> Result<Vec<Order>, StoreError> {
        let doing = "looking up what a person ordered";
        let mut query = QueryBuilder::<Sqlite>::new(format!("SELECT {OWN_COLUMNS} FROM own_order WHERE TRUE"));
        by(&mut query, accounts);
        query.push(" ORDER BY plugin, name, member");
        let rows: Vec<OrderRow> = query.build_query_as().fetch_all(&self.read).await.map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|row| row.order(doing)).collect()
    }

    async fn orders_in(&self, room: &RoomId) -> Result<Vec<Order>, StoreError> {
        let doing = "looking up what a room ordered";
        let sql = format!("SELECT {COLUMNS} FROM room_order WHERE room = $1 ORDER BY plugin, name");
        let rows: Vec<OrderRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(&room.0)
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|row| row.order(doing)).collect()
    }

    /// Without a limit: a room has few, and one that cannot be done must not hide the others.
    async fn orders_due(&self, now: Timestamp) -> Result<Vec<Order>, StoreError> {
        let doing = "looking up what is due";
        let sql = format!(
            "SELECT {COLUMNS} FROM room_order WHERE next_us <= $1 \
             UNION ALL SELECT {OWN_COLUMNS} FROM own_order WHERE next_us <= $1 \
             ORDER BY next_us, room, plugin, name, member"
        );
        let rows: Vec<OrderRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(now.as_microsecond())
            .fetch_all(&self.read)
            .await
            .map_err(StoreError::sql(doing))?;
        rows.into_iter().map(|row| row.order(doing)).collect()
    }

    async fn put_off(&self, order: &Order, next: Timestamp) -> Result<(), StoreError> {
        let (sql, whose) = match order.is_own() {
            true => (
                "UPDATE own_order SET next_us = $5 WHERE member = $1 AND plugin = $2 AND name = $3 AND next_us = $4",
                &order.member.0,
            ),
            false => (
                "UPDATE room_order SET next_us = $5 WHERE room = $1 AND plugin = $2 AND name = $3 AND next_us = $4",
                &order.place.room.0,
            ),
        };
        sqlx::query(sql)
            .bind(whose)
            .bind(&order.plugin)
            .bind(&order.key)
            .bind(order.next.as_microsecond())
            .bind(next.as_microsecond())
            .execute(&self.write)
            .await
            .map_err(StoreError::sql("putting an order off"))?;
        Ok(())
    }
}

/// Narrows a query that has a condition to rows of these accounts.
fn by(query: &mut QueryBuilder<Sqlite>, accounts: &[MemberId]) {
    query.push(" AND member IN (");
    let mut values = query.separated(", ");
    for account in accounts {
        values.push_bind(account.0.clone());
    }
    query.push(")");
}
