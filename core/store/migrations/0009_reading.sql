-- What people said of papers and were shown, what they ordered for themselves, and what came of introductions.

-- The last word of each account on each paper.
CREATE TABLE paper_word (
    member   TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    verdict  TEXT NOT NULL,
    at_us    BIGINT NOT NULL,
    PRIMARY KEY (member, document)
);
CREATE INDEX paper_word_by_document ON paper_word (document);

-- What was shown to each account: it is not shown again.
CREATE TABLE paper_shown (
    member   TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    at_us    BIGINT NOT NULL,               -- the first time
    PRIMARY KEY (member, document)
);
CREATE INDEX paper_shown_by_document ON paper_shown (document);

-- When a paper was first seen in the library: what is new is counted from here.
CREATE TABLE paper_arrival (
    document TEXT PRIMARY KEY NOT NULL REFERENCES document (id) ON DELETE CASCADE,
    at_us    BIGINT NOT NULL
);

-- What people ordered for themselves, to be done again and again; told to them alone.
CREATE TABLE own_order (
    member    TEXT NOT NULL,
    plugin    TEXT NOT NULL,
    name      TEXT NOT NULL,                -- the plugin's own
    platform  TEXT NOT NULL,
    community TEXT NOT NULL,
    room      TEXT NOT NULL,                -- where it was ordered: what is read there may be told
    command   TEXT NOT NULL,
    args      TEXT NOT NULL,                -- JSON
    weekday   SMALLINT,                     -- 1 is Monday; none for every day
    time      TEXT NOT NULL,                -- by the clock of the zone
    zone      TEXT NOT NULL,
    next_us   BIGINT NOT NULL,              -- when it is due
    PRIMARY KEY (member, plugin, name)
);
CREATE INDEX own_order_by_time ON own_order (next_us);
CREATE INDEX own_order_by_room ON own_order (room);

-- Introductions that were possible, with what was known then and what came of them.
CREATE TABLE match_outcome (
    need     TEXT NOT NULL,
    seeker   TEXT NOT NULL,
    person   TEXT NOT NULL,
    features TEXT NOT NULL,                 -- JSON
    at_us    BIGINT NOT NULL,               -- when they were shown
    asked    BOOLEAN NOT NULL,              -- whether the seeker wanted to be introduced
    accepted BOOLEAN,                       -- none as long as they said nothing
    PRIMARY KEY (need, seeker, person)
);
CREATE INDEX match_outcome_by_seeker ON match_outcome (seeker);
CREATE INDEX match_outcome_by_person ON match_outcome (person);

-- What recommending asks of every paper, without reading its text.
CREATE INDEX document_for_reading ON document (format, scope, retracted, id);
