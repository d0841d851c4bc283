-- What a machine is worth, and why it is excluded, by Defender's numbers; without a reason it is not excluded.
ALTER TABLE machines ADD COLUMN device_value INTEGER NOT NULL DEFAULT 0;
ALTER TABLE machines ADD COLUMN exclusion INTEGER;

-- Remediation tasks. Numbers are Defender's. Which machines one is about follows from its groups and what it is for.
CREATE TABLE remediation_tasks (
    tenant                  TEXT NOT NULL,
    id                      TEXT NOT NULL, -- a GUID
    title                   TEXT NOT NULL,
    created_on              INTEGER NOT NULL, -- microseconds since 1970, UTC
    requester_id            TEXT,
    requester_email         TEXT,
    status_last_modified_on INTEGER NOT NULL,
    description             TEXT,
    related_component       TEXT,
    device_groups           TEXT NOT NULL, -- a JSON array of texts
    requester_notes         TEXT,
    due_on                  INTEGER,
    category                INTEGER NOT NULL,
    productivity_impact     INTEGER,
    priority                INTEGER NOT NULL,
    completion_method       INTEGER, -- none: the task is active
    completer_id            TEXT,
    completer_email         TEXT,
    scid                    TEXT,
    type                    INTEGER NOT NULL,
    product_id              TEXT,
    recommended_version     TEXT,
    recommended_vendor      TEXT,
    recommended_program     TEXT,
    reference               TEXT,
    kb                      INTEGER, -- the update whose installation completes it
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Scores, one an hour and device group; the group without a name is all machines.
CREATE TABLE scores (
    tenant       TEXT NOT NULL,
    kind         INTEGER NOT NULL,
    hour         INTEGER NOT NULL, -- since 1970
    device_group TEXT NOT NULL,
    at           INTEGER NOT NULL,
    score        REAL NOT NULL,
    PRIMARY KEY (tenant, kind, hour, device_group)
) STRICT, WITHOUT ROWID;
