// Traces and metrics sent to a collector of OpenTelemetry, which reads them with its own protobuf definitions.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { startCollector } from "../support/collector.mjs";
import { startGateway } from "../support/gateway.mjs";
import { samplesOf, sumOf } from "../support/prometheus.mjs";
import { ask, test } from "../support/suite.mjs";
import { completion, startUpstream, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const SECRET = "Basic c2VjcmV0LW9mLXRoZS1jb2xsZWN0b3I=";

let collector;
let up;
let gw;
let kept;
let forgotten;

before(
  async () => {
    collector = await startCollector();
    up = await startUpstream();
    gw = await startGateway({
      vars: {
        OTLP_ENDPOINT: `${collector.url}/`,
        OTLP_HEADERS: `authorization=${encodeURIComponent(SECRET)}`,
        OTLP_SAMPLE: "1",
      },
    });
    const reported = usage(100, 21);
    up.on("fast", (x) =>
      x.wantsStream
        ? x.stream(streamEvents("fast", ["a", "b", "c"], { reported }))
        : x.reply(200, completion("fast", "the answer", { reported })),
    );
    const [first, second] = await Promise.all(
      ["first", "second"].map((name) =>
        gw.createProvider({ name, server_url: `${up.url}/v1`, server_key: `k-of-${name}-0001` }),
      ),
    );
    await gw.createModel({ provider_id: first.id, model_name: "fast" });
    for (const provider_id of [first.id, second.id]) await gw.createModel({ provider_id, model_name: "flaky" });
    await gw.admin("PUT", "/prices/model:fast", { input: 1, output: 2 });
    kept = await gw.createKey({ name: "kept", store: "full" });
    forgotten = await gw.createKey({ name: "forgotten", store: "none" });
  },
  { timeout: 240_000 },
);

after(async () => {
  await gw?.stop();
  await up?.stop();
  await collector?.stop();
});

const traceparent = (flags = "01", trace = TRACE) => ({ traceparent: `00-${trace}-${PARENT}-${flags}` });

const isStep = ({ name }) => name.startsWith("nexus.");

/** The spans of a request and its attempts, once there are so many; not those of steps, which take a millisecond or none. */
const spansOf = async (trace, count) => {
  const found = await eventually(
    () => {
      const spans = collector.spans.filter((span) => span.trace === trace && !isStep(span));
      return spans.length >= count && spans;
    },
    { within: 30_000, what: `${count} spans of ${trace}` },
  );
  assert.deepEqual(collector.problems, []);
  assert.equal(found.length, count);
  for (const step of collector.spans.filter((span) => span.trace === trace && isStep(span)))
    assert.deepEqual([step.parent, step.kind, step.end > step.start], [found[0].id, 1, true]);
  return found;
};

test("a request is a span below its caller's, and the upstream's parent is the span of the attempt", async () => {
  const answer = await gw.complete(kept.key, ask("fast"), { headers: traceparent() });
  assert.equal(answer.status, 200, answer.text);
  const [whole, attempt] = await spansOf(TRACE, 2);
  assert.deepEqual([whole.parent, whole.name, whole.kind, whole.status], [PARENT, "chat fast", 2, 0]);
  assert.deepEqual([attempt.parent, attempt.kind, attempt.attributes["gen_ai.provider.name"]], [whole.id, 3, "first"]);
  assert.equal(up.seen("fast").at(-1).headers.traceparent, `00-${TRACE}-${attempt.id}-01`);
  assert.ok(whole.start <= attempt.start && attempt.start <= attempt.end && attempt.end <= whole.end);
  const { attributes } = whole;
  assert.deepEqual(
    [
      attributes["gen_ai.operation.name"],
      attributes["gen_ai.provider.name"],
      attributes["gen_ai.request.model"],
      attributes["gen_ai.usage.input_tokens"],
      attributes["gen_ai.usage.output_tokens"],
      attributes["gen_ai.response.finish_reasons"],
      attributes["nexus.request.id"],
    ],
    ["chat", "first", "fast", 100, 21, ["stop"], answer.headers["x-request-id"]],
  );
  assert.equal(Math.round(attributes["nexus.cost.usd"] * 1e6), 142);
  assert.equal(whole.resource["service.name"], "nexus-edge");
  assert.equal(collector.requests.at(-1).headers.authorization, SECRET);
});

test("texts are told only of keys that archive them", async () => {
  const said = "0af7651916cd43dd8448eb211c80aaaa";
  const unsaid = "0af7651916cd43dd8448eb211c80bbbb";
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("01", said) });
  await gw.complete(forgotten.key, ask("fast"), { headers: traceparent("01", unsaid) });
  const [{ attributes }] = await spansOf(said, 2);
  assert.deepEqual(JSON.parse(attributes["gen_ai.input.messages"]), [
    { role: "user", parts: [{ type: "text", content: "Say something." }] },
  ]);
  assert.equal(JSON.parse(attributes["gen_ai.output.messages"])[0].parts[0].content, "the answer");
  const [silent] = await spansOf(unsaid, 2);
  assert.deepEqual(
    Object.keys(silent.attributes).filter((name) => name.includes("messages")),
    [],
  );
  assert.ok(!JSON.stringify(silent).includes("the answer"));
});

test("each attempt is a span, and a stream says when its first token came", async () => {
  up.on("flaky", (x) =>
    up.seen("flaky").length === 1
      ? x.reply(503, {})
      : x.stream(streamEvents("flaky", ["a", "b"], { reported: usage(5, 2) })),
  );
  const trace = "0af7651916cd43dd8448eb211c80cccc";
  await gw.complete(kept.key, ask("flaky", { stream: true }), { headers: traceparent("01", trace) });
  const [whole, failed, succeeded] = await spansOf(trace, 3);
  assert.deepEqual(
    [failed.status, failed.attributes["error.type"], failed.attributes["http.response.status_code"]],
    [2, "upstream_error", 503],
  );
  assert.deepEqual([succeeded.status, succeeded.parent, failed.parent], [0, whole.id, whole.id]);
  const told = up.seen("flaky").map(({ headers }) => headers.traceparent);
  assert.deepEqual(told, [`00-${trace}-${failed.id}-01`, `00-${trace}-${succeeded.id}-01`]);
  assert.ok(whole.attributes["gen_ai.response.time_to_first_chunk"] >= 0);
});

test("an error is in the span, and no span tells a secret", async () => {
  const trace = "0af7651916cd43dd8448eb211c80dddd";
  await gw.complete(kept.key, ask("no-such-model"), { headers: traceparent("01", trace) });
  const [span] = await spansOf(trace, 1);
  assert.deepEqual([span.status, span.attributes["error.type"]], [2, "model_not_found"]);
  const sent = collector.requests.map(({ body }) => body).join();
  for (const secret of [kept.key, gw.adminToken, gw.masterKey, "k-of-first-0001"]) assert.ok(!sent.includes(secret));
});

test("a caller who does not want to be traced is not", async () => {
  const trace = "0af7651916cd43dd8448eb211c80eeee";
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("00", trace) });
  assert.equal(up.seen("fast").at(-1).headers.traceparent, `00-${trace}-${PARENT}-00`);
  // One that comes later is there, and this one is not.
  const later = "0af7651916cd43dd8448eb211c80ffff";
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("01", later) });
  await spansOf(later, 2);
  assert.deepEqual(
    collector.spans.filter((span) => span.trace === trace),
    [],
  );
});

test("without a caller's trace a new one begins", async () => {
  const answer = await gw.complete(kept.key, ask("fast"));
  const whole = await eventually(() =>
    collector.spans.find((span) => span.attributes["nexus.request.id"] === answer.headers["x-request-id"]),
  );
  assert.match(whole.trace, /^[0-9a-f]{32}$/);
  assert.equal(whole.parent, "");
  await spansOf(whole.trace, 2);
});

test("what the collector does not take is tried again, and dropped spans are counted", async () => {
  let refusals = 0;
  collector.behave = (_, response) => {
    if (refusals++ > 0) return false;
    response.writeHead(503, { "retry-after": "1" }).end();
    return true;
  };
  const trace = "1af7651916cd43dd8448eb211c80aaaa";
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("01", trace) });
  await spansOf(trace, 2);
  collector.behave = (_, response) => {
    response.writeHead(400).end();
    return true;
  };
  const before = collector.requests.length;
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("01", "1af7651916cd43dd8448eb211c80bbbb") });
  await eventually(() => collector.requests.length > before);
  collector.behave = undefined;
  const dropped = async () => {
    const { text } = await gw.call("/metrics", { headers: bearer(gw.adminToken) });
    return sumOf(samplesOf(text), "nexus_otlp_dropped_spans_total");
  };
  await eventually(
    async () => {
      await gw.complete(kept.key, ask("fast"));
      return (await dropped()) >= 2;
    },
    { within: 30_000, every: 500, what: "the dropped spans in the metrics" },
  );
});

test("no answer waits for a collector that hangs", async () => {
  let release;
  const hanging = new Promise((resolve) => (release = resolve));
  let isAsked = false;
  collector.behave = async (_, response) => {
    isAsked = true;
    await hanging;
    response.writeHead(200).end("{}");
    return true;
  };
  await gw.complete(kept.key, ask("fast"), { headers: traceparent("01", "2af7651916cd43dd8448eb211c80aaaa") });
  await eventually(() => isAsked);
  for (let i = 0; i < 3; i++) {
    const answer = await gw.complete(kept.key, ask("fast"));
    assert.equal(answer.status, 200);
    await gw.row(answer.headers["x-request-id"]);
  }
  release();
  collector.behave = undefined;
});

test("the cron sends the metrics that Prometheus sees", async () => {
  await gw.scheduled();
  await eventually(() => collector.metrics.length > 0, { within: 30_000 });
  assert.deepEqual(collector.problems, []);
  const { text } = await gw.call("/metrics", { headers: bearer(gw.adminToken) });
  const samples = samplesOf(text);
  const metric = (name) => collector.metrics.find((one) => one.name === name);
  const sum = (name) => metric(name).points.reduce((total, { value }) => total + Number(value), 0);
  assert.ok(sum("nexus.requests") > 0);
  assert.equal(sum("nexus.requests"), sumOf(samples, "nexus_requests_total"));
  assert.equal(
    sum("gen_ai.client.inference.duration"),
    sumOf(samples, "gen_ai_client_inference_duration_seconds_count"),
  );
  assert.deepEqual([metric("nexus.requests").kind, metric("nexus.requests").temporality], ["sum", 2]);
  assert.equal(metric("gen_ai.client.inference.duration").unit, "s");
  assert.equal(metric("nexus.queue.depth").kind, "gauge");
});
