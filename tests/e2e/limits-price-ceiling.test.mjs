// Proves that a deployment can set a price for models whose price is not known, and that keys with a budget are charged by it.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, usage } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite({ vars: { UNKNOWN_PRICE_CEILING: "20" } });

test("an unknown price is the ceiling, streamed or not, and counts against a budget", async () => {
  await t.model("unlisted-model", (x) => x.reply(200, completion(x.model, "ok", { reported: usage(1000, 500) })));
  const { id, key } = await t.gw.createKey({ budget: { amount: 0.05, period: "day" } });
  const first = await t.gw.complete(key, ask("unlisted-model", { max_tokens: 100 }));
  assert.deepEqual([first.status, first.headers["x-nexus-price-source"]], [200, "ceiling"], first.text);
  const row = await t.gw.row(first.headers["x-request-id"]);
  assert.deepEqual([row.cost_micros, row.price_source, row.price_table], [1500 * 20, "ceiling", null]);
  await eventually(async () => (await t.gw.admin("GET", `/limits/key:${id}`)).body.usage[0].used === 30_000);
  const second = await t.gw.complete(key, ask("unlisted-model", { max_tokens: 2000 }));
  assert.deepEqual([second.status, errorOf(second.text).code], [402, "budget_exceeded"]);
});
