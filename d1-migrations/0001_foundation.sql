-- Providers, models, API keys, and what is recorded of requests.
-- Times are milliseconds since the Unix epoch; booleans are 0 or 1; secrets are sealed or hashed, never in clear.

CREATE TABLE providers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  kind TEXT NOT NULL,
  server_url TEXT NOT NULL DEFAULT '',
  description TEXT NOT NULL DEFAULT '',
  rate_limit INTEGER,
  first_byte_timeout_ms INTEGER,
  idle_timeout_ms INTEGER,
  enabled INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  server_key_sealed TEXT,
  server_key_hint TEXT,
  personalized_key_hash TEXT,
  personalized_key_hint TEXT,
  headers_sealed TEXT,
  headers_hint TEXT
);

CREATE TABLE provider_models (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  provider_id INTEGER NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
  model_name TEXT NOT NULL,
  upstream_model TEXT,
  description TEXT NOT NULL DEFAULT '',
  enabled INTEGER NOT NULL DEFAULT 1,
  slow INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (provider_id, model_name)
);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  key_hash TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1,
  expires_at INTEGER,
  allowed_models TEXT,
  allowed_providers TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_used_at INTEGER
) WITHOUT ROWID;

-- Isolates compare these numbers with what they hold. Triggers raise them, so that no write can forget to.
CREATE TABLE config_versions (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO config_versions (name, value) VALUES ('catalog', 1), ('keys', 1);

CREATE TRIGGER providers_inserted AFTER INSERT ON providers
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER providers_updated AFTER UPDATE ON providers
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER providers_deleted AFTER DELETE ON providers
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER provider_models_inserted AFTER INSERT ON provider_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER provider_models_updated AFTER UPDATE ON provider_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER provider_models_deleted AFTER DELETE ON provider_models
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER api_keys_inserted AFTER INSERT ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
CREATE TRIGGER api_keys_updated AFTER UPDATE OF key_hash, enabled, expires_at, allowed_models, allowed_providers ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
CREATE TRIGGER api_keys_deleted AFTER DELETE ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;

-- One row a request. `id` is the ULID of its usage event: a second delivery of the event changes nothing.
-- `rolled_up` is 0 only inside the transaction that inserts the row and adds it to the totals.
CREATE TABLE request_log (
  id TEXT PRIMARY KEY,
  ts INTEGER NOT NULL,
  request_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  provider_id INTEGER,
  provider_name TEXT,
  model TEXT NOT NULL,
  upstream_model TEXT,
  stream INTEGER NOT NULL,
  status INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  error_code TEXT,
  finish_reason TEXT,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  usage_source TEXT NOT NULL,
  first_byte_ms INTEGER,
  duration_ms INTEGER NOT NULL,
  conversation_id TEXT NOT NULL,
  rolled_up INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX request_log_to_roll_up ON request_log (rolled_up) WHERE rolled_up = 0;
CREATE INDEX request_log_by_conversation ON request_log (conversation_id, id);

-- Two rows for each answered request: what was asked, and what was answered.
CREATE TABLE chat_stats (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  timestamp INTEGER NOT NULL,
  conversation_id TEXT NOT NULL,
  provider_id INTEGER,
  model_name TEXT NOT NULL,
  tokens_count INTEGER NOT NULL,
  is_prompt INTEGER NOT NULL
);

CREATE INDEX chat_stats_by_conversation ON chat_stats (conversation_id);

CREATE TABLE conversations (
  id TEXT PRIMARY KEY,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  rounds INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX conversations_by_last_seen ON conversations (last_seen);

-- One row: the sums over everything that was ever recorded.
CREATE TABLE stats_totals (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  conversations INTEGER NOT NULL DEFAULT 0,
  rounds INTEGER NOT NULL DEFAULT 0,
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0
);

INSERT INTO stats_totals (id) VALUES (1);

-- The embedded provider: a fresh installation answers at once, with no account.
INSERT INTO providers (uid, name, kind, description, created_at, updated_at)
VALUES ('demo', 'demo', 'demo', 'Answers inside the gateway. Safe to disable or delete.', unixepoch() * 1000, unixepoch() * 1000);
INSERT INTO provider_models (provider_id, model_name, description, created_at, updated_at)
SELECT id, 'echo', 'Says the last user message back.', created_at, created_at FROM providers WHERE uid = 'demo'
UNION ALL
SELECT id, 'script', 'Tells a fixed text word by word.', created_at, created_at FROM providers WHERE uid = 'demo';
