-- Made when the first read is done: to fill first and sort once is several times as fast.
CREATE INDEX IF NOT EXISTS by_seen ON indicators (last_seen, num);
CREATE INDEX IF NOT EXISTS by_facet ON indicators (active, type, severity, last_seen, num);
CREATE INDEX IF NOT EXISTS shared_by_state ON shared (destination, state, target, sharings, reason, skipped);
CREATE INDEX IF NOT EXISTS label_by_seen ON labels (label, last_seen, num);
