import assert from "node:assert/strict";
import { test } from "node:test";
import { changes, type Draft, moved, ordered, shareOf } from "./candidates.ts";

const draft = (model: string, priority: number, weight = 100): Draft => ({
  provider_id: 1,
  model,
  priority,
  weight,
  enabled: true,
});
const levels = (drafts: Draft[]) => ordered(drafts).map(({ model, priority }) => `${model}${priority}`);

test("candidates move between priorities, and to ones of their own at both ends", () => {
  const [a, b, c] = [draft("a", 0), draft("b", 0, 50), draft("c", 5)];
  const all = [a, b, c];
  assert.deepEqual(levels(moved(all, b, 1)), ["a0", "c5", "b5"]);
  assert.ok(moved(all, c, -1).every(({ priority }) => priority === 0));
  assert.deepEqual(levels(moved(all, c, 1)), levels(all), "alone at the end it stays");
  assert.deepEqual(levels(moved(all, b, -1)), ["b0", "a1", "c6"], "before the first, the others go back");
});

test("shares are those of the weights within a priority", () => {
  const all = [draft("a", 0, 75), draft("b", 0, 25), draft("c", 1, 10), { ...draft("d", 0, 100), enabled: false }];
  assert.deepEqual(
    all.map((one) => shareOf(all, one)),
    [0.75, 0.25, 1, 0],
  );
});

test("only what differs is said", () => {
  assert.deepEqual(
    changes({ name: "a", strategy: null, fallbacks: [] }, { name: "b", strategy: "", fallbacks: ["x", "y"] }),
    [
      { what: "name", was: "a", is: "b" },
      { what: "fallbacks", was: null, is: "x, y" },
    ],
  );
  assert.deepEqual(changes(null, { name: "a" }), [{ what: "name", was: null, is: "a" }]);
  assert.deepEqual(changes({ "p/m": "0 · 100" }, {}), [{ what: "p/m", was: "0 · 100", is: null }], "what is gone");
});
