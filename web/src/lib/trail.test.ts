import assert from "node:assert/strict";
import { test } from "node:test";
import { attemptsOf, spanOf, steps } from "./trail.ts";

const failed = {
  provider: "a",
  model: "m",
  started_ms: 5,
  first_byte_ms: 40,
  duration_ms: 50,
  error_class: "server",
  status: 500,
};
const won = {
  provider: "b",
  model: "m",
  started_ms: 80,
  backoff_ms: 20,
  queued_ms: 5,
  first_byte_ms: 30,
  duration_ms: 60,
  status: 200,
};

test("a failed attempt, a pause, a wait and the stream until the end", () => {
  const [first, second] = steps([failed, won], 300, true);
  assert.equal(first?.state, "failed");
  assert.equal(second?.state, "answered");
  assert.deepEqual(second?.bars, [
    { part: "pause", from: 55, to: 75 },
    { part: "queue", from: 75, to: 80 },
    { part: "wait", from: 80, to: 110 },
    { part: "answer", from: 110, to: 140 },
    { part: "stream", from: 140, to: 300 },
  ]);
});

test("what was skipped has no bar, and a hedge that lost has one", () => {
  const attempts = [
    { provider: "a", model: "m", started_ms: 0, duration_ms: 0, skipped: "circuit_open" },
    won,
    { ...won, skipped: "hedge_lost", hedge: true },
  ];
  assert.deepEqual(
    steps(attempts, 300, true).map(({ state, bars }) => [state, bars.length > 0]),
    [
      ["skipped", false],
      ["answered", true],
      ["lost", true],
    ],
  );
});

test("no bar is outside of the axis, and the axis is never empty", () => {
  assert.equal(spanOf([], 0), 1);
  const span = spanOf([failed, won], 90);
  for (const { bars } of steps([failed, won], 90, true))
    for (const { from, to } of bars) assert.ok(from >= 0 && to <= span);
});

test("a request whose first attempt was the answer has that one", () => {
  const request = {
    attempts: [],
    provider_name: "p",
    upstream_model: "m",
    first_byte_ms: 40,
    duration_ms: 100,
    overhead_ms: 3,
  };
  const [step] = steps(attemptsOf(request), 100, true);
  assert.deepEqual(step?.bars, [
    { part: "wait", from: 3, to: 43 },
    { part: "stream", from: 43, to: 100 },
  ]);
  assert.deepEqual(attemptsOf({ ...request, provider_name: null }), [], "refused before any upstream was asked");
});
