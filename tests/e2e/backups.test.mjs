// Proves that a backup restores everything: the rows of every table, balances, limits and sessions, in another deployment and in
// place of what came later; that a damaged one is refused, by verify and by restore; that one of an older schema is restored; that
// secrets stay sealed; and that isolates do not go on with what was before.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { startGateway } from "../support/gateway.mjs";
import { UPSTREAM_KEY, ask, errorOf, suite, test } from "../support/suite.mjs";
import { answersWith, completion, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

/**
 * Tables that a backup leaves (crates/backups/src/tables.rs), the audit log, to which these calls add, how far the job of the
 * archive is, which the cron that goes on with a restore runs as well, and the keys that it makes where there are none.
 */
const LEFT = new Set([
  "active_conversations",
  "config_versions",
  "jobs",
  "d1_migrations",
  "sign_in_sessions",
  "console_sessions",
  "heartbeats",
  "identity_keys",
  "webhook_deliveries",
  "audit_log",
  "archive_progress",
]);

const t = suite({
  vars: { ENABLE_CREDIT_CHECK: "true", INITIAL_CREDITS: "5" },
  setUp: async () => {
    const model = await t.model("m", answersWith(completion("m", "It is so.", { reported: usage(1000, 1000) })));
    await t.gw.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
    await t.gw.admin("PUT", "/limits/user:ada", { limits: { requests_per_day: 100 } });
    await t.gw.admin("POST", "/logical-models", { name: "smart", candidates: [{ model: "m" }] });
  },
});

let key;
let session;

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The rows of every dumped table, by table. */
async function rowsOf(gw) {
  const tables = await gw.db(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' ORDER BY name",
  );
  const found = {};
  for (const { name } of tables) {
    if (LEFT.has(name)) continue;
    const rows = await gw.db(`SELECT * FROM "${name}"`);
    // Totals are made anew after a restore.
    if (name === "stat_progress") for (const row of rows) row.totals_since = row.totals_until = null;
    found[name] = rows.map((row) => JSON.stringify(row)).sort();
  }
  return found;
}

/** What objects say: the balance and its rows, what is used of limits, the session and its history. */
async function objectsOf(gw) {
  const admin = async (path) => (await gw.admin("GET", path)).body;
  const mine = async (path) => {
    const { data } = (await gw.call(`/api/v1/sessions/${session}${path}`, { headers: bearer(key.key) })).json();
    return data;
  };
  const limits = await admin("/limits/user:ada");
  return {
    balance: await admin("/credits/accounts/ada"),
    ledger: await admin("/credits/accounts/ada/transactions"),
    used: limits.usage.map(({ limit, max, used }) => ({ limit, max, used })),
    session: await mine(""),
    messages: await mine("/messages"),
  };
}

/** Waits until nothing is reserved any more and what isolates have leased of limits is told: longer than a lease lasts. */
async function settled() {
  await eventually(async () => (await objectsOf(t.gw)).balance.reserved === 0, { what: "no reservations" });
  await new Promise((resolve) => setTimeout(resolve, 4_000));
}

/** A backup that is complete. */
async function backup(gw = t.gw) {
  const made = await gw.admin("POST", "/system/backups");
  assert.equal(made.status, 202, made.text);
  return eventually(async () => {
    await gw.scheduled();
    const { body } = await gw.admin("GET", `/system/backups/${made.body.id}`);
    assert.notEqual(body.state, "failed", body.error);
    return body.state === "done" && body;
  });
}

async function restore(gw, id, body) {
  const begun = await gw.admin("POST", `/system/backups/${id}/restore`, body);
  if (begun.status !== 202) return begun;
  return eventually(async () => {
    await gw.scheduled();
    const { body: now } = await gw.admin("GET", `/system/backups/${id}`);
    assert.notEqual(now.restore.state, "failed", now.restore.error);
    return now.restore.state === "done" && now;
  });
}

/** The files of a backup, by name, and its manifest. */
async function download(gw, id) {
  const bytes = async (name) => {
    const response = await fetch(`${gw.url}/system/backups/${id}/files/${name}`, { headers: bearer(gw.adminToken) });
    assert.equal(response.status, 200);
    return Buffer.from(await response.arrayBuffer());
  };
  const { body } = await gw.admin("GET", `/system/backups/${id}/files`);
  const files = new Map();
  for (const { name } of body.files) files.set(name, await bytes(name));
  return { files, manifest: JSON.parse(await bytes("manifest.json")) };
}

async function upload(gw, { files, manifest }) {
  for (const [name, bytes] of [...files, ["manifest.json", Buffer.from(JSON.stringify(manifest))]]) {
    const answer = await gw.call(`/system/backups/${manifest.id}/files/${name}`, {
      method: "PUT",
      headers: bearer(gw.adminToken),
      body: bytes,
    });
    assert.equal(answer.status, 200, answer.text);
  }
}

/** A backup like another, of which the lines are other ones. */
function changed({ manifest, files }, id, change) {
  const copy = structuredClone(manifest);
  copy.id = id;
  const parts = new Map();
  const counts = {};
  copy.parts = copy.parts.map(({ object, pack }, place) => {
    const members = [];
    let offset = 0;
    const blocks = pack.blocks.map((block) => {
      const bytes = files.get(object).subarray(block.offset, block.offset + block.length);
      const lines = gunzipSync(bytes).toString().trimEnd().split("\n");
      const kept = lines.map((line) => change(JSON.parse(line))).filter(Boolean);
      for (const line of kept) {
        if (!line.class) counts[line.table] = (counts[line.table] ?? 0) + line.rows.length;
      }
      const text = kept.map((line) => `${JSON.stringify(line)}\n`).join("");
      const member = gzipSync(text);
      members.push(member);
      const made = { ...block, offset, length: member.length, text_bytes: Buffer.byteLength(text), rows: kept.length };
      offset += member.length;
      return { ...made, sha256: sha256(member) };
    });
    const bytes = Buffer.concat(members);
    const name = `backups/${id}/${String(place).padStart(5, "0")}.ndjson.gz`;
    parts.set(name, bytes);
    const sum = (name) => blocks.reduce((sum, block) => sum + block[name], 0);
    return {
      object: name,
      pack: {
        ...pack,
        blocks,
        bytes: bytes.length,
        rows: sum("rows"),
        text_bytes: sum("text_bytes"),
        sha256: sha256(bytes),
      },
    };
  });
  copy.tables = Object.fromEntries(Object.keys(copy.tables).map((name) => [name, counts[name] ?? 0]));
  return { manifest: copy, files: parts };
}

/** Another deployment with the same secrets and nothing in it. */
const another = () =>
  startGateway({ vars: { ENABLE_CREDIT_CHECK: "true", INITIAL_CREDITS: "5", MASTER_KEY: t.gw.masterKey } });

let before;
let made;

test("a backup is made, with counts of every table and object", async () => {
  key = await t.gw.createKey({ owner: "ada" });
  for (const content of ["one", "two"]) {
    const answer = await t.gw.complete(key.key, { model: "m", messages: [{ role: "user", content }] });
    assert.equal(answer.status, 200, answer.text);
    await t.gw.row(answer.headers["x-request-id"]);
  }
  const headers = { ...bearer(key.key), "content-type": "application/json" };
  const chat = async (path, body) => {
    const answer = await t.gw.call(`/api/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    assert.ok(answer.status < 300, answer.text);
    return answer.json().data;
  };
  session = (await chat("/sessions", { model: "m" })).id;
  await chat("/chat", { session_id: session, message: "and now?" });
  await eventually(async () => (await t.gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n === 3);
  await settled();
  await eventually(async () => (await t.gw.db("SELECT * FROM sessions")).length === 1);

  before = { rows: await rowsOf(t.gw), objects: await objectsOf(t.gw) };
  made = await backup();
  for (const [name, rows] of Object.entries(before.rows)) assert.equal(made.tables[name], rows.length, name);
  assert.deepEqual(made.moved, []);
  assert.ok(made.objects.ACCOUNT.rows >= 4 && made.objects.CHAT_ROOM.objects === 1, JSON.stringify(made.objects));
  assert.ok(made.schema.endsWith(".sql"));
  const { body } = await t.gw.admin("GET", "/system/backups");
  assert.deepEqual(
    body.backups.map(({ id, state, rows }) => [id, state, rows]),
    [[made.id, "done", made.rows]],
  );
  const verified = await t.gw.admin("POST", `/system/backups/${made.id}/verify`);
  assert.deepEqual([verified.status, verified.body.whole, verified.body.rows], [200, true, made.rows]);
});

test("secrets stay sealed in it", async () => {
  const { files } = await download(t.gw, made.id);
  for (const bytes of files.values()) {
    const text = gunzipSync(bytes).toString();
    assert.ok(text.includes("server_key_sealed"));
    for (const secret of [UPSTREAM_KEY, key.key, t.gw.adminToken, t.gw.masterKey]) assert.ok(!text.includes(secret));
  }
});

test("a copy of it restores everything in another deployment", async () => {
  const gw = await another();
  try {
    await upload(gw, await download(t.gw, made.id));
    const restored = await restore(gw, made.id);
    assert.equal(restored.restore.state, "done", JSON.stringify(restored));
    assert.deepEqual(await rowsOf(gw), before.rows);
    assert.deepEqual(await objectsOf(gw), before.objects);
    const history = async (of) => (await of.db("SELECT line FROM audit_log ORDER BY seq")).map(({ line }) => line);
    const begun = (await history(t.gw)).slice(0, made.tables.audit_log);
    assert.deepEqual((await history(gw)).slice(0, begun.length), begun);
    // It goes on where it was: the key works, is charged, and ids are not given away again.
    const answer = await gw.complete(key.key, ask("m"));
    assert.equal(answer.status, 200, answer.text);
    await gw.row(answer.headers["x-request-id"]);
    const [{ seq }] = await t.gw.db("SELECT seq FROM sqlite_sequence WHERE name = 'providers'");
    assert.equal((await gw.createProvider({ server_url: "http://127.0.0.1:9/v1" })).id, seq + 1);
  } finally {
    await gw.stop();
  }
});

test("what came later is replaced only where that is said, and isolates notice", async () => {
  const refused = await restore(t.gw, made.id);
  assert.deepEqual([refused.status, errorOf(refused.text).code], [409, "database_not_empty"]);
  const later = await t.gw.createKey({ owner: "later" });
  await t.gw.complete(later.key, ask("m"));
  await t.gw.complete(key.key, ask("m"));
  await t.gw.admin("POST", "/credits/accounts/ada/topup", { amount: 7 });
  assert.notDeepEqual((await objectsOf(t.gw)).balance, before.objects.balance);
  await eventually(async () => (await t.gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n === 5);
  await settled();
  await restore(t.gw, made.id, { replace: true });
  assert.deepEqual(await rowsOf(t.gw), before.rows);
  assert.deepEqual(await objectsOf(t.gw), before.objects);
  const [{ n: entries }] = await t.gw.db("SELECT COUNT(*) AS n FROM audit_log");
  assert.ok(entries > made.tables.audit_log, "the audit log goes on");
  const gone = await eventually(async () => {
    const answer = await t.gw.complete(later.key, ask("m"));
    return answer.status === 401 && answer;
  });
  assert.equal(gone.status, 401);
  assert.equal(
    (await t.gw.admin("GET", "/credits/accounts/later")).body.balance,
    5,
    "an account that came later is new again",
  );
});

test("a damaged backup is refused by verify and by restore, which changes nothing", async () => {
  const whole = await download(t.gw, made.id);
  const r2 = await t.gw.r2();
  const [name] = whole.files.keys();
  const bytes = whole.files.get(name);
  const damages = {
    "a changed byte": async () => {
      const copy = Buffer.from(bytes);
      copy[copy.length >> 1] ^= 1;
      await r2.put(name, copy);
    },
    "a shorter part": () => r2.put(name, bytes.subarray(0, bytes.length - 1)),
    "a missing part": () => r2.delete(name),
  };
  for (const [what, damage] of Object.entries(damages)) {
    await damage();
    for (const call of ["verify", "restore"]) {
      const answer = await t.gw.admin(
        "POST",
        `/system/backups/${made.id}/${call}`,
        call === "restore" ? { replace: true } : undefined,
      );
      assert.deepEqual([answer.status, errorOf(answer.text).code], [422, "backup_damaged"], `${what}: ${answer.text}`);
    }
    await r2.put(name, bytes);
  }
  assert.equal((await t.gw.admin("POST", `/system/backups/${made.id}/verify`)).status, 200);
  assert.deepEqual(await rowsOf(t.gw), before.rows);
  // A row less than the manifest says.
  const fewer = changed(whole, "fewer", (line) =>
    line.table === "request_log" ? { ...line, rows: line.rows.slice(1) } : line,
  );
  fewer.manifest.tables = whole.manifest.tables;
  await upload(t.gw, fewer);
  const answer = await t.gw.admin("POST", "/system/backups/fewer/verify");
  assert.deepEqual([answer.status, errorOf(answer.text).code], [422, "backup_damaged"]);
  assert.match(errorOf(answer.text).message, /request_log/);
  for (const call of ["GET /system/backups/none", "POST /system/backups/none/verify", "DELETE /system/backups/none"]) {
    const [method, path] = call.split(" ");
    assert.equal((await t.gw.admin(method, path)).status, 404, call);
  }
  assert.equal((await t.gw.admin("DELETE", "/system/backups/fewer")).status, 200);
});

test("a backup of an older schema is restored, one of a newer schema is refused", async () => {
  const whole = await download(t.gw, made.id);
  const without = (line, column) => {
    const place = line.columns.indexOf(column);
    if (place < 0) return line;
    const cut = (row) => row.filter((_, at) => at !== place);
    return { ...line, columns: cut(line.columns), rows: line.rows.map(cut) };
  };
  const older = changed(whole, "older", (line) => {
    if (line.table === "issued_things" || line.table === "stat_progress") return null;
    if (line.table === "api_keys")
      return without(
        { ...line, columns: [...line.columns, "gone"], rows: line.rows.map((row) => [...row, 1]) },
        "store",
      );
    return line.table === "request_log" ? without(line, "usage_suspect") : line;
  });
  older.manifest.schema = "0010_deletions.sql";
  delete older.manifest.tables.stat_progress;
  delete older.manifest.tables.issued_things;
  const gw = await another();
  try {
    await upload(gw, older);
    await restore(gw, "older");
    const expected = structuredClone(before.rows);
    expected.stat_progress = (await rowsOf(gw)).stat_progress;
    assert.deepEqual(await rowsOf(gw), expected, "the defaults are those values");
    assert.deepEqual(await objectsOf(gw), before.objects);
    const newer = changed(whole, "newer", (line) => line);
    newer.manifest.schema = "9999_later.sql";
    await upload(gw, newer);
    const refused = await restore(gw, "newer", { replace: true });
    assert.deepEqual([refused.status, errorOf(refused.text).code], [422, "backup_of_newer_schema"]);
  } finally {
    await gw.stop();
  }
});

test("totals of statistics are made anew after a restore: rows that were read one after the other need not fit together", async () => {
  const whole = await download(t.gw, made.id);
  const totalled = changed(whole, "totalled", (line) => {
    if (line.table !== "stat_progress") return line;
    const values = { totals_since: 0, totals_until: 900_000 };
    return { ...line, rows: line.rows.map((row) => row.map((value, at) => values[line.columns[at]] ?? value)) };
  });
  await upload(t.gw, totalled);
  await restore(t.gw, "totalled", { replace: true });
  const progress = await t.gw.db("SELECT totals_since FROM stat_progress");
  assert.deepEqual([progress.length, progress.filter(({ totals_since }) => totals_since === 0)], [3, []]);
});

test("long tables are read page by page", async () => {
  const [{ columns }] = await t.gw.db("SELECT group_concat(name) AS columns FROM pragma_table_info('request_log')");
  const named = columns.split(",").filter((name) => name !== "id");
  // Of the time of a request that is there: retention would delete older ones.
  await t.gw.db(
    `INSERT INTO request_log (id, ${named}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     SELECT substr(l.id, 1, 10) || printf('%016d', i), ${named} FROM n, (SELECT * FROM request_log LIMIT 1) AS l`,
  );
  await t.gw.db(
    `INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, completion_tokens)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
     SELECT 'k', 'c' || i, ?, ?, 1, 1, 1, 1 FROM n`,
    Date.now(),
    Date.now(),
  );
  const rows = await rowsOf(t.gw);
  const large = await backup();
  assert.deepEqual(
    [large.tables.request_log, large.tables.conversations],
    [rows.request_log.length, rows.conversations.length],
  );
  assert.ok(large.parts > 1, `${large.parts} parts`);
  await t.gw.db("DELETE FROM request_log WHERE substr(id, 11) < '1'");
  await restore(t.gw, large.id, { replace: true });
  assert.deepEqual(await rowsOf(t.gw), rows);
});

test("the cron makes one backup an hour, and deletes those that are not kept", async () => {
  const gw = await startGateway({ vars: { BACKUP_HOURLY: "true" } });
  try {
    await gw.scheduled();
    await gw.scheduled();
    const list = async () => (await gw.admin("GET", "/system/backups")).body.backups;
    await eventually(async () => {
      const backups = await list();
      return backups.length === 1 && backups[0].state === "done";
    });
    // One of the same hour takes its place.
    const second = await backup(gw);
    const ids = (await list()).map(({ id }) => id);
    assert.ok(ids.includes(second.id) && ids.length <= 2, ids.join());
    const { objects } = await (await gw.r2()).list({ prefix: "backups/" });
    assert.deepEqual([...new Set(objects.map(({ key }) => key.split("/")[1]))].sort(), ids.sort());
  } finally {
    await gw.stop();
  }
});
