-- Work that takes several runs of the cron: exports, backups, restores. `spec` and `progress` are JSON, see src/jobs. A run that
-- works on a job holds it until `held_until`.
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  held_until INTEGER NOT NULL DEFAULT 0,
  spec TEXT NOT NULL,
  progress TEXT NOT NULL
) WITHOUT ROWID;
