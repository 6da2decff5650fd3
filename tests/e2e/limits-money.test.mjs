// Proves costs and budgets: prices with their factors, hard stops, and alerts before them.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, gate, usage } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite();
// A thousand tokens of prompt, a thousand of answer.
const expensive = (x) => x.reply(200, completion(x.model, "ok", { reported: usage(1000, 1000) }));
const costOf = async (answer) => (await t.gw.row(answer.headers["x-request-id"])).cost_micros;
const price = (subject, body) => t.gw.admin("PUT", `/prices/${subject}`, body);

test("what a request costs is recorded with it", async () => {
  const listed = await t.model("listed", expensive, { upstream_model: "gpt-4o-2024-08-06" });
  const own = await t.model("own", expensive);
  await t.model("unknown-to-all", expensive);
  assert.equal((await price(`provider_model:${own.id}`, { input: 1, output: 3, cached_input: 0.5 })).status, 200);
  const [a, b, c] = [
    await t.complete(ask("listed")),
    await t.complete(ask("own")),
    await t.complete(ask("unknown-to-all")),
  ];
  // Dollars per million tokens are millionths of a dollar per token.
  assert.equal(await costOf(a), 1000 * 2.5 + 1000 * 10);
  assert.equal(await costOf(b), 1000 + 3000);
  assert.equal(await costOf(c), 0);
  assert.equal((await price("model:own", { factor: 1.5 })).status, 200);
  assert.equal((await price(`provider:${t.provider.id}`, { factor: 2 })).status, 200);
  assert.equal(await costOf(await t.complete(ask("own"))), 4000 * 3);
  const { body } = await t.gw.admin("GET", "/prices");
  assert.ok(body.built_in.length > 20 && /^\d{4}-\d{2}$/.test(body.built_in_as_of));
  assert.deepEqual(
    body.set.map(({ subject }) => subject).sort(),
    ["model:own", `provider:${t.provider.id}`, `provider_model:${own.id}`].sort(),
  );
  for (const subject of ["model:own", `provider:${t.provider.id}`])
    assert.equal((await t.gw.admin("DELETE", `/prices/${subject}`)).status, 200);
  assert.equal((await price("key:x", { factor: 1 })).status, 404);
  assert.equal((await price(`provider_model:${listed.id}`, { input: 1 })).body.error.param, "output");
});

test("a budget warns, and then stops", async () => {
  const model = await t.model("budgeted", expensive);
  await price(`provider_model:${model.id}`, { input: 1, output: 3 });
  const { id, key } = await t.gw.createKey({ budget: { amount: 0.01, period: "month", alert_percent: [50, 80] } });
  const complete = () => t.gw.complete(key, ask("budgeted", { max_tokens: 1000 }));
  const spent = () => t.gw.admin("GET", `/limits/key:${id}`).then(({ body }) => body.usage[0].used);
  assert.equal((await complete()).status, 200);
  await eventually(async () => (await spent()) === 4000, { what: "the correction" });
  const second = await complete();
  assert.equal(second.status, 200);
  await eventually(async () => (await spent()) === 8000, { what: "the correction" });
  const third = await complete();
  assert.equal(third.status, 402, third.text);
  const error = errorOf(third.text);
  assert.deepEqual([error.code, error.type], ["budget_exceeded", "insufficient_quota"]);
  assert.match(error.message, /\$0\.01 a month/);
  assert.equal(third.headers["x-nexus-budget-alert"], "80");
  assert.ok(Number(third.headers["retry-after"]) >= 1);
  const { body } = await t.gw.admin("PUT", `/keys/${id}`, { budget: { amount: 1, period: "month" } });
  assert.deepEqual(body.budget, { amount: 1, period: "month", alert_percent: [] });
  assert.equal((await complete()).status, 200);
});

test("what runs is reserved: a budget is not overdrawn by many at once", async () => {
  const model = await t.model("reserved", expensive);
  await price(`provider_model:${model.id}`, { input: 0, output: 1 });
  const { key } = await t.gw.createKey({ budget: { amount: 0.003, period: "day" } });
  const opened = gate();
  t.up.on("reserved", async (x) => {
    await opened.opened;
    return expensive(x);
  });
  const answers = Array.from({ length: 10 }, () => t.gw.complete(key, ask("reserved", { max_tokens: 1000 })));
  await eventually(() => t.up.seen("reserved").length === 3);
  opened.open();
  const codes = (await Promise.all(answers)).map(({ status }) => status);
  assert.equal(codes.filter((status) => status === 200).length, 3);
  assert.equal(codes.filter((status) => status === 402).length, 7);
});
