-- Other ways to sign in, and what users say about themselves.

-- Services that users can sign in with.
CREATE TABLE identity_providers (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  issuer TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_secret_sealed TEXT,
  scope TEXT NOT NULL,
  authorization_endpoint TEXT,
  token_endpoint TEXT,
  user_endpoint TEXT,
  emails_endpoint TEXT,
  fields TEXT NOT NULL,
  role_map TEXT NOT NULL,
  roles TEXT NOT NULL,
  makes_accounts INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Users of these services. An issuer and a subject are one user; the address is for people to read.
CREATE TABLE identities (
  issuer TEXT NOT NULL,
  subject TEXT NOT NULL,
  user_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  email TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;

CREATE INDEX identities_of_user ON identities (user_id);

-- Public keys of authenticators.
CREATE TABLE passkeys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  name TEXT NOT NULL,
  public_key TEXT NOT NULL,
  counter INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER
) WITHOUT ROWID;

-- A sign-in changes no column of the index, so that it costs one row.
CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- Language, theme, time zone and preferences as JSON; the name of the picture's object, if there is one.
ALTER TABLE users ADD COLUMN profile TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN avatar TEXT;
