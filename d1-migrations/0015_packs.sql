-- Packs of rows that are in R2 instead of the database: `packs/<kind>/<day>/<hour>/<id>.ndjson.gz`. Only what is listed here is
-- read. `first` and `last` are the smallest and the largest key, `hour` is in milliseconds since the epoch. `replaced` is 1 if the
-- rows are in another pack now and the object is to be deleted.
CREATE TABLE packs (
  kind TEXT NOT NULL,
  hour INTEGER NOT NULL,
  id TEXT NOT NULL,
  first TEXT NOT NULL,
  last TEXT NOT NULL,
  rows INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  text_bytes INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  replaced INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (kind, hour, id)
) WITHOUT ROWID;

-- What is recorded without rows in the request log (RECORD_SINK = r2), so that a second delivery changes nothing: chunks of events, and
-- events with their cost where requests pay with credits. Ids begin with their time.
CREATE TABLE recorded (
  id TEXT PRIMARY KEY,
  cost_micros INTEGER,
  price_source TEXT
) WITHOUT ROWID;
