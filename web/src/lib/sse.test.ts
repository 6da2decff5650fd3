import assert from "node:assert/strict";
import { test } from "node:test";
import { eventReader } from "./sse.ts";

const TEXT =
  ': hello\n\nevent: ready\ndata: {}\n\ndata:one\r\ndata: two\r\n\r\nid: 7\nevent: tool_result\ndata: {"a":1}\n\n';
const EVENTS = [
  { name: "ready", data: "{}" },
  { name: "message", data: "one\ntwo" },
  { name: "tool_result", data: '{"a":1}' },
];

test("events have their names and all their lines, wherever the pieces are cut", () => {
  assert.deepEqual(eventReader()(TEXT), EVENTS);
  for (let at = 0; at <= TEXT.length; at++) {
    const read = eventReader();
    assert.deepEqual([...read(TEXT.slice(0, at)), ...read(TEXT.slice(at))], EVENTS, `cut at ${at}`);
  }
});

test("an event that has not ended is not told, and one without data is none", () => {
  const read = eventReader();
  assert.deepEqual(read("event: a\n\nevent: b\ndata: 1\n"), []);
  assert.deepEqual(read("\n"), [{ name: "b", data: "1" }]);
});
