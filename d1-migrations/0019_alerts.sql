-- Webhooks, what is delivered to them, and alerts.

-- Where events are sent. `events` is a list as JSON, NULL is all.
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  url TEXT NOT NULL,
  events TEXT,
  min_severity TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  secret_sealed TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One event for one webhook. `state` is pending, delivered or dead. The id sorts by time.
CREATE TABLE webhook_deliveries (
  id TEXT PRIMARY KEY,
  webhook_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  status INTEGER,
  error TEXT,
  body TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at) WHERE state = 'pending';

-- What is watched. Numbers are millionths; `filters` is an object as JSON.
CREATE TABLE alert_rules (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL COLLATE NOCASE UNIQUE,
  description TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  severity TEXT NOT NULL,
  measure TEXT NOT NULL,
  subject TEXT,
  filters TEXT NOT NULL,
  group_by TEXT,
  window_minutes INTEGER NOT NULL,
  comparison TEXT NOT NULL,
  threshold INTEGER NOT NULL,
  clear_threshold INTEGER,
  min_requests INTEGER NOT NULL,
  for_minutes INTEGER NOT NULL,
  silenced_until INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- A rule that is or was broken, by one instance of what it watches. `rule` is what the rule said then, as JSON. Numbers are
-- millionths. The id sorts by time. Not ended: it is still broken.
CREATE TABLE alerts (
  id TEXT PRIMARY KEY,
  rule_id TEXT NOT NULL,
  instance TEXT NOT NULL,
  rule TEXT NOT NULL,
  value INTEGER NOT NULL,
  began_at INTEGER NOT NULL,
  fired_at INTEGER,
  told_at INTEGER,
  acknowledged_at INTEGER,
  ended_at INTEGER
) WITHOUT ROWID;

CREATE UNIQUE INDEX alerts_not_ended ON alerts (rule_id, instance) WHERE ended_at IS NULL;

-- The rules that come with the gateway, disabled: docs/operations.md says where each of them would fire on ordinary traffic.
INSERT INTO alert_rules (id, name, description, enabled, severity, measure, filters, window_minutes, comparison, threshold,
  min_requests, for_minutes, created_at, updated_at)
VALUES
  ('api-latency', 'API latency', 'Requests take more than 500 ms. Answers of language models ordinarily do.', 0, 'warning',
    'duration_p95', '{}', 5, 'above', 500000000, 20, 5, 0, 0),
  ('database-latency', 'Database latency', 'Reading the statistics takes more than a second.', 0, 'warning',
    'database_ms', '{}', 5, 'above', 1000000000, 0, 3, 0, 0),
  ('active-sessions', 'Active sessions', 'More than 1000 conversations had a request in the last 30 minutes.', 0, 'info',
    'active_sessions', '{}', 5, 'above', 1000000000, 0, 5, 0, 0),
  ('error-rate', 'Error rate', 'More than 0.1 % of the requests fail, the mistakes of callers included.', 0, 'warning',
    'error_rate', '{}', 15, 'above', 1000, 1000, 5, 0, 0),
  ('token-accuracy', 'Token accuracy', 'Fewer than 99.9 % of the requests have token counts that their provider reported.', 0, 'info',
    'token_accuracy', '{}', 60, 'below', 999000, 1000, 15, 0, 0);
