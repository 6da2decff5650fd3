-- Sets of tools of several servers. `owner` NULL is all. `tools` is JSON: objects with `server`, `tool` (a name or a pattern) and, of one
-- tool, `name` and `description` under which it is shown.
CREATE TABLE toolsets (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT,
  owner TEXT,
  tools TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX toolsets_by_name ON toolsets (name, COALESCE(owner, ''));

-- The set whose tools chat requests of a key have that name none.
ALTER TABLE api_keys ADD COLUMN default_toolset TEXT;

CREATE TRIGGER api_keys_toolset_updated AFTER UPDATE OF default_toolset ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
