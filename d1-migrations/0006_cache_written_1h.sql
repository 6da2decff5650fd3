-- What a request wrote to the provider's prompt cache: part of its prompt tokens, as `cached_tokens` (read from it) is.
-- What is kept there for an hour is part of all that is written, and costs more.
ALTER TABLE request_log ADD COLUMN cache_written_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE request_log ADD COLUMN cache_written_1h_tokens INTEGER NOT NULL DEFAULT 0;
