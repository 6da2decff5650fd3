-- Notifications, the submissions of providers, and the probe tasks of their owners.

-- `recipients`: all, user:<id>, role:<code> or permission:<code>. The id sorts by time.
CREATE TABLE notifications (
  id TEXT PRIMARY KEY,
  recipients TEXT NOT NULL,
  level TEXT NOT NULL,
  topic TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  link TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The latest of a group.
CREATE INDEX notifications_of_recipients ON notifications (recipients, id);

-- What a user has read: single ones, and all up to one.
CREATE TABLE notification_reads (
  user_id TEXT NOT NULL,
  notification_id TEXT NOT NULL,
  PRIMARY KEY (user_id, notification_id)
) WITHOUT ROWID;

CREATE TABLE notification_marks (
  user_id TEXT PRIMARY KEY,
  read_up_to TEXT NOT NULL
) WITHOUT ROWID;

-- A private provider that its owner offers to all. `report`, `limits` and `steps` are JSON. The provider may be gone.
CREATE TABLE provider_submissions (
  id TEXT PRIMARY KEY,
  provider_id INTEGER NOT NULL,
  provider_name TEXT NOT NULL,
  owner TEXT NOT NULL,
  description TEXT NOT NULL,
  state TEXT NOT NULL,
  report TEXT NOT NULL,
  limits TEXT NOT NULL,
  steps TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One at a time for a provider.
CREATE UNIQUE INDEX provider_submissions_open ON provider_submissions (provider_id) WHERE state IN ('submitted', 'tested');
CREATE INDEX provider_submissions_of_owner ON provider_submissions (owner, id);

-- Scheduled questions to a provider. `day` is the day of `runs_today`, in days since the epoch.
CREATE TABLE probe_tasks (
  id TEXT PRIMARY KEY,
  provider_id INTEGER NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
  owner TEXT,
  name TEXT NOT NULL,
  model TEXT,
  prompt TEXT,
  max_tokens INTEGER NOT NULL,
  stream INTEGER NOT NULL,
  interval_s INTEGER NOT NULL,
  daily_runs INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  next_at INTEGER NOT NULL DEFAULT 0,
  last_ok INTEGER,
  day INTEGER NOT NULL DEFAULT 0,
  runs_today INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX probe_tasks_of_owner ON probe_tasks (owner) WHERE owner IS NOT NULL;
CREATE INDEX probe_tasks_due ON probe_tasks (next_at) WHERE enabled = 1;

CREATE TABLE probe_runs (
  task_id TEXT NOT NULL REFERENCES probe_tasks (id) ON DELETE CASCADE,
  id TEXT NOT NULL,
  ts INTEGER NOT NULL,
  ok INTEGER NOT NULL,
  status INTEGER,
  latency_ms INTEGER NOT NULL,
  first_token_ms INTEGER,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  model TEXT NOT NULL,
  reply TEXT,
  error TEXT,
  PRIMARY KEY (task_id, id)
) WITHOUT ROWID;

-- Presets of the operator's own. `quirks` and `models` are JSON lists.
CREATE TABLE custom_presets (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  server_url TEXT NOT NULL,
  quirks TEXT NOT NULL,
  description TEXT NOT NULL,
  models TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
