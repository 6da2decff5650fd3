// The metrics in a real Prometheus: it scrapes the gateway, its sums are those of the statistics, every panel of the dashboard in
// ops/ shows something, and promtool accepts metrics, rules and configuration.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile, copyFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ensurePrometheus } from "../../scripts/lib/prometheus.mjs";
import { promtool, startPrometheus } from "../support/prometheus.mjs";
import { ask, suite } from "../support/suite.mjs";
import { completion, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const TOKEN = "metrics-token-of-the-tests";
const OPS = fileURLToPath(new URL("../../ops/", import.meta.url));

const tools = await ensurePrometheus();
const options = { skip: tools ? false : "there is no Prometheus here", timeout: 180_000 };

const TRACE = "0af7651916cd43dd8448eb211c80319c";

// Traces are recorded where they can be sent somewhere.
const collector = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
}).listen(0, "127.0.0.1");
await once(collector, "listening");
after(() => collector.close());

const t = suite({
  vars: { METRICS_TOKEN: TOKEN, OTLP_ENDPOINT: `http://127.0.0.1:${collector.address().port}`, OTLP_SAMPLE: "0" },
});

/** Traffic of every kind that the dashboard shows. */
async function traffic() {
  const reported = usage(100, 21, { prompt_tokens_details: { cached_tokens: 10 } });
  t.up.on("fast", (x) =>
    x.wantsStream
      ? x.stream(streamEvents("fast", ["a", "b", "c"], { reported }))
      : x.reply(200, completion("fast", "ok", { reported })),
  );
  const headers = { traceparent: `00-${TRACE}-b7ad6b7169203331-01` };
  for (let i = 0; i < 6; i++) await t.complete(ask("fast", i % 2 ? { stream: true } : {}), i < 2 ? { headers } : {});
  await t.complete(ask("broken"));
  await t.complete(ask("no-such-model"));
  for (let i = 0; i < 3; i++) await t.gw.complete(limited, ask("fast"));
}

let limited;

test("Prometheus reads it, and its sums are those of the statistics", options, async () => {
  await t.model("fast", (x) => x.reply(500, {}));
  await t.model("broken", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
  await t.gw.admin("PUT", "/prices/model:fast", { input: 1, output: 2 });
  limited = (await t.gw.createKey({ name: "limited", limits: { requests_per_minute: 1 } })).key;
  const prometheus = await startPrometheus(tools, { url: t.gw.url, token: TOKEN });
  try {
    await traffic();
    // A rate needs two samples of a series between which something happened.
    await eventually(async () => (await prometheus.value("sum(nexus_requests_total)")) >= 11, {
      within: 60_000,
      what: "the first requests in Prometheus",
    });
    await traffic();
    const log = async () => (await t.gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n;
    const requests = await eventually(async () => (await log()) >= 22 && (await log()), {
      within: 30_000,
      what: "the log",
    });
    await eventually(async () => (await prometheus.value("sum(nexus_requests_total)")) === requests, {
      within: 60_000,
      what: "the requests in Prometheus",
    });
    const [target] = await prometheus.targets();
    assert.deepEqual([target.health, target.lastError], ["up", ""]);
    const total = (await t.gw.admin("GET", "/stats/total")).body;
    const overview = (await t.gw.admin("GET", "/stats/overview?range=1h")).body.figures;
    const sums = {
      "sum(gen_ai_client_inference_usage_input_tokens_total)": total.tokens_usage.prompt,
      "sum(gen_ai_client_inference_usage_output_tokens_total)": total.tokens_usage.completion,
      "sum(nexus_requests_unpriced_total)": total.unpriced_requests,
      'sum(nexus_requests_total{status_class=~"client|limited|timeout|server"})': overview.errors,
      "sum(nexus_errors_total)": overview.errors,
      "round(sum(nexus_cost_usd_total) * 1e6)": overview.cost_micros,
      'sum(nexus_requests_total{status_class="ok"})': 13,
    };
    for (const [expression, expected] of Object.entries(sums))
      assert.equal((await prometheus.value(expression)) ?? 0, expected, expression);
    assert.ok((await prometheus.value("sum(nexus_limit_refusals_total)")) >= 2);

    for (const metric of [
      "gen_ai_client_inference_duration_seconds_bucket",
      "gen_ai_client_inference_time_to_first_chunk_seconds_bucket",
    ]) {
      const found = await eventually(
        async () => {
          const series = await prometheus.exemplars(metric);
          return series.length > 0 && series;
        },
        { within: 30_000, what: `exemplars of ${metric}` },
      );
      for (const { seriesLabels, exemplars } of found) {
        assert.equal(seriesLabels.gen_ai_request_model, "fast");
        for (const { labels, value } of exemplars) {
          assert.deepEqual(labels, { trace_id: TRACE });
          assert.ok(Number(value) <= Number(seriesLabels.le), `${value} below ${seriesLabels.le}`);
        }
      }
    }

    const { panels } = JSON.parse(readFileSync(path.join(OPS, "grafana/dashboards/nexus-edge.json"), "utf8"));
    const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
    assert.ok(expressions.length >= 30, `${expressions.length}`);
    for (const { title, expr } of expressions) {
      await eventually(async () => (await prometheus.query(expr.replaceAll("$__rate_interval", "2m"))).length > 0, {
        what: `something in the panel "${title}": ${expr}`,
        every: 200,
      });
    }
  } finally {
    await prometheus.stop();
  }
});

test("promtool accepts what is shown", options, async () => {
  const { text } = await t.gw.call("/metrics", { headers: bearer(TOKEN) });
  assert.ok(!text.includes("trace_id"), "its own format has no exemplars");
  const { code, output } = await promtool(tools, ["check", "metrics"], { input: text });
  assert.equal(code, 0, output);
});

test("promtool accepts rules and configuration, and the rules fire as they should", options, async () => {
  const cwd = await mkdtemp(path.join(tmpdir(), "nexus-edge-rules-"));
  try {
    for (const file of ["prometheus.yml", "rules.yml", "rules.test.yml"])
      await copyFile(path.join(OPS, "prometheus", file), path.join(cwd, file));
    await writeFile(path.join(cwd, "metrics-token"), TOKEN);
    for (const args of [
      ["check", "rules", "rules.yml"],
      ["test", "rules", "rules.test.yml"],
      ["check", "config", "prometheus.yml"],
    ]) {
      const { code, output } = await promtool(tools, args, { cwd });
      assert.equal(code, 0, output);
    }
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
