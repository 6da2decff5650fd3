import assert from "node:assert/strict";
import { test } from "node:test";
import { lengthOf, movedTo, spanOf } from "./range.ts";

test("a span keeps its length wherever it is moved to, and ends at a quarter of an hour", () => {
  for (const range of ["1h", "24h", "7d", "30d", "90d"]) {
    const { from, to } = movedTo({ range }, 1_790_000_123_456);
    assert.equal(to - from, lengthOf({ range }), range);
    assert.equal(to % 900_000, 0, range);
    assert.equal(lengthOf({ from, to }), lengthOf({ range }), range);
  }
});

test("a beginning and an end stand before a name, and count only together and in order", () => {
  assert.deepEqual(spanOf({ range: "7d", from: "1", to: "5" }, "24h"), { from: 1, to: 5 });
  assert.deepEqual(spanOf({ range: "7d", from: "5", to: "1" }, "24h"), { range: "7d" });
  assert.deepEqual(spanOf({ from: "5" }, "24h"), { range: "24h" });
});
