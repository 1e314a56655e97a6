-- Replies on their way to a platform, and those that are there.

CREATE TABLE post (
    call     TEXT PRIMARY KEY NOT NULL,
    platform TEXT NOT NULL,
    number   BIGINT NOT NULL,               -- in order of the first writing
    at_us    BIGINT NOT NULL,               -- when the question was asked
    post     TEXT NOT NULL,                 -- JSON, without the body
    body     TEXT                           -- JSON; forgotten when it is shown
);
CREATE INDEX post_pending ON post (platform, number) WHERE body IS NOT NULL;
CREATE INDEX post_by_age ON post (at_us);

-- Which messages of a platform show which post.
CREATE TABLE post_shown (
    platform TEXT NOT NULL,
    message  TEXT NOT NULL,
    call     TEXT NOT NULL REFERENCES post (call) ON DELETE CASCADE,
    PRIMARY KEY (platform, message)
);
CREATE INDEX post_shown_by_call ON post_shown (call);
