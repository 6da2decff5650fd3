import assert from "node:assert/strict";
import { test } from "node:test";
import { costLines, priceSet } from "./cost.ts";

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

test("the most specific price that was set holds, and all factors do", () => {
  const offered = [
    { id: 7, model_name: "mine", upstream_model: "vend/Large" },
    { id: 8, model_name: "plain" },
  ];
  const asked = { model: "a-logical-one", upstream_model: "vend/Large", provider_id: 3, provider_name: "Prov" };
  const of = (...set: { subject: string; input?: number; output?: number; factor?: number | null }[]) => {
    const found = priceSet(set, asked, offered);
    return found && [found.input, found.output];
  };
  const particular = { subject: "provider_model:7", input: 1, output: 2, factor: null };
  const named = { subject: "model:large", input: 3, output: 4 };
  const all = { subject: "provider:3", input: 5, output: 6, factor: 1.1 };
  assert.deepEqual(of(all, named, particular), [1.1, 2.2]);
  assert.deepEqual(of(named), [3, 4]);
  assert.deepEqual(of({ subject: "model:prov/mine", input: 7, output: 8 }, named), [7, 8]);
  assert.deepEqual(of(all), [5.5, 6.6]);
  assert.equal(of({ subject: "provider_model:8", input: 1, output: 1 }), undefined);
  assert.equal(of({ subject: "provider:3", factor: 2 }), undefined);
  assert.equal(of(), undefined);
});

test("of two models that a provider knows by one name, the one that was asked for is priced, or none", () => {
  const offered = [
    { id: 1, model_name: "one", upstream_model: "u" },
    { id: 2, model_name: "two", upstream_model: "u" },
  ];
  const set = [{ subject: "provider_model:2", input: 1, output: 2 }];
  const asked = { upstream_model: "u", provider_id: 3, provider_name: "p" };
  assert.equal(priceSet(set, { ...asked, model: "two" }, offered)?.output, 2);
  assert.equal(priceSet(set, { ...asked, model: "logical" }, offered), undefined);
});
