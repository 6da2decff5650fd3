-- Users and sign-in. What proves who a user is stands in tables of its own, hashed or sealed.

CREATE TABLE users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL DEFAULT '',
  roles TEXT NOT NULL DEFAULT '[]',
  status TEXT NOT NULL,
  email_verified_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Argon2id in the PHC format.
CREATE TABLE passwords (
  user_id TEXT PRIMARY KEY,
  hash TEXT NOT NULL,
  changed_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A family of refresh tokens each: the number of the latest one. The tokens themselves are not stored in any form.
CREATE TABLE sign_in_sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  rotated_at INTEGER NOT NULL,
  ended_at INTEGER,
  address TEXT,
  user_agent TEXT
) WITHOUT ROWID;

-- A refresh changes no column of the index, so that it costs one row.
CREATE INDEX sign_in_sessions_of_user ON sign_in_sessions (user_id);

-- The deployment's own keys, sealed: the pepper of passwords, the key of refresh tokens, the keys that sign access tokens.
CREATE TABLE identity_keys (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  public_key TEXT,
  secret_sealed TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
