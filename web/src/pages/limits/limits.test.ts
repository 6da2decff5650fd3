import assert from "node:assert/strict";
import { test } from "node:test";
import { NEW, bodyOf, draftOf, subjectOf } from "./draft.ts";
import { type Quarter, money, peak, refused } from "./refused.ts";

const DAY = 86_400_000;
const quarter = (start: number, requests: number, tokens = 0, cost_micros = 0): Quarter => ({
  start,
  requests,
  tokens,
  cost_micros,
});

test("subjects have a kind and a name, which may have a colon", () => {
  assert.deepEqual(subjectOf("model:vend/model:free"), { kind: "model", name: "vend/model:free" });
});

test("limits survive the form", () => {
  const limits = { requests_per_minute: 10, concurrency: 0 };
  const item = {
    subject: "user:ada",
    limits,
    budget: { amount: 5, period: "week", alert_percent: [90] },
    on_limit_failure: "fail_open" as const,
  };
  const body = bodyOf(draftOf(item));
  assert.deepEqual(body.limits, {
    requests_per_minute: 10,
    requests_per_day: null,
    tokens_per_minute: null,
    tokens_per_day: null,
    concurrency: 0,
  });
  assert.deepEqual(body.budget, item.budget);
  assert.equal(body.on_limit_failure, "fail_open");
  assert.equal(bodyOf(NEW).budget, null);
});

test("a limit a minute would have refused what no quarter of an hour can hold", () => {
  const past = [quarter(0, 150), quarter(900_000, 40)];
  assert.equal(refused(past, "requests_per_minute", "5"), 75);
  assert.equal(refused(past, "requests_per_minute", "10"), 0);
  assert.equal(refused(past, "requests_per_minute", ""), null);
  assert.equal(refused(past, "requests_per_minute", "many"), null);
  assert.equal(peak(past, "requests_per_minute"), 10);
});

test("a limit a day compares the days of UTC", () => {
  const past = [quarter(0, 60, 600), quarter(DAY - 900_000, 60, 600), quarter(DAY, 30, 300)];
  assert.equal(refused(past, "requests_per_day", "100"), 20);
  assert.equal(refused(past, "tokens_per_day", "1000"), 200);
  assert.equal(peak(past, "requests_per_day"), 120);
  assert.equal(refused(past, "concurrency", "1"), null);
});

test("a limit of 0 would have refused everything, and never more than was asked", () => {
  const past = [quarter(0, 7), quarter(DAY, 3)];
  for (const limit of ["requests_per_minute", "requests_per_day"] as const) assert.equal(refused(past, limit, "0"), 10);
});

test("a budget a day counts each day, a longer one the sum", () => {
  const past = [quarter(0, 1, 0, 3_000_000), quarter(DAY, 1, 0, 1_000_000)];
  assert.deepEqual(money(past, { amount: "2", period: "day" }), { spent: 4_000_000, refused: 1_000_000 });
  assert.deepEqual(money(past, { amount: "3", period: "month" }), { spent: 4_000_000, refused: 1_000_000 });
  assert.deepEqual(money(past, { amount: "", period: "day" }), { spent: 4_000_000, refused: 0 });
});
