-- Directories that keep users and teams by SCIM, and what they said about them.

CREATE TABLE scim_clients (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  token_hash TEXT NOT NULL,
  -- The token before it, and until when it is accepted.
  previous_hash TEXT,
  previous_until INTEGER,
  roles TEXT NOT NULL,
  role_map TEXT NOT NULL,
  identity_provider TEXT,
  created_by TEXT NOT NULL,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- What the account has no column for, as JSON. The name is in lower case.
CREATE TABLE scim_users (
  user_id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  user_name TEXT NOT NULL UNIQUE,
  external_id TEXT,
  attributes TEXT NOT NULL
) WITHOUT ROWID;

-- By it a directory finds its users, and a sign-in the account of a user.
CREATE UNIQUE INDEX scim_users_external ON scim_users (client_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE scim_groups (
  team_id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  external_id TEXT
) WITHOUT ROWID;
