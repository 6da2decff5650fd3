-- The list of chat sessions: a copy that each session's object writes. `record` is the session as JSON.
CREATE TABLE sessions (
  key_id TEXT NOT NULL,
  id TEXT NOT NULL,
  record TEXT NOT NULL,
  title TEXT NOT NULL,
  model TEXT,
  ai_provider TEXT,
  pinned INTEGER NOT NULL DEFAULT 0,
  archived INTEGER NOT NULL DEFAULT 0,
  deleted_at INTEGER,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, id)
) WITHOUT ROWID;

CREATE INDEX sessions_by_time ON sessions (key_id, pinned, updated_at);

-- What was said, one row a message. `id` begins with the ULID of the request's usage event, so that a second delivery
-- changes nothing. `content` is NULL where the key keeps no content, or where it is too large for a row: then
-- `in_r2` is 1, and `preview` is its beginning.
CREATE TABLE chat_messages (
  id TEXT PRIMARY KEY,
  timestamp INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  provider_id INTEGER,
  model_name TEXT NOT NULL,
  role TEXT NOT NULL,
  content TEXT,
  preview TEXT,
  in_r2 INTEGER NOT NULL DEFAULT 0,
  tokens_count INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL DEFAULT 0,
  completion_tokens INTEGER NOT NULL DEFAULT 0,
  finish_reason TEXT
) WITHOUT ROWID;

CREATE INDEX chat_messages_by_conversation ON chat_messages (conversation_id, id);
CREATE INDEX chat_messages_by_age ON chat_messages (timestamp);

-- Conversations that are archived. Two keys may use the same id and still have two conversations.
CREATE TABLE archived_conversations (
  key_id TEXT NOT NULL,
  id TEXT NOT NULL,
  parent_id TEXT,
  title TEXT,
  model_name TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  PRIMARY KEY (key_id, id)
) WITHOUT ROWID;

CREATE INDEX archived_conversations_by_time ON archived_conversations (last_seen, id);

-- What is kept of what a key's callers say: none, metadata, full.
ALTER TABLE api_keys ADD COLUMN store TEXT NOT NULL DEFAULT 'full';

CREATE TRIGGER api_keys_store_updated AFTER UPDATE OF store ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
