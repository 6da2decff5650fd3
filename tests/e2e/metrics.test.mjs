// GET /metrics: who may read it, that its sums are those of the statistics, that no counter falls whatever happens, and that there
// are few time series whatever callers send.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test as nodeTest } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { samplesOf, sumOf } from "../support/prometheus.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, startUpstream, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";
import { startVictim } from "../support/victim.mjs";

const TOKEN = "metrics-token-of-the-tests";
const HOUR = 3_600_000;

const t = suite({
  twin: true,
  vars: { METRICS_TOKEN: TOKEN },
  setUp: async () => {
    const reported = usage(100, 21);
    await t.model("fast", (x) =>
      x.wantsStream
        ? x.stream(streamEvents("fast", ["a", "b", "c"], { reported }))
        : x.reply(200, completion("fast", "ok", { reported })),
    );
    await t.model("broken", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    await t.gw.admin("PUT", "/prices/model:fast", { input: 1, output: 2 });
    const sent = [];
    for (let i = 0; i < 5; i++) sent.push(await t.complete(ask("fast")));
    for (let i = 0; i < 3; i++) sent.push(await t.complete(ask("fast", { stream: true })));
    sent.push(await t.complete(ask("broken")), await t.complete(ask("no-such-model")));
    for (const answer of sent) await t.gw.row(answer.headers["x-request-id"]);
  },
});

const read = (options) => t.gw.call("/metrics", options);
const scrape = async (headers = bearer(TOKEN)) => {
  const answer = await read({ headers });
  assert.equal(answer.status, 200, answer.text);
  return samplesOf(answer.text);
};

/** Every series of before that may not fall, and is lower after. */
function fallen(before, after) {
  const isCounter = (series) => /^[a-z0-9_]+_(total|bucket|count|sum)\b/.test(series);
  return [...before].filter(([series, value]) => isCounter(series) && !(after.get(series) >= value));
}

test("it opens with its own token or the admin token, and with nothing else", async () => {
  for (const token of [TOKEN, t.gw.adminToken]) assert.equal((await read({ headers: bearer(token) })).status, 200);
  for (const [headers, code] of [
    [{}, "missing_metrics_token"],
    [bearer(t.key), "invalid_metrics_token"],
    [bearer(`${TOKEN}x`), "invalid_metrics_token"],
  ]) {
    const { status, text } = await read({ headers });
    assert.deepEqual([status, JSON.parse(text).error.code], [401, code]);
  }
  assert.equal((await t.gw.call("/stats/total", { headers: bearer(TOKEN) })).status, 401);
});

test("both formats say the same", async () => {
  const text = await read({ headers: bearer(TOKEN) });
  assert.equal(text.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const open = await read({ headers: { ...bearer(TOKEN), accept: "application/openmetrics-text;version=1.0.0" } });
  assert.equal(open.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
  assert.ok(open.text.endsWith("\n# EOF\n") && open.text.includes("# TYPE nexus_requests counter\n"));
  const steady = (samples) => [...samples.keys()];
  assert.deepEqual(steady(samplesOf(open.text)), steady(samplesOf(text.text)));
});

test("its sums are those of the statistics", async () => {
  const samples = await scrape();
  const total = (await t.gw.admin("GET", "/stats/total")).body;
  const sum = (name, labels) => sumOf(samples, name, labels);
  assert.equal(sum("nexus_requests_total"), 10);
  assert.equal(sum("nexus_requests_total", { stream: "true", status_class: "ok", dialect: "openai_chat" }), 3);
  assert.equal(sum("nexus_errors_total", { error_type: "model_not_found", status_class: "client" }), 1);
  assert.equal(sum("nexus_errors_total", { status_class: "server" }), 1);
  assert.equal(sum("gen_ai_client_inference_usage_input_tokens_total"), total.tokens_usage.prompt);
  assert.equal(sum("gen_ai_client_inference_usage_output_tokens_total"), total.tokens_usage.completion);
  const [{ cost }] = await t.gw.db("SELECT SUM(cost_micros) AS cost FROM request_log");
  assert.ok(cost > 0);
  assert.equal(Math.round(sum("nexus_cost_usd_total") * 1e6), cost);
  const [bytes] = await t.gw.db("SELECT SUM(request_bytes) AS received, SUM(answer_bytes) AS sent FROM request_log");
  assert.ok(bytes.received > 0 && bytes.sent > 0);
  assert.equal(sum("nexus_http_body_bytes_total", { network_io_direction: "receive" }), bytes.received);
  assert.equal(sum("nexus_http_body_bytes_total", { network_io_direction: "transmit" }), bytes.sent);
  const fast = { gen_ai_request_model: "fast", gen_ai_provider_name: "loopback", gen_ai_operation_name: "chat" };
  assert.equal(sum("gen_ai_client_inference_duration_seconds_count", fast), 8);
  assert.equal(sum("gen_ai_client_inference_time_to_first_chunk_seconds_count", fast), 3);
  assert.equal(sum("gen_ai_client_inference_time_per_output_chunk_seconds_count", fast), 3);
  assert.equal(sum("gen_ai_client_inference_duration_seconds_bucket", { ...fast, le: "655.36" }), 8);
  const [{ ms }] = await t.gw.db("SELECT SUM(duration_ms) AS ms FROM request_log WHERE upstream_model = 'fast'");
  assert.ok(Math.abs(sum("gen_ai_client_inference_duration_seconds_sum", fast) - ms / 1e3) < 1e-6);
  assert.equal(sum("nexus_attempts_total", { provider: "loopback", outcome: "ok" }), 8);
  assert.ok(sum("nexus_attempts_total", { outcome: "upstream_error" }) >= 1);
  assert.equal(sum("nexus_usage_lag_seconds_count"), 10);
  assert.ok(sum("nexus_d1_query_duration_seconds_count") > 0);
  assert.equal(sum("nexus_sessions_active"), total.active_sessions);
  assert.equal(samples.get('nexus_build_info{version="0.1.0"}'), 1);
  assert.ok(samples.has('nexus_circuit_state{provider="loopback"}'));
  assert.ok(samples.has("nexus_queue_depth"));
});

test("every isolate says the same", async () => {
  const here = await scrape();
  const answer = await send(`${t.gw.twinUrl}/metrics`, { headers: bearer(TOKEN) });
  const there = samplesOf(answer.text);
  assert.deepEqual(fallen(here, there), []);
  assert.deepEqual(fallen(there, here), []);
});

/** An event of some time ago. */
const old = (id, ts) => ({
  id,
  ts,
  request_id: id,
  key_id: "old-key",
  provider_name: "loopback",
  model: "fast",
  upstream_model: "fast",
  dialect: "openai_chat",
  stream: false,
  status: 200,
  outcome: "completed",
  prompt: 3,
  completion: 2,
  cached: 0,
  cache_written: 0,
  cache_written_1h: 0,
  reasoning: 0,
  usage_source: "reported",
  duration_ms: 640,
  conversation_id: "old",
  cost_micros: 7,
  price_source: "list",
});

test("no counter falls while minutes are added up, come late, and are deleted", async () => {
  let before = await scrape();
  const requests = sumOf(before, "nexus_requests_total");
  const steps = [];
  const check = async (what, expected) => {
    const after = await scrape();
    assert.deepEqual(fallen(before, after), [], what);
    assert.equal(sumOf(after, "nexus_requests_total"), expected, what);
    steps.push(what);
    before = after;
  };
  const events = (name, count, agoHours) =>
    Array.from({ length: count }, (_, i) =>
      old(`01${name}${String(i).padStart(18, "0")}`, Date.now() - agoHours * HOUR - i),
    );
  const record = async (list) => {
    await t.gw.enqueue(JSON.stringify(list));
    await eventually(async () => (await t.gw.db("SELECT 1 FROM request_log WHERE id = ?", list.at(-1).id)).length > 0);
  };
  // Of an hour ago, of three days ago, and then some that come when both are added up already.
  await record([...events("OLDAAA", 20, 1), ...events("OLDBBB", 30, 72)]);
  await check("recorded", requests + 50);
  const until = async () => (await t.gw.db("SELECT until FROM metric_progress"))[0].until;
  await eventually(
    async () => {
      await t.gw.scheduled();
      return (await until()) > Date.now() - HOUR / 2;
    },
    { within: 60_000, what: "minutes that are added up" },
  );
  assert.ok((await t.gw.db("SELECT COUNT(*) AS n FROM metric_totals"))[0].n > 0);
  await check("added up", requests + 50);
  await record([...events("OLDAAA", 20, 1), ...events("OLDCCC", 5, 1), ...events("OLDDDD", 6, 72)]);
  const late = async () => (await t.gw.db("SELECT COUNT(*) AS n FROM stat_rows WHERE grain = 'l'"))[0].n;
  assert.ok((await late()) > 0);
  await check("late", requests + 61);
  await t.gw.scheduled();
  assert.equal(await late(), 0);
  await check("late ones added up", requests + 61);
  await eventually(
    async () => {
      await t.gw.scheduled();
      const [{ n }] = await t.gw.db(
        "SELECT COUNT(*) AS n FROM stat_rows WHERE grain = 'm' AND start < ?",
        Date.now() - 49 * HOUR,
      );
      return n === 0;
    },
    { within: 60_000, what: "minutes that are deleted" },
  );
  await check("deleted", requests + 61);
  await t.complete(ask("fast"));
  await eventually(async () => sumOf(await scrape(), "nexus_requests_total") === requests + 62);
  assert.equal(steps.length, 5);
});

test("there are at most 2000 time series, whatever callers send and however many models there are", async () => {
  const model_names = Array.from({ length: 40 }, (_, i) => `many-${i}`);
  for (const name of model_names)
    await t.model(name, (x) => x.reply(200, completion(name, "ok", { reported: usage(1, 1) })));
  t.up.otherwise((x) => x.reply(200, completion(x.model, "ok", { reported: usage(1, 1) })));
  const wild = await t.gw.admin("POST", "/logical-models", {
    name: "wild-*",
    candidates: [{ provider_id: t.provider.id, model: "junk-*" }],
  });
  const before = sumOf(await scrape(), "nexus_requests_total");
  let sent = 0;
  const send = async (model, headers) => {
    await t.complete(ask(model, sent % 2 ? { stream: true } : {}), { headers });
    sent++;
  };
  for (const name of model_names) await send(name);
  for (let i = 0; i < 60; i++) {
    await send(wild.status === 201 ? `wild-${i}` : `nothing-${i}`, {
      "x-title": `app ${i}`,
      "user-agent": `agent-${i}/1`,
    });
  }
  const samples = await eventually(
    async () => {
      const samples = await scrape();
      return sumOf(samples, "nexus_requests_total") === before + sent && samples;
    },
    { within: 60_000, what: "all requests in the metrics" },
  );
  assert.ok(samples.size <= 2_000, `${samples.size} series`);
  const models = new Set([...samples.keys()].map((series) => /gen_ai_request_model="([^"]*)"/.exec(series)?.[1]));
  assert.ok(models.has("other") && models.has("many-0") && models.size <= 20, [...models].join());
  assert.ok(![...models].some((model) => model?.startsWith("junk")), [...models].join());
  assert.ok(sumOf(samples, "gen_ai_client_inference_usage_input_tokens_total", { gen_ai_request_model: "other" }) > 0);
});

// The processes of workerd are found in /proc.
const onLinux = { skip: process.platform !== "linux", timeout: 180_000 };

nodeTest("no counter falls when everything is killed and started again", onLinux, async () => {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-metrics-"));
  const vars = {
    ADMIN_TOKEN: "adm-killed-and-started-again",
    MASTER_KEY: randomBytes(32).toString("base64"),
    METRICS_TOKEN: TOKEN,
  };
  const up = await startUpstream();
  try {
    up.otherwise((x) => x.reply(200, completion(x.model, "ok")));
    const first = await startGateway({ storage, vars });
    first.adminToken = vars.ADMIN_TOKEN;
    const provider = await first.createProvider({ name: "loopback", server_url: `${up.url}/v1` });
    await first.createModel({ provider_id: provider.id, model_name: "m" });
    const { key } = await first.createKey();
    await first.stop();
    const victim = await startVictim({ storage, vars });
    const metrics = async (url) => samplesOf((await send(`${url}/metrics`, { headers: bearer(TOKEN) })).text);
    const headers = { ...bearer(key), "content-type": "application/json" };
    for (let i = 0; i < 8; i++)
      await send(`${victim.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(ask("m")) });
    const before = await eventually(
      async () => {
        const samples = await metrics(victim.url);
        return sumOf(samples, "nexus_requests_total") === 8 && samples;
      },
      { what: "the requests in the metrics" },
    );
    await victim.kill();
    const again = await startGateway({ storage, vars });
    try {
      const after = await metrics(again.url);
      assert.deepEqual(fallen(before, after), []);
      assert.equal(sumOf(after, "nexus_requests_total"), 8);
    } finally {
      await again.stop();
    }
  } finally {
    await up.stop();
    await rm(storage, { recursive: true, force: true });
  }
});
