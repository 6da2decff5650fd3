-- The longest wait of a message of the usage queue in the last minute in which something was recorded, and in the one before it, in
-- milliseconds: columns of a row that is written with each batch anyway.
ALTER TABLE stats_totals ADD COLUMN lag_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stats_totals ADD COLUMN lag_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stats_totals ADD COLUMN lag_before_ms INTEGER NOT NULL DEFAULT 0;
