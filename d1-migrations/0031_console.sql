-- Sessions of the console that began with the admin token. `proof` is an HMAC, under the admin token, of a secret that only the
-- cookie has: it opens nothing, and another admin token ends them all.
CREATE TABLE console_sessions (
  id TEXT PRIMARY KEY,
  proof TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  confirmed_at INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  address TEXT,
  user_agent TEXT
) WITHOUT ROWID;

-- Pages of keys, the newest first. A key never changes its age, so that the index costs one row when it is made.
CREATE INDEX api_keys_by_age ON api_keys (created_at, id);

-- When something was seen last that runs by itself.
CREATE TABLE heartbeats (
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) WITHOUT ROWID;
