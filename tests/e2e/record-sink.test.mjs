// RECORD_SINK = r2: the rows of requests go straight to R2. They are found as in the database, sums stay exact whatever the
// queue does, and what else reads the log (accounts of credits, misused keys, active sessions) still knows.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { test } from "../support/suite.mjs";
import { ulid } from "../support/ulid.mjs";
import { completion, delay, startUpstream, usage } from "../support/upstream.mjs";
import { bearer, eventually, prng } from "../support/util.mjs";

const HOUR = 3_600_000;

function gateway(name, options, tests) {
  describe(name, () => {
    const t = {};
    before(
      async () => {
        t.gw = await startGateway({ ...options, vars: { RECORD_SINK: "r2", ...options.vars } });
        t.up = await startUpstream();
        const { id } = await t.gw.createProvider({ name: "loopback", server_url: `${t.up.url}/v1` });
        const model = await t.gw.createModel({ provider_id: id, model_name: "m" });
        await t.gw.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
        t.up.on("m", (x) => x.reply(200, completion("m", "ok", { reported: usage(10, 5) })));
        t.key = (await t.gw.createKey({ owner: "ada" })).key;
      },
      { timeout: 120_000 },
    );
    after(async () => {
      await t.gw?.stop();
      await t.up?.stop();
    });
    tests(t);
  });
}

const question = (i) => ({ model: "m", messages: [{ role: "user", content: `q${i}` }], max_tokens: 100 });
const askAll = (t, count) =>
  Promise.all(Array.from({ length: count }, (_, i) => t.gw.complete(t.key, question(i)))).then((answers) => {
    for (const { status, text } of answers) assert.equal(status, 200, text);
    return answers.map(({ headers }) => headers["x-request-id"]);
  });
const totalsOf = async (t) => (await t.gw.admin("GET", "/stats/total")).body;
const count = async (t, from, ...params) => (await t.gw.db(`SELECT COUNT(*) AS n FROM ${from}`, ...params))[0].n;

async function all(t, query = "", limit = 500) {
  const found = [];
  let cursor = "";
  for (let pages = 0; pages < 300; pages++) {
    const page = await t.gw.admin("GET", `/requests?${query}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
    assert.equal(page.status, 200, page.text);
    found.push(...page.body.requests);
    if (page.body.next_cursor === null) return found;
    cursor = page.body.next_cursor;
  }
  throw new Error("there is no end");
}

/** Each of these requests is counted and found once, and nothing else is. */
async function exact(t, ids) {
  const n = ids.length;
  await eventually(async () => (await totalsOf(t)).total_rounds >= n, { within: 40_000, what: `${n} rounds` });
  const totals = await totalsOf(t);
  assert.equal(totals.total_rounds, n);
  assert.deepEqual(totals.tokens_usage, { prompt: 10 * n, completion: 5 * n, total: 15 * n });
  const found = (await all(t)).map(({ request_id: id }) => id);
  assert.deepEqual(found.toSorted(), ids.toSorted());
  assert.equal(await count(t, "request_log"), 0);
  const { figures } = (await t.gw.admin("GET", "/stats/overview?range=24h")).body;
  assert.equal(figures.requests, n);
  const [{ sum }] = await t.gw.db("SELECT SUM(rows) AS sum FROM packs WHERE replaced = 0");
  assert.equal(sum, n);
}

const eventOf = (id, ts, rest = {}) => ({
  id,
  ts,
  request_id: `req_${id}`,
  key_id: "k",
  provider_id: null,
  provider_name: "openai",
  model: "m",
  upstream_model: "m",
  stream: false,
  status: 200,
  outcome: "completed",
  error_code: null,
  finish_reason: "stop",
  prompt: 10,
  completion: 5,
  cached: 0,
  cache_written: 0,
  cache_written_1h: 0,
  reasoning: 0,
  usage_source: "reported",
  first_byte_ms: 10,
  duration_ms: 20,
  conversation_id: "c",
  cost_micros: 3,
  price_source: "list",
  ...rest,
});

gateway("a queue that delivers everything three times", { queue: "duplicate" }, (t) => {
  const ids = [];

  test("rows are in R2 and nothing is counted twice", async () => {
    ids.push(...(await askAll(t, 30)));
    await exact(t, ids);
    // The third copies come two seconds later.
    await delay(3_500);
    ids.push(...(await askAll(t, 1)));
    await exact(t, ids);
    const names = (await (await t.gw.r2()).list({ prefix: "packs/requests/" })).objects.map(({ key }) => key);
    assert.ok(names.some((name) => name.endsWith(".ndjson.gz")));
    assert.equal((await totalsOf(t)).active_sessions, 30);
    const listed = (await t.gw.admin("GET", "/conversations?limit=20")).body;
    const more = await t.gw.admin("GET", `/conversations?limit=20&cursor=${encodeURIComponent(listed.next_cursor)}`);
    const named = [...listed.conversations, ...more.body.conversations].map(({ conversation_id: id }) => id);
    assert.deepEqual(
      [named.length, new Set(named).size],
      [30, 30],
      "of all keys, each once; one question was asked twice",
    );
  });

  test("what goes on is forgotten after an hour, and nothing of it is in a backup's way", async () => {
    const batches = await count(t, "active_conversations");
    assert.ok(batches > 0 && batches <= ids.length, `${batches} rows of ${ids.length} requests`);
    const [{ id }] = await t.gw.db("SELECT id FROM active_conversations ORDER BY id LIMIT 1");
    const old = (minutes) => ulid(Date.now() - minutes * 60_000, 0).slice(0, 10) + id.slice(10);
    await t.gw.db("DELETE FROM active_conversations WHERE id <> ?", id);
    await t.gw.db("UPDATE active_conversations SET id = ?", old(29));
    const active = (await totalsOf(t)).active_sessions;
    assert.ok(active > 0 && active <= 30);
    await t.gw.db("UPDATE active_conversations SET id = ?", old(31));
    assert.equal((await totalsOf(t)).active_sessions, 0);
    await t.gw.scheduled();
    assert.equal(await count(t, "active_conversations"), 1);
    await t.gw.db("UPDATE active_conversations SET id = ?", old(61));
    await t.gw.scheduled();
    assert.equal(await count(t, "active_conversations"), 0);
  });

  test("messages in any grouping and order change nothing", async () => {
    const random = prng(17);
    const begin = Date.now() - 3 * HOUR;
    const messages = Array.from({ length: 40 }, (_, m) =>
      Array.from({ length: 1 + (m % 7) }, (_, e) => {
        const ts = begin + m * 1_000 + e;
        return eventOf(ulid(ts, m * 100 + e), ts);
      }),
    );
    const deliveries = [...messages, ...messages, ...messages.slice(0, 20)]
      .map((message) => ({ message, order: random() }))
      .sort((a, b) => a.order - b.order);
    for (const { message } of deliveries) {
      await t.gw.enqueue(JSON.stringify(message));
      if (random() < 0.2) await delay(80);
    }
    ids.push(...messages.flat().map(({ request_id: id }) => id));
    await exact(t, ids);
  });

  test("the cron merges small packs, and every row is found as before", async () => {
    const before = await all(t);
    const packs = await count(t, "packs WHERE replaced = 0");
    assert.ok(packs > 3, `${packs} packs`);
    const hour = Math.floor((Date.now() - 3 * HOUR) / HOUR) * HOUR;
    await eventually(
      async () => {
        await t.gw.scheduled();
        return (await count(t, "packs WHERE hour <= ?", hour + 60_000)) <= 2;
      },
      { within: 40_000, what: "one pack an hour" },
    );
    assert.ok((await count(t, "packs WHERE replaced = 0")) < packs);
    assert.deepEqual(await all(t), before);
    assert.deepEqual(await all(t, "", 17), before);
    await t.gw.scheduled();
    // What was replaced is gone from R2 as well: a pack and a manifest for each row of the index.
    const { objects } = await (await t.gw.r2()).list({ prefix: "packs/requests/" });
    assert.equal(objects.length, 2 * (await count(t, "packs")));
    await exact(t, ids);
  });

  test("single rows and filters", async () => {
    const [row] = await all(t, "owner=ada&limit=1");
    const found = await t.gw.admin("GET", `/requests/${row.id}`);
    assert.deepEqual([found.status, found.body.request_id, found.body.cost_micros], [200, row.request_id, 20]);
    const chosen = await t.gw.complete(t.key, question("named"), { headers: { "x-request-id": "my-own-id" } });
    assert.equal(chosen.status, 200);
    ids.push("my-own-id");
    await exact(t, ids);
    assert.equal((await t.gw.admin("GET", "/requests/my-own-id")).body.request_id, "my-own-id");
    assert.equal((await all(t, "request_id=my-own-id")).length, 1);
    assert.equal((await all(t, "model=m&outcome=completed")).length, ids.length);
    assert.equal((await all(t, "status=server")).length, 0);
    assert.equal((await t.gw.admin("GET", "/requests/01ARZ3NDEKTSV4RRFFQ69G5FAV")).status, 404);
  });

  test("a key that is misused is disabled", async () => {
    const { id, key } = await t.gw.createKey();
    // Only minutes that began after the key was changed count.
    await t.gw.db("UPDATE api_keys SET updated_at = updated_at - 600000 WHERE id = ?", id);
    for (let i = 0; i < 25; i++) await t.gw.complete(key, { ...question(i), model: "no-such-model" });
    const disabled = await eventually(
      async () => {
        await t.gw.scheduled();
        const [row] = await t.gw.db("SELECT enabled, disabled_reason FROM api_keys WHERE id = ?", id);
        return row.enabled === 0 && row;
      },
      { within: 30_000, what: "the key to be disabled" },
    );
    assert.match(disabled.disabled_reason, /mistakes of the caller/);
    // A backup that begins before the last of them is recorded does not have it.
    await eventually(async () => (await all(t, `key=${id}`)).length === 25, {
      within: 30_000,
      what: "all requests of the key in the log",
    });
  });

  test("a restore finds rows whose packs were merged after the backup", async () => {
    const { body } = await t.gw.admin("POST", "/system/backups");
    const backup = `/system/backups/${body.id}`;
    const untilDone = (what, state) =>
      eventually(
        async () => {
          await t.gw.scheduled();
          const now = state((await t.gw.admin("GET", backup)).body);
          assert.notEqual(now, "failed");
          return now === "done";
        },
        { within: 60_000, what },
      );
    await untilDone("a backup", (made) => made.state);
    const old = Date.now() - 3 * HOUR;
    const hour = Math.floor(old / HOUR) * HOUR;
    const packOf = async () => {
      const found = await t.gw.db("SELECT id FROM packs WHERE hour = ? AND replaced = 0 ORDER BY rows DESC", hour);
      return found.map(({ id }) => id);
    };
    const [backedUp] = await packOf();
    await t.gw.enqueue(JSON.stringify([eventOf(ulid(hour + 59 * 60_000, 9), hour + 59 * 60_000)]));
    await eventually(
      async () => {
        await t.gw.scheduled();
        const listed = await (await t.gw.r2()).list({ prefix: "packs/requests/" });
        return !listed.objects.some(({ key }) => key.includes(backedUp));
      },
      { within: 40_000, what: "another pack in place of the one that is in the backup" },
    );
    const before = await all(t);
    assert.equal((await t.gw.admin("POST", `${backup}/restore`, { replace: true })).status, 202);
    await untilDone("a restore", ({ restore }) => restore.state);
    assert.deepEqual(await all(t), before);
    assert.ok(!(await packOf()).includes(backedUp));
  });
});

gateway("neither queue nor database", { queue: "absent" }, (t) => {
  test("chunks wait in R2 and are counted once", async () => {
    await t.gw.db(
      "CREATE TRIGGER refuse BEFORE INSERT ON recorded BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
    );
    const ids = await askAll(t, 12);
    const r2 = await t.gw.r2();
    const parked = async () => {
      const { objects } = await r2.list({ prefix: "parked-usage/" });
      const chunks = await Promise.all(objects.map(async ({ key }) => (await r2.get(key)).json()));
      return chunks.flat();
    };
    await eventually(async () => (await parked()).length === 12, { what: "twelve parked events" });
    await t.gw.scheduled();
    assert.equal((await parked()).length, 12);
    assert.equal((await totalsOf(t)).total_rounds, 0);
    await t.gw.db("DROP TRIGGER refuse");
    await t.gw.scheduled();
    await exact(t, ids);
    assert.equal((await parked()).length, 0);
    await t.gw.scheduled();
    await exact(t, ids);
  });
});

const CREDITS = { ENABLE_CREDIT_CHECK: "true", INITIAL_CREDITS: "1", CREDIT_RECONCILE_S: "1" };
gateway("requests that pay with credits", { vars: CREDITS }, (t) => {
  test("an account finds its requests, and what it recorded itself is not counted again", async () => {
    const ids = await askAll(t, 10);
    await exact(t, ids);
    // The account compares itself with the log: it must not record what is there.
    await delay(3_000);
    await exact(t, ids);
    const me = (await t.gw.call("/v1/credits/me", { headers: bearer(t.key) })).json();
    assert.deepEqual([me.balance, me.reserved], [1 - (10 * 20) / 1e6, 0]);
    const [{ sum }] = await t.gw.db("SELECT SUM(cost_micros) AS sum FROM recorded");
    assert.equal(sum, 200);
    // What an account made, by the id of the request, and the request's own message that comes late.
    const ts = Date.now();
    const [made, other] = [eventOf(ulid(ts, 1), ts), eventOf(ulid(ts, 2), ts)];
    await t.gw.enqueue(JSON.stringify([made]));
    await exact(t, [...ids, made.request_id]);
    await t.gw.enqueue(JSON.stringify([other, made]));
    await exact(t, [...ids, made.request_id, other.request_id]);
  });
});

gateway("a deployment that changes where rows go", { vars: { RECORD_SINK: "d1" } }, (t) => {
  test("a message that was recorded in the one is not recorded again in the other", async () => {
    const ts = Date.now();
    const events = [eventOf(ulid(ts, 1), ts), eventOf(ulid(ts, 2), ts)];
    // As if the other sink had noted it: the name of the chunk is the first id and a checksum of all.
    const { createHash } = await import("node:crypto");
    const checksum = createHash("sha256")
      .update(events.map(({ id }) => id).join(","))
      .digest("hex")
      .slice(0, 12);
    await t.gw.db("INSERT INTO recorded (id) VALUES (?)", `${events[0].id}-${checksum}`);
    await t.gw.enqueue(JSON.stringify(events));
    const answer = await t.gw.complete(t.key, question("after"));
    await t.gw.row(answer.headers["x-request-id"]);
    assert.equal((await totalsOf(t)).total_rounds, 1);
    assert.equal(await count(t, "request_log"), 1);
  });
});
