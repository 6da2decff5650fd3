import assert from "node:assert/strict";
import { test } from "node:test";
import { type Frame, type Turn, apply, chunkReader, messagesOf, newTurn, speedOf } from "./chat.ts";
import { eventReader } from "./sse.ts";

const run = (frames: Frame[], turns: Turn[] = [newTurn("1", "Hi", 1000)]) =>
  frames.reduce((now, frame, index) => apply(now, frame, 1100 + index * 100), turns);

test("a turn grows by its frames and ends once", () => {
  const [turn] = run([
    { type: "ack", turn_id: "t1" },
    { type: "thinking", turn_id: "t1", content: "hm" },
    { type: "delta", turn_id: "t1", content: "Hel" },
    { type: "delta", turn_id: "t1", content: "lo" },
    {
      type: "done",
      turn_id: "t1",
      finish_reason: "stop",
      usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
      model: "m",
      provider: "p",
    },
    { type: "delta", turn_id: "t1", content: "late" },
    { type: "error", turn_id: "t1", code: "late" },
  ]);
  assert.equal(turn?.answer, "Hello");
  assert.equal(turn?.thinking, "hm");
  assert.equal(turn?.state, "done");
  assert.deepEqual(speedOf(turn as Turn), { first: 200, perSecond: 4 / 0.3 });
});

test("a frame of another turn changes nothing", () => {
  const before = run([{ type: "ack", turn_id: "t1" }]);
  assert.equal(apply(before, { type: "delta", turn_id: "t2", content: "x" }, 5), before);
});

test("an answer that fails keeps what it had", () => {
  const [turn] = run([
    { type: "delta", content: "Hal" },
    { type: "error", code: "upstream_error", message: "gone" },
  ]);
  assert.deepEqual([turn?.answer, turn?.state, turn?.error?.code], ["Hal", "failed", "upstream_error"]);
});

test("what was said becomes messages, with the system prompt first", () => {
  const turns = [{ ...newTurn("1", "a", 0), answer: "b" }, newTurn("2", "unanswered", 0), newTurn("3", "c", 0)];
  assert.deepEqual(messagesOf(turns, " be brief "), [
    { role: "system", content: "be brief" },
    { role: "user", content: "a" },
    { role: "assistant", content: "b" },
    { role: "user", content: "c" },
  ]);
});

test("a stream that is cut at any byte is read the same", () => {
  const chunks = [
    { model: "m", choices: [{ delta: { reasoning_content: "hm" } }] },
    { choices: [{ delta: { content: "A\nb" } }] },
    { choices: [{ delta: { tool_calls: [{ index: 0, id: "c1", function: { name: "f", arguments: '{"a"' } }] } }] },
    {
      choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: ":1}" } }] }, finish_reason: "tool_calls" }],
    },
    { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
  ];
  const text = `: keep-alive\n\n${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join("")}data: [DONE]\n\n`;
  const whole = readAll([text]);
  assert.deepEqual(whole.at(-1), {
    type: "done",
    finish_reason: "tool_calls",
    model: "m",
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
  });
  assert.deepEqual(whole.at(-2), { type: "tool_call", id: "c1", name: "f", arguments: '{"a":1}' });
  for (let at = 1; at < text.length; at++) assert.deepEqual(readAll([text.slice(0, at), text.slice(at)]), whole);
});

function readAll(pieces: string[]): Frame[] {
  const events = eventReader();
  const chunks = chunkReader();
  return [...pieces.flatMap((piece) => events(piece).flatMap(({ data }) => chunks.read(data))), ...chunks.end()];
}

test("answers of tools follow the calls that they belong to, and a call without an answer is left out", () => {
  const call = { id: "c1", name: "weather", arguments: '{"city":"Paris"}' };
  const first = { ...newTurn("1", "How is it in Paris?", 0), tools: [call], state: "done" as const };
  assert.deepEqual(messagesOf([first, newTurn("2", "Never mind", 1)], ""), [{ role: "user", content: "Never mind" }]);
  const second = newTurn("2", "", 1, [{ id: "c1", content: "21 °C" }]);
  assert.deepEqual(messagesOf([first, second], ""), [
    { role: "user", content: "How is it in Paris?" },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } }],
    },
    { role: "tool", content: "21 °C", tool_call_id: "c1" },
  ]);
});
