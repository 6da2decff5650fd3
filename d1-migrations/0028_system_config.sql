-- Settings that stand before the variables of the deployment, and how they came about. NULL: the variable counted.
CREATE TABLE system_config (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE system_config_history (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  before TEXT,
  after TEXT
) WITHOUT ROWID;

-- Isolates find a change as they find one of a provider.
CREATE TRIGGER system_config_inserted AFTER INSERT ON system_config
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER system_config_updated AFTER UPDATE ON system_config
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER system_config_deleted AFTER DELETE ON system_config
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
