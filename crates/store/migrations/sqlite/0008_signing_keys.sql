-- From when a key signs, in microseconds since 1970, UTC: it is published before. Those there are sign already.
ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;
