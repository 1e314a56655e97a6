-- What was said in rooms by those who let it be kept, and the documents that are made of it.

-- A conversation is one document: written when what was said changes, known to be behind while it is not.
CREATE TABLE conversation (
    document TEXT PRIMARY KEY NOT NULL,
    platform TEXT NOT NULL,
    room     TEXT NOT NULL,
    thread   TEXT,
    name     TEXT NOT NULL,                 -- the room's
    is_note  BOOLEAN NOT NULL,              -- a question with the answer that a moderator marked
    changes  BIGINT NOT NULL,
    written  BIGINT NOT NULL                -- how many of the changes the document has
);
CREATE INDEX conversation_by_room ON conversation (platform, room, thread);
CREATE INDEX conversation_behind ON conversation (document) WHERE changes <> written;

CREATE TABLE said (
    document TEXT NOT NULL REFERENCES conversation (document) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    room     TEXT NOT NULL,
    id       TEXT NOT NULL,
    kind     TEXT NOT NULL,                 -- talk, or of a note: question, answer, mark
    author   TEXT,                          -- none of what we said ourselves
    name     TEXT NOT NULL,
    at_us    BIGINT NOT NULL,
    text     TEXT NOT NULL,
    link     TEXT,
    PRIMARY KEY (document, id)
);
CREATE INDEX said_by_message ON said (room, id);
CREATE INDEX said_by_author ON said (author) WHERE author IS NOT NULL;
CREATE INDEX said_by_age ON said (room, at_us);
