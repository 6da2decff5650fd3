-- Signatures of requests (RFC 9421): whether a key asks for them, and what proves them.
ALTER TABLE api_keys ADD COLUMN signature TEXT NOT NULL DEFAULT 'off';
ALTER TABLE api_keys ADD COLUMN signing_public_key TEXT;
ALTER TABLE api_keys ADD COLUMN signing_secret_sealed TEXT;
