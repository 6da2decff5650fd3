-- Agents on users' machines. Each has one token, with which nothing but its tunnel can be opened; the SHA-256 of it is stored.
-- Which of them are connected is known by their Durable Objects alone.
CREATE TABLE bridge_agents (
  owner TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  label TEXT NOT NULL DEFAULT '',
  token_id TEXT NOT NULL UNIQUE,
  token_hash TEXT NOT NULL,
  version INTEGER NOT NULL,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (owner, agent_id)
) WITHOUT ROWID;
