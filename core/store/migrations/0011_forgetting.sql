-- Who was forgotten when, told by nobody who does not know whom to look for; prompts beside the records of calls, to go without
-- them; and when a message came.

-- What accounts are hashed with below. One row.
CREATE TABLE tombstone_salt (
    salt TEXT NOT NULL
);
INSERT INTO tombstone_salt (salt) VALUES (hex(randomblob(32)));

-- What of an account began until then leaves nothing behind, however late it ends.
CREATE TABLE tombstone (
    tag    TEXT PRIMARY KEY NOT NULL,       -- of the account, with the salt
    at_us  BIGINT NOT NULL,                 -- when it was forgotten
    due_us BIGINT                           -- when what ended late is looked for; none once that is done
);
CREATE INDEX tombstone_due ON tombstone (due_us) WHERE due_us IS NOT NULL;

-- What language models were asked in a call and wrote: it goes when somebody whose words stand in it takes them back.
CREATE TABLE flight_prompt (
    number      BIGINT PRIMARY KEY NOT NULL REFERENCES flight (number) ON DELETE CASCADE,
    generations TEXT NOT NULL               -- JSON
);
-- Which messages and documents stand in the prompts of a flight.
CREATE TABLE flight_source (
    source TEXT NOT NULL,                   -- `document:` and its id; or of a message the call that it would make
    number BIGINT NOT NULL REFERENCES flight (number) ON DELETE CASCADE,
    PRIMARY KEY (source, number)
);
CREATE INDEX flight_source_by_number ON flight_source (number);
INSERT INTO flight_source (source, number)
    SELECT DISTINCT 'document:' || json_extract(found.value, '$[0].document'), flight.number
    FROM flight, json_each(flight.event, '$.evidence') AS found
    WHERE json_extract(found.value, '$[0].document') IS NOT NULL;

-- The ids of answered messages go with age; those of before count as of the day of this schema.
ALTER TABLE inbox_message ADD COLUMN at_us BIGINT;
UPDATE inbox_message SET at_us = 1795910400000000;
CREATE INDEX inbox_message_by_age ON inbox_message (at_us) WHERE message IS NULL;

-- Whom a post is about matters as long as it is on its way.
UPDATE post SET post = json_remove(post, '$.of') WHERE body IS NULL;

-- Pairs of people by a hash that anybody can compute: what is kept under them names them. Nothing was released with it: it goes.
DELETE FROM plugin_datum WHERE plugin = 'matching' AND (name LIKE 'pair:%' OR name LIKE 'never:%');
