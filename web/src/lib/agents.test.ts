import assert from "node:assert/strict";
import { test } from "node:test";
import { dataOf, hubOf, lineOf, progressOf, resultOf, toolsOf } from "./agents.ts";

test("a hub is read with its servers and its questions", () => {
  const hub = hubOf({
    connected: true,
    connected_at: 5,
    lost_at: null,
    version: "1.2",
    os: "linux",
    running: 1,
    servers: [{ name: "files", state: "ready", era: "modern" }, null],
    questions: [
      {
        id: "r1",
        ask: "q1",
        tool_name: "files__write",
        kind: "approval",
        body: { why: "it writes", arguments: { a: 1 } },
      },
      {
        id: "r2",
        ask: "q2",
        tool_name: "files__ask",
        kind: "input_required",
        body: { method: "elicitation/create", params: { message: "Who?", requestedSchema: { type: "object" } } },
      },
    ],
  });
  assert.deepEqual(hub?.servers, [
    { name: "files", state: "ready", era: "modern" },
    { name: "", state: "", era: "" },
  ]);
  const [approval, input] = hub?.questions ?? [];
  assert.deepEqual(
    [approval?.id, approval?.requestId, approval?.why, approval?.arguments, input?.message, input?.schema],
    ["q1", "r1", "it writes", '{\n  "a": 1\n}', "Who?", { type: "object" }],
  );
  assert.equal(hubOf(null), null);
  assert.equal(hubOf({ connected_at: 0 })?.connectedAt, null);
});

test("tools without the expected form have empty names", () => {
  assert.deepEqual(toolsOf({ tools: [{ name: "a__b", server: "a", tool: "b", definition: 1 }] }), [
    { name: "a__b", server: "a", tool: "b", definition: 1 },
  ]);
  assert.deepEqual(toolsOf("no"), []);
});

test("a result is its texts, an error its message", () => {
  const done = resultOf({
    req_id: "r",
    ok: true,
    status: "done",
    executed: "yes",
    duration_ms: 12,
    result: { content: [{ type: "text", text: "one" }, { type: "image" }], isError: true },
  });
  assert.deepEqual([done.text, done.tookMs, done.isToolError], ["one\n[image]", 12, true]);
  const failed = resultOf({ ok: false, status: "tool_timeout", error: { code: "tool_timeout", reason: null } });
  assert.deepEqual([failed.ok, failed.text, failed.executed], [false, "tool_timeout", ""]);
});

test("progress has a share where its end is known", () => {
  assert.deepEqual(progressOf({ kind: "progress", data: { progress: 1, total: 4, message: "reading" } }), {
    share: 0.25,
    message: "reading",
  });
  assert.deepEqual(progressOf({ kind: "progress", data: { progress: 1 } }), { share: undefined, message: "" });
  assert.equal(progressOf({ kind: "log", data: "x" }), null);
});

test("an event is a line, and data that is no JSON has none", () => {
  assert.equal(lineOf(dataOf('{"status":"acked","req_id":"r"}')), "acked");
  assert.equal(lineOf(dataOf('{"kind":"stderr","data":"warning: x"}')), "stderr · warning: x");
  assert.equal(lineOf(dataOf("no")), "");
});
