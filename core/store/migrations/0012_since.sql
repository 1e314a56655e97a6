-- From when on people and rooms let what is said be kept, and links that both accounts confirm.

-- How each switch of an account stood, from when on, with all that its links changed. Silence is no.
CREATE TABLE consent_change (
    member TEXT NOT NULL,
    switch TEXT NOT NULL,
    at_us  BIGINT NOT NULL,
    is_on  BOOLEAN NOT NULL,
    PRIMARY KEY (member, switch, at_us)
);

-- Whether a room kept what was said, from when on.
CREATE TABLE room_keeping (
    room  TEXT NOT NULL,
    at_us BIGINT NOT NULL,
    keeps BOOLEAN NOT NULL,
    PRIMARY KEY (room, at_us)
);

-- One account alone made the links of before: they are asked for again. What protected one account protected all of them.
INSERT INTO consent (member, switch, at_us)
    SELECT other.member, c.switch, MIN(c.at_us) FROM consent c JOIN account_link own ON own.member = c.member
    JOIN account_link other ON other.person = own.person WHERE c.switch = 'omit' GROUP BY other.member, c.switch
    ON CONFLICT DO NOTHING;
DELETE FROM account_link;
DELETE FROM link_code;

-- Where an account was given its code, who said it, and what each of the two says to confirm.
ALTER TABLE link_code ADD COLUMN place TEXT NOT NULL DEFAULT '';  -- JSON
ALTER TABLE link_code ADD COLUMN own_code TEXT;                   -- what the account says, once the other confirmed
ALTER TABLE link_code ADD COLUMN other TEXT;
ALTER TABLE link_code ADD COLUMN other_place TEXT;                -- JSON
ALTER TABLE link_code ADD COLUMN other_code TEXT;

INSERT INTO consent_change (member, switch, at_us, is_on) SELECT member, switch, at_us, TRUE FROM consent;
-- When a room was set to keep what is said nobody wrote down: it counts from the day of this schema.
INSERT INTO room_keeping (room, at_us, keeps)
    SELECT room, 1795910400000000, TRUE FROM room_policy
    WHERE json_extract(policy, '$."index-messages"') AND NOT COALESCE(json_extract(policy, '$.paused'), FALSE);
