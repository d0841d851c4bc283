-- How many machines a task was about when it was created; not known of older ones.
ALTER TABLE remediation_tasks ADD COLUMN target_devices BIGINT;
