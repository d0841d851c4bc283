-- What a machine is worth, and why it is excluded, by Defender's numbers; without a reason it is not excluded.
ALTER TABLE machines ADD COLUMN device_value BIGINT NOT NULL DEFAULT 0;
ALTER TABLE machines ADD COLUMN exclusion BIGINT;

-- Remediation tasks. Numbers are Defender's. Which machines one is about follows from its groups and what it is for.
CREATE TABLE remediation_tasks (
    tenant                  TEXT COLLATE "C" NOT NULL,
    id                      TEXT COLLATE "C" NOT NULL, -- a GUID
    title                   TEXT COLLATE "C" NOT NULL,
    created_on              BIGINT NOT NULL,
    requester_id            TEXT COLLATE "C",
    requester_email         TEXT COLLATE "C",
    status_last_modified_on BIGINT NOT NULL,
    description             TEXT COLLATE "C",
    related_component       TEXT COLLATE "C",
    device_groups           TEXT COLLATE "C" NOT NULL, -- a JSON array of texts
    requester_notes         TEXT COLLATE "C",
    due_on                  BIGINT,
    category                BIGINT NOT NULL,
    productivity_impact     BIGINT,
    priority                BIGINT NOT NULL,
    completion_method       BIGINT, -- none: the task is active
    completer_id            TEXT COLLATE "C",
    completer_email         TEXT COLLATE "C",
    scid                    TEXT COLLATE "C",
    type                    BIGINT NOT NULL,
    product_id              TEXT COLLATE "C",
    recommended_version     TEXT COLLATE "C",
    recommended_vendor      TEXT COLLATE "C",
    recommended_program     TEXT COLLATE "C",
    reference               TEXT COLLATE "C",
    kb                      BIGINT, -- the update whose installation completes it
    PRIMARY KEY (tenant, id)
);

-- Scores, one an hour and device group; the group without a name is all machines.
CREATE TABLE scores (
    tenant       TEXT COLLATE "C" NOT NULL,
    kind         BIGINT NOT NULL,
    hour         BIGINT NOT NULL, -- since 1970
    device_group TEXT COLLATE "C" NOT NULL,
    at           BIGINT NOT NULL,
    score        DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (tenant, kind, hour, device_group)
);
