-- The audit log: entries as lines of JSON, each chained to the one before it (crates/core/src/access/audit).
CREATE TABLE audit_log (
  seq INTEGER PRIMARY KEY,
  line TEXT NOT NULL,
  hash TEXT NOT NULL
);
