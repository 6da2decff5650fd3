-- Whether the upstream reported a number that no request can have: its counts were not used.
ALTER TABLE request_log ADD COLUMN usage_suspect INTEGER NOT NULL DEFAULT 0;
