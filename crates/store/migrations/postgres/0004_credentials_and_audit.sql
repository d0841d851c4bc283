-- What an application shows to prove who it is. Secrets are kept as hashes only, and how each begins.
CREATE TABLE application_secrets (
    tenant      TEXT COLLATE "C" NOT NULL,
    client      TEXT COLLATE "C" NOT NULL,
    id          TEXT COLLATE "C" NOT NULL, -- a GUID
    hint        TEXT COLLATE "C" NOT NULL, -- its first characters; empty where they are not known
    secret_hash TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    PRIMARY KEY (tenant, client, id),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

INSERT INTO application_secrets (tenant, client, id, hint, secret_hash, created_at)
SELECT tenant, client, client, '', secret_hash, created_at FROM applications;

ALTER TABLE applications DROP COLUMN secret_hash;

-- Certificates whose keys sign an application's assertions.
CREATE TABLE application_certificates (
    tenant     TEXT COLLATE "C" NOT NULL,
    client     TEXT COLLATE "C" NOT NULL,
    sha256     TEXT COLLATE "C" NOT NULL, -- its thumbprints, in hexadecimal digits
    sha1       TEXT COLLATE "C" NOT NULL,
    subject    TEXT COLLATE "C" NOT NULL,
    not_before BIGINT NOT NULL,
    not_after  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    der        BYTEA NOT NULL,
    PRIMARY KEY (tenant, client, sha256),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

-- Assertions that were used, until they are out of date: each counts once, whichever server it comes to.
CREATE TABLE used_assertions (
    digest     BYTEA NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX used_assertions_by_expiry ON used_assertions (expires_at);

-- Who did what. Rows are added, and dropped when they are old; nothing changes one.
CREATE TABLE audit (
    at         BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL, -- a GUID
    tenant     TEXT COLLATE "C",
    actor_kind TEXT COLLATE "C" NOT NULL,
    actor      TEXT COLLATE "C" NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    target     TEXT COLLATE "C",
    peer       TEXT COLLATE "C", -- the address it came from
    outcome    TEXT COLLATE "C" NOT NULL,
    detail     TEXT COLLATE "C",
    times      BIGINT NOT NULL,
    PRIMARY KEY (at, id)
);
