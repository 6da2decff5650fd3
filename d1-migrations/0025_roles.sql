-- What users may do beyond the built-in roles, and teams, which own keys, budgets and credits as a user does.

CREATE TABLE roles (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  permissions TEXT NOT NULL DEFAULT '[]',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Permissions that a user has directly. Read by user, so that it needs no index.
CREATE TABLE grants (
  user_id TEXT NOT NULL,
  id TEXT NOT NULL,
  permissions TEXT NOT NULL,
  expires_at INTEGER,
  note TEXT NOT NULL DEFAULT '',
  granted_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, id)
) WITHOUT ROWID;

CREATE TABLE teams (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE team_members (
  user_id TEXT NOT NULL,
  team_id TEXT NOT NULL,
  role TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (user_id, team_id)
) WITHOUT ROWID;

CREATE INDEX team_members_of_team ON team_members (team_id);

-- Of keys by owner, for those who see their own. A request changes no column of it.
CREATE INDEX api_keys_of_owner ON api_keys (owner) WHERE owner IS NOT NULL;
