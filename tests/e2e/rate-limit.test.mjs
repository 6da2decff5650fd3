// Proves that a provider's rate limit is exact: of a burst, exactly as many requests as the limit reach the upstream,
// and the rest are told when to retry.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";

const t = suite();
const ok = (x) => x.reply(200, completion(x.model, "ok"));

test("five a minute are five, out of forty at once", async () => {
  const provider = await t.gw.createProvider({ name: "limited", server_url: `${t.up.url}/v1`, rate_limit: 5 });
  await t.model("limited-model", ok, { provider_id: provider.id });
  const answers = await Promise.all(Array.from({ length: 40 }, () => t.complete(ask("limited-model"))));
  const passed = answers.filter(({ status }) => status === 200);
  const held = answers.filter(({ status }) => status === 429);
  assert.equal(passed.length + held.length, 40);
  assert.equal(passed.length, 5);
  assert.equal(t.up.seen("limited-model").length, 5);
  for (const { text, headers } of held) {
    assert.equal(errorOf(text).code, "provider_rate_limited");
    assert.ok(Number(headers["retry-after"]) >= 1 && Number(headers["retry-after"]) <= 63, headers["retry-after"]);
  }
});

test("a limit is the provider’s, whatever the model, key or form of the request", async () => {
  const provider = await t.gw.createProvider({ name: "limited-2", server_url: `${t.up.url}/v1`, rate_limit: 3 });
  for (const model of ["limited-a", "limited-b"]) await t.model(model, ok, { provider_id: provider.id });
  const other = (await t.gw.createKey()).key;
  const answers = await Promise.all(
    [t.key, other].flatMap((key) =>
      ["limited-a", "limited-b"].flatMap((model) =>
        [true, false].map((stream) => t.gw.complete(key, ask(model, { stream }))),
      ),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 3);
  // Other providers are not affected.
  await t.model("unlimited", ok);
  assert.equal((await t.complete(ask("unlimited"))).status, 200);
});

test("a limit can be lifted, and is gone at once", async () => {
  const provider = await t.gw.createProvider({ name: "limited-3", server_url: `${t.up.url}/v1`, rate_limit: 1 });
  await t.model("lifted", ok, { provider_id: provider.id });
  assert.equal((await t.complete(ask("lifted"))).status, 200);
  assert.equal((await t.complete(ask("lifted"))).status, 429);
  await t.gw.admin("PUT", `/providers/${provider.id}`, { rate_limit: null });
  const answers = await Promise.all(Array.from({ length: 20 }, () => t.complete(ask("lifted"))));
  assert.ok(answers.every(({ status }) => status === 200));
});
