-- Conversations that were deleted. What a request that began before that wants to store of one afterwards is not stored.
CREATE TABLE deleted_conversations (
  key_id TEXT NOT NULL,
  id TEXT NOT NULL,
  deleted_at INTEGER NOT NULL,
  PRIMARY KEY (key_id, id)
) WITHOUT ROWID;

-- The conversation that a stored response or a cached one came of, so that they are deleted with it.
ALTER TABLE responses ADD COLUMN conversation_id TEXT;
ALTER TABLE cached_answers ADD COLUMN conversation_id TEXT;
