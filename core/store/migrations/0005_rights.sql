-- What moderators said of a document: it holds over what its source says, and outlives reading it again.

CREATE TABLE document_right (
    document     TEXT PRIMARY KEY NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    license      TEXT,
    embargo_us   BIGINT,                    -- until then it is not lent to other rooms
    confidential BOOLEAN NOT NULL,
    retracted    BOOLEAN NOT NULL
);
CREATE INDEX document_right_by_embargo ON document_right (embargo_us) WHERE embargo_us IS NOT NULL;
