// Statistics over time: sums and percentiles by series, in windows of any time zone, from rows that the cron adds up; and that
// an API key sees its own requests only.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { countingEntry } from "../../bench/counting.mjs";
import { suite, test } from "../support/suite.mjs";
import { completion, delay, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let mine;
let other;

const t = suite({
  // Counts what each answer uses of the database.
  entry: countingEntry(fileURLToPath(new URL("../../", import.meta.url))),
  setUp: async () => {
    await t.model("fast", (x) => x.reply(200, completion("fast", "ok", { reported: usage(100, 20) })));
    await t.model("slow", async (x) => {
      await delay(150);
      x.reply(200, completion("slow", "ok", { reported: usage(10, 5) }));
    });
    await t.model("broken", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    await t.gw.admin("PUT", "/prices/model:fast", { input: 1, output: 2 });

    mine = await t.gw.createKey({ name: "mine", owner: "ada" });
    other = await t.gw.createKey({ name: "other", owner: "bob" });
    const sent = [];
    for (let i = 0; i < 12; i++)
      sent.push(await t.gw.complete(mine.key, ask("fast"), { headers: { "x-title": "My App" } }));
    for (let i = 0; i < 4; i++) sent.push(await t.gw.complete(other.key, ask("slow")));
    for (let i = 0; i < 2; i++) sent.push(await t.gw.complete(other.key, ask("broken")));
    sent.push(await t.gw.complete(mine.key, ask("no-such-model")));
    for (const answer of sent) await t.gw.row(answer.headers["x-request-id"]);
  },
});

const stats = async (path, options) => {
  const { status, body, text } = await t.gw.admin("GET", `/stats/${path}`, undefined, options);
  assert.equal(status, 200, text);
  return body;
};
const ask = (model, rest) => ({ model, messages: [{ role: "user", content: `q ${Math.random()}` }], ...rest });
const asMe = (key, path) => t.gw.call(`/v1/stats/${path}`, { headers: bearer(key) });

test("the overview adds up everything", async () => {
  const { figures, before: earlier, window } = await stats("overview?range=1h");
  assert.equal(figures.requests, 19);
  assert.deepEqual([figures.errors, figures.server_errors, figures.client_errors, figures.cancelled], [3, 2, 1, 0]);
  assert.deepEqual([figures.prompt_tokens, figures.completion_tokens], [1_240, 260]);
  assert.deepEqual([window.bucket, window.tz], ["minute", "UTC"]);
  assert.ok(window.to - window.from >= HOUR && window.from % MINUTE === 0);
  assert.equal(earlier.requests, 0);
  assert.equal(figures.unpriced_requests, 4);
  assert.ok(figures.duration_ms.p50 > 0 && figures.duration_ms.p99 >= 150, JSON.stringify(figures.duration_ms));
  const [{ cost }] = await t.gw.db("SELECT SUM(cost_micros) AS cost FROM request_log");
  assert.equal(figures.cost_micros, cost);
});

test("groups are ranked, by every dimension", async () => {
  const models = await stats("by/model?range=1h");
  const told = models.groups.map(({ name, share, figures }) => [name, figures.requests, Math.round(share * 19)]);
  assert.deepEqual(told, [
    ["fast", 12, 12],
    ["slow", 4, 4],
    ["broken", 2, 2],
    ["", 1, 1],
  ]);
  assert.ok(models.groups[1].figures.duration_ms.p50 >= 148);
  const sums = {};
  for (const dimension of [
    "provider",
    "logical_model",
    "key",
    "owner",
    "app",
    "dialect",
    "stream",
    "status",
    "error",
  ]) {
    const { groups, total } = await stats(`by/${dimension}?range=24h&limit=200`);
    assert.equal(total.requests, 19, dimension);
    sums[dimension] = Object.fromEntries(groups.map(({ name, figures }) => [name, figures.requests]));
    assert.equal(
      groups.reduce((sum, { figures }) => sum + figures.requests, 0),
      19,
      dimension,
    );
  }
  assert.deepEqual(sums.owner, { ada: 13, bob: 6 });
  assert.deepEqual(sums.app["My App"], 12);
  assert.deepEqual(sums.status, { ok: 16, server: 2, client: 1 });
  assert.deepEqual(sums.dialect, { openai_chat: 19 });
  assert.deepEqual(sums.stream, { false: 19 });
  assert.equal(sums.error.model_not_found, 1);
  assert.equal(sums.key[mine.id], 13);
  const limited = await stats("by/model?range=1h&limit=1&owner=ada,bob");
  assert.deepEqual([limited.groups.length, limited.others.requests], [1, 7]);
  const filtered = await stats("by/key?range=1h&model=slow&status=ok");
  assert.deepEqual([filtered.groups.length, filtered.total.requests, filtered.groups[0].name], [1, 4, other.id]);
});

test("figures over time have no gaps", async () => {
  const series = await stats("timeseries?range=1h&group_by=model&limit=2");
  assert.ok(
    series.buckets.length >= 60 && series.buckets.every((at, i) => i === 0 || at === series.buckets[i - 1] + MINUTE),
  );
  assert.deepEqual(
    series.lines.map(({ name }) => name),
    ["fast", "slow", null],
  );
  const total = (line, field) => line[field].reduce((sum, value) => sum + value, 0);
  assert.deepEqual(
    series.lines.map((line) => total(line, "requests")),
    [12, 4, 3],
  );
  assert.equal(total(series.lines[0], "prompt_tokens"), 1_200);
  assert.ok(series.lines.every((line) => line.requests.length === series.buckets.length));
  const [whole] = (await stats("timeseries?range=24h")).lines;
  assert.equal(total(whole, "requests"), 19);
  assert.equal(total(whole, "errors"), 3);
  assert.equal(whole.duration_p95_ms.filter((value) => value !== null).length >= 1, true);
});

test("latency is a heat map of time and duration", async () => {
  const map = await stats("latency?range=1h");
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  assert.deepEqual([map.measure, map.total_values, sum(map.counts.flat()), sum(map.values)], ["duration", 16, 16, 16]);
  assert.equal(map.buckets.length, map.counts.length);
  assert.ok(map.counts.every((column) => column.length === map.bounds_ms.length - 1));
  // The four slow answers are in rows that end above 150 ms.
  const slow = await stats("latency?range=1h&model=slow");
  assert.equal(slow.total_values, 4);
  assert.ok(slow.bounds_ms[1] >= 150 && slow.total_ms.p50 >= 148, JSON.stringify(slow.bounds_ms));
  const busy = slow.values.findIndex((count) => count > 0);
  assert.ok(slow.p50_ms[busy] >= 148 && slow.p99_ms[busy] >= slow.p90_ms[busy]);
  assert.equal(slow.p50_ms[slow.values.indexOf(0)], null);
  const first = await stats("latency?range=1h&measure=first_byte&bucket=hour");
  assert.deepEqual([first.measure, first.total_values], ["first_byte", 16]);
});

test("providers are ranked by how well and how fast they answer", async () => {
  const ranking = await stats("providers/ranking?range=1h");
  assert.equal(ranking.total_requests, 18);
  const [one, ...rest] = ranking.providers;
  assert.deepEqual([one.name, one.rank, one.share, rest.length], ["loopback", 1, 1, 0]);
  assert.ok(Math.abs(one.success_rate - 16 / 18) < 1e-9, JSON.stringify(one));
  assert.ok(one.score > 30 && one.score < 100, `${one.score}`);
  assert.ok(["closed", "open", "half_open"].includes(one.circuit.state), JSON.stringify(one.circuit));
  assert.equal(one.trend.length, ranking.trend_from.length);
  assert.ok(one.trend.some((rate) => rate !== null));
  assert.deepEqual([one.figures.prompt_tokens, one.before.requests, one.before.success_rate], [1_240, 0, null]);
  assert.ok(one.figures.cost_micros > 0 && ranking.formula.includes("Wilson"));
});

test("whatever is asked costs at most five statements in at most three calls, and few rows", async () => {
  const counted = async (path) => {
    // The first may compare the version of the configuration, which happens every few seconds.
    await stats(path);
    await t.gw.call("/__counted");
    await stats(path);
    return (await t.gw.call("/__counted")).json().counts.request;
  };
  const [{ series }] = await t.gw.db("SELECT COUNT(*) AS series FROM stat_series");
  const [{ rows }] = await t.gw.db("SELECT COUNT(*) AS rows FROM stat_rows");
  for (const [path, statements, trips] of [
    ["overview?range=1h", 5, 2],
    ["by/model?range=24h", 5, 2],
    ["timeseries?range=1h&group_by=model", 4, 3],
    ["latency?range=24h", 2, 2],
    ["providers/ranking?range=24h", 5, 2],
  ]) {
    const used = await counted(path);
    assert.deepEqual([used["D1 reads"], used["D1 trips"], used["D1 writes"]], [statements, trips, undefined], path);
    // Each statement reads a row and its series at most once; grouping reads them once more.
    const most = statements * 4 * (rows + series) + 3;
    assert.ok(used["D1 rows read"] <= most, `${path}: ${used["D1 rows read"]} rows of ${rows} and ${series} series`);
  }
});

test("an API key sees its own requests only", async () => {
  for (const path of [
    "overview?range=1h",
    "latency?range=1h",
    `overview?range=1h&key=${other.id}`,
    "by/model?range=1h",
    "timeseries?range=1h",
  ]) {
    const answer = await asMe(mine.key, path);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!answer.text.includes(other.id) && !answer.text.includes("slow"), answer.text);
  }
  const { figures } = (await asMe(mine.key, `overview?range=1h&key=${other.id}`)).json();
  assert.equal(figures.requests, 13);
  assert.equal((await asMe("sk-nx-aaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbb", "overview")).status, 401);
  assert.equal((await t.gw.call("/stats/overview", { headers: bearer(mine.key) })).status, 401);
});

test("the request log is searched by everything that it knows", async () => {
  const search = async (query) => {
    const { status, body, text } = await t.gw.admin("GET", `/requests?${query}`);
    assert.equal(status, 200, text);
    return body;
  };
  const count = async (query) => (await search(query)).requests.length;
  assert.equal(await count(""), 19);
  const counts = {
    [`key=${mine.id}`]: 13,
    "owner=bob": 6,
    "provider=loopback": 18,
    "model=slow": 4,
    "app=My%20App": 12,
    "dialect=openai_chat": 19,
    "outcome=failed": 2,
    "status=ok": 16,
    "status=404": 1,
    "status=server": 2,
    "status=limited": 0,
    "error=MODEL_NOT": 1,
    "stream=true": 0,
    "min_ms=140&owner=bob&status=ok": 4,
    "min_cost_micros=1": 12,
    [`to=${Date.now() - HOUR}`]: 0,
    [`from=${Date.now() - HOUR}&model=fast`]: 12,
    "owner=%27%20OR%201%3D1%20--": 0,
  };
  for (const [query, expected] of Object.entries(counts)) assert.equal(await count(query), expected, query);
  const first = await search("limit=7&owner=ada");
  const second = await search(`limit=7&owner=ada&cursor=${first.next_cursor}`);
  assert.deepEqual([first.requests.length, second.requests.length, second.next_cursor], [7, 6, null]);
  const ids = [...first.requests, ...second.requests].map(({ id }) => id);
  assert.deepEqual(ids, [...new Set(ids)].sort().reverse());
  for (const id of [ids[0], first.requests[0].request_id]) {
    const one = await t.gw.admin("GET", `/requests/${id}`);
    assert.deepEqual([one.status, one.body.id, one.body.owner], [200, ids[0], "ada"], one.text);
  }
  const named = await t.gw.complete(mine.key, ask("fast"), { headers: { "x-request-id": "req_chosen-by-the-caller" } });
  assert.equal(named.status, 200);
  await t.gw.row("req_chosen-by-the-caller");
  assert.equal((await t.gw.admin("GET", "/requests/req_chosen-by-the-caller")).body.model, "fast");
  const missing = await t.gw.admin("GET", "/requests/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  assert.deepEqual([missing.status, missing.body.error.code], [404, "request_not_found"]);
  for (const [query, param] of Object.entries({
    "status=fine": "status",
    "cursor=a%20b": "cursor",
    "from=x": "from",
  })) {
    const { status, body } = await t.gw.admin("GET", `/requests?${query}`);
    assert.deepEqual([status, body.error.param], [400, param]);
  }
});

test("attempts say when they began", async () => {
  t.up.on("flaky", (x) =>
    t.up.seen("flaky").length === 1 ? x.reply(503, {}) : x.reply(200, completion("flaky", "ok")),
  );
  const second = await t.gw.createProvider({
    name: "second",
    server_url: `${t.up.url}/v1`,
    server_key: "k-of-the-second-one",
  });
  for (const provider_id of [t.provider.id, second.id]) await t.gw.createModel({ provider_id, model_name: "flaky" });
  const answer = await t.gw.complete(other.key, ask("flaky"));
  assert.equal(answer.status, 200, answer.text);
  await t.gw.row(answer.headers["x-request-id"]);
  const { body } = await t.gw.admin("GET", `/requests/${answer.headers["x-request-id"]}`);
  const [failed, succeeded] = body.attempts;
  assert.deepEqual([body.attempts.length, failed.status], [2, 503]);
  assert.ok(failed.started_ms >= 0 && failed.started_ms + failed.duration_ms <= succeeded.started_ms);
  assert.ok(succeeded.started_ms + succeeded.duration_ms <= body.duration_ms + 1, JSON.stringify(body));
  // What is neither the one nor the other was spent in the gateway, and the answer says so.
  assert.ok(body.overhead_ms >= 0 && body.overhead_ms <= body.duration_ms, JSON.stringify(body));
  assert.equal(answer.headers["x-nexus-overhead-ms"], String(body.overhead_ms));
});

test("a request that queued in front of its provider says for how long", async () => {
  const narrow = await t.gw.createProvider({
    name: "narrow",
    server_url: `${t.up.url}/v1`,
    server_key: "k-of-the-narrow-one",
    max_in_flight: 1,
  });
  t.up.on("queued", async (x) => {
    await delay(300);
    x.reply(200, completion("queued", "ok"));
  });
  await t.gw.createModel({ provider_id: narrow.id, model_name: "queued" });
  const answers = await Promise.all([1, 2].map(() => t.gw.complete(other.key, ask("queued"))));
  const details = [];
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text);
    await t.gw.row(answer.headers["x-request-id"]);
    details.push((await t.gw.admin("GET", `/requests/${answer.headers["x-request-id"]}`)).body);
  }
  const [first, second] = details.sort((a, b) => a.duration_ms - b.duration_ms);
  assert.equal(first.attempts[0].queued_ms, undefined, JSON.stringify(first.attempts));
  const [attempt] = second.attempts;
  assert.ok(attempt.queued_ms > 0 && attempt.queued_ms <= attempt.started_ms, JSON.stringify(attempt));
  assert.ok(second.overhead_ms >= attempt.queued_ms, JSON.stringify(second));
});

test("a browser of another origin may read the headers of an answer", async () => {
  const answer = await t.gw.complete(mine.key, ask("fast"), { headers: { origin: "https://chat.example.com" } });
  assert.equal(answer.headers["access-control-expose-headers"], "*");
  for (const name of ["x-nexus-cost", "x-nexus-price-source", "x-nexus-overhead-ms"])
    assert.match(answer.headers[name] ?? "", /^\w+$/, name);
});

test("what makes no sense is refused by name", async () => {
  const wrong = {
    "overview?range=2y": "range",
    "overview?from=5&to=4": "from",
    "overview?from=x": "from",
    "overview?tz=Mars/Olympus": "tz",
    "timeseries?bucket=week": "bucket",
    "timeseries?group_by=colour": "group_by",
    "by/colour": "dimension",
    "by/model?limit=0": "limit",
    "latency?measure=speed": "measure",
    "providers/ranking?range=2y": "range",
  };
  for (const [path, param] of Object.entries(wrong)) {
    const { status, body } = await t.gw.admin("GET", `/stats/${path}`);
    assert.deepEqual([status, body.error.code, body.error.param], [400, "invalid_value", param], path);
  }
});

test("rows are added up to coarser ones, and any window of any zone still says the same", async () => {
  // Requests of the last months, as events that come late: one every two hours for 40 days.
  const now = Date.now();
  const begin = Math.floor(now / DAY) * DAY - 40 * DAY;
  const events = [];
  for (let hour = 0; hour < 40 * 24; hour += 2)
    events.push({
      id: `01OLD${String(hour).padStart(21, "0")}`,
      ts: begin + hour * HOUR + 90_000,
      request_id: `old-${hour}`,
      key_id: "old-key",
      provider_id: null,
      provider_name: "old",
      model: "old",
      upstream_model: "old",
      stream: false,
      status: 200,
      outcome: "completed",
      error_code: null,
      finish_reason: "stop",
      prompt: 1,
      completion: 1,
      cached: 0,
      cache_written: 0,
      cache_written_1h: 0,
      reasoning: 0,
      usage_source: "reported",
      first_byte_ms: 10,
      duration_ms: 1_000 + hour,
      conversation_id: "old",
      cost_micros: 3,
      price_source: "list",
    });
  const enqueue = async (from, to) => {
    for (let i = from; i < to; i += 60) await t.gw.enqueue(JSON.stringify(events.slice(i, Math.min(i + 60, to))));
  };
  const counted = async () => (await stats("overview?range=90d&provider=old")).figures.requests;
  await enqueue(0, events.length - 48);
  await eventually(async () => (await counted()) === events.length - 48, { within: 30_000 });
  const progress = async () =>
    Object.fromEntries((await t.gw.db("SELECT * FROM stat_progress")).map((row) => [row.grain, row.until]));
  await eventually(
    async () => {
      await t.gw.scheduled();
      return (await progress()).d >= begin + 30 * DAY;
    },
    { within: 60_000, what: "days that are added up" },
  );
  assert.equal(await counted(), events.length - 48);
  // These come when their hours and days are added up already; some of them twice.
  await enqueue(events.length - 48, events.length);
  await enqueue(0, 120);
  await eventually(async () => (await counted()) === events.length, { within: 30_000 });
  for (let i = 0; i < 5; i++) await t.gw.scheduled();
  const expected = (from, to) => events.filter(({ ts }) => ts >= from && ts < to);
  for (const tz of ["UTC", "Europe/Berlin", "Asia/Kathmandu", "-03:00"]) {
    const { buckets, lines, window } = await stats(
      `timeseries?range=30d&bucket=day&provider=old&tz=${encodeURIComponent(tz)}`,
    );
    assert.equal(window.bucket, "day", tz);
    // Quarters of an hour are kept for 15 days: days of Kathmandu before that are approximate.
    const exactFrom = tz === "Asia/Kathmandu" ? Infinity : 0;
    for (const [i, from] of buckets.entries()) {
      if (from < exactFrom) continue;
      const of = expected(from, buckets[i + 1] ?? window.to);
      assert.equal(lines[0].requests[i], of.length, `${tz} ${new Date(from).toISOString()}`);
      assert.equal(lines[0].cost_micros[i], 3 * of.length);
      if (of.length === 0) continue;
      const median = of.map(({ duration_ms }) => duration_ms).sort((a, b) => a - b)[Math.ceil(of.length / 2) - 1];
      assert.ok(
        Math.abs(lines[0].duration_p50_ms[i] - median) <= 0.012 * median + 1,
        `${lines[0].duration_p50_ms[i]} for ${median}`,
      );
    }
    const format = new Intl.DateTimeFormat("en-GB", {
      timeZone: tz,
      hour: "2-digit",
      minute: "2-digit",
      hour12: false,
    });
    if (exactFrom === 0)
      assert.ok(
        buckets.every((at) => /^(00|24):00$/.test(format.format(at))),
        tz,
      );
  }
  const totals = (await t.gw.admin("GET", "/stats/total")).body;
  assert.equal(totals.total_rounds, 21 + events.length);
});

test("minutes whose retention has ended are deleted, and nothing else changes", async () => {
  const before = (await stats("overview?range=90d&provider=old")).figures.requests;
  const minutes = async () =>
    (await t.gw.db("SELECT COUNT(*) AS n, MIN(start) AS first FROM stat_rows WHERE grain = 'm'"))[0];
  await eventually(
    async () => {
      await t.gw.scheduled();
      return (await minutes()).first >= Date.now() - 2 * DAY - HOUR;
    },
    { within: 60_000, what: "old minutes to be deleted" },
  );
  assert.equal((await stats("overview?range=90d&provider=old")).figures.requests, before);
  const [{ oldest }] = await t.gw.db("SELECT MIN(ts) AS oldest FROM request_log");
  assert.ok(oldest > 0);
});

test("bytes of bodies are counted as they were received and sent, however an answer goes", async () => {
  const payer = await t.gw.createKey({ name: "bytes", owner: "eve" });
  const piped = await t.gw.createProvider({
    name: "piped",
    server_url: `${t.up.url}/v1`,
    server_key: "k-of-the-piped-one",
    quirks: ["discreet_streams"],
  });
  const words = Array.from({ length: 300 }, (_, i) => `Wörter ${i} `);
  const streams = async (x) => {
    x.sse();
    for (const one of streamEvents("m", words)) await x.write(one);
    x.end();
  };
  await t.model("bytes-whole", (x) => x.reply(200, completion("bytes-whole", "Grüezi".repeat(50))));
  await t.model("bytes-carried", streams);
  await t.model("bytes-piped", streams, { provider_id: piped.id });
  await t.model("bytes-refused", (x) =>
    x.reply(400, { error: { message: "Ünfug", type: "invalid_request_error", param: null, code: "nonsense" } }),
  );
  await t.model("bytes-vectors", (x) => x.reply(200, { object: "list", model: "v", data: [{ embedding: [0.5] }] }));
  await t.model("bytes-spoken", (x) => x.reply(200, Buffer.alloc(70_000, 7), { "content-type": "audio/mpeg" }));
  await t.model("bytes-heard", (x) => x.reply(200, { text: "Grüezi" }));

  const streamed = { stream: true, stream_options: { include_usage: true } };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const chat = (model, rest) => ["/v1/chat/completions", json(ask(model, rest))];
  const field = (name, value) => `--B\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const upload = Buffer.from(`${field("model", "bytes-heard")}${field("file", "x".repeat(200_000))}--B--\r\n`);
  const again = chat("bytes-whole");
  const cases = {
    whole: chat("bytes-whole"),
    "carried stream": chat("bytes-carried", streamed),
    "carried stream without usage": chat("bytes-carried", { stream: true }),
    "piped stream": chat("bytes-piped", streamed),
    "translated stream": ["/v1/messages", json({ ...ask("bytes-carried"), max_tokens: 900, stream: true })],
    "translated whole": ["/v1/messages", json({ ...ask("bytes-whole"), max_tokens: 900 })],
    "to be cached": [...again, { "x-nexus-cache": "60" }],
    cached: [...again, { "x-nexus-cache": "60" }],
    refused: chat("bytes-refused"),
    forwarded: ["/v1/embeddings", json({ model: "bytes-vectors", input: "a" })],
    "forwarded, streamed": ["/v1/audio/speech", json({ model: "bytes-spoken", voice: "alloy", input: "Grüezi" })],
    uploaded: ["/v1/audio/transcriptions", upload, { "content-type": "multipart/form-data; boundary=B" }],
  };
  const sums = [0, 0];
  for (const [name, [target, body, headers]] of Object.entries(cases)) {
    const answer = await t.gw.call(target, {
      method: "POST",
      headers: { ...bearer(payer.key), "content-type": "application/json", ...headers },
      body,
    });
    assert.equal(answer.status, name === "refused" ? 400 : 200, `${name}: ${answer.text.slice(0, 300)}`);
    if (name === "cached") assert.equal(answer.headers["x-nexus-cache"], "hit");
    const row = await t.gw.row(answer.headers["x-request-id"]);
    assert.deepEqual([row.request_bytes, row.answer_bytes], [body.length, answer.bytes.length], name);
    sums[0] += body.length;
    sums[1] += answer.bytes.length;
    const detail = (await t.gw.admin("GET", `/requests/${row.id}`)).body;
    assert.deepEqual([detail.request_bytes, detail.answer_bytes], [row.request_bytes, row.answer_bytes], name);
    // The answer is stored after it was sent.
    if (name === "to be cached") await delay(1_000);
  }
  // An error of the gateway itself has a request and no answer.
  const unknown = json(ask("no-such-model"));
  const error = await t.gw.complete(payer.key, unknown);
  const row = await t.gw.row(error.headers["x-request-id"]);
  assert.deepEqual([error.status, row.request_bytes, row.answer_bytes], [404, unknown.length, 0]);
  sums[0] += unknown.length;

  const { figures } = await stats("overview?range=1h&owner=eve");
  assert.deepEqual([figures.requests, figures.request_bytes, figures.answer_bytes], [13, ...sums]);
  const { figures: own } = (await asMe(payer.key, "overview?range=1h")).json();
  assert.deepEqual([own.request_bytes, own.answer_bytes], sums);
});
