-- Texts are ordered by their bytes, as SQLite orders them. Moments are microseconds since 1970, UTC.

-- The catalogue's documents, shared by all tenants. Every revision is kept.
CREATE TABLE documents (
    source          TEXT COLLATE "C" NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    current_release BIGINT NOT NULL,
    title           TEXT COLLATE "C" NOT NULL,
    digest          TEXT COLLATE "C" NOT NULL,
    imported_at     BIGINT NOT NULL,
    body            BYTEA NOT NULL,
    PRIMARY KEY (source, id, current_release)
);

CREATE TABLE tenants (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- What may ask. Secrets are kept as hashes only.
CREATE TABLE applications (
    tenant      TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    client      TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    secret_hash TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, client)
);

CREATE TABLE application_roles (
    tenant TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    role   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, client, role),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

-- The keys that sign tokens, as PKCS#8.
CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pkcs8      BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- One number, raised by every change to the catalogue's documents.
CREATE TABLE catalog_sequence (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    value    BIGINT NOT NULL
);

INSERT INTO catalog_sequence (only_row, value) VALUES (1, 0);

-- The numbers of a tenant: its changes, up to where they were trimmed, and its software. Every write of a tenant
-- takes its row first: so changes become visible in the order of their numbers.
CREATE TABLE sequences (
    tenant   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value    BIGINT NOT NULL,
    trimmed  BIGINT NOT NULL,
    software BIGINT NOT NULL
) WITH (fillfactor = 20);

-- What is known of each machine: one packed row. State and body are the caller's. Pages keep room, so that most
-- updates stay on their page and touch no index.
CREATE TABLE machines (
    tenant       TEXT COLLATE "C" NOT NULL,
    machine      TEXT COLLATE "C" NOT NULL,
    name         TEXT COLLATE "C",
    first_seen   BIGINT NOT NULL,
    last_seen    BIGINT NOT NULL,
    received_at  BIGINT NOT NULL,
    sequence     BIGINT NOT NULL,
    digest       BYTEA NOT NULL,
    state        BYTEA NOT NULL,
    body         BYTEA NOT NULL,
    device_group TEXT COLLATE "C",
    tags         TEXT COLLATE "C" NOT NULL, -- a JSON array of texts
    PRIMARY KEY (tenant, machine)
) WITH (fillfactor = 85);

-- Bodies are packed by who writes them: trying once more is in vain.
ALTER TABLE machines ALTER COLUMN body SET STORAGE EXTERNAL;

-- Which machines changed: one row a call, the ids separated by NUL.
CREATE TABLE changes (
    tenant   TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    machines BYTEA NOT NULL,
    PRIMARY KEY (tenant, sequence)
);

-- Since when each machine was in which state.
CREATE TABLE machine_states (
    tenant  TEXT COLLATE "C" NOT NULL,
    machine TEXT COLLATE "C" NOT NULL,
    since   BIGINT NOT NULL,
    state   BYTEA NOT NULL,
    PRIMARY KEY (tenant, machine, since)
);

-- What machines of a state were missing, since when: shared by all tenants, as the states' findings are.
CREATE TABLE findings (
    state BYTEA NOT NULL,
    since BIGINT NOT NULL,
    body  BYTEA NOT NULL,
    PRIMARY KEY (state, since)
);

-- Software by number. The digest of vendor, name and version finds it: the three may be too long for an index.
CREATE TABLE software (
    tenant  TEXT COLLATE "C" NOT NULL,
    id      BIGINT NOT NULL,
    digest  BYTEA NOT NULL,
    vendor  TEXT COLLATE "C" NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, digest)
);

-- The secrets by which osquery's agents enroll. Only hashes are kept.
CREATE TABLE enroll_secrets (
    tenant      TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id          TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    secret_hash TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
