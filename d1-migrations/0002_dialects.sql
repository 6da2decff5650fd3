-- Responses that callers may continue by `previous_response_id`. One that is too large for a row is in R2 instead, and
-- `record` is NULL.
CREATE TABLE responses (
  id TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  previous_id TEXT,
  created_at INTEGER NOT NULL,
  record TEXT
) WITHOUT ROWID;

CREATE INDEX responses_by_age ON responses (created_at);

-- What is particular about a provider, as names separated by commas.
ALTER TABLE providers ADD COLUMN quirks TEXT NOT NULL DEFAULT '';
