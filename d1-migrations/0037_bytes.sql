-- Bytes of the bodies of requests and of answers. Rows of earlier releases have 0.
ALTER TABLE request_log ADD COLUMN request_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request_log ADD COLUMN answer_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stat_rows ADD COLUMN request_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stat_rows ADD COLUMN answer_bytes INTEGER NOT NULL DEFAULT 0;
