-- What is remembered of people and rooms, whose each row is, and the audit trail as a chain that survives erasure.

-- By account: the switches that were turned on with it.
CREATE TABLE consent (
    member TEXT NOT NULL,
    switch TEXT NOT NULL,
    at_us  BIGINT NOT NULL,                 -- when it was turned on
    PRIMARY KEY (member, switch)
);
CREATE INDEX consent_by_switch ON consent (switch, member);

-- Accounts of people with more than one.
CREATE TABLE account_link (
    member TEXT PRIMARY KEY NOT NULL,
    person TEXT NOT NULL
);
CREATE INDEX account_link_by_person ON account_link (person, member);

CREATE TABLE link_code (
    member   TEXT PRIMARY KEY NOT NULL,
    code     TEXT NOT NULL,
    until_us BIGINT NOT NULL
);
CREATE INDEX link_code_by_code ON link_code (code);

CREATE TABLE role_grant (
    member TEXT PRIMARY KEY NOT NULL,
    role   TEXT NOT NULL                    -- JSON
);

CREATE TABLE blocked_member (
    member TEXT PRIMARY KEY NOT NULL
);

CREATE TABLE room_policy (
    room   TEXT PRIMARY KEY NOT NULL,
    policy TEXT NOT NULL                    -- JSON
);

-- One row.
CREATE TABLE everything (
    paused BOOLEAN NOT NULL
);
INSERT INTO everything (paused) VALUES (FALSE);

-- The trail of before has no chain, and none can be made after the fact. Nothing was released with it: it goes.
DROP TABLE audit_event;

-- Append-only, nothing of content or of persons in it. Numbered by us, one writer being all there is.
CREATE TABLE audit_event (
    number       BIGINT PRIMARY KEY NOT NULL,
    at_us        BIGINT NOT NULL,
    community    TEXT NOT NULL,
    plugin       TEXT NOT NULL,
    command      TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    caller_tag   TEXT NOT NULL,             -- of the caller, with their salt
    content_hash TEXT NOT NULL,             -- of the flight, with the caller's salt
    previous     TEXT NOT NULL,             -- hash of the event before; empty for the first
    hash         TEXT NOT NULL
);

-- What ties people to the chain. Without their salt nothing does.
CREATE TABLE caller_salt (
    member TEXT PRIMARY KEY NOT NULL,
    salt   TEXT NOT NULL
);

-- All that is known of a call, as long as it may be known.
CREATE TABLE flight (
    number BIGINT PRIMARY KEY NOT NULL,     -- of its event
    call   TEXT NOT NULL,
    member TEXT NOT NULL,
    room   TEXT NOT NULL,
    at_us  BIGINT NOT NULL,
    event  TEXT NOT NULL                    -- JSON
);
-- Whose words stand in the prompts of a flight, beside the caller's own.
CREATE TABLE flight_voice (
    member TEXT NOT NULL,
    number BIGINT NOT NULL REFERENCES flight (number) ON DELETE CASCADE,
    PRIMARY KEY (member, number)
);
CREATE INDEX flight_voice_by_number ON flight_voice (number);
CREATE INDEX flight_by_call ON flight (call, number);
CREATE INDEX flight_by_member ON flight (member);
CREATE INDEX flight_by_age ON flight (at_us);

-- Whose it is: what goes when they are forgotten.
ALTER TABLE post ADD COLUMN author TEXT;
UPDATE post SET author = json_extract(post, '$.question.author');
CREATE INDEX post_by_author ON post (author);
ALTER TABLE inbox_message ADD COLUMN author TEXT;    -- as long as its words are there
UPDATE inbox_message SET author = json_extract(message, '$.author') WHERE message IS NOT NULL;
CREATE INDEX inbox_message_by_author ON inbox_message (author) WHERE author IS NOT NULL;
ALTER TABLE plugin_datum ADD COLUMN owner TEXT;
UPDATE plugin_datum SET owner = (SELECT post.author FROM post WHERE post.call = plugin_datum.call);
-- Votes and last answers name their owner in the key alone, where nobody can find them by person.
DELETE FROM plugin_datum WHERE owner IS NULL AND plugin IN ('feedback', 'qa');
CREATE INDEX plugin_datum_by_owner ON plugin_datum (owner);
