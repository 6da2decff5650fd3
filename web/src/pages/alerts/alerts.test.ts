import assert from "node:assert/strict";
import { test } from "node:test";
import type { AlertRuleView, Line, Timeseries } from "../../api/schema.d.ts";
import { NEW, bodyOf, draftOf, filtersOf } from "./draft.ts";
import { type Rule, canReplay, replay, withErrorsOf } from "./replay.ts";

const rule = (change: Partial<Rule>): Rule => ({
  measure: "error_rate",
  comparison: "above",
  threshold: 0.1,
  clear_threshold: null,
  window_minutes: 15,
  for_minutes: 0,
  min_requests: 0,
  ...change,
});

function series(errors: number[], requests = errors.map(() => 10)): Timeseries {
  const none = errors.map(() => 0);
  const nothing = errors.map(() => null);
  const line: Line = {
    name: null,
    requests,
    errors,
    cancelled: none,
    cache_hits: none,
    cached_tokens: none,
    prompt_tokens: none,
    completion_tokens: none,
    cost_micros: none,
    unpriced_requests: none,
    duration_p50_ms: nothing,
    duration_p95_ms: nothing,
    duration_p99_ms: nothing,
    first_byte_p50_ms: nothing,
    first_byte_p95_ms: nothing,
  };
  const buckets = errors.map((_, at) => at * 900_000);
  return { buckets, lines: [line], window: { bucket: "quarter", from: 0, to: 0, tz: "UTC" } };
}

test("a rule fires once for as long as it is broken", () => {
  assert.equal(replay(series([0, 5, 5, 0, 5, 0]), rule({})), 2);
  assert.equal(replay(series([0, 1, 0]), rule({})), 0);
});

test("it must have been broken for as long as it says", () => {
  assert.equal(replay(series([5, 5, 0, 5, 5, 5]), rule({ for_minutes: 30 })), 1);
});

test("hysteresis keeps it firing between the thresholds", () => {
  const past = series([5, 1, 5, 0, 5]);
  assert.equal(replay(past, rule({ threshold: 0.2 })), 3);
  assert.equal(replay(past, rule({ threshold: 0.2, clear_threshold: 0.05 })), 2);
});

test("few requests say nothing, and longer windows add quarters up", () => {
  assert.equal(replay(series([5, 5], [10, 10]), rule({ min_requests: 11 })), 0);
  assert.equal(replay(series([4, 0, 0, 0]), rule({ window_minutes: 60, threshold: 0.09 })), 1);
  assert.equal(replay(series([4, 0, 0, 0]), rule({ window_minutes: 60, threshold: 0.11 })), 0);
});

test("what the statistics do not have is not replayed", () => {
  assert.ok(!canReplay({ measure: "error_rate", window_minutes: 5 }));
  assert.ok(!canReplay({ measure: "duration_p95", window_minutes: 60 }));
  assert.ok(!canReplay({ measure: "circuit_open", window_minutes: 15 }));
  assert.equal(replay(series([1]), rule({ measure: "circuit_open" })), null);
});

test("errors of some statuses are the requests of a series of them, by bucket and group", () => {
  const all = series([0, 9, 0]);
  const some = series([0, 0], [1, 2]);
  some.buckets = [0, 1_800_000];
  assert.deepEqual(withErrorsOf(all, some).lines[0]?.errors, [1, 0, 2]);
  some.lines = [];
  assert.deepEqual(withErrorsOf(all, some).lines[0]?.errors, [0, 0, 0]);
});

test("all other groups together are none", () => {
  assert.equal(replay({ ...series([5]), group_by: "model" }, rule({})), 0);
});

test("a rule survives the form, shares in percent", () => {
  const body = bodyOf({ ...NEW, name: "A", threshold: "0.1", clear: "0.05", filters: "model=a,b\nowner=x" });
  assert.equal(body.threshold, 0.001);
  assert.equal(body.clear_threshold, 0.0005);
  assert.deepEqual(body.filters, { model: "a,b", owner: "x" });
  const view = { ...body, id: "1", enabled: true, created_at: 0, updated_at: 0, silenced_until: null, description: "" };
  assert.deepEqual(bodyOf(draftOf(view as AlertRuleView)), { ...body, description: null });
});

test("a rule that is not about requests has no filters", () => {
  const body = bodyOf({ ...NEW, measure: "credits", subject: "ada", threshold: "5", filters: "model=a" });
  assert.deepEqual([body.filters, body.group_by, body.min_requests, body.subject], [{}, null, 0, "ada"]);
});

test("a line that is no filter is told", () => {
  assert.deepEqual(filtersOf("colour=red"), { wrong: "colour=red" });
  assert.deepEqual(filtersOf("model"), { wrong: "model" });
});
