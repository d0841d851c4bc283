-- One number, raised by every change to the catalogue's documents.
CREATE TABLE catalog_sequence (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    value    INTEGER NOT NULL
) STRICT;

INSERT INTO catalog_sequence (only_row, value) VALUES (1, 0);

-- The numbers of a tenant: its changes, up to where they were trimmed, and its software.
CREATE TABLE sequences (
    tenant   TEXT NOT NULL PRIMARY KEY,
    value    INTEGER NOT NULL,
    trimmed  INTEGER NOT NULL,
    software INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is known of each machine: one packed row. State and body are the caller's.
CREATE TABLE machines (
    tenant       TEXT NOT NULL,
    machine      TEXT NOT NULL,
    name         TEXT,
    first_seen   INTEGER NOT NULL, -- microseconds since 1970, UTC
    last_seen    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    sequence     INTEGER NOT NULL,
    digest       BLOB NOT NULL,
    state        BLOB NOT NULL,
    body         BLOB NOT NULL,
    device_group TEXT,
    tags         TEXT NOT NULL, -- a JSON array of texts
    PRIMARY KEY (tenant, machine)
) STRICT, WITHOUT ROWID;

-- Which machines changed: one row a call, the ids separated by NUL.
CREATE TABLE changes (
    tenant   TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    machines BLOB NOT NULL,
    PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

-- Since when each machine was in which state.
CREATE TABLE machine_states (
    tenant  TEXT NOT NULL,
    machine TEXT NOT NULL,
    since   INTEGER NOT NULL,
    state   BLOB NOT NULL,
    PRIMARY KEY (tenant, machine, since)
) STRICT, WITHOUT ROWID;

-- What machines of a state were missing, since when: shared by all tenants, as the states' findings are.
CREATE TABLE findings (
    state BLOB NOT NULL,
    since INTEGER NOT NULL,
    body  BLOB NOT NULL,
    PRIMARY KEY (state, since)
) STRICT, WITHOUT ROWID;

-- Software by number. The digest of vendor, name and version finds it: the three may be too long for an index.
CREATE TABLE software (
    tenant  TEXT NOT NULL,
    id      INTEGER NOT NULL,
    digest  BLOB NOT NULL,
    vendor  TEXT NOT NULL,
    name    TEXT NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, digest)
) STRICT, WITHOUT ROWID;

-- The secrets by which osquery's agents enroll. Only hashes are kept.
CREATE TABLE enroll_secrets (
    tenant      TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
