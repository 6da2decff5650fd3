-- One table of conversations, and an archive whose texts are in packs in R2: a request writes one row of the log and one of its
-- conversation.

-- A conversation of a key: what the list shows, the entries of the archive, and what recognises it. `items`, `said` and `turns` are
-- texts that the batches of events append to (crates/stats/src/conversations.rs); `counted` is 1 if the totals have it. A row with
-- `rounds` 0 is not archived. The order of ids is the order in which a history is looked up, so no index is needed.
ALTER TABLE conversations RENAME TO old_conversations;
CREATE TABLE conversations (
  key_id TEXT NOT NULL,
  id TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  rounds INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  model_name TEXT NOT NULL DEFAULT '',
  parent_id TEXT,
  title TEXT,
  said TEXT NOT NULL DEFAULT '',
  items TEXT NOT NULL DEFAULT '',
  turns TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (key_id, id)
) WITHOUT ROWID;

-- Entries of a conversation that its row has no room for any more. `first_id` and `last_id` are the smallest and the largest ids of
-- requests in them.
ALTER TABLE chat_messages RENAME TO old_messages;
CREATE TABLE chat_messages (
  key_id TEXT NOT NULL,
  conversation_id TEXT NOT NULL,
  first_id TEXT NOT NULL,
  last_id TEXT NOT NULL,
  items TEXT NOT NULL,
  PRIMARY KEY (key_id, conversation_id, first_id)
) WITHOUT ROWID;

-- Packs of texts. One that is small waits in `staged`, as base64, until it becomes a part of an object: then its bytes begin at
-- `base` in `object`. Where both are NULL, the object has the name of the pack.
CREATE TABLE archive_packs (
  name TEXT PRIMARY KEY,
  object TEXT,
  base INTEGER NOT NULL DEFAULT 0,
  staged TEXT
) WITHOUT ROWID;

-- Bytes of packs that are to be erased, because their conversations were deleted.
CREATE TABLE archive_erasures (
  pack TEXT NOT NULL,
  at INTEGER NOT NULL,
  length INTEGER NOT NULL,
  PRIMARY KEY (pack, at)
) WITHOUT ROWID;

-- How far the jobs of the archive have come.
CREATE TABLE archive_progress (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Messages stay where they are, in `old_messages`, which is only read until their six months are over. Sums are those of the
-- conversation, unless several keys share its id or nothing of it used tokens: then those of its messages.
INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, completion_tokens, model_name,
  parent_id, title)
SELECT a.key_id, a.id, a.first_seen, a.last_seen, o.id IS NOT NULL,
  CASE WHEN a.keys = 1 AND o.id IS NOT NULL THEN o.rounds ELSE (SELECT CAST(TOTAL(m.answers) AS INTEGER) FROM old_messages AS m
    WHERE m.conversation_id = a.id AND m.key_id = a.key_id) END,
  CASE WHEN a.keys = 1 AND o.id IS NOT NULL THEN o.prompt_tokens ELSE (SELECT CAST(TOTAL(m.prompt_tokens) AS INTEGER)
    FROM old_messages AS m WHERE m.conversation_id = a.id AND m.key_id = a.key_id) END,
  CASE WHEN a.keys = 1 AND o.id IS NOT NULL THEN o.completion_tokens ELSE (SELECT CAST(TOTAL(m.completion_tokens) AS INTEGER)
    FROM old_messages AS m WHERE m.conversation_id = a.id AND m.key_id = a.key_id) END,
  a.model_name, a.parent_id, a.title
FROM (SELECT *, COUNT(*) OVER (PARTITION BY id) AS keys FROM archived_conversations) AS a
LEFT JOIN old_conversations AS o ON o.id = a.id;

-- Of conversations that were not archived it is not known whose they are. They are kept so that none is counted twice.
INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, completion_tokens)
SELECT '', id, first_seen, last_seen, 1, 0, 0, 0 FROM old_conversations
WHERE id NOT IN (SELECT id FROM archived_conversations);

DROP TABLE old_conversations;
DROP TABLE archived_conversations;
