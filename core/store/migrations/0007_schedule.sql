-- What rooms ordered to be done again and again.

CREATE TABLE room_order (
    room      TEXT NOT NULL,
    plugin    TEXT NOT NULL,
    name      TEXT NOT NULL,                -- the plugin's own
    platform  TEXT NOT NULL,
    community TEXT NOT NULL,
    thread    TEXT,
    command   TEXT NOT NULL,
    args      TEXT NOT NULL,                -- JSON
    member    TEXT NOT NULL,                -- who ordered it
    weekday   SMALLINT,                     -- 1 is Monday; none for every day
    time      TEXT NOT NULL,                -- by the clock of the zone
    zone      TEXT NOT NULL,
    next_us   BIGINT NOT NULL,              -- when it is due
    PRIMARY KEY (room, plugin, name)
);
CREATE INDEX room_order_by_time ON room_order (next_us);
CREATE INDEX room_order_by_member ON room_order (member);
