// The audit log: what is noted and what is not, that no secret is in it, that entries of many requests at once form one chain, and
// that any alteration in the database shows, here and in the script that verifies without the gateway.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { brokenHead, read, verify } from "../../scripts/verify-audit.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
const search = async (query = "") => (await t.gw.admin("GET", `/audit?${query}`)).body.entries;
/** The entries of a search, when there are as many. */
const found = (query, count) =>
  eventually(async () => {
    const entries = await search(query);
    return entries.length >= count ? entries : undefined;
  });
const whole = async () => {
  const pages = [];
  for (let cursor = ""; cursor !== null; ) {
    const { body } = await t.gw.admin("GET", `/audit?limit=7${cursor && `&cursor=${cursor}`}`);
    pages.push(JSON.stringify(body));
    cursor = body.next_cursor;
  }
  return read(pages.join("\n"));
};
const check = async (query = "") => (await t.gw.admin("GET", `/audit/verify?${query}`)).body;

test("a change is noted with who, what, from where, and before and after", async () => {
  const { id } = await t.gw.createKey({ name: "first", owner: "ada" });
  const headers = { ...bearer(t.gw.adminToken), "cf-connecting-ip": "203.0.113.7", "x-request-id": "of-the-change" };
  await t.gw.admin("PUT", `/keys/${id}`, { name: "second" }, { headers });
  const [entry] = await found(`target=${id}&operation=${encodeURIComponent("PUT /keys/{id}")}`, 1);
  assert.equal(entry.actor, "admin_token");
  assert.deepEqual([entry.status, entry.request_id, entry.address], [200, "of-the-change", "203.0.113.7"]);
  assert.ok(Math.abs(entry.at - Date.now()) < 60_000);
  const [name] = entry.changes.filter((change) => change.field === "name");
  assert.deepEqual([name.before, name.after], ["first", "second"]);
  await t.gw.admin("DELETE", `/keys/${id}`);
  const [deleted] = await found(`target=${id}&operation=${encodeURIComponent("DELETE /keys/{id}")}`, 1);
  assert.deepEqual(
    deleted.changes.filter((change) => change.field === "owner").map(({ before, after }) => [before, after]),
    [["ada", null]],
  );
});

test("limits and prices are noted as they were and as they are", async () => {
  const target = "user:of-the-audit";
  await t.gw.admin("PUT", `/limits/${target}`, { limits: { requests_per_minute: 5 } });
  await t.gw.admin("PUT", `/limits/${target}`, { limits: { requests_per_minute: 6 } });
  await t.gw.admin("DELETE", `/limits/${target}`);
  const entries = await found(`target=${target}`, 3);
  const limits = entries.map(({ changes: [change] }) => [
    change.before?.limits.requests_per_minute,
    change.after?.limits.requests_per_minute,
  ]);
  assert.deepEqual(limits, [
    [6, undefined],
    [5, 6],
    [undefined, 5],
  ]);
  await t.gw.admin("PUT", "/prices/model:of-the-audit", { input: 1, output: 2 });
  const [price] = await found("target=model:of-the-audit", 1);
  assert.equal(price.changes[0].field, "price");
});

test("reads are not noted, refusals are, and the actor is who was refused", async () => {
  const before = (await search("limit=1"))[0].seq;
  const program = await t.gw.createKey({ permissions: ["view_prices"] });
  await t.gw.admin("GET", "/prices", undefined, { headers: bearer(program.key) });
  await t.gw.admin("DELETE", "/prices/model:x", undefined, { headers: bearer(program.key) });
  await t.gw.admin("GET", "/keys", undefined, { headers: bearer("wrong-token-of-no-one") });
  const entries = await eventually(async () => {
    const entries = (await search()).filter((entry) => entry.seq > before);
    return entries.length >= 3 ? entries : undefined;
  });
  assert.deepEqual(
    entries.map(({ actor, operation, status, code }) => [actor, operation, status, code]),
    [
      ["unknown", "GET /keys", 401, "invalid_admin_token"],
      [`program:${program.id}`, "DELETE /prices/{subject...}", 403, "permission_denied"],
      ["admin_token", "POST /keys", 201, undefined],
    ],
  );
});

test("no secret is in it", async () => {
  const secret = "sk-upstream-0123456789abcdef";
  const provider = await t.gw.admin("POST", "/providers", {
    name: "with-secrets",
    server_url: "https://llm.example.com/v1",
    server_key: secret,
    personalized_key: "personal-secret-of-ada",
    headers: { "x-secret": "header-secret-value" },
  });
  assert.equal(provider.status, 201, provider.text);
  const { key } = await t.gw.createKey();
  const operation = encodeURIComponent("POST /providers");
  const [entry] = await found(`operation=${operation}`, 1);
  const sealed = entry.changes.find((change) => change.field === "server_key_sealed");
  assert.deepEqual([sealed.before, sealed.after], [null, "(secret)"]);
  const text = JSON.stringify(await whole());
  for (const word of [secret, "personal-secret-of-ada", "header-secret-value", key, t.gw.adminToken]) {
    assert.ok(!text.includes(word), `${word.slice(0, 6)}… is in the audit log`);
  }
});

test("changes at once form one chain without gaps", async () => {
  const name = "at-once";
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => t.gw.admin("PUT", `/limits/user:${name}-${n}`, { limits: {} })),
  );
  await eventually(async () => (await whole()).filter((entry) => entry.target.includes(name)).length === 60);
  const entries = await whole();
  assert.deepEqual(
    entries.map((entry) => entry.seq),
    entries.map((_, n) => entries.length - n),
  );
  const result = await check();
  assert.deepEqual([result.ok, result.checked, result.broken_at, result.more], [true, entries.length, null, false]);
  assert.equal(verify(entries).last, entries.length);
  assert.equal(verify(entries).hash, result.hash, "the script and the gateway agree");
  const later = await check(`after=${entries[9].seq}&hash=${entries[9].hash}`);
  assert.deepEqual([later.ok, later.checked, later.hash], [true, 9, result.hash]);
});

test("alterations in the database show", async () => {
  const whole_ = await whole();
  const [last, before] = whole_;
  const broken = async (sql, expected, why) => {
    const kept = await t.gw.db("SELECT * FROM audit_log ORDER BY seq");
    await t.gw.db(sql);
    const result = await check();
    assert.deepEqual([result.ok, result.broken_at], [false, expected], why);
    assert.equal(verify(await whole()).brokenAt, expected, `${why}: the script`);
    await t.gw.db("DELETE FROM audit_log");
    for (const { seq, line, hash } of kept) {
      await t.gw.db("INSERT INTO audit_log VALUES (?, ?, ?)", seq, line, hash);
    }
  };
  await broken(
    `UPDATE audit_log SET line = replace(line, 'admin_token', 'user:eve') WHERE seq = 2`,
    2,
    "an altered line",
  );
  await broken("DELETE FROM audit_log WHERE seq = 3", 3, "a removed entry");
  await broken(`UPDATE audit_log SET hash = '${before.hash}' WHERE seq = ${last.seq}`, last.seq, "an altered hash");
  const cut = await check(`after=${last.seq}&hash=${before.hash}`);
  assert.deepEqual([cut.ok, cut.checked], [true, 0]);
  assert.equal((await check()).ok, true, "all is as it was");
  assert.equal((await t.gw.admin("GET", "/audit/verify?after=3")).status, 400);
});

test("an entry is read by its number", async () => {
  const [last] = await whole();
  const { status, body } = await t.gw.admin("GET", `/audit/${last.seq}`);
  assert.deepEqual([status, body], [200, last]);
  for (const seq of ["0", String(last.seq + 1000), "-1", "one", "99999999999999999999"]) {
    const answer = await t.gw.admin("GET", `/audit/${seq}`);
    assert.deepEqual([answer.status, answer.body.error.code], [404, "audit_entry_not_found"], seq);
  }
});

test("a cut tail and a log that was written anew show against signed heads", async () => {
  await t.gw.scheduled();
  const { heads, keys } = await t.gw.admin("GET", "/audit/heads").then(({ body }) => body);
  assert.equal(heads.length, 1, "one an hour");
  await t.gw.createKey();
  await t.gw.scheduled();
  assert.equal((await t.gw.admin("GET", "/audit/heads")).body.heads.length, 1, "and not another in the same hour");
  assert.deepEqual(
    keys.map(({ kid }) => kid),
    [heads[0].kid],
  );
  const entries = await whole();
  const { ok, heads: compared, broken_head } = await check();
  assert.deepEqual([ok, compared, broken_head], [true, 1, null]);
  assert.equal(brokenHead({ heads, keys }, entries), undefined, "the script agrees");
  const { seq, hash } = heads[0];
  assert.equal((await check(`after=${seq}&hash=${hash}`)).heads, 1, "the entry that a check goes on from");
  assert.equal((await check(`after=${seq}&hash=${"1".repeat(64)}`)).broken_head.seq, seq);

  const kept = await t.gw.db("SELECT * FROM audit_log ORDER BY seq");
  const restore = async (rows) => {
    await t.gw.db("DELETE FROM audit_log");
    for (const row of rows) await t.gw.db("INSERT INTO audit_log VALUES (?, ?, ?)", row.seq, row.line, row.hash);
  };
  const broken = async (rows, why) => {
    await restore(rows);
    const result = await check();
    assert.deepEqual([result.ok, result.broken_at, result.broken_head?.seq], [false, null, seq], why);
    assert.equal(brokenHead({ heads, keys }, await whole()), seq, `${why}: the script`);
    await restore(kept);
  };
  await broken(kept.slice(0, seq - 1), "a tail that was cut off, whose rest is a whole chain");
  let before = "0".repeat(64);
  const forged = kept.map(({ seq, line }) => {
    const altered = seq === 2 ? line.replace("admin_token", "user:eve") : line;
    before = createHash("sha256").update(`${before}\n${altered}`).digest("hex");
    return { seq, line: altered, hash: before };
  });
  await broken(forged, "all of it written anew");
  assert.equal((await check()).ok, true, "all is as it was");

  const pair = generateKeyPairSync("ed25519");
  const other = { ...pair.publicKey.export({ format: "jwk" }), kid: heads[0].kid };
  assert.equal(brokenHead({ heads, keys: [other] }, entries), seq, "a head that another key signed");
  await t.gw.db("UPDATE identity_keys SET public_key = ? WHERE purpose = 'token'", other.x);
  assert.equal((await check()).broken_head.seq, seq, "a key that was put in the place of the deployment's");
});
