// Proves the ceiling on requests per second of an isolate.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";

const t = suite({ vars: { GLOBAL_REQUESTS_PER_SECOND: "20" } });

test("more than that are told to come back", async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => t.complete(ask("demo/echo"))));
  const held = answers.filter(({ status }) => status === 429);
  assert.ok(held.length >= 20, `${held.length} of 100 were held`);
  assert.ok(answers.some(({ status }) => status === 200));
  assert.equal(errorOf(held[0].text).code, "gateway_rate_limited");
  assert.equal(held[0].headers["retry-after"], "1");
  assert.equal((await t.gw.call("/health")).status, 200);
});
