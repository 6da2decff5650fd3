-- Ids that came about in answers (items, containers, files, audio): the key that got one may name it in later requests.
CREATE TABLE issued_things (
  provider_uid TEXT NOT NULL,
  id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (provider_uid, id, key_id)
) WITHOUT ROWID;

CREATE INDEX issued_things_by_age ON issued_things (created_at);
