import assert from "node:assert/strict";
import { test } from "node:test";
import { type ModelCost, explain } from "./why.ts";

/** Numbers from a seed (mulberry32), so that a failure can be repeated. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

function models(next: () => number): ModelCost[] {
  return Array.from({ length: Math.floor(next() * 6) }, () => {
    const prompt = Math.floor(next() * 1e6);
    return {
      name: `m${Math.floor(next() * 8)}`,
      prompt,
      completion: Math.floor(next() * 1e5),
      cached: Math.floor(next() * prompt),
      cost: Math.floor(next() * 1e7),
    };
  }).filter((row, index, all) => all.findIndex(({ name }) => name === row.name) === index);
}

test("the parts add up to the difference exactly, whatever the models", () => {
  const next = random(7);
  for (let round = 0; round < 2000; round++) {
    const [before, now] = [models(next), models(next)];
    const why = explain(before, now, () => next() * 10);
    assert.equal(why.volume + why.mix + why.cache + why.price, why.now - why.before);
    for (const part of [why.volume, why.mix, why.cache, why.price]) assert.ok(Number.isInteger(part));
  }
});

const row = (name: string, prompt: number, cost: number, cached = 0): ModelCost => ({
  name,
  prompt,
  completion: 0,
  cached,
  cost,
});

test("twice as much of the same is volume alone", () => {
  const why = explain([row("a", 100, 500)], [row("a", 200, 1000)]);
  assert.deepEqual([why.volume, why.mix, why.cache, why.price], [500, 0, 0, 0]);
});

test("a move to a dearer model is mix alone", () => {
  const why = explain([row("a", 100, 100), row("b", 100, 900)], [row("b", 200, 1800)]);
  assert.deepEqual([why.volume, why.mix, why.cache, why.price], [0, 800, 0, 0]);
});

test("a dearer token is price alone, and a larger cached share is cache", () => {
  assert.equal(explain([row("a", 100, 100)], [row("a", 100, 150)]).price, 50);
  const cached = explain([row("a", 100, 100)], [row("a", 100, 50, 50)], () => 1);
  assert.deepEqual([cached.cache, cached.price], [-50, 0]);
});

test("the models that changed most come first, those that are gone included", () => {
  const why = explain([row("gone", 10, 300), row("a", 10, 100)], [row("a", 10, 150)]);
  assert.deepEqual(why.models, [
    { name: "gone", before: 300, now: 0 },
    { name: "a", before: 100, now: 150 },
  ]);
});
