-- The transport over which a server is reached: `auto`, `streamable`, or `sse` (HTTP+SSE, 2024-11-05).
ALTER TABLE mcp_servers ADD COLUMN transport TEXT NOT NULL DEFAULT 'auto';
