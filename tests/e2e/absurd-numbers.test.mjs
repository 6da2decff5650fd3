// Proves that a number that no request can have does no harm: what an upstream reports is bounded where it comes in, charged
// sanely and marked in the log, and no stored row, whatever stands in it, makes a list unreadable.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, streamEvents } from "../support/upstream.mjs";
import { bearer, eventually, prng } from "../support/util.mjs";

const t = suite({ vars: { CREDITS_ENABLED: "true", INITIAL_CREDITS: "5000" } });
const THOUSAND_DOLLARS = 1_000_000_000;

const recordOf = async (answer) => {
  assert.equal(answer.status, 200, answer.text);
  return t.gw.row(answer.headers["x-request-id"]);
};

const ABSURD = {
  "above 2^53": { prompt_tokens: 9, completion_tokens: 2 ** 60 },
  "of 300 digits": { prompt_tokens: 1e300, completion_tokens: 4 },
  negative: { prompt_tokens: -5, completion_tokens: 4, total_tokens: -1 },
  "as text": { prompt_tokens: "99999999999999999999", completion_tokens: "-4" },
  "in a detail": { prompt_tokens: 9, completion_tokens: 4, completion_tokens_details: { reasoning_tokens: 1e18 } },
};
const ABSURD_COSTS = { "of 300 digits": 1e300, negative: -0.5, "above 2^53 millionths": 9_007_199_255 };

test("absurd counts are left out: the gateway counts itself, charges that, and says so", async () => {
  assert.equal((await t.gw.admin("PUT", `/prices/provider:${t.provider.id}`, { input: 2, output: 4 })).status, 200);
  for (const [name, usage] of Object.entries(ABSURD)) {
    for (const stream of [false, true]) {
      const model = `absurd ${name} ${stream}`;
      await t.model(model, (x) =>
        stream
          ? x.stream(streamEvents(model, ["Hello ", "there."], { reported: usage }))
          : x.reply(200, completion(model, "Hello there.", { reported: usage })),
      );
      for (const body of [
        ask(model, { stream }),
        ask(model, { stream, stream_options: stream ? { include_usage: true } : undefined }),
      ]) {
        const row = await recordOf(await t.complete(body));
        assert.equal(row.usage_suspect, 1, `${name}: ${JSON.stringify(row)}`);
        assert.match(row.usage_source, /^(counted|estimated)$/);
        assert.ok(row.prompt_tokens > 0 && row.prompt_tokens < 1000, `${name}: ${row.prompt_tokens}`);
        assert.ok(row.completion_tokens > 0 && row.completion_tokens < 1000, `${name}: ${row.completion_tokens}`);
      }
      const messages = await t.gw.call("/v1/messages", {
        method: "POST",
        headers: { ...bearer(t.key), "content-type": "application/json" },
        body: JSON.stringify({ model, stream, max_tokens: 50, messages: [{ role: "user", content: "x" }] }),
      });
      assert.equal((await recordOf(messages)).usage_suspect, 1);
    }
  }
  const listed = (await t.gw.admin("GET", "/stats/requests?limit=500")).body.requests;
  assert.ok(listed.some(({ usage_suspect }) => usage_suspect === true));
});

test("absurd costs are left out: the price decides", async () => {
  for (const [name, cost] of Object.entries(ABSURD_COSTS)) {
    const model = `cost ${name}`;
    const reported = { prompt_tokens: 9, completion_tokens: 4, cost, cost_details: { upstream_inference_cost: null } };
    await t.model(model, (x) => x.reply(200, completion(model, "Hello.", { reported })));
    const row = await recordOf(await t.complete(ask(model)));
    assert.deepEqual(
      [row.usage_suspect, row.usage_source, row.prompt_tokens, row.completion_tokens],
      [1, "reported", 9, 4],
      name,
    );
    assert.ok(row.cost_micros >= 0 && row.cost_micros < THOUSAND_DOLLARS, `${name}: ${row.cost_micros}`);
    assert.notEqual(row.price_source, "provider");
  }
});

test("a native stream of Messages with absurd usage, too", async () => {
  const { id } = await t.gw.createProvider({
    name: "absurd-anthropic",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-absurd-000001",
  });
  const whole = anthropic.message("m", "Hello there.");
  whole.usage = { ...whole.usage, input_tokens: 9, output_tokens: 2 ** 62 };
  await t.model("absurd-messages", (x) => x.stream(anthropic.messageEvents(whole)), { provider_id: id });
  const answer = await t.gw.call("/v1/messages", {
    method: "POST",
    headers: { ...bearer(t.key), "content-type": "application/json" },
    body: JSON.stringify({
      model: "absurd-messages",
      stream: true,
      max_tokens: 50,
      messages: [{ role: "user", content: "x" }],
    }),
  });
  const row = await recordOf(answer);
  assert.equal(row.usage_suspect, 1);
  assert.ok(row.completion_tokens < 1000);
});

/** Everything that lists or sums what is stored. */
async function readers(key, session) {
  const admin = [
    "/stats/total",
    "/stats/requests?limit=500",
    "/stats/overview",
    "/stats/timeseries",
    "/stats/by/model",
    "/conversations",
    "/keys",
    "/providers",
    "/providers/available",
    "/provider_models",
    "/logical-models",
    "/limits",
    "/prices",
    "/credits/accounts",
    "/system/status",
    `/providers/${t.provider.id}/keys`,
    `/providers/${t.provider.id}/models`,
    `/providers/${t.provider.id}/health`,
  ];
  const callers = [
    "/v1/models",
    "/v1beta/models",
    "/api/v1/sessions",
    `/api/v1/sessions/${session}`,
    "/v1/credits/me",
    "/v1/stats/overview",
  ];
  const failed = [];
  for (const target of admin) {
    const { status, text } = await t.gw.admin("GET", target);
    if (status >= 500) failed.push(`${target}: ${status} ${text}`);
  }
  for (const target of callers) {
    const { status, text } = await t.gw.call(target, { headers: bearer(key) });
    if (status >= 500) failed.push(`${target}: ${status} ${text}`);
  }
  return failed;
}

test(
  "no stored row breaks a reader",
  async () => {
    const { key } = await t.gw.createKey({ name: "hostile" });
    await t.model("stored", (x) => x.reply(200, completion("stored", "Hello.")));
    await t.gw.admin("POST", `/providers/${t.provider.id}/keys`, { label: "second", key: "sk-second-0000001" });
    await t.gw.admin("POST", "/logical-models", {
      name: "logical",
      candidates: [{ provider_id: t.provider.id, model: "stored" }],
    });
    await t.gw.admin("PUT", "/limits/model:stored", { limits: { requests_per_minute: 1000 } });
    await t.gw.admin("POST", "/credits/accounts/hostile/topup", { amount: 5, idempotency_key: "hostile" });
    await t.gw.admin("POST", `/providers/${t.provider.id}/test`, { model: "stored" });
    const made = await t.gw.call("/api/v1/sessions", {
      method: "POST",
      headers: { ...bearer(key), "content-type": "application/json" },
      body: JSON.stringify({ title: "hostile", model: "stored" }),
    });
    const session = made.json().data?.session_id ?? made.json().data?.id;
    for (let i = 0; i < 3; i += 1) await recordOf(await t.gw.complete(key, ask("stored")));
    assert.deepEqual(await readers(key, session), [], "before anything is damaged");

    const random = prng(16);
    const pick = (list) => list[Math.floor(random() * list.length)];
    const hostile = [
      null,
      -1,
      2 ** 53,
      -(2 ** 63),
      9.2e18,
      1.5,
      1e300,
      "",
      "x",
      "1e400",
      "{",
      "[",
      "{}",
      "[]",
      "null",
      '{"a":1e400}',
      "no such word",
      "\u0000\ud800",
      "9".repeat(400),
    ];
    const tables = (
      await t.gw.db(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND name NOT LIKE 'd1_%'",
      )
    ).map(({ name }) => name);
    const columns = {};
    for (const name of tables)
      columns[name] = (await t.gw.db(`SELECT name, pk FROM pragma_table_info('${name}')`))
        .filter(({ pk }) => !pk)
        .map(({ name }) => name);
    const failures = [];
    let changed = 0;
    for (let round = 0; round < 20; round += 1) {
      const damage = [];
      for (const name of tables) {
        for (let i = 0; i < 3; i += 1) {
          const column = pick(columns[name]);
          if (!column || (name === "config_versions" && round < 18)) continue;
          const value = pick(hostile);
          try {
            await t.gw.db(`UPDATE "${name}" SET "${column}" = ? WHERE ${random() < 0.5 ? "1" : "random() % 2"}`, value);
            damage.push(`${name}.${column} = ${JSON.stringify(value)?.slice(0, 30)}`);
            changed += 1;
          } catch {
            // Refused by a constraint.
          }
        }
      }
      // Isolates read the configuration again.
      if (round < 18) await t.gw.db("UPDATE config_versions SET value = value + 1");
      await t.gw.scheduled();
      const failed = await readers(key, session);
      if (failed.length) failures.push(`${failed.join("; ")} after ${damage.join(", ")}`);
      const { status } = await t.gw.complete(key, ask("demo/echo"));
      if (status === 500) failures.push(`a completion is a 500 after ${damage.join(", ")}`);
    }
    assert.ok(changed > 200, `only ${changed} rows were damaged`);
    assert.deepEqual(failures, []);
  },
  { timeout: 180_000 },
);

test("a sum of absurd rows of an earlier release is a number, too", async () => {
  await t.gw.db("UPDATE stats_totals SET prompt_tokens = 9223372036854775807, completion_tokens = 1e300, rounds = -5");
  const total = await eventually(async () => {
    const { status, body } = await t.gw.admin("GET", "/stats/total");
    return status === 200 && body;
  });
  assert.ok(Number.isSafeInteger(total.tokens_usage.prompt) && total.total_rounds >= 0, JSON.stringify(total));
});
