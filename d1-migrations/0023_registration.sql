-- Registration: rules of sign-in that are edited by API, and invitations.

-- One row for each group of rules, as JSON: see src/store/sign_in_settings.rs.
CREATE TABLE sign_in_settings (
  id TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The code itself is not stored: it names the row and carries a secret, of which this is the SHA-256.
CREATE TABLE invitations (
  id TEXT PRIMARY KEY,
  code_hash TEXT NOT NULL,
  note TEXT NOT NULL DEFAULT '',
  email TEXT,
  roles TEXT,
  seats INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- 1: the account is closed until its address is confirmed.
ALTER TABLE users ADD COLUMN must_verify INTEGER NOT NULL DEFAULT 0;
