import assert from "node:assert/strict";
import { test } from "node:test";
import { differences, isTime, kindOf, placeOf, textOf } from "./show.ts";

test("the outcome of an operation", () => {
  assert.deepEqual([200, 204, 403, 429, 500].map(kindOf), ["answered", "answered", "refused", "refused", "failed"]);
});

test("values are said as they are, and nothing is told from an empty text", () => {
  assert.equal(textOf(null), null);
  assert.equal(textOf(""), "");
  assert.equal(textOf(false), "false");
  assert.equal(textOf({ a: 1 }), '{\n  "a": 1\n}');
});

test("a time is known by its column and its size", () => {
  assert.ok(isTime("expires_at", 1_795_200_203_000));
  assert.ok(!isTime("amount", 1_795_200_203_000));
  assert.ok(!isTime("expires_at", 5));
});

test("an entry leads to its object while that exists", () => {
  assert.deepEqual(placeOf("PUT /keys/{id}", "k1"), { to: "/keys/{-$id}", params: { id: "k1" } });
  assert.deepEqual(placeOf("PUT /limits/{subject}", "user:a"), { to: "/limits/{-$id}", params: { id: "user:a" } });
  assert.equal(placeOf("DELETE /keys/{id}", "k1"), null);
  assert.equal(placeOf("POST /keys", ""), null);
});

test("of JSON only what differs is told, with its path", () => {
  const policy = (rpm: number) => JSON.stringify({ limits: { requests_per_minute: rpm }, budget: { amount: 2 } });
  assert.deepEqual(differences({ field: "policy", before: policy(600), after: policy(300) }), [
    { field: "policy.limits.requests_per_minute", before: 600, after: 300 },
  ]);
  assert.deepEqual(differences({ field: "policy", before: null, after: '{"a":{"b":1}}' }), [
    { field: "policy.a.b", before: null, after: 1 },
  ]);
  assert.deepEqual(differences({ field: "name", before: "a", after: "{not json" }), [
    { field: "name", before: "a", after: "{not json" },
  ]);
});
