// Rows of the request log move to R2 as packs of an hour, and every question is answered as before: each filter, pages across
// the border, single rows, the list of conversations. A run that is cut off loses and doubles nothing, and damage is an error and not a gap.
import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { suite, test } from "../support/suite.mjs";
import { ulid } from "../support/ulid.mjs";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NEAR_DAYS = 30;

// One gateway for all: rows of 40 days, of which those of the first ten move.
const now = Date.now();
const border = now - NEAR_DAYS * DAY;
const rows = Array.from({ length: 1_500 }, (_, i) => {
  const ts = now - 40 * DAY + Math.floor((i * 40 * DAY) / 1_500);
  const failed = i % 7 === 3;
  return {
    id: ulid(ts, i),
    ts,
    request_id: i % 5 === 0 ? `chosen-${i}` : `req_${ulid(ts, i)}`,
    key_id: `key-${i % 3}`,
    provider_id: i % 2 === 0 ? 1 : null,
    provider_name: i % 2 === 0 ? "openai" : null,
    model: i % 4 === 0 ? 'quo"ted\\' : "m",
    upstream_model: i % 2 === 0 ? "gpt-5" : null,
    logical_model: i % 10 === 0 ? "smart" : null,
    owner: i % 6 === 0 ? "ada" : null,
    app: i % 9 === 0 ? "Äpp" : null,
    dialect: i % 2 === 0 ? "chat" : "messages",
    stream: i % 2,
    status: failed ? [500, 429, 404, 504, 200][i % 5] : 200,
    outcome: failed ? ["failed", "rejected", "cancelled"][i % 3] : "completed",
    error_code: failed ? ["upstream_timeout", "rate_limited", "upstream_stream_idle"][i % 3] : null,
    finish_reason: failed ? null : "stop",
    prompt_tokens: 10 + (i % 90),
    completion_tokens: 5,
    total_tokens: 15 + (i % 90),
    cached_tokens: 0,
    cache_written_tokens: 0,
    cache_written_1h_tokens: 0,
    reasoning_tokens: 0,
    usage_source: "reported",
    usage_suspect: 0,
    first_byte_ms: i % 8 === 0 ? null : 30,
    duration_ms: 100 + i,
    conversation_id: `c-${i % 50}`,
    attempts: failed ? JSON.stringify([{ provider: "Hedge", model: "m", status: 503, duration_ms: 4 }]) : null,
    cost_micros: i,
    price_source: i % 11 === 0 ? "unknown" : "list",
    price_table: null,
    tags: i % 3 === 0 ? JSON.stringify({ team: "a" }) : null,
  };
}).filter(({ ts }) => Math.abs(ts - border) > 2 * HOUR); // None becomes old enough while the tests run.

const QUESTIONS = [
  "",
  "key=key-1",
  "owner=ada",
  "provider=openai",
  "model=smart",
  `model=${encodeURIComponent('quo"ted\\')}`,
  "model=gpt-5",
  `app=${encodeURIComponent("Äpp")}`,
  "dialect=messages",
  "conversation=c-7",
  "request_id=chosen-100",
  "outcome=rejected",
  "status=404",
  ...["ok", "client", "limited", "timeout", "server", "cancelled"].map((status) => `status=${status}`),
  "error=TIMEOUT",
  "error=hedge",
  "stream=true",
  "min_ms=1400",
  "min_cost_micros=1390",
  `from=${now - 35 * DAY}&to=${now - 28 * DAY}`,
  `to=${now - 32 * DAY}&key=key-2`,
];

// And several at once.
QUESTIONS.push(
  "key=key-0&owner=ada&status=ok",
  "error=timeout&status=timeout",
  "outcome=cancelled&status=cancelled&stream=true",
  "model=m&provider=openai&min_ms=900&min_cost_micros=500",
);

const t = suite({ setUp: () => insert(rows) });

async function insert(list) {
  const columns = Object.keys(list[0]);
  const values = columns.map((name) => `value ->> '${name}'`).join(", ");
  const sql = `INSERT INTO request_log (${columns.join(", ")}) SELECT ${values} FROM json_each(?)`;
  for (let i = 0; i < list.length; i += 500) await t.gw.db(sql, JSON.stringify(list.slice(i, i + 500)));
}

async function page(query) {
  const { status, body, text } = await t.gw.admin("GET", `/requests?${query}`);
  assert.equal(status, 200, text);
  return body;
}

/** All rows that a question finds, page by page. */
async function all(query, limit = 500) {
  const found = [];
  let cursor = "";
  for (let pages = 0; pages < 200; pages++) {
    const { requests, next_cursor: next } = await page(`${query}&limit=${limit}${cursor && `&cursor=${cursor}`}`);
    found.push(...requests);
    if (next === null) return found;
    cursor = next;
  }
  throw new Error(`${query} has no end`);
}

const answers = async () => {
  const found = {};
  for (const question of QUESTIONS) found[question] = await all(question);
  return found;
};
const count = async (sql, ...params) => (await t.gw.db(`SELECT COUNT(*) AS n FROM ${sql}`, ...params))[0].n;
const packs = async () => (await (await t.gw.r2()).list({ prefix: "packs/requests/" })).objects.map(({ key }) => key);
/** Runs the cron until nothing moves any more. */
async function settle() {
  for (let left = Infinity; ; ) {
    await t.gw.scheduled();
    const still = await count("request_log");
    if (still === left) return;
    left = still;
  }
}

let before;

test("a run that is cut off between pack and delete loses and doubles nothing", async () => {
  before = await answers();
  assert.equal(before[""].length, rows.length);
  for (const question of QUESTIONS) assert.ok(before[question].length > 0 || question.includes("&"), question);
  await t.gw.db(
    "CREATE TRIGGER cut_off BEFORE DELETE ON request_log BEGIN SELECT RAISE(ABORT, 'cut off by the test'); END",
  );
  await t.gw.scheduled();
  const written = await packs();
  assert.ok(written.length >= 2, "the pack is there");
  assert.equal(await count("packs"), 0, "and does not count");
  assert.equal(await count("request_log"), rows.length);
  assert.deepEqual(await answers(), before);
  await t.gw.db("DROP TRIGGER cut_off");
  await t.gw.scheduled();
  const again = await packs();
  assert.deepEqual(
    written.filter((name) => !again.includes(name)),
    [],
    "the same name again",
  );
});

const moved = async () => {
  await settle();
  const moved = rows.filter(({ ts }) => Math.floor(ts / HOUR) * HOUR + HOUR <= border);
  assert.ok(moved.length > 300);
  assert.equal(await count("request_log"), rows.length - moved.length);
  const [{ sum }] = await t.gw.db("SELECT SUM(rows) AS sum FROM packs");
  assert.equal(sum, moved.length);
  const after = await answers();
  for (const question of QUESTIONS) assert.deepEqual(after[question], before[question], question);
};
// Every question reads every pack.
test("rows that have moved are found by every question", moved, { timeout: 300_000 });

test("pages go across the border, each row once", async () => {
  const ids = rows.map(({ id }) => id).reverse();
  assert.deepEqual(
    (await all("", 37)).map(({ id }) => id),
    ids,
  );
  const some = before["key=key-1"].map(({ id }) => id);
  assert.deepEqual(
    (await all("key=key-1", 7)).map(({ id }) => id),
    some,
  );
  const last = ids[ids.length - 20];
  const { body } = await t.gw.admin("GET", `/stats/requests?limit=10&before=${last}`);
  assert.deepEqual(
    body.requests.map(({ id }) => id),
    ids.slice(-19, -9),
  );
});

test("a single row is found by its id and by the request id that the gateway gave", async () => {
  const row = rows[8];
  const found = await t.gw.admin("GET", `/requests/${row.id}`);
  assert.deepEqual([found.status, found.body.request_id, found.body.duration_ms], [200, row.request_id, 108]);
  const named = rows[9];
  assert.equal((await t.gw.admin("GET", `/requests/req_${named.id}`)).body.id, named.id);
  assert.equal((await t.gw.admin("GET", `/requests/${ulid(row.ts, 99)}`)).status, 404);
  const failed = rows[3];
  const { attempts, cost_micros: cost } = (await t.gw.admin("GET", `/requests/${failed.id}`)).body;
  assert.deepEqual([attempts[0].provider, cost], ["Hedge", 3]);
  assert.equal((await t.gw.admin("GET", `/requests/${rows[11].id}`)).body.cost_micros, null);
});

const chosen = async () => {
  const moved = rows.filter(({ ts, request_id: id }) => ts < border - HOUR && id.startsWith("chosen-"));
  const last = moved.at(-1);
  const find = async (id, window = "") => (await t.gw.admin("GET", `/requests/${id}${window}`)).body.id;
  assert.equal(await find(last.request_id), last.id, "in a pack");
  const first = moved[0];
  assert.equal(await find(first.request_id, `?from=${first.ts - HOUR}&to=${first.ts + HOUR}`), first.id);
  assert.equal(await find(first.request_id, `?from=${first.ts + HOUR}`), undefined);
  const near = rows.findLast(({ request_id: id }) => id.startsWith("chosen-"));
  assert.equal(await find(near.request_id, `?from=${near.ts}&to=${near.ts + 1}`), near.id);
  assert.equal(await find(near.request_id, `?to=${near.ts}`), undefined);
};
test("a row is found by the id that its caller chose, wherever it is", chosen, { timeout: 180_000 });

const listed = async () => {
  // Each goes on last with one of its rows, half of them with one that has moved.
  const conversations = new Map();
  for (const [i, { key_id, conversation_id, ts }] of rows.entries())
    if (ts < border - HOUR || i % 2 === 1)
      conversations.set(`${key_id} ${conversation_id}`, { key_id, conversation_id, ts });
  const all = [...conversations.values()];
  for (const { key_id, conversation_id, ts } of all)
    await t.gw.db(
      "INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, " +
        "completion_tokens, model_name, title) VALUES (?, ?, ?, ?, 1, 1, 1, 1, 'm', ?)",
      ...[key_id, conversation_id, ts, ts, `title ${conversation_id}`],
    );
  const old = all.filter(({ ts }) => ts < border - HOUR);
  assert.ok(old.length > 20 && old.length < all.length, `${old.length} of ${all.length}`);
  const list = async (query) => {
    const found = [];
    for (let cursor = ""; cursor !== null; ) {
      const { status, body, text } = await t.gw.admin(
        "GET",
        `/conversations?limit=40${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      assert.equal(status, 200, text);
      found.push(...body.conversations.map(({ key_id, conversation_id: id }) => `${key_id} ${id}`));
      cursor = body.next_cursor;
    }
    return found;
  };
  const names = (of) => of.toSorted((a, b) => b.ts - a.ts).map((one) => `${one.key_id} ${one.conversation_id}`);
  assert.deepEqual(await list(""), names(all));
  assert.deepEqual(
    await list("&search=TITLE%20C-1"),
    names(all.filter((one) => one.conversation_id.startsWith("c-1"))),
  );
  assert.deepEqual(await list(`&from=${border}`), names(all.filter(({ ts }) => ts >= border)));
  await t.gw.db("DELETE FROM conversations");
};
test("the list of conversations goes on where the rows are in packs", listed, { timeout: 300_000 });

test("a pack is an ordinary compressed file with a manifest beside it", async () => {
  const r2 = await t.gw.r2();
  const names = await packs();
  const name = names.find((key) => key.endsWith(".ndjson.gz"));
  assert.match(name, /^packs\/requests\/\d{4}-\d\d-\d\d\/\d\d\/[0-9A-Z]{26}-[0-9a-f]{12}\.ndjson\.gz$/);
  const lines = gunzipSync(Buffer.from(await (await r2.get(name)).arrayBuffer()))
    .toString()
    .trimEnd()
    .split("\n");
  const manifest = await (await r2.get(name.replace(".ndjson.gz", ".manifest.json"))).json();
  assert.deepEqual([manifest.version, manifest.kind, manifest.rows], [1, "requests", lines.length]);
  assert.equal(manifest.to_ms - manifest.from_ms, HOUR);
  const first = JSON.parse(lines[0]);
  assert.deepEqual([first.id, first.duration_ms >= 100], [manifest.blocks[0].first, true]);
});

test("a row that comes late moves as well, and one that has moved is not recorded again", async () => {
  const late = { ...rows[5], id: ulid(rows[5].ts + 1, 77), request_id: "late", key_id: "late" };
  await insert([late]);
  assert.equal((await all("key=late")).length, 1);
  await settle();
  assert.equal(await count("request_log WHERE key_id = 'late'"), 0);
  assert.equal((await all("key=late")).length, 1);
  const { request_id, key_id, model, ts, id } = late;
  const event = { id, ts, request_id, key_id, model, stream: false, status: 200, outcome: "completed" };
  const rest = { usage_source: "reported", duration_ms: 5, conversation_id: "c" };
  const tokens = { prompt: 10, completion: 5, cached: 0, cache_written: 0, cache_written_1h: 0, reasoning: 0 };
  const totals = async () => (await t.gw.admin("GET", "/stats/total")).body.total_rounds;
  const rounds = await totals();
  await t.gw.enqueue(JSON.stringify([{ ...event, ...rest, ...tokens }]));
  const answer = await t.complete({ model: "demo/echo", messages: [{ role: "user", content: "after it" }] });
  await t.gw.row(answer.headers["x-request-id"]);
  assert.equal(await totals(), rounds + 1);
  assert.equal(await count("request_log WHERE key_id = 'late'"), 0);
});

test("a pack that is damaged is an error that names it, and nothing else is", async () => {
  const r2 = await t.gw.r2();
  const row = rows[30];
  const [{ id }] = await t.gw.db("SELECT id FROM packs WHERE first <= ? AND last >= ?", row.id, row.id);
  const name = (await packs()).find((key) => key.includes(`/${id}.ndjson.gz`));
  const whole = Buffer.from(await (await r2.get(name)).arrayBuffer());
  const damaged = Buffer.from(whole);
  damaged[20] ^= 1;
  for (const content of [damaged, whole.subarray(0, 20), undefined]) {
    if (content === undefined) await r2.delete(name);
    else await r2.put(name, content);
    for (const target of [`/requests/${row.id}`, `/requests?from=${row.ts}&to=${row.ts + 1}`]) {
      const { status, body } = await t.gw.admin("GET", target);
      assert.deepEqual([status, body.error.code], [500, "pack_damaged"], target);
      assert.ok(body.error.message.includes(name), body.error.message);
    }
    assert.equal((await page(`from=${border}`)).requests.length, 50);
    assert.equal((await t.gw.admin("GET", `/requests/${rows[1].id}`)).status, 200);
  }
  await r2.put(name, whole);
  assert.equal((await t.gw.admin("GET", `/requests/${row.id}`)).status, 200);
});

test("packs are deleted when their time is over, with what a cut-off run left", async () => {
  const hour = Math.floor((now - 200 * DAY) / HOUR) * HOUR;
  const day = new Date(hour).toISOString();
  const prefix = `packs/requests/${day.slice(0, 10)}/${day.slice(11, 13)}/`;
  const r2 = await t.gw.r2();
  for (const name of ["a.ndjson.gz", "a.manifest.json", "stray.ndjson.gz"]) await r2.put(prefix + name, "x");
  const old = ulid(hour, 1);
  await t.gw.db(
    "INSERT INTO packs (kind, hour, id, first, last, rows, bytes, text_bytes, blocks, sha256) " +
      "VALUES ('requests', ?, 'a', ?, ?, 1, 1, 1, 1, '')",
    hour,
    old,
    old,
  );
  assert.equal((await t.gw.admin("GET", `/requests/${old}`)).status, 404);
  await t.gw.scheduled();
  assert.deepEqual((await r2.list({ prefix })).objects, []);
  assert.equal(await count("packs WHERE hour = ?", hour), 0);
  assert.equal((await all("")).length, rows.length + 2);
});
