import assert from "node:assert/strict";
import { test } from "node:test";
import { costLines } from "./cost.ts";

test("cached and written tokens are among those of the prompt, and each line is tokens times price", () => {
  const used = { prompt_tokens: 1000, cached_tokens: 600, cache_written_tokens: 100, completion_tokens: 50 };
  const lines = costLines(used, { input: 3, cached_input: 0.3, cache_write: 3.75, output: 15 });
  assert.deepEqual(
    lines.map(({ what, tokens, micros }) => [what, tokens, micros]),
    [
      ["prompt", 300, 900],
      ["cached", 600, 180],
      ["written", 100, 375],
      ["answer", 50, 750],
    ],
  );
});

test("without a price there are tokens only, and lines of nothing are left out", () => {
  const lines = costLines({ prompt_tokens: 10, cached_tokens: 0, cache_written_tokens: 0, completion_tokens: 5 });
  assert.deepEqual(
    lines.map(({ what, micros }) => [what, micros]),
    [
      ["prompt", null],
      ["answer", null],
    ],
  );
});
