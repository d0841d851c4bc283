-- People who sign in here, and what their groups let them do.
CREATE TABLE users (
    tenant        TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id            TEXT COLLATE "C" NOT NULL, -- a GUID
    name          TEXT COLLATE "C" NOT NULL, -- to sign in with, as it was written
    name_key      TEXT COLLATE "C" NOT NULL, -- the same in lower case
    display_name  TEXT COLLATE "C" NOT NULL,
    password_hash TEXT COLLATE "C" NOT NULL,
    must_change   BIGINT NOT NULL, -- whether the password must be changed before it counts
    disabled      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_sign_in  BIGINT,
    failed        BIGINT NOT NULL, -- wrong passwords in a row
    locked_until  BIGINT NOT NULL, -- no password is tried before
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX users_by_name ON users (tenant, name_key);

CREATE TABLE user_groups (
    tenant     TEXT COLLATE "C" NOT NULL REFERENCES tenants (id),
    id         TEXT COLLATE "C" NOT NULL, -- a GUID
    name       TEXT COLLATE "C" NOT NULL,
    name_key   TEXT COLLATE "C" NOT NULL, -- the name in lower case
    role       BIGINT NOT NULL, -- 0 view, 1 manage, 2 administer
    sees       TEXT COLLATE "C", -- a JSON array of names of device groups; none: all machines
    claim      TEXT COLLATE "C", -- by which people of foreign providers belong to it
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX user_groups_by_name ON user_groups (tenant, name_key);

CREATE TABLE user_group_members (
    tenant     TEXT COLLATE "C" NOT NULL,
    user_group TEXT COLLATE "C" NOT NULL,
    user_id    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, user_group, user_id),
    FOREIGN KEY (tenant, user_group) REFERENCES user_groups (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX user_group_members_by_user ON user_group_members (tenant, user_id);

-- Where an application may have browsers sent, and which applications have no secret.
CREATE TABLE application_redirects (
    tenant TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    uri    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, client, uri),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

CREATE TABLE public_applications (
    tenant TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, client),
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

-- What people agreed to that an application may do in their name.
CREATE TABLE consents (
    tenant  TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    client  TEXT COLLATE "C" NOT NULL,
    scope   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, user_id, client, scope),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

-- What stands for these is kept as its hash only.
CREATE TABLE browser_sessions (
    hash         BYTEA NOT NULL PRIMARY KEY,
    tenant       TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    signed_in_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX browser_sessions_by_user ON browser_sessions (tenant, user_id);
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);

CREATE TABLE authorization_codes (
    hash         BYTEA NOT NULL PRIMARY KEY,
    tenant       TEXT COLLATE "C" NOT NULL,
    client       TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    scope        TEXT COLLATE "C" NOT NULL,
    signed_in_at BIGINT NOT NULL,
    redirect_uri TEXT COLLATE "C" NOT NULL,
    challenge    TEXT COLLATE "C",
    nonce        TEXT COLLATE "C",
    expires_at   BIGINT NOT NULL,
    family       TEXT COLLATE "C", -- of the refresh tokens it was redeemed for; none: it was not redeemed
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

CREATE INDEX authorization_codes_by_user ON authorization_codes (tenant, user_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

CREATE TABLE refresh_tokens (
    hash         BYTEA NOT NULL PRIMARY KEY,
    tenant       TEXT COLLATE "C" NOT NULL,
    client       TEXT COLLATE "C" NOT NULL,
    user_id      TEXT COLLATE "C" NOT NULL,
    scope        TEXT COLLATE "C" NOT NULL,
    signed_in_at BIGINT NOT NULL,
    family       TEXT COLLATE "C" NOT NULL, -- all that came of one sign-in
    expires_at   BIGINT NOT NULL,
    family_until BIGINT NOT NULL,
    used         BIGINT NOT NULL, -- whether it was exchanged for the next one
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

CREATE INDEX refresh_tokens_by_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_by_user ON refresh_tokens (tenant, user_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

CREATE TABLE device_codes (
    hash           BYTEA NOT NULL PRIMARY KEY,
    user_code_hash BYTEA NOT NULL UNIQUE,
    tenant         TEXT COLLATE "C" NOT NULL,
    client         TEXT COLLATE "C" NOT NULL,
    scope          TEXT COLLATE "C" NOT NULL,
    poll_every     BIGINT NOT NULL, -- microseconds
    polled_at      BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    state          BIGINT NOT NULL, -- 0 waiting, 1 let in, 2 refused
    user_id        TEXT COLLATE "C",
    signed_in_at   BIGINT,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, client) REFERENCES applications (tenant, client) ON DELETE CASCADE
);

CREATE INDEX device_codes_by_end ON device_codes (expires_at);
