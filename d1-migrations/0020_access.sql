-- What a program with an API key may do in the admin API: a JSON list of codes of permissions.
ALTER TABLE api_keys ADD COLUMN permissions TEXT NOT NULL DEFAULT '[]';
