import assert from "node:assert/strict";
import { test } from "node:test";
import type { McpServerView } from "../../api/schema.d.ts";
import { NEW, changeOf, draftOf, newOf } from "./draft.ts";

const VIEW: McpServerView = {
  id: "github",
  url: "https://mcp.example/mcp",
  era: "auto",
  transport: "auto",
  has_token: true,
  allow_tools: ["get_*"],
  deny_tools: null,
  ask_tools: null,
  tool_approval: "never",
  headers: {},
  pins: "strict",
  timeout_ms: 1500,
  enabled: true,
  created_at: 1,
  updated_at: 2,
};

test("a server that was not changed sends nothing", () => {
  assert.deepEqual(changeOf(draftOf(VIEW), VIEW), {});
});

test("only what differs is sent, and a token where one is typed or forgotten", () => {
  const draft = { ...draftOf(VIEW), url: " https://mcp.example/v2 ", allow: "\n", deny: "delete_*\n\n*_all" };
  assert.deepEqual(changeOf({ ...draft, token: " s " }, VIEW), {
    url: "https://mcp.example/v2",
    allow_tools: null,
    deny_tools: ["delete_*", "*_all"],
    token: "s",
  });
  assert.equal(changeOf({ ...draft, sendsNone: true }, VIEW).token, null);
});

test("headers are lines of a name and a value, and are kept where none is typed", () => {
  const draft = { ...draftOf({ ...VIEW, headers: { "X-Api-Key": "…" } }), ask: "rm_*", approval: "rules" as const };
  assert.deepEqual(changeOf(draft, VIEW), { ask_tools: ["rm_*"], tool_approval: "rules" });
  const typed = { ...draft, headers: "X-Api-Key: a:b\n\n X-Team :core\nnothing" };
  assert.deepEqual(changeOf(typed, VIEW).headers, { "X-Api-Key": "a:b", "X-Team": "core", nothing: "" });
  assert.equal(changeOf({ ...typed, sendsNoHeaders: true }, VIEW).headers, null);
});

test("a new server has all of it, and no token where none is given", () => {
  assert.deepEqual(newOf({ ...NEW, id: "files", url: "https://a.example/mcp", timeout: "2.5" }), {
    id: "files",
    url: "https://a.example/mcp",
    era: "auto",
    transport: "auto",
    pins: "strict",
    tool_approval: "never",
    ask_tools: null,
    allow_tools: null,
    deny_tools: null,
    timeout_ms: 2500,
  });
});
