-- What an application shows to prove who it is. Secrets are kept as hashes only, and how each begins.
CREATE TABLE application_secrets (
    tenant      TEXT NOT NULL,
    client      TEXT NOT NULL,
    id          TEXT NOT NULL, -- a GUID
    hint        TEXT NOT NULL, -- its first characters; empty where they are not known
    secret_hash TEXT NOT NULL,
    created_at  INTEGER NOT NULL, -- microseconds since 1970, UTC
    expires_at  INTEGER,
    PRIMARY KEY (tenant, client, id),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

INSERT INTO application_secrets (tenant, client, id, hint, secret_hash, created_at)
SELECT tenant, client, client, '', secret_hash, created_at FROM applications;

ALTER TABLE applications DROP COLUMN secret_hash;

-- Certificates whose keys sign an application's assertions.
CREATE TABLE application_certificates (
    tenant     TEXT NOT NULL,
    client     TEXT NOT NULL,
    sha256     TEXT NOT NULL, -- its thumbprints, in hexadecimal digits
    sha1       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    der        BLOB NOT NULL,
    PRIMARY KEY (tenant, client, sha256),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Assertions that were used, until they are out of date: each counts once, whichever server it comes to.
CREATE TABLE used_assertions (
    digest     BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);

-- Who did what. Rows are added, and dropped when they are old; nothing changes one.
CREATE TABLE audit (
    at         INTEGER NOT NULL,
    id         TEXT NOT NULL, -- a GUID
    tenant     TEXT,
    actor_kind TEXT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    target     TEXT,
    peer       TEXT, -- the address it came from
    outcome    TEXT NOT NULL,
    detail     TEXT,
    times      INTEGER NOT NULL,
    PRIMARY KEY (at, id)
) STRICT, WITHOUT ROWID;
