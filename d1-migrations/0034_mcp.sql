-- Servers of the Model Context Protocol that the gateway asks. The id is a part of the names of their tools. Lists are JSON; NULL in
-- `allow_tools` is all.
CREATE TABLE mcp_servers (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  era TEXT NOT NULL,
  token_sealed TEXT,
  allow_tools TEXT,
  deny_tools TEXT,
  pins TEXT NOT NULL,
  timeout_ms INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What a server offers and what of it was accepted, as JSON. One row is written when that changes, and every ten minutes of use.
CREATE TABLE mcp_catalogues (
  server_id TEXT PRIMARY KEY,
  kept TEXT NOT NULL
) WITHOUT ROWID;

-- The names under which tools of several servers stand beside each other. A row a tool, written once.
CREATE TABLE tool_aliases (
  alias TEXT PRIMARY KEY,
  server TEXT NOT NULL,
  tool TEXT NOT NULL
) WITHOUT ROWID;

-- Tools that a key may use: patterns of `server/tool`. NULL is none.
ALTER TABLE api_keys ADD COLUMN allow_tools TEXT;
ALTER TABLE api_keys ADD COLUMN deny_tools TEXT;

CREATE TRIGGER api_keys_tools_updated AFTER UPDATE OF allow_tools, deny_tools ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
