-- Calls of tools, without what they said and what they returned. `id` is a ULID: a second delivery changes nothing, and the primary key is
-- the order by time. One row a call, no other index.
CREATE TABLE tool_calls (
  id TEXT PRIMARY KEY,
  ts INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  owner TEXT,
  caller TEXT NOT NULL,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  request_id TEXT NOT NULL,
  conversation_id TEXT,
  status TEXT NOT NULL,
  error_code TEXT,
  duration_ms INTEGER NOT NULL,
  bytes_in INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL
) WITHOUT ROWID;
