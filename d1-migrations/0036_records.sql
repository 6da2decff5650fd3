-- The longest wait of a message of the usage queue in the last minute in which something was recorded, and in the one before it, in
-- milliseconds: columns of a row that is written with each batch anyway.
ALTER TABLE stats_totals ADD COLUMN lag_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stats_totals ADD COLUMN lag_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stats_totals ADD COLUMN lag_before_ms INTEGER NOT NULL DEFAULT 0;

-- Whether personal data is replaced in the archive, in exports and in errors of a key's requests: `inherit`, `on`, `off`.
ALTER TABLE api_keys ADD COLUMN redact_pii TEXT NOT NULL DEFAULT 'inherit';

-- With RECORD_SINK=r2: the conversations that a batch of events went on with, as a JSON list of pairs of key and id. `id` begins with
-- the time of the record. They are kept for an hour.
CREATE TABLE active_conversations (
  id TEXT PRIMARY KEY,
  conversations TEXT NOT NULL
) WITHOUT ROWID;
