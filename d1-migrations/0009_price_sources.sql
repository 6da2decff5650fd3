-- Where the price of a request came from, and the version of the table that it was from. A cost of 0 whose source is `unknown`
-- says nothing; rows from before are of the built-in table or of an override.
ALTER TABLE request_log ADD COLUMN price_source TEXT NOT NULL DEFAULT 'none';
ALTER TABLE request_log ADD COLUMN price_table TEXT;

-- Requests that used something whose price was not known.
ALTER TABLE stats_totals ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

-- The table of prices that an administrator uploaded in place of the built-in one; at most one row.
CREATE TABLE price_table (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version TEXT NOT NULL,
  as_of TEXT NOT NULL,
  models INTEGER NOT NULL,
  uploaded_at INTEGER NOT NULL,
  json TEXT NOT NULL
);

CREATE TRIGGER price_table_inserted AFTER INSERT ON price_table
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER price_table_updated AFTER UPDATE ON price_table
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
CREATE TRIGGER price_table_deleted AFTER DELETE ON price_table
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'catalog'; END;
