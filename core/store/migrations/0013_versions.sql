-- Who brought a document from a chat, and what others brought later that tells it otherwise.

-- Of a document without a row: an operator, or nobody knows.
CREATE TABLE brought (
    document TEXT PRIMARY KEY NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    member   TEXT NOT NULL,
    at_us    BIGINT NOT NULL
);
CREATE INDEX brought_by_member ON brought (member);

-- A file that tells a document otherwise, and that nobody has decided on. Nothing of it is in the library.
CREATE TABLE held_version (
    document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    file     TEXT NOT NULL,
    member   TEXT NOT NULL,
    at_us    BIGINT NOT NULL,
    tells    TEXT NOT NULL,                 -- what is other in it
    PRIMARY KEY (document, file)
);
CREATE INDEX held_version_by_member ON held_version (member);
