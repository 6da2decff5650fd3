-- Metrics: sums that never fall, kept apart from the rows of statistics that retention deletes.

-- What only metrics show of the requests of a minute: JSON, see crates/stats/src/extra.rs.
ALTER TABLE stat_rows ADD COLUMN extra TEXT;

-- The names that have time series of their own, in the order in which they came: providers (without a model) and their models by
-- operation. A name counts as itself from the minute `since` on (milliseconds since the epoch), before as one of the others.
CREATE TABLE metric_names (
  n INTEGER PRIMARY KEY,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  operation TEXT NOT NULL,
  since INTEGER NOT NULL,
  UNIQUE (provider, model, operation)
);

-- The sums of all requests by key, both as JSON: see crates/telemetry/src/totals.rs. No row is ever deleted.
CREATE TABLE metric_totals (
  key TEXT PRIMARY KEY,
  sums TEXT NOT NULL
) WITHOUT ROWID;

-- Since when is counted, and up to when the rows of minutes are in the totals. Rows of minutes that come later than that are
-- stored with the grain `l` as well, until they are added.
CREATE TABLE metric_progress (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  since INTEGER NOT NULL,
  until INTEGER NOT NULL
);
INSERT INTO metric_progress (id, since, until)
SELECT 1, CAST(strftime('%s', 'now') AS INTEGER) * 1000, (SELECT until FROM stat_progress WHERE grain = 'q');

-- What has been asked so far, so that it counts as itself at once.
INSERT OR IGNORE INTO metric_names (provider, model, operation, since)
SELECT DISTINCT provider, '', '', 0 FROM stat_series WHERE provider <> '';
INSERT OR IGNORE INTO metric_names (provider, model, operation, since)
SELECT DISTINCT s.provider, s.model, CASE
  WHEN s.dialect IN ('openai_chat', 'openai_responses', 'anthropic', 'gemini') THEN 'chat'
  WHEN s.dialect = 'openai_completions' THEN 'text_completion'
  ELSE s.dialect END, 0
FROM stat_series AS s JOIN providers AS p ON p.name = s.provider JOIN provider_models AS m ON m.provider_id = p.id
WHERE s.model IN (m.model_name, m.upstream_model);
