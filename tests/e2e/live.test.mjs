// Proves the live views: that requests appear while they are watched, from every isolate, to those who may see them and as the log
// has them; that nothing is told while there are no watchers; and that streams outlive the object that feeds them.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { countingEntry } from "../../bench/counting.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, usage } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

const PATIENCE = { within: 40_000 };

let mine;
let other;

// Every use of a binding is counted, and the object can be reset, as the platform does when it likes.
const counting = countingEntry(fileURLToPath(new URL("../../", import.meta.url)));
const entry = counting.replace(
  "export const Live = countedObject(exported.Live);",
  `export class Live extends countedObject(exported.Live) {
    fetch(request) {
      if (request.url.endsWith("/reset")) this.ctx.abort("reset by the test");
      return super.fetch(request);
    }
  }`,
);

const t = suite({
  twin: true,
  entry: `${entry.replace(
    "  fetch(request) {",
    `  fetch(request) {
    if (new URL(request.url).pathname === "/__reset")
      return this.env.LIVE.getByName("world").fetch("http://live/reset").catch(() => new Response("reset"));`,
  )}`,
  setUp: async () => {
    await t.model("fast", (x) =>
      x.reply(200, completion("fast", "the answer is secret", { reported: usage(100, 20) })),
    );
    await t.model("broken", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    await t.gw.admin("PUT", "/prices/model:fast", { input: 1, output: 2 });
    mine = await t.gw.createKey({ name: "mine", owner: "ada" });
    other = await t.gw.createKey({ name: "other", owner: "bob" });
  },
});

const ask = (model, rest) => ({ model, messages: [{ role: "user", content: "a confidential question" }], ...rest });
const complete = (key, model, headers = {}) => t.gw.complete(key, ask(model), { headers });

/** An open stream: the events so far, and all text. */
class Stream {
  events = [];
  text = "";

  constructor(path, token) {
    this.connection = t.gw.begin(path, { headers: bearer(token) });
    this.ended = this.#read();
  }

  async #read() {
    this.reply = await this.connection.reply;
    let rest = "";
    for (let piece = await this.reply.read(); piece !== null; piece = await this.reply.read()) {
      this.text += piece;
      const blocks = (rest + piece).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const fields = Object.fromEntries(block.split("\n").map((line) => /^(\w*): (.*)$/s.exec(line).slice(1)));
        if (fields.event) this.events.push({ ...fields, data: JSON.parse(fields.data) });
      }
    }
  }

  of(event) {
    return this.events.filter((one) => one.event === event).map(({ data }) => data);
  }

  close() {
    this.connection.abort();
  }
}

/** A stream that has begun; its isolates have learnt so when a request of each has been seen. */
async function watch(path, { token = t.gw.adminToken } = {}) {
  const stream = new Stream(path, token);
  await eventually(() => stream.text.includes("retry:"), { ...PATIENCE, what: `${path} to begin` });
  assert.equal(stream.reply.status, 200);
  assert.match(stream.reply.headers["content-type"], /^text\/event-stream/);
  return stream;
}

/** Sends requests to both isolates until a stream of everything shows them. */
async function untilWatched() {
  const stream = await watch("/requests/live");
  const seen = new Set();
  await eventually(
    async () => {
      for (const url of [t.gw.url, t.gw.twinUrl]) {
        if (seen.has(url)) continue;
        const request_id = `probe-${Math.random()}`;
        await send(`${url}/v1/chat/completions`, {
          method: "POST",
          headers: { ...bearer(other.key), "content-type": "application/json", "x-request-id": request_id },
          body: JSON.stringify(ask("fast")),
        });
        await eventually(() => stream.text.includes(request_id), { within: 2_000 });
        seen.add(url);
      }
      return true;
    },
    { ...PATIENCE, what: "both isolates to tell" },
  );
  return stream;
}

const counted = async () => (await t.gw.call("/__counted")).json().counts;

test("nothing is told while there are no watchers", async () => {
  await counted();
  for (let i = 0; i < 5; i++) assert.equal((await complete(mine.key, "fast")).status, 200);
  const { request } = await counted();
  assert.equal(request["object calls: LIVE"], undefined, JSON.stringify(request));
});

test("a request appears as the log has it, from whatever isolate", async () => {
  const stream = await untilWatched();
  const answer = await complete(mine.key, "fast", { "x-title": "My App" });
  const id = answer.headers["x-request-id"];
  await eventually(() => stream.text.includes(id), { ...PATIENCE, what: "the request" });
  const shown = stream.events.find(({ data }) => data.request_id === id);
  await t.gw.row(id);
  const { body } = await t.gw.admin("GET", `/requests?request_id=${id}`);
  assert.deepEqual(shown.data, body.requests[0]);
  assert.equal(shown.id, body.requests[0].id);
  assert.deepEqual([shown.data.owner, shown.data.app, shown.data.cost_micros], ["ada", "My App", 140]);
  assert.ok(!stream.text.includes("confidential") && !stream.text.includes("is secret"), "no contents");
  stream.close();
});

test("filters are those of the log", async () => {
  const everything = await untilWatched();
  const from = Date.now();
  const filters = [
    `key=${mine.id}`,
    "owner=bob",
    "provider=loopback",
    "model=broken",
    "app=Some%20App",
    "outcome=failed",
    "status=ok",
    "status=404",
    "status=server",
    "error=MODEL_NOT",
    "stream=true",
    "min_ms=100000",
    "min_cost_micros=1",
    "dialect=openai_chat&owner=ada",
  ];
  const streams = [];
  for (const filter of filters) streams.push(await watch(`/requests/live?${filter}`));
  const sent = [
    await complete(mine.key, "fast", { "x-title": "Some App" }),
    await complete(other.key, "fast"),
    await complete(other.key, "broken"),
    await complete(mine.key, "no-such-model"),
  ].map(({ headers }) => headers["x-request-id"]);
  await eventually(() => sent.every((id) => everything.text.includes(id)), PATIENCE);
  for (const id of sent) await t.gw.row(id);
  for (const [i, filter] of filters.entries()) {
    const { body } = await t.gw.admin("GET", `/requests?${filter}&from=${from}`);
    const expected = body.requests.map(({ id }) => id).sort();
    await eventually(
      () => {
        const shown = streams[i].of("request").map(({ id }) => id);
        assert.deepEqual(shown.sort(), expected, filter);
        return true;
      },
      { ...PATIENCE, what: filter },
    );
    streams[i].close();
  }
  everything.close();
  for (const path of ["/requests/live?status=fine", "/requests/live?stream=x"]) {
    const { status, body } = await t.gw.admin("GET", path);
    assert.deepEqual([status, body.error.code], [400, "invalid_value"], path);
  }
});

test("a key sees its own requests only", async () => {
  const everything = await untilWatched();
  const own = await watch("/v1/requests/live", { token: mine.key });
  const prying = await watch(`/v1/requests/live?key=${other.id}`, { token: mine.key });
  const figures = await watch("/v1/stats/live", { token: mine.key });
  const before = figures.of("second").length;
  const mineId = (await complete(mine.key, "fast")).headers["x-request-id"];
  const otherId = (await complete(other.key, "fast")).headers["x-request-id"];
  await eventually(() => [mineId, otherId].every((id) => everything.text.includes(id)), PATIENCE);
  await eventually(() => own.text.includes(mineId), PATIENCE);
  await eventually(() => figures.of("second").length > before + 2, PATIENCE);
  assert.deepEqual(
    own.of("request").map(({ key_id }) => key_id),
    [mine.id],
  );
  assert.deepEqual(prying.of("request"), []);
  assert.equal(
    figures.of("second").reduce((sum, second) => sum + second.figures.requests, 0),
    1,
  );
  for (const path of ["/requests/live", "/stats/live"])
    assert.equal((await t.gw.call(path, { headers: bearer(mine.key) })).status, 401, path);
  assert.equal((await t.gw.call("/v1/requests/live")).status, 401);
  for (const stream of [everything, own, prying, figures]) stream.close();
});

test("figures come every second, with zeros where nothing happens", async () => {
  const everything = await untilWatched();
  const all = await watch("/stats/live");
  const filtered = await watch("/stats/live?model=broken,absent&status=server");
  await eventually(() => all.of("second").length >= 2, PATIENCE);
  for (let i = 0; i < 4; i++) await complete(mine.key, "fast");
  await complete(mine.key, "broken");
  const sum = (stream, field) => stream.of("second").reduce((total, { figures }) => total + figures[field], 0);
  await eventually(() => sum(all, "requests") >= 5 && sum(filtered, "requests") >= 1, PATIENCE);
  assert.deepEqual([sum(all, "requests"), sum(all, "errors"), sum(all, "cost_micros")], [5, 1, 560]);
  assert.deepEqual([sum(filtered, "requests"), sum(filtered, "server_errors")], [1, 1]);
  const seconds = all.of("second");
  assert.ok(seconds.some(({ figures }) => figures.requests === 0 && figures.duration_ms.p50 === null));
  assert.ok(seconds.some(({ figures }) => figures.duration_ms.p50 > 0));
  assert.ok(seconds.every(({ at }, i) => i === 0 || at >= seconds[i - 1].at + 900));
  for (const stream of [everything, all, filtered]) stream.close();
});

test("a stream outlives the object that feeds it", async () => {
  const stream = await untilWatched();
  await t.gw.call("/__reset");
  await eventually(
    async () => {
      const id = (await complete(mine.key, "fast")).headers["x-request-id"];
      return eventually(() => stream.text.includes(id), { within: 3_000 });
    },
    { ...PATIENCE, what: "a request after the object was restarted" },
  );
  stream.close();
});

test("when the last watcher has left, nothing is told any more", async () => {
  const stream = await untilWatched();
  stream.close();
  await eventually(
    async () => {
      await counted();
      for (let i = 0; i < 3; i++) await complete(mine.key, "fast");
      await new Promise((resolve) => setTimeout(resolve, 600));
      return (await counted()).request["object calls: LIVE"] === undefined;
    },
    { within: 50_000, what: "silence" },
  );
});

test("only so many watch at once", async () => {
  const streams = [];
  let refused;
  while (streams.length <= 100 && !refused) {
    const stream = new Stream("/stats/live", t.gw.adminToken);
    await eventually(() => stream.reply, PATIENCE);
    if (stream.reply.status === 429) refused = stream;
    else streams.push(stream);
  }
  await eventually(() => refused.text.includes("too_many_watchers"), PATIENCE);
  assert.equal(refused.reply.headers["retry-after"], "10");
  for (const stream of streams) stream.close();
  const again = await eventually(async () => {
    const stream = new Stream("/stats/live", t.gw.adminToken);
    await eventually(() => stream.reply, PATIENCE);
    return stream.reply.status === 200 && stream;
  }, PATIENCE);
  again.close();
});

test("a request is shown with all that is known of it", async () => {
  const archived = await t.gw.createKey({ name: "archived", store: "full" });
  t.up.on("told", answersWith(completion("told", "In Rome.")));
  await t.gw.createModel({ provider_id: t.provider.id, model_name: "told" });
  const answer = await t.gw.complete(archived.key, ask("told"));
  const id = answer.headers["x-request-id"];
  await t.gw.row(id);
  const detail = await eventually(async () => {
    const { body } = await t.gw.admin("GET", `/requests/${id}`);
    return body.messages?.length === 2 && body;
  }, PATIENCE);
  assert.deepEqual(
    detail.messages.map(({ role, content }) => [role, content]),
    [
      ["user", "a confidential question"],
      ["assistant", "In Rome."],
    ],
  );
  const [only, ...rest] = detail.attempts;
  assert.deepEqual([only.provider, only.model, only.status, rest.length], ["loopback", "told", 200, 0]);
  assert.equal(only.started_ms + only.duration_ms, detail.duration_ms);
  assert.equal(answer.headers["x-nexus-overhead-ms"], String(detail.overhead_ms));
  const failed = await complete(mine.key, "broken");
  await t.gw.row(failed.headers["x-request-id"]);
  const { body } = await t.gw.admin("GET", `/requests/${failed.headers["x-request-id"]}`);
  assert.deepEqual([body.attempts[0].status, typeof body.attempts[0].error_class], [500, "string"]);
  assert.deepEqual(body.messages, []);
});
