-- A block holds where who decided it looks after people: in a room, or everywhere, as an operator decided. Those of before
-- held everywhere.
ALTER TABLE blocked_member RENAME TO blocked_before;
CREATE TABLE blocked_member (
    member TEXT NOT NULL,
    room   TEXT NOT NULL,                   -- empty for everywhere
    PRIMARY KEY (member, room)
);
INSERT INTO blocked_member (member, room) SELECT member, '' FROM blocked_before;
DROP TABLE blocked_before;
