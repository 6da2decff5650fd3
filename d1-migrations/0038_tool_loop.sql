-- Of requests whose tools the gateway ran: questions to the model, and calls of tools.
ALTER TABLE request_log ADD COLUMN rounds INTEGER;
ALTER TABLE request_log ADD COLUMN tool_calls INTEGER;
