-- Limits, budgets, prices, and what is recorded of costs. Amounts of money are millionths of a dollar.

-- Lists, maps and policies are JSON.
ALTER TABLE api_keys ADD COLUMN allowed_ips TEXT;
ALTER TABLE api_keys ADD COLUMN allowed_dialects TEXT;
ALTER TABLE api_keys ADD COLUMN owner TEXT;
ALTER TABLE api_keys ADD COLUMN tags TEXT;
ALTER TABLE api_keys ADD COLUMN policy TEXT;
ALTER TABLE api_keys ADD COLUMN disabled_reason TEXT;
-- The key before the last rotation, which is valid for a while longer.
ALTER TABLE api_keys ADD COLUMN previous_key_hash TEXT;
ALTER TABLE api_keys ADD COLUMN previous_expires_at INTEGER;

CREATE INDEX api_keys_by_previous_hash ON api_keys (previous_key_hash) WHERE previous_key_hash IS NOT NULL;

DROP TRIGGER api_keys_updated;
CREATE TRIGGER api_keys_updated AFTER UPDATE OF key_hash, enabled, expires_at, allowed_models, allowed_providers, allowed_ips,
  allowed_dialects, owner, tags, policy, previous_key_hash, previous_expires_at ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;

-- Limits of everything but keys: `user:<owner>`, `model:<name>`.
CREATE TABLE subject_limits (
  subject TEXT PRIMARY KEY,
  policy TEXT NOT NULL
) WITHOUT ROWID;

-- What is set over the built-in prices: `provider_model:<id>`, `model:<name>`, `provider:<id>`.
CREATE TABLE prices (
  subject TEXT PRIMARY KEY,
  setting TEXT NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER subject_limits_inserted AFTER INSERT ON subject_limits
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER subject_limits_updated AFTER UPDATE ON subject_limits
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER subject_limits_deleted AFTER DELETE ON subject_limits
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER prices_inserted AFTER INSERT ON prices
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER prices_updated AFTER UPDATE ON prices
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER prices_deleted AFTER DELETE ON prices
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;

ALTER TABLE request_log ADD COLUMN cost_micros INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request_log ADD COLUMN tags TEXT;

-- Accounts that an administrator has touched; their ledgers are in objects of their own.
CREATE TABLE credit_accounts (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  -- {"min_balance", "target_balance"}, and the last day (days since the epoch, UTC) on which it was looked at.
  auto_top_up TEXT,
  auto_top_up_day INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Grant tokens that were redeemed, by nonce: a token is for one use in all the world.
CREATE TABLE redeemed_grants (
  nonce TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  redeemed_at INTEGER NOT NULL
) WITHOUT ROWID;
