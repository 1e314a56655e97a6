-- What plugins keep beside a call goes with the call's post, or with age; an answer given anew goes with its question.

ALTER TABLE plugin_datum ADD COLUMN call TEXT;       -- none for what is kept for good
ALTER TABLE plugin_datum ADD COLUMN at_us BIGINT;    -- when that call was made
CREATE INDEX plugin_datum_by_call ON plugin_datum (call);
CREATE INDEX plugin_datum_by_age ON plugin_datum (at_us);

-- What was remembered of answers until now counts as of the day of this schema.
UPDATE plugin_datum SET call = SUBSTR(name, 8), at_us = 1795478400000000 WHERE plugin = 'qa' AND name LIKE 'answer:%';
UPDATE plugin_datum SET at_us = 1795478400000000 WHERE plugin = 'qa' AND name LIKE 'last:%';

ALTER TABLE post ADD COLUMN renews TEXT;             -- the call that it answers anew
CREATE INDEX post_by_renewed ON post (renews);
