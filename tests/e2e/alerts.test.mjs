// Alert rules over what really happened: they fire, are told to webhooks once and together, are silenced and acknowledged, and
// end; on statistics, budgets, credits and the gateway's own state.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { errorOf, suite, test } from "../support/suite.mjs";
import { completion, usage } from "../support/upstream.mjs";

let receiver;
let key;

const t = suite({
  setUp: async () => {
    receiver = await startReceiver();
    await t.model("good", (x) => x.reply(200, completion("good", "ok", { reported: usage(100, 20) })));
    await t.model("bad", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    await t.gw.admin("PUT", "/prices/model:good", { input: 10_000, output: 0 });
    const made = await t.gw.createKey({ name: "spender", owner: "ada", budget: { amount: 10, period: "day" } });
    key = made;
    const sent = [];
    for (let i = 0; i < 8; i++) sent.push(await t.gw.complete(key.key, ask("good")));
    for (let i = 0; i < 2; i++) sent.push(await t.gw.complete(t.key, ask("bad")));
    for (const answer of sent) await t.gw.row(answer.headers["x-request-id"]);
  },
});
after(() => receiver?.stop());

const ask = (model) => ({ model, messages: [{ role: "user", content: `q ${Math.random()}` }] });

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

async function webhook(name, fields = {}) {
  const made = await admin("POST", "/webhooks", { name, url: `${receiver.url}/${name}?to=me`, ...fields }, 201);
  receiver.trust(made);
  return made;
}

const rule = (fields) => admin("POST", "/alerts/rules", fields, 201);
const firing = async (id) => (await admin("GET", `/alerts?rule=${id}`)).alerts;

/** What a webhook was told, oldest first. */
const told = (name) =>
  receiver.at(`/${name}`).map(({ text, fault }) => {
    assert.equal(fault, undefined);
    const { type, alerts } = JSON.parse(text);
    return [type, alerts.map(({ name, instance }) => [name, instance].filter(Boolean).join(" ")).sort()];
  });

test("the rules of the source system are there, disabled", async () => {
  const { rules } = await admin("GET", "/alerts/rules");
  const told = rules.map(({ measure, comparison, threshold, enabled }) => [measure, comparison, threshold, enabled]);
  assert.deepEqual(
    told.sort(),
    [
      ["active_sessions", "above", 1000, false],
      ["database_ms", "above", 1000, false],
      ["duration_p95", "above", 500, false],
      ["error_rate", "above", 0.001, false],
      ["token_accuracy", "below", 0.999, false],
    ].sort(),
  );
  await t.gw.scheduled();
  assert.deepEqual((await admin("GET", "/alerts?state=all")).alerts, []);
});

test("alerts that begin together are told together, once, signed, and so is their end", async () => {
  await webhook("pager");
  await webhook("loud", { min_severity: "critical" });
  await webhook("ends", { events: ["alert.resolved"] });
  const rate = await rule({ name: "errors", measure: "error_rate", threshold: 0.1, clear_threshold: 0.05 });
  const each = await rule({
    name: "by model",
    measure: "requests",
    group_by: "model",
    threshold: 1,
    severity: "critical",
    window_minutes: 60,
  });
  const filtered = await rule({ name: "not this", measure: "errors", threshold: 0, filters: { model: "good" } });
  const patient = await rule({ name: "later", measure: "server_errors", threshold: 1, for_minutes: 30 });
  for (let run = 0; run < 3; run++) await t.gw.scheduled();
  const together = ["by model bad", "by model good", "errors"];
  assert.deepEqual(told("pager"), [["alert.firing", together]]);
  assert.deepEqual(told("loud"), [["alert.firing", ["by model bad", "by model good"]]]);
  assert.deepEqual(told("ends"), []);
  assert.deepEqual(await firing(filtered.id), []);
  assert.equal((await firing(patient.id))[0].state, "pending");
  const [alert] = await firing(rate.id);
  assert.equal(alert.state, "firing");
  assert.ok(Math.abs(alert.value - 0.2) < 1e-6, `${alert.value}`);

  const noted = await admin("POST", `/alerts/${alert.id}/acknowledge`);
  assert.ok(noted.acknowledged_at > 0);
  await admin("PUT", `/alerts/rules/${rate.id}`, { threshold: 0.5, clear_threshold: null });
  await admin("DELETE", `/alerts/rules/${each.id}`);
  await t.gw.scheduled();
  assert.deepEqual(told("pager")[1], ["alert.resolved", together]);
  assert.deepEqual(told("ends"), [["alert.resolved", together]]);
  assert.deepEqual(await firing(rate.id), []);
  const { alerts } = await admin("GET", `/alerts?state=resolved&rule=${rate.id}`);
  assert.deepEqual([alerts.length, alerts[0].state, alerts[0].acknowledged_at], [1, "resolved", noted.acknowledged_at]);
  const writes = await t.gw.db("SELECT COUNT(*) AS rows FROM alerts");
  assert.equal(writes[0].rows, 4, "three that ended, one pending");
  for (const { id } of [rate, filtered, patient]) await admin("DELETE", `/alerts/rules/${id}`);
  await t.gw.scheduled();
  assert.equal(receiver.at("/pager").length, 2, "a pending alert that is forgotten is not told");
});

test("a silence delays what is told", async () => {
  await webhook("quiet");
  const quiet = await rule({
    name: "quiet",
    measure: "requests",
    threshold: 1,
    silenced_until: Date.now() + 3_600_000,
  });
  await t.gw.scheduled();
  assert.equal((await firing(quiet.id))[0].told_at, null);
  assert.deepEqual(told("quiet"), []);
  await admin("PUT", `/alerts/rules/${quiet.id}`, { silenced_until: null });
  await t.gw.scheduled();
  assert.deepEqual(told("quiet"), [["alert.firing", ["quiet"]]]);
  await admin("DELETE", `/alerts/rules/${quiet.id}`);
  await t.gw.scheduled();
});

test("budgets and credits go the same way, at 80 % and at 100 %", async () => {
  await webhook("money");
  await admin("POST", "/credits/accounts/ada/topup", { amount: 3 }, 201);
  const rules = [
    await rule({ name: "80 %", measure: "budget_used", threshold: 0.79, severity: "warning" }),
    await rule({ name: "100 %", measure: "budget_used", threshold: 0.999, severity: "critical" }),
    await rule({ name: "low", measure: "credits", subject: "ada", comparison: "below", threshold: 5 }),
    await rule({ name: "enough", measure: "credits", subject: "ada", comparison: "below", threshold: 1 }),
  ];
  await t.gw.scheduled();
  // 8 requests of 100 tokens at 10,000 dollars a million are 8 dollars of 10.
  assert.deepEqual(told("money"), [["alert.firing", [`80 % key:${key.id}`, "low ada"]]]);
  for (const answer of [await t.gw.complete(key.key, ask("good")), await t.gw.complete(key.key, ask("good"))])
    await t.gw.row(answer.headers["x-request-id"]);
  await t.gw.scheduled();
  assert.deepEqual(told("money")[1], ["alert.firing", [`100 % key:${key.id}`]]);
  for (const { id } of rules) await admin("DELETE", `/alerts/rules/${id}`);
  await t.gw.scheduled();
});

test("the gateway's own state is watched", async () => {
  const rules = {};
  for (const [measure, threshold, comparison] of [
    ["circuit_open", 0, "above"],
    ["dead_letters", 0, "above"],
    ["dead_deliveries", 0, "above"],
    ["active_sessions", 0, "above"],
    ["database_ms", 0, "above"],
    ["token_accuracy", 0.95, "below"],
    ["duration_p95", 100_000, "below"],
    ["cost", 0.5, "above"],
  ])
    rules[measure] = (await rule({ name: measure, measure, threshold, comparison, window_minutes: 60 })).id;
  await t.gw.enqueue("no list of events");
  for (let i = 0; i < 12; i++) await t.gw.complete(t.key, ask("bad"));
  await t.gw.scheduled();
  const states = {};
  for (const [measure, id] of Object.entries(rules))
    states[measure] = (await firing(id)).map(({ instance }) => instance);
  assert.deepEqual(states.circuit_open, ["loopback"]);
  assert.deepEqual(states.active_sessions, [""]);
  assert.deepEqual(states.token_accuracy, [], "what was counted was reported by the provider");
  assert.deepEqual([states.duration_p95, states.cost], [[""], [""]]);
  assert.deepEqual(states.dead_deliveries, []);
  for (const id of Object.values(rules)) await admin("DELETE", `/alerts/rules/${id}`);
});

test("a queue that lags fires, and is over when messages are recorded in time again", async () => {
  const at = (minutes) => Math.floor(Date.now() / 60_000) - minutes;
  const noted = async () => (await t.gw.db("SELECT lag_minute, lag_ms, lag_before_ms FROM stats_totals"))[0];
  await t.gw.row((await t.gw.complete(t.key, ask("good"))).headers["x-request-id"]);
  const before = await noted();
  // The queue of the tests waits 50 ms for a batch to fill.
  const waited = before.lag_ms >= 20 && before.lag_ms < 60_000;
  assert.ok(before.lag_minute >= at(1) && waited, JSON.stringify(before));
  const lag = await rule({ name: "lag", measure: "queue_lag", threshold: 120_000, severity: "critical" });
  await t.gw.scheduled();
  await webhook("lags");
  assert.deepEqual(await firing(lag.id), []);
  // A message that waited for five minutes, recorded a moment ago.
  await t.gw.db("UPDATE stats_totals SET lag_minute = ?, lag_ms = 300000, lag_before_ms = 0", at(0));
  await t.gw.scheduled();
  const [alert] = await firing(lag.id);
  assert.deepEqual([alert.state, alert.value], ["firing", 300_000]);
  assert.deepEqual(told("lags"), [["alert.firing", ["lag"]]]);
  // Others after it, in the same minute or the next, do not hide it; two minutes later it is over.
  await t.gw.row((await t.gw.complete(t.key, ask("good"))).headers["x-request-id"]);
  const after = await noted();
  assert.equal(Math.max(after.lag_ms, after.lag_before_ms), 300_000, JSON.stringify(after));
  await t.gw.db("UPDATE stats_totals SET lag_minute = ?", at(2));
  await t.gw.scheduled();
  assert.deepEqual(await firing(lag.id), []);
  assert.deepEqual(told("lags")[1], ["alert.resolved", ["lag"]]);
  await admin("DELETE", `/alerts/rules/${lag.id}`);
});

test("what makes no sense is refused by name", async () => {
  const good = { name: "x", measure: "requests", threshold: 1 };
  for (const [fields, param] of [
    [{ ...good, filters: { colour: "red" } }, "filters"],
    [{ ...good, group_by: "mood" }, "group_by"],
    [{ ...good, window_minutes: 7 }, "window_minutes"],
    [{ ...good, measure: "credits" }, "subject"],
    [{ ...good, threshold: "much" }, "threshold"],
    [{ measure: "requests", threshold: 1 }, "name"],
  ]) {
    const answer = await t.gw.admin("POST", "/alerts/rules", fields);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(errorOf(answer.text).param, param);
  }
  assert.equal((await t.gw.admin("POST", "/alerts/rules", { ...good, name: "API LATENCY" })).status, 409);
  assert.equal((await t.gw.admin("GET", "/alerts?state=loud")).status, 400);
  for (const [method, target] of [
    ["GET", "/alerts/rules/none"],
    ["DELETE", "/alerts/rules/none"],
    ["GET", "/alerts/none"],
    ["POST", "/alerts/none/acknowledge"],
  ])
    assert.equal((await t.gw.admin(method, target)).status, 404, target);
});
