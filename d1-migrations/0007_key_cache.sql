-- For how many seconds the answers to a key's requests are kept; 0 is not at all. NULL leaves it to the logical model.
ALTER TABLE api_keys ADD COLUMN cache_ttl_s INTEGER;

CREATE TRIGGER api_keys_cache_updated AFTER UPDATE OF cache_ttl_s ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;
