// Proves costs and budgets: prices with their factors, hard stops, and alerts before them.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, gate, streamEvents, usage } from "../support/upstream.mjs";
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
  assert.deepEqual(
    [a, b, c].map(({ headers }) => headers["x-nexus-price-source"]),
    ["assumed", "override", "unknown"],
  );
  assert.deepEqual(
    [a, b, c].map(({ headers }) => headers["x-nexus-cost"]),
    ["12500", "4000", undefined],
  );
  const rows = await Promise.all([a, b, c].map(({ headers }) => t.gw.row(headers["x-request-id"])));
  assert.deepEqual(
    rows.map((row) => row.price_source),
    ["assumed", "override", "unknown"],
  );
  assert.match(rows[0].price_table, /^\d{4}-\d{2}-\d{2}-[0-9a-f]{8}$/);
  assert.equal((await t.gw.admin("GET", "/stats/total")).body.unpriced_requests, 1);
  const { requests } = (await t.gw.admin("GET", "/stats/requests")).body;
  const logged = requests.find((row) => row.request_id === c.headers["x-request-id"]);
  assert.deepEqual([logged.cost_micros, logged.price_source], [null, "unknown"]);
  assert.equal((await price("model:own", { factor: 1.5 })).status, 200);
  assert.equal((await price(`provider:${t.provider.id}`, { factor: 2 })).status, 200);
  assert.equal(await costOf(await t.complete(ask("own"))), 4000 * 3);
  const { body } = await t.gw.admin("GET", "/prices");
  assert.ok(body.built_in.length > 20 && /^\d{4}-\d{2}-\d{2}$/.test(body.built_in_as_of));
  const opus = body.built_in.find(({ seller, model }) => seller === "anthropic" && model === "claude-opus-4-5");
  assert.deepEqual([opus.input, opus.output, opus.source, opus.confirmed], [5, 25, "gp", true]);
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

test("who asks for more than is left hears how much that is, and a shorter answer passes", async () => {
  const model = await t.model("half-spent", expensive);
  await price(`provider_model:${model.id}`, { input: 1, output: 3 });
  const { id, key } = await t.gw.createKey({ budget: { amount: 0.006, period: "day" } });
  const complete = (fields) => t.gw.complete(key, ask("half-spent", fields));
  assert.equal((await complete({ max_tokens: 1000 })).status, 200);
  const spent = () => t.gw.admin("GET", `/limits/key:${id}`).then(({ body }) => body.usage[0].used);
  await eventually(async () => (await spent()) === 4000, { what: "the correction" });
  const refused = await complete({});
  assert.equal(refused.status, 402, refused.text);
  const { code, message } = errorOf(refused.text);
  assert.equal(code, "budget_exceeded");
  assert.match(message, /\$0\.006 a day, of which \$0\.002 is left\. A shorter answer may fit .*, or retry after/);
  assert.equal((await complete({ max_tokens: 100 })).status, 200);
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

test("an unknown price is refused to a key with a budget, and 0 is a price", async () => {
  const model = await t.model("self-hosted", expensive);
  const { key } = await t.gw.createKey({ budget: { amount: 1, period: "day" } });
  const refused = await t.gw.complete(key, ask("self-hosted"));
  assert.equal(refused.status, 403, refused.text);
  assert.equal(errorOf(refused.text).code, "price_unknown");
  assert.equal(t.up.seen("self-hosted").length, 0);
  assert.equal((await t.complete(ask("self-hosted"))).headers["x-nexus-price-source"], "unknown");
  assert.equal((await price(`provider_model:${model.id}`, { input: 0, output: 0 })).status, 200);
  const free = await t.gw.complete(key, ask("self-hosted"));
  assert.deepEqual([free.status, free.headers["x-nexus-price-source"], await costOf(free)], [200, "override", 0]);
  const demo = await t.gw.complete(key, ask("demo/echo"));
  assert.deepEqual([demo.status, demo.headers["x-nexus-price-source"], await costOf(demo)], [200, "free", 0]);
  assert.deepEqual([free.headers["x-nexus-cost"], demo.headers["x-nexus-cost"]], ["0", "0"]);
});

test("tiers, fees and the provider's own cost", async () => {
  const model = await t.model("tiered", expensive);
  const set = await price(`provider_model:${model.id}`, {
    input: 1,
    output: 1,
    per_1k_requests: 12,
    tiers: [{ above: 999, input: 2, output: 3 }],
  });
  assert.equal(set.status, 200, set.text);
  assert.deepEqual(set.body.tiers, [{ above: 999, input: 2, output: 3 }]);
  assert.equal(await costOf(await t.complete(ask("tiered"))), 2000 + 3000 + 12_000);
  assert.equal((await price(`provider_model:${model.id}`, { factor: 2 })).status, 200);
  t.up.on("tiered", (x) =>
    x.reply(200, completion(x.model, "ok", { reported: { ...usage(1000, 1000), cost: 0.0123 } })),
  );
  const told = await t.complete(ask("tiered"));
  const row = await t.gw.row(told.headers["x-request-id"]);
  assert.deepEqual([row.cost_micros, row.price_source, row.price_table], [24_600, "provider", null]);
  assert.equal(told.headers["x-nexus-cost"], "24600");
  // Before the end of a stream nothing is known but the price.
  t.up.on("tiered", (x) => x.stream(streamEvents("tiered", ["ok"], { reported: usage(1000, 1000) })));
  const streamed = await t.complete(ask("tiered", { stream: true }));
  assert.deepEqual(
    [streamed.headers["x-nexus-cost"], streamed.headers["x-nexus-price-source"]],
    [undefined, "unknown"],
    streamed.text,
  );
});

test("a table of one's own is looked at before it holds", async () => {
  const models = [
    { id: "house-model", input: 3_000_000, output: 4_000_000, above: [{ tokens: 500, input: 6_000_000 }] },
  ];
  const table = { schema: 1, as_of: "2027-01-01", providers: { house: { hosts: ["127.0.0.1", "localhost"], models } } };
  const upload = (query, body = table) => t.gw.admin("PUT", `/prices/table${query}`, body);
  await t.model("house-model", expensive);
  assert.equal((await t.complete(ask("house-model"))).headers["x-nexus-price-source"], "unknown");
  const dry = await upload("?dry_run=1");
  assert.equal(dry.status, 200, dry.text);
  assert.deepEqual([dry.body.applied, dry.body.added, dry.body.shared], [false, 1, 0]);
  assert.ok(dry.body.removed > 1000 && dry.body.changes.length === 200);
  assert.equal((await t.gw.admin("GET", "/prices")).body.uploaded, null);
  const bad = await upload("", { ...table, as_of: "soon" });
  assert.deepEqual([bad.status, bad.body.error.code], [400, "invalid_price_table"]);
  assert.equal((await upload("")).body.applied, true);
  const answer = await t.complete(ask("house-model"));
  assert.equal(answer.headers["x-nexus-price-source"], "uploaded");
  assert.equal(await costOf(answer), 6000 + 4000);
  const { uploaded } = (await t.gw.admin("GET", "/prices")).body;
  assert.deepEqual([uploaded.as_of, uploaded.models], ["2027-01-01", 1]);
  assert.equal((await t.gw.row(answer.headers["x-request-id"])).price_table, uploaded.version);
  const dear = { ...models[0], input: 30_000_000 };
  const other = { ...table, providers: { house: { ...table.providers.house, models: [dear] } } };
  const suspicious = await upload("", other);
  assert.deepEqual([suspicious.status, suspicious.body.error.code], [409, "price_table_suspicious"]);
  assert.equal((await upload("?force=true", other)).status, 200);
  assert.equal((await t.gw.admin("DELETE", "/prices/table")).status, 200);
  assert.equal((await t.gw.admin("DELETE", "/prices/table")).status, 404);
  assert.equal((await t.complete(ask("house-model"))).headers["x-nexus-price-source"], "unknown");
});
