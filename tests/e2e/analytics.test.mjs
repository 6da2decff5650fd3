// Data points for Workers Analytics Engine: miniflare's own binding takes what the consumer writes and drops it, so a module in front of
// the Worker notes what passes. Not tested here, because it is only where Cloudflare runs it: sampling, retention, and queries by SQL.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { ulid } from "../support/ulid.mjs";
import { completion, usage } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const entry = `
import { WorkerEntrypoint } from "cloudflare:workers";
import Original from "./index.js";
export * from "./index.js";

let runs = [];
let refuses = false;

const watched = (env, points) => ({
  ...env,
  ANALYTICS: {
    writeDataPoint(point) {
      if (refuses) throw new Error("refused by the test");
      points.push(structuredClone(point));
      return env.ANALYTICS.writeDataPoint(point);
    },
  },
});

export default class extends WorkerEntrypoint {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/__refuse") refuses = true;
    if (pathname === "/__points" || pathname === "/__refuse") {
      const answer = Response.json(runs);
      runs = [];
      return answer;
    }
    return new Original(this.ctx, this.env).fetch(request);
  }

  queue(batch) {
    const points = [];
    runs.push(points);
    return new Original(this.ctx, watched(this.env, points)).queue(batch);
  }

  scheduled(controller) {
    return new Original(this.ctx, this.env).scheduled(controller);
  }
}
`;

const t = suite({ entry, analytics: true });

/** The points of each run of the consumer since the last call. */
const runs = async () => (await t.gw.call("/__points")).json();
const bytes = (text) => Buffer.byteLength(text);

test("a request is a point, with its names and numbers in their places", async () => {
  const reported = usage(120, 30, { prompt_tokens_details: { cached_tokens: 100 } });
  await t.model("m", (x) => x.reply(200, completion("m", "ok", { reported })));
  await t.gw.admin("PUT", "/prices/model:m", { input: 1, output: 2 });
  await runs();
  const answer = await t.complete(ask("m"), { headers: { "x-title": "My App" } });
  const row = await t.gw.row(answer.headers["x-request-id"]);
  const [point, ...others] = await eventually(async () => {
    const found = (await runs()).flat();
    return found.length > 0 && found;
  });
  assert.deepEqual(others, []);
  assert.deepEqual(point.indexes, [row.key_id]);
  assert.deepEqual(point.blobs, [
    row.id,
    "loopback",
    "m",
    "m",
    "",
    row.key_id,
    "",
    "My App",
    "openai_chat",
    "ok",
    "",
    row.conversation_id,
    row.price_source,
  ]);
  const numbers = [1, 200, row.duration_ms, row.first_byte_ms, 120, 30, 100, 0, row.cost_micros, 0];
  assert.deepEqual(point.doubles, numbers);
});

test("a batch writes no more and nothing larger than the platform takes, and its points stand for all events", async () => {
  const long = "ä".repeat(4_000);
  const now = Date.now();
  const event = (n) => ({
    id: ulid(now + n, n),
    ts: now + n,
    request_id: `r-${n}`,
    key_id: `key-${"k".repeat(200)}`,
    model: long,
    upstream_model: long,
    owner: long,
    app: long,
    conversation_id: long,
    stream: n % 2 === 0,
    status: 200,
    outcome: "completed",
    prompt: 1,
    completion: 1,
    cached: 0,
    cache_written: 0,
    cache_written_1h: 0,
    reasoning: 0,
    usage_source: "reported",
    duration_ms: 5,
  });
  await runs();
  const count = 600;
  for (let n = 0; n < count; n += 3) await t.gw.enqueue(JSON.stringify([event(n), event(n + 1), event(n + 2)]));
  const written = [];
  const stands = () => written.flat().reduce((sum, { doubles: [weight] }) => sum + weight, 0);
  await eventually(async () => written.push(...(await runs())) && stands() >= count, {
    within: 40_000,
    what: "points of all events",
  });
  assert.equal(stands(), count);
  for (const points of written) assert.ok(points.length <= 250, `${points.length} points of one run`);
  for (const { indexes, blobs, doubles } of written.flat()) {
    assert.ok(indexes.length === 1 && bytes(indexes[0]) <= 96);
    assert.ok(blobs.length <= 20 && blobs.reduce((sum, blob) => sum + bytes(blob), 0) <= 16 * 1024);
    assert.ok(doubles.length <= 20 && doubles.every(Number.isFinite));
  }
});

test("what the dataset refuses is recorded nevertheless", async () => {
  await t.gw.call("/__refuse");
  const answer = await t.complete(ask("m"));
  assert.equal((await t.gw.row(answer.headers["x-request-id"])).status, 200);
  await eventually(() => t.gw.logs().some(({ message }) => message.includes('"analytics"')), { what: "the log line" });
});
