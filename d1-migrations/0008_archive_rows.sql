-- A database is paid by the row written, so messages that came together share a row of the archive. In such a row `role` is
-- `several`, `content` a JSON list of texts, and `outline` a JSON list that says of each: role (its first letter), tokens,
-- milliseconds after `timestamp`.
ALTER TABLE chat_messages ADD COLUMN outline TEXT;

-- How many answers are in the row.
ALTER TABLE chat_messages ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
UPDATE chat_messages SET answers = 1 WHERE role = 'assistant';

-- An id begins with its time, so it says how old a row is.
DROP INDEX chat_messages_by_age;
