-- How requests are spread over upstreams: what is set for providers, models and keys, the models that callers see, and
-- what is known of upstreams by asking them.

ALTER TABLE providers ADD COLUMN status TEXT NOT NULL DEFAULT 'active';
ALTER TABLE providers ADD COLUMN region TEXT;
ALTER TABLE providers ADD COLUMN weight INTEGER NOT NULL DEFAULT 100;
-- Lower is tried first.
ALTER TABLE providers ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
ALTER TABLE providers ADD COLUMN max_in_flight INTEGER;
ALTER TABLE providers ADD COLUMN max_qps INTEGER;
-- Status codes, separated by commas, that are tried elsewhere besides those that always are.
ALTER TABLE providers ADD COLUMN retry_statuses TEXT NOT NULL DEFAULT '';
ALTER TABLE providers ADD COLUMN probe_enabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE providers ADD COLUMN probe_model TEXT;
ALTER TABLE providers ADD COLUMN probe_prompt TEXT;
ALTER TABLE providers ADD COLUMN probe_interval_s INTEGER;

-- Tokens. What is not known is NULL.
ALTER TABLE provider_models ADD COLUMN context_length INTEGER;
ALTER TABLE provider_models ADD COLUMN max_output INTEGER;
-- Words separated by commas; NULL: not known; empty: none of them.
ALTER TABLE provider_models ADD COLUMN capabilities TEXT;
-- NULL: as the provider.
ALTER TABLE provider_models ADD COLUMN weight INTEGER;
ALTER TABLE provider_models ADD COLUMN priority INTEGER;

-- Further keys of a provider, besides its own.
CREATE TABLE provider_keys (
  id TEXT PRIMARY KEY,
  provider_id INTEGER NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
  label TEXT NOT NULL,
  weight INTEGER NOT NULL DEFAULT 100,
  max_qps INTEGER,
  enabled INTEGER NOT NULL DEFAULT 1,
  key_sealed TEXT NOT NULL,
  key_hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (provider_id, label)
) WITHOUT ROWID;

-- Names that callers see. `candidates` and `fallbacks` are JSON lists.
CREATE TABLE logical_models (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1,
  strategy TEXT,
  candidates TEXT NOT NULL DEFAULT '[]',
  fallbacks TEXT NOT NULL DEFAULT '[]',
  max_attempts INTEGER,
  deadline_ms INTEGER,
  hedge_after_ms INTEGER,
  cache_ttl_s INTEGER,
  sticky INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TRIGGER provider_keys_inserted AFTER INSERT ON provider_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER provider_keys_updated AFTER UPDATE ON provider_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER provider_keys_deleted AFTER DELETE ON provider_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER logical_models_inserted AFTER INSERT ON logical_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER logical_models_updated AFTER UPDATE ON logical_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER logical_models_deleted AFTER DELETE ON logical_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;

-- What was asked on the way to an answer, as a JSON list.
ALTER TABLE request_log ADD COLUMN attempts TEXT;

-- What came of asking an upstream for nothing but a sign of life.
CREATE TABLE provider_probes (
  id TEXT PRIMARY KEY,
  provider_id INTEGER NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
  ts INTEGER NOT NULL,
  ok INTEGER NOT NULL,
  status INTEGER,
  latency_ms INTEGER NOT NULL,
  model TEXT NOT NULL,
  error TEXT
) WITHOUT ROWID;

CREATE INDEX provider_probes_by_provider ON provider_probes (provider_id, ts);

-- Answers that are given again: the bodies are in R2 under the same name. Read only to clear and to expire.
CREATE TABLE cached_answers (
  name TEXT PRIMARY KEY,
  api_key_id TEXT NOT NULL,
  model TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX cached_answers_by_expiry ON cached_answers (expires_at);
