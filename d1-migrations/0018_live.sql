-- How long a request was in the gateway, besides waiting for upstreams: until its answer began to leave.
ALTER TABLE request_log ADD COLUMN overhead_ms INTEGER;
ALTER TABLE stat_rows ADD COLUMN overhead_ms INTEGER NOT NULL DEFAULT 0;

-- Since when a chat session has an open connection; the index has only those that do.
ALTER TABLE sessions ADD COLUMN connected_at INTEGER;
CREATE INDEX sessions_connected ON sessions (connected_at) WHERE connected_at IS NOT NULL;
