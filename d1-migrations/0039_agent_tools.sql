-- What the servers of an agent offer, and what of it was accepted, as JSON. A row is written when the agent sends another catalogue.
CREATE TABLE agent_catalogues (
  owner TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  server TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  kept TEXT NOT NULL,
  PRIMARY KEY (owner, agent_id, server)
) WITHOUT ROWID;

-- The names under which tools of an owner's agents stand beside those of the gateway's servers; `agent_id` is NULL for a server of the
-- gateway whose name is taken by an agent of this owner. A row a tool, written once.
CREATE TABLE agent_tool_aliases (
  owner TEXT NOT NULL,
  alias TEXT NOT NULL,
  agent_id TEXT,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  PRIMARY KEY (owner, alias)
) WITHOUT ROWID;
