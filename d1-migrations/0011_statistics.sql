-- Statistics as sums by time and series, and a request log that is written once: one row a request, one key.

-- A combination of what requests can be grouped by. `id` is a hash of the rest. Absent values are ''.
CREATE TABLE stat_series (
  id INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  logical_model TEXT NOT NULL,
  key TEXT NOT NULL,
  owner TEXT NOT NULL,
  app TEXT NOT NULL,
  dialect TEXT NOT NULL,
  stream INTEGER NOT NULL,
  status TEXT NOT NULL,
  error TEXT NOT NULL
);

-- The sums of a series in a span: a minute (m), quarter of an hour (q), hour (h) or day in UTC (d) from `start` on. A span may
-- have several rows of a series, one for each batch of events: `part` is the batch. Sketches are text, see crates/stats.
CREATE TABLE stat_rows (
  grain TEXT NOT NULL,
  start INTEGER NOT NULL,
  series INTEGER NOT NULL,
  part TEXT NOT NULL,
  requests INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  failovers INTEGER NOT NULL,
  cache_hits INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_written_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  durations TEXT,
  first_bytes TEXT,
  PRIMARY KEY (grain, start, series, part)
) WITHOUT ROWID;

-- Until when the rows of a grain are made from finer ones.
CREATE TABLE stat_progress (
  grain TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO stat_progress (grain, until) VALUES ('q', 0), ('h', 0), ('d', 0);

-- What was asked and answered of each request was stored twice; now it is a view of the request log.
DROP TABLE chat_stats;
CREATE VIEW chat_stats AS
SELECT id || '.p' AS id, ts AS timestamp, conversation_id, provider_id, model AS model_name, prompt_tokens AS tokens_count, 1 AS is_prompt
FROM request_log WHERE usage_source <> 'none'
UNION ALL
SELECT id || '.c', ts, conversation_id, provider_id, model, completion_tokens, 0
FROM request_log WHERE usage_source <> 'none';

DROP INDEX request_log_to_roll_up;
DROP INDEX request_log_by_conversation;
DROP INDEX conversations_by_last_seen;
ALTER TABLE request_log DROP COLUMN rolled_up;
ALTER TABLE request_log ADD COLUMN logical_model TEXT;
ALTER TABLE request_log ADD COLUMN owner TEXT;
ALTER TABLE request_log ADD COLUMN app TEXT;
ALTER TABLE request_log ADD COLUMN dialect TEXT NOT NULL DEFAULT '';
