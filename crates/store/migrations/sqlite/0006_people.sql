-- People who sign in here, and what their groups let them do.
CREATE TABLE users (
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    id            TEXT NOT NULL, -- a GUID
    name          TEXT NOT NULL, -- to sign in with, as it was written
    name_key      TEXT NOT NULL, -- the same in lower case
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    must_change   INTEGER NOT NULL, -- whether the password must be changed before it counts
    disabled      INTEGER NOT NULL,
    created_at    INTEGER NOT NULL, -- microseconds since 1970, UTC
    last_sign_in  INTEGER,
    failed        INTEGER NOT NULL, -- wrong passwords in a row
    locked_until  INTEGER NOT NULL, -- no password is tried before
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_by_name ON users (tenant, name_key);

CREATE TABLE user_groups (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL, -- a GUID
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL, -- the name in lower case
    role       INTEGER NOT NULL, -- 0 view, 1 manage, 2 administer
    sees       TEXT, -- a JSON array of names of device groups; none: all machines
    claim      TEXT, -- by which people of foreign providers belong to it
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX user_groups_by_name ON user_groups (tenant, name_key);

CREATE TABLE user_group_members (
    tenant     TEXT NOT NULL,
    user_group TEXT NOT NULL,
    user_id    TEXT NOT NULL,
    PRIMARY KEY (tenant, user_group, user_id),
    FOREIGN KEY (tenant, user_group) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX user_group_members_by_user ON user_group_members (tenant, user_id);

-- Where an application may have browsers sent, and which applications have no secret.
CREATE TABLE application_redirects (
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    uri    TEXT NOT NULL,
    PRIMARY KEY (tenant, client, uri),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE public_applications (
    tenant TEXT NOT NULL,
    client TEXT NOT NULL,
    PRIMARY KEY (tenant, client),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What people agreed to that an application may do in their name.
CREATE TABLE consents (
    tenant  TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client  TEXT NOT NULL,
    scope   TEXT NOT NULL,
    PRIMARY KEY (tenant, user_id, client, scope),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- What stands for these is kept as its hash only.
CREATE TABLE browser_sessions (
    hash         BLOB NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX browser_sessions_by_user ON browser_sessions (tenant, user_id);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);

CREATE TABLE authorization_codes (
    hash         BLOB NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    client       TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    scope        TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge    TEXT,
    nonce        TEXT,
    expires_at   INTEGER NOT NULL,
    family       TEXT, -- of the refresh tokens it was redeemed for; none: it was not redeemed
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX authorization_codes_by_user ON authorization_codes (tenant, user_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    hash         BLOB NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    client       TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    scope        TEXT NOT NULL,
    signed_in_at INTEGER NOT NULL,
    family       TEXT NOT NULL, -- all that came of one sign-in
    expires_at   INTEGER NOT NULL,
    family_until INTEGER NOT NULL,
    used         INTEGER NOT NULL, -- whether it was exchanged for the next one
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (tenant, user_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

CREATE TABLE device_codes (
    hash           BLOB NOT NULL PRIMARY KEY,
    user_code_hash BLOB NOT NULL UNIQUE,
    tenant         TEXT NOT NULL,
    client         TEXT NOT NULL,
    scope          TEXT NOT NULL,
    poll_every     INTEGER NOT NULL, -- microseconds
    polled_at      INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    state          INTEGER NOT NULL, -- 0 waiting, 1 let in, 2 refused
    user_id        TEXT,
    signed_in_at   INTEGER,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX device_codes_by_end ON device_codes (expires_at);
