-- Which calls of tools a person must agree to: `never`, `rules` (what writes or sends), `always`; and how many a key may make in a day.
ALTER TABLE api_keys ADD COLUMN tool_approval TEXT NOT NULL DEFAULT 'never';
ALTER TABLE api_keys ADD COLUMN max_tool_calls_per_day INTEGER;

CREATE TRIGGER api_keys_tool_rules_updated AFTER UPDATE OF tool_approval, max_tool_calls_per_day ON api_keys
BEGIN UPDATE config_versions SET value = value + 1 WHERE name = 'keys'; END;

-- The same of a server, and patterns of its tools whose calls always need agreement. Headers that it is sent are JSON, sealed; the hint
-- is the same with masked values.
ALTER TABLE mcp_servers ADD COLUMN tool_approval TEXT NOT NULL DEFAULT 'never';
ALTER TABLE mcp_servers ADD COLUMN ask_tools TEXT;
ALTER TABLE mcp_servers ADD COLUMN headers_sealed TEXT;
ALTER TABLE mcp_servers ADD COLUMN headers_hint TEXT;
