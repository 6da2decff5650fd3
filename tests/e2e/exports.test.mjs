// Proves that exports are whole, in every format, for administrators and for the holder of a key; that spreadsheets evaluate
// nothing of them; that large ones are made in steps, and that a link opens one export and expires; and that memory does not grow
// with the number of rows (EXPORT_ROWS=1000000 for the number that docs/operations.md names).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { errorOf, suite, test } from "../support/suite.mjs";
import { answersWith, completion, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const ROWS = Number(process.env.EXPORT_ROWS ?? 20_000);
const MIB = 1024 * 1024;

let mine;
let other;

const t = suite({
  setUp: async () => {
    await t.model("m", answersWith(completion("m", '=HYPERLINK(1), "quoted"', { reported: usage(10, 5) })));
    mine = await t.gw.createKey({ name: "mine", owner: "ada" });
    other = await t.gw.createKey({ name: "other" });
    const sent = [];
    for (const [key, title, said] of [
      [mine.key, "=cmd|' /C calc'!A0", "one"],
      [mine.key, "plain", "two\nlines"],
      [other.key, "+1", "three"],
    ]) {
      const body = { model: "m", messages: [{ role: "user", content: said }] };
      sent.push(await t.gw.complete(key, body, { headers: { "x-title": title } }));
    }
    for (const answer of sent) await t.gw.row(answer.headers["x-request-id"]);
    await eventually(async () => (await rows("/export/conversations")).length === 6, { what: "the archive" });
  },
});

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const get = (path, headers = bearer(t.gw.adminToken)) => t.gw.call(path, { headers });

/** The rows of an NDJSON export, after its last line was compared with them. */
function checked(text) {
  const lines = text.trimEnd().split("\n");
  const { export: end } = JSON.parse(lines.pop());
  assert.deepEqual([end.rows, end.complete], [lines.length, true]);
  assert.equal(end.sha256, sha256(lines.map((line) => `${line}\n`).join("")));
  return lines.map((line) => JSON.parse(line));
}

async function rows(path, headers) {
  const answer = await get(path, headers);
  assert.equal(answer.status, 200, answer.text);
  return checked(answer.text);
}

/** A reader of RFC 4180. */
function parseCsv(text) {
  const records = [[""]];
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const record = records.at(-1);
    const letter = text[i];
    if (quoted && letter === '"' && text[i + 1] === '"') record[record.length - 1] += text[++i];
    else if (letter === '"') quoted = !quoted;
    else if (!quoted && letter === ",") record.push("");
    else if (!quoted && letter === "\r" && text[i + 1] === "\n") {
      records.push([""]);
      i++;
    } else record[record.length - 1] += letter;
  }
  assert.deepEqual(records.pop(), [""]);
  const [header, ...rest] = records;
  return rest.map((record) => Object.fromEntries(header.map((name, place) => [name, record[place]])));
}

test("requests are the same rows in every format, and those of the log", async () => {
  const ndjson = await rows("/export/requests");
  assert.equal(ndjson.length, 3);
  const { body } = await t.gw.admin("GET", "/requests");
  assert.deepEqual(ndjson, body.requests);
  const json = (await get("/export/requests?format=json")).json();
  assert.deepEqual(json.requests, ndjson);
  assert.deepEqual([json.export.rows, json.export.complete], [3, true]);
  const csv = await get("/export/requests?format=csv&bom=true");
  assert.match(csv.headers["content-type"], /^text\/csv/);
  assert.match(csv.headers["content-disposition"], /^attachment; filename="requests-\d{4}-\d\d-\d\d\.csv"$/);
  assert.ok(csv.text.startsWith("\ufeffid,ts,request_id,"), csv.text.slice(0, 40));
  const table = parseCsv(csv.text.slice(1));
  assert.deepEqual(
    table.map(({ id }) => id),
    ndjson.map(({ id }) => id),
  );
  assert.deepEqual(table.map(({ app }) => app).sort(), ["'+1", "'=cmd|' /C calc'!A0", "plain"]);
  assert.deepEqual(Object.keys(table[0]).sort(), Object.keys(ndjson[0]).sort());
});

test("filters are those of the log, and an export can be continued", async () => {
  assert.equal((await rows("/export/requests?owner=ada")).length, 2);
  assert.equal((await rows("/export/requests?status=server")).length, 0);
  const [, second, third] = await rows("/export/requests");
  assert.deepEqual(await rows(`/export/requests?cursor=${second.id}`), [third]);
  for (const [path, param] of [
    ["/export/requests?format=xlsx", "format"],
    ["/export/requests?bom=true", "bom"],
    ["/export/requests?status=fine", "status"],
    ["/export/conversations?cursor=x", "cursor"],
    ["/export/statistics?by=colour", "dimension"],
  ]) {
    const answer = await get(path);
    assert.deepEqual([answer.status, errorOf(answer.text).param], [400, param], path);
  }
});

test("conversations come with their messages", async () => {
  const messages = await rows("/export/conversations");
  assert.deepEqual(messages.map(({ role }) => role).sort(), [
    "assistant",
    "assistant",
    "assistant",
    "user",
    "user",
    "user",
  ]);
  const table = parseCsv((await get("/export/conversations?format=csv")).text);
  assert.deepEqual(
    new Set(table.map(({ content }) => content)),
    new Set(["one", "two\nlines", "three", '\'=HYPERLINK(1), "quoted"']),
  );
  assert.equal((await rows(`/export/conversations?key_id=${other.id}`)).length, 2);
});

test("statistics are exported over time and by group", async () => {
  const groups = parseCsv((await get("/export/statistics?by=owner&range=1h&format=csv")).text);
  assert.deepEqual(
    groups.map(({ group, requests }) => [group, requests]),
    [
      ["ada", "2"],
      ["", "1"],
    ],
  );
  const points = await rows("/export/statistics?range=15m&group_by=owner");
  assert.equal(
    points.filter(({ group }) => group === "ada").reduce((sum, { requests }) => sum + requests, 0),
    2,
  );
});

test("the holder of a key exports its own rows and no others", async () => {
  const own = await rows("/v1/export/requests", bearer(mine.key));
  assert.deepEqual(
    own.map(({ key_id }) => key_id),
    [mine.id, mine.id],
  );
  const theirs = await rows(`/v1/export/requests?key=${mine.id}`, bearer(other.key));
  assert.deepEqual(
    theirs.map(({ key_id }) => key_id),
    [other.id],
  );
  const messages = await rows(`/v1/export/conversations?key_id=${mine.id}`, bearer(other.key));
  assert.deepEqual(new Set(messages.map(({ key_id }) => key_id)), new Set([other.id]));
  const groups = await rows("/v1/export/statistics?by=key", bearer(other.key));
  assert.deepEqual(
    groups.map(({ group }) => group),
    [other.id],
  );
  for (const path of ["/export/requests", "/exports"]) {
    assert.equal((await get(path, bearer(mine.key))).status, 401);
  }
});

test("an export as a job has a link that opens it and nothing else, and is deleted with its file", async () => {
  const made = await t.gw.admin("POST", "/exports", { kind: "requests", format: "csv", filters: "owner=ada" });
  assert.equal(made.status, 202, made.text);
  const { id } = made.body;
  const done = await eventually(async () => {
    const { body } = await t.gw.admin("GET", `/exports/${id}`);
    return body.state === "done" && body;
  });
  assert.deepEqual([done.rows, done.kind, done.filters], [2, "requests", "owner=ada"]);
  const file = await t.gw.call(done.download);
  assert.equal(file.status, 200, file.text);
  assert.equal(file.headers["x-nexus-sha256"], sha256(file.text));
  assert.deepEqual([done.sha256, done.bytes], [sha256(file.text), Buffer.byteLength(file.text)]);
  assert.equal(file.text, (await get("/export/requests?format=csv&owner=ada")).text);

  const url = new URL(done.download, t.gw.url);
  const refused = async (change) => {
    const changed = new URL(url);
    change(changed);
    const answer = await t.gw.call(changed.pathname + changed.search);
    return [answer.status, errorOf(answer.text).code];
  };
  assert.deepEqual(await refused((url) => url.searchParams.set("expires", "9999999999999")), [403, "invalid_link"]);
  assert.deepEqual(await refused((url) => (url.pathname = "/exports/other/download")), [403, "invalid_link"]);
  assert.deepEqual(await refused((url) => url.searchParams.delete("signature")), [403, "invalid_link"]);

  assert.deepEqual(
    (await t.gw.admin("GET", "/exports")).body.exports.map(({ id }) => id),
    [id],
  );
  assert.equal((await t.gw.admin("DELETE", `/exports/${id}`)).status, 200);
  assert.equal((await t.gw.call(done.download)).status, 404);
  const left = await (await t.gw.r2()).list({ prefix: `exports/${id}` });
  assert.deepEqual(left.objects, []);
  for (const [body, param] of [
    [{}, "kind"],
    [{ kind: "everything" }, "kind"],
    [{ kind: "requests", format: "json", bom: true }, "bom"],
    [{ kind: "requests", filters: "status=fine" }, "status"],
  ]) {
    const answer = await t.gw.admin("POST", "/exports", body);
    assert.deepEqual([answer.status, errorOf(answer.text).param], [400, param], JSON.stringify(body));
  }
});

test("exports are deleted when their time is over", async () => {
  const { body } = await t.gw.admin("POST", "/exports", { kind: "conversations" });
  await eventually(async () => (await t.gw.admin("GET", `/exports/${body.id}`)).body.state === "done");
  await t.gw.db("UPDATE jobs SET created_at = created_at - 8 * 86400000 WHERE id = ?", body.id);
  // The first run of an isolate's cron is the first of its hour.
  await t.gw.scheduled();
  assert.equal((await t.gw.admin("GET", `/exports/${body.id}`)).status, 404);
});

test(
  "memory does not grow with the number of rows",
  async () => {
    const [{ columns }] = await t.gw.db("SELECT group_concat(name) AS columns FROM pragma_table_info('request_log')");
    const named = columns.split(",").filter((name) => name !== "id");
    await t.gw.db(
      `INSERT INTO request_log (id, ${named}) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       SELECT substr(l.id, 1, 10) || printf('%016d', i), ${named} FROM n, (SELECT * FROM request_log LIMIT 1) AS l`,
      ROWS,
    );
    const memory = async () => (await t.gw.admin("GET", "/system/status")).body.isolate.memory_bytes;
    await rows("/export/requests?to=1&key=none");
    const before = await memory();
    const began = Date.now();
    const response = await fetch(`${t.gw.url}/export/requests`, { headers: bearer(t.gw.adminToken) });
    const hash = createHash("sha256");
    let bytes = 0;
    let rest = "";
    let lines = 0;
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      bytes += Buffer.byteLength(chunk);
      const parts = (rest + chunk).split("\n");
      rest = parts.pop();
      for (const line of parts) {
        if (line.startsWith('{"export":')) rest = line;
        else {
          lines++;
          hash.update(`${line}\n`);
        }
      }
    }
    const { export: end } = JSON.parse(rest);
    assert.equal(end.sha256, hash.digest("hex"));
    assert.equal(end.rows, lines);
    const grown = (await memory()) - before;
    const seconds = (Date.now() - began) / 1000;
    console.log(
      `${lines} rows, ${(bytes / MIB).toFixed(0)} MiB in ${seconds.toFixed(1)} s; memory ${(before / MIB).toFixed(1)} MiB and ${(grown / MIB).toFixed(1)} MiB more`,
    );
    assert.ok(grown < 32 * MIB, `${grown} bytes`);
    if (end.complete) assert.equal(lines, ROWS + 3);
    else assert.ok(lines >= 800_000, `${lines} rows in one answer`);
  },
  { timeout: 900_000 },
);

test(
  "a large export is made in steps, and is the same file",
  async () => {
    const { body } = await t.gw.admin("POST", "/exports", { kind: "requests" });
    const done = await eventually(
      async () => {
        await t.gw.scheduled();
        const { body: now } = await t.gw.admin("GET", `/exports/${body.id}`);
        assert.notEqual(now.state, "failed", now.error);
        return now.state === "done" && now;
      },
      { within: 850_000, every: 500 },
    );
    const file = await t.gw.call(done.download);
    assert.equal(done.rows, ROWS + 3);
    assert.equal(sha256(file.text), done.sha256);
    assert.equal(checked(file.text).length, ROWS + 3);
    const { objects } = await (await t.gw.r2()).list({ prefix: `exports/${body.id}` });
    assert.ok(
      objects.length > 1 && objects.every(({ size }) => size < 16 * MIB),
      JSON.stringify(objects.map(({ size }) => size)),
    );
  },
  { timeout: 900_000 },
);
