-- Rules about what requests and answers contain. Lists are JSON; NULL in `keys` and `models` is all.
CREATE TABLE guards (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  kind TEXT NOT NULL,
  direction TEXT NOT NULL,
  action TEXT NOT NULL,
  detectors TEXT NOT NULL,
  patterns TEXT NOT NULL,
  words TEXT NOT NULL,
  restore INTEGER NOT NULL,
  keys TEXT,
  models TEXT,
  url TEXT,
  secret_sealed TEXT,
  timeout_ms INTEGER NOT NULL,
  on_failure TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Isolates find a change as they find one of a provider.
CREATE TRIGGER guards_inserted AFTER INSERT ON guards
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER guards_updated AFTER UPDATE ON guards
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER guards_deleted AFTER DELETE ON guards
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;

-- Which guards acted on a request, such as `request:mask:emails`; never what they found.
ALTER TABLE request_log ADD COLUMN guards TEXT;
