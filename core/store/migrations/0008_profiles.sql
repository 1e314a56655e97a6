-- What people say of their work, and the lines of it that they are matched by.

-- Who an account's owner says to be.
CREATE TABLE profile_facts (
    member TEXT PRIMARY KEY NOT NULL,
    facts  TEXT NOT NULL                    -- JSON
);

CREATE TABLE profile_entry (
    member  TEXT NOT NULL,
    id      TEXT NOT NULL,                  -- among the person's
    kind    TEXT NOT NULL,
    year    SMALLINT,
    source  TEXT NOT NULL,                  -- the file that it was read from
    authors TEXT NOT NULL,                  -- JSON
    ids     TEXT NOT NULL,                  -- JSON: what the world knows it by
    text    TEXT NOT NULL,
    summary TEXT NOT NULL,
    PRIMARY KEY (member, id)
);

-- The lines of an entry with their vectors: derived, and made anew for another model.
CREATE TABLE profile_vector (
    member TEXT NOT NULL,
    entry  TEXT NOT NULL,
    model  TEXT NOT NULL,
    line   SMALLINT NOT NULL,
    text   TEXT NOT NULL,
    vector BLOB NOT NULL,                   -- 32-bit floats, little end first
    PRIMARY KEY (member, entry, model, line),
    FOREIGN KEY (member, entry) REFERENCES profile_entry (member, id) ON DELETE CASCADE
);

-- How often any of the above has changed: one row.
CREATE TABLE profile_stamp (
    changes BIGINT NOT NULL
);
INSERT INTO profile_stamp (changes) VALUES (0);
