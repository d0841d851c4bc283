-- The catalogue's documents, shared by all tenants. Every revision is kept.
CREATE TABLE documents (
    source          TEXT NOT NULL,
    id              TEXT NOT NULL,
    current_release INTEGER NOT NULL, -- microseconds since 1970, UTC
    title           TEXT NOT NULL,
    digest          TEXT NOT NULL,
    imported_at     INTEGER NOT NULL,
    body            BLOB NOT NULL,
    PRIMARY KEY (source, id, current_release)
) STRICT, WITHOUT ROWID;

-- The last report of each machine.
CREATE TABLE reports (
    tenant      TEXT NOT NULL,
    machine     TEXT NOT NULL,
    name        TEXT,
    reported_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    digest      TEXT NOT NULL,
    body        BLOB NOT NULL,
    PRIMARY KEY (tenant, machine)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenants (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What may ask. Secrets are kept as hashes only.
CREATE TABLE applications (
    tenant      TEXT NOT NULL REFERENCES tenants (id),
    client      TEXT NOT NULL,
    name        TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, client)
) STRICT, WITHOUT ROWID;

CREATE TABLE application_roles (
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    role   TEXT NOT NULL,
    PRIMARY KEY (tenant, client, role),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The keys that sign tokens, as PKCS#8.
CREATE TABLE signing_keys (
    kid        TEXT NOT NULL PRIMARY KEY,
    pkcs8      BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One number, raised by every change to documents and reports.
CREATE TABLE change_sequence (
    only  INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    value INTEGER NOT NULL
) STRICT;

INSERT INTO change_sequence (only, value) VALUES (1, 0);
