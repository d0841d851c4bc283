-- Changes are told by when a state became known here: two reports of one moment are two states, in the order they came.
-- An empty state is none: the machine was taken out of what is shown.
ALTER TABLE machine_states ADD COLUMN received_at BIGINT;
UPDATE machine_states SET received_at = since;
ALTER TABLE machine_states ALTER COLUMN received_at SET NOT NULL;
ALTER TABLE machine_states DROP CONSTRAINT machine_states_pkey;
ALTER TABLE machine_states ADD PRIMARY KEY (tenant, machine, received_at);

CREATE INDEX machine_states_by_arrival ON machine_states (tenant, received_at);

-- What was found is written anew, with the software it was found in.
DELETE FROM findings;
