-- The first schema: documents and what hangs on them, the manifest of files seen, plugin data, audit, inbox.
-- Types are those of the SQL standard but BLOB (BYTEA on PostgreSQL).

CREATE TABLE document (
    id           TEXT PRIMARY KEY NOT NULL,
    scope        TEXT NOT NULL,
    title        TEXT NOT NULL,
    -- Lower-cased by us, the same on every database: what a list is sorted by, and what it is searched in.
    sort_key     TEXT NOT NULL,
    search_key   TEXT NOT NULL,
    authors      TEXT NOT NULL,             -- JSON
    year         SMALLINT,
    venue        TEXT,
    language     TEXT,
    doi          TEXT,
    arxiv        TEXT,
    anthology    TEXT,
    pubmed       TEXT,
    file         TEXT NOT NULL,
    format       TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    license      TEXT,
    retracted    BOOLEAN NOT NULL,
    passages     BIGINT NOT NULL,           -- how many
    characters   BIGINT NOT NULL,           -- of text
    digest       TEXT NOT NULL,             -- SHA-256 of all that `put` was given but the vectors
    -- Long columns last: a scan of the others never reads them.
    sections     TEXT NOT NULL,             -- JSON
    pages        TEXT NOT NULL,             -- JSON
    text         TEXT NOT NULL
);
-- No index begins with the scope: a planner without statistics would prefer it to the key that is asked for.
CREATE INDEX document_by_title ON document (sort_key, id, scope);
CREATE INDEX document_totals ON document (format, scope, passages, characters);

CREATE TABLE passage (
    document   TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    ordinal    BIGINT NOT NULL,
    span_start BIGINT NOT NULL,
    span_end   BIGINT NOT NULL,
    page       BIGINT,
    section    TEXT,
    text       TEXT NOT NULL,
    PRIMARY KEY (document, ordinal)
);

CREATE TABLE passage_vector (
    document TEXT NOT NULL,
    ordinal  BIGINT NOT NULL,
    model    TEXT NOT NULL,
    vector   BLOB NOT NULL,                 -- 32-bit floats, little end first
    PRIMARY KEY (document, ordinal, model),
    FOREIGN KEY (document, ordinal) REFERENCES passage (document, ordinal) ON DELETE CASCADE
);

-- The names that a document is known by: what de-duplication asks.
CREATE TABLE identity_key (
    name     TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    PRIMARY KEY (name, document)
);
CREATE INDEX identity_key_by_document ON identity_key (document);

CREATE TABLE seen_file (
    scope        TEXT NOT NULL,
    file         TEXT NOT NULL,
    bytes        BIGINT NOT NULL,
    modified_ns  BIGINT NOT NULL,
    content_hash TEXT NOT NULL,
    reader       TEXT NOT NULL,
    PRIMARY KEY (scope, file)
);

CREATE TABLE seen_document (
    scope    TEXT NOT NULL,
    file     TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    PRIMARY KEY (scope, file, document),
    FOREIGN KEY (scope, file) REFERENCES seen_file (scope, file) ON DELETE CASCADE
);
CREATE INDEX seen_document_by_document ON seen_document (document);

CREATE TABLE refusal (
    scope    TEXT NOT NULL,
    file     TEXT NOT NULL,
    entry    TEXT NOT NULL,                 -- empty for the whole file
    sentence TEXT NOT NULL,
    PRIMARY KEY (scope, file, entry),
    FOREIGN KEY (scope, file) REFERENCES seen_file (scope, file) ON DELETE CASCADE
);

CREATE TABLE plugin_datum (
    plugin TEXT NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,                   -- JSON
    PRIMARY KEY (plugin, name)
);

-- Append-only. Numbered by us, one writer being all there is: no two databases agree on how to count.
CREATE TABLE audit_event (
    number    BIGINT PRIMARY KEY NOT NULL,
    at_us     BIGINT NOT NULL,
    community TEXT NOT NULL,
    caller    TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    event     TEXT NOT NULL                 -- JSON
);

CREATE TABLE inbox_message (
    platform  TEXT NOT NULL,
    community TEXT NOT NULL,
    room      TEXT NOT NULL,
    id        TEXT NOT NULL,
    number    BIGINT NOT NULL,              -- in order of opening
    message   TEXT,                         -- JSON; forgotten when the reply is complete
    PRIMARY KEY (platform, community, room, id)
);
CREATE INDEX inbox_message_by_number ON inbox_message (number);
CREATE INDEX inbox_message_unfinished ON inbox_message (community, number) WHERE message IS NOT NULL;
