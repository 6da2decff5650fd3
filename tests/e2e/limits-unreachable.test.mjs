// Proves what happens while the authority over limits cannot be reached: rate limits admit a few requests, budgets
// none, unless the key says otherwise; and keys without limits are not affected.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";

const t = suite({ quota: "absent" });

const codes = async (key, count) => {
  const answers = [];
  for (let i = 0; i < count; i += 1) answers.push(await t.gw.complete(key, ask("demo/echo")));
  return answers.map(({ status, text }) => (status === 200 ? 200 : errorOf(text).code));
};

test("each policy does what it says", async () => {
  // A budget is checked only where something costs.
  await t.gw.admin("PUT", "/prices/model:echo", { input: 1, output: 1 });
  const keyOf = async (fields) => (await t.gw.createKey(fields)).key;
  const refused = "limits_unavailable";
  assert.deepEqual(await codes(await keyOf({}), 3), [200, 200, 200]);
  assert.deepEqual(await codes(await keyOf({ limits: { requests_per_minute: 20 } }), 3), [200, 200, refused]);
  assert.deepEqual(
    await codes(await keyOf({ limits: { requests_per_minute: 20 }, on_limit_failure: "fail_closed" }), 1),
    [refused],
  );
  assert.deepEqual(await codes(await keyOf({ budget: { amount: 5, period: "day" } }), 1), [refused]);
  assert.deepEqual(
    await codes(await keyOf({ budget: { amount: 5, period: "day" }, on_limit_failure: "fail_open" }), 2),
    [200, 200],
  );
});
