import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transaction } from "../../api/schema.d.ts";
import { byDay, idempotencyKey, priceBodyOf, priceDraftOf, withBalances } from "./rows.ts";

const row = (amount: number) => ({ amount }) as Transaction;

test("each row has the balance after it, and the sum of all is the balance", () => {
  const rows = withBalances([row(-0.1), row(-0.2), row(5)], 4.7);
  assert.deepEqual(
    rows.map(({ after }) => after),
    [4.7, 4.8, 5],
  );
  const last = rows.at(-1);
  assert.equal((last?.after ?? 0) - (last?.amount ?? 0), 0);
});

test("where the balance is not known none is said", () => {
  assert.deepEqual(
    withBalances([row(-1)], null).map(({ after }) => after),
    [null],
  );
});

test("keys differ and are long", () => {
  const first = idempotencyKey((bytes) => bytes.fill(1));
  assert.equal(first, `console-${"01".repeat(16)}`);
  assert.notEqual(
    first,
    idempotencyKey((bytes) => bytes.fill(2)),
  );
});

test("a price keeps what the form does not show", () => {
  const before = {
    subject: "model:a:b",
    factor: null,
    input: 1,
    output: 2,
    cached_input: 0.5,
    tiers: [{ above: 200_000, input: 2 }],
    later: [],
  };
  const draft = priceDraftOf(before);
  assert.deepEqual([draft.kind, draft.name, draft.input], ["model", "a:b", "1"]);
  assert.deepEqual(priceBodyOf({ ...draft, output: "3", cached_input: "" }, before), {
    input: 1,
    output: 3,
    tiers: before.tiers,
  });
});

test("days without charges are there, and what was charged twice a day is one sum", () => {
  const DAY = 86_400_000;
  const days = byDay(
    [
      { at: 5 * DAY + 1, spent: 1 },
      { at: 5 * DAY + 9, spent: 2 },
      { at: 7 * DAY, spent: 4 },
      { at: DAY, spent: 8 },
    ],
    7 * DAY + 5,
    3,
  );
  assert.deepEqual(days, [
    { at: 5 * DAY, spent: 3 },
    { at: 6 * DAY, spent: 0 },
    { at: 7 * DAY, spent: 4 },
  ]);
});
