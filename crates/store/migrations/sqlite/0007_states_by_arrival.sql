-- Changes are told by when a state became known here: two reports of one moment are two states, in the order they came.
-- An empty state is none: the machine was taken out of what is shown.
CREATE TABLE states_by_arrival (
    tenant      TEXT NOT NULL,
    machine     TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    state       BLOB NOT NULL,
    PRIMARY KEY (tenant, machine, received_at)
) STRICT, WITHOUT ROWID;

INSERT INTO states_by_arrival (tenant, machine, received_at, since, state)
SELECT tenant, machine, since, since, state FROM machine_states ORDER BY tenant, machine, since;

DROP TABLE machine_states;

ALTER TABLE states_by_arrival RENAME TO machine_states;

CREATE INDEX machine_states_by_arrival ON machine_states (tenant, received_at);

-- What was found is written anew, with the software it was found in.
DELETE FROM findings;
