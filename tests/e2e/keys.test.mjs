// Proves the lifecycle of a key: validity, rotation with overlap, restrictions of address and dialect, what is
// recorded with its requests, and that the gateway disables keys that have expired or mostly fail by the caller's
// fault.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, delay } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const DAY = 86_400_000;
const use = (key, options) => t.gw.complete(key, ask("demo/echo"), options);
const get = async (id) => (await t.gw.admin("GET", `/keys/${id}`)).body;

test("validity in words", async () => {
  for (const [expires_in, days] of [
    ["week", 7],
    ["month", 30],
    ["year", 365],
  ]) {
    const { expires_at } = await t.gw.createKey({ expires_in });
    assert.ok(Math.abs(expires_at - Date.now() - days * DAY) < 3 * DAY, expires_in);
  }
  const { id } = await t.gw.createKey({ expires_in: "week" });
  const { body } = await t.gw.admin("PUT", `/keys/${id}`, { expires_in: "never", name: "renamed" });
  assert.deepEqual([body.expires_at, body.name], [null, "renamed"]);
  assert.equal((await t.gw.admin("POST", "/keys", { name: "x", expires_in: "eternity" })).status, 400);
});

test("a rotated key has a new secret, and the old one lives as long as it is told to", async () => {
  const { id, key } = await t.gw.createKey();
  const { status, body } = await t.gw.admin("POST", `/keys/${id}/rotate`, { overlap_seconds: 2 });
  assert.equal(status, 200);
  assert.equal(body.id, id);
  assert.notEqual(body.key, key);
  assert.equal((await use(body.key)).status, 200);
  assert.equal((await use(key)).status, 200);
  await delay(2_100);
  assert.equal(errorOf((await use(key)).text).code, "api_key_expired");
  const again = (await t.gw.admin("POST", `/keys/${id}/rotate`)).body;
  assert.equal((await use(again.key)).status, 200);
  assert.notEqual((await use(body.key)).status, 200, "without overlap the old one ends at once");
  assert.equal((await t.gw.admin("POST", "/keys/nothing/rotate")).status, 404);
});

test("addresses and dialects", async () => {
  const { key } = await t.gw.createKey({
    allowed_ips: ["10.0.0.0/8", "2001:db8::/32"],
    allowed_dialects: ["openai_chat"],
  });
  const from = (address) => ({ headers: { "cf-connecting-ip": address } });
  assert.equal((await use(key, from("10.1.2.3"))).status, 200);
  assert.equal((await use(key, from("2001:db8::7"))).status, 200);
  const elsewhere = await use(key, from("11.1.2.3"));
  assert.deepEqual([elsewhere.status, errorOf(elsewhere.text).code], [403, "ip_not_allowed"]);
  const headers = {
    ...bearer(key),
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "cf-connecting-ip": "10.1.2.3",
  };
  const anthropic = await t.gw.call("/v1/messages", {
    method: "POST",
    headers,
    body: JSON.stringify({ model: "demo/echo", max_tokens: 5, messages: [{ role: "user", content: "x" }] }),
  });
  assert.deepEqual([anthropic.status, anthropic.json().error.type], [403, "permission_error"]);
});

test("tags are recorded with every request", async () => {
  const { key } = await t.gw.createKey({ tags: { team: "search", env: "test" }, owner: "bob" });
  const row = await t.gw.row((await use(key)).headers["x-request-id"]);
  assert.deepEqual(JSON.parse(row.tags), { team: "search", env: "test" });
  const { body } = await t.gw.admin("GET", "/stats/requests?limit=1");
  assert.deepEqual(body.requests[0].tags, { team: "search", env: "test" });
  assert.equal((await t.gw.row((await use(t.key)).headers["x-request-id"])).tags, null);
});

test("expired keys and keys that are mostly used wrongly are disabled, with the reason", async () => {
  const gone = await t.gw.createKey({ expires_at: Date.now() - 1000 });
  const wrong = await t.gw.createKey();
  const right = await t.gw.createKey();
  await t.model("works", (x) => x.reply(200, completion(x.model, "ok")));
  await t.model("fails", (x) => x.reply(500, { error: { message: "down" } }));
  let last;
  for (let i = 0; i < 14; i += 1) last = await t.gw.complete(wrong.key, ask("no-such-model"));
  for (let i = 0; i < 8; i += 1) last = await t.gw.complete(wrong.key, ask("works"));
  await t.gw.row(last.headers["x-request-id"]);
  for (let i = 0; i < 25; i += 1) last = await t.gw.complete(right.key, ask("fails"));
  await t.gw.row(last.headers["x-request-id"]);
  await t.gw.scheduled();
  assert.deepEqual([(await get(gone.id)).enabled, (await get(gone.id)).disabled_reason], [false, "expired"]);
  const disabled = await get(wrong.id);
  assert.equal(disabled.enabled, false);
  assert.match(disabled.disabled_reason, /60 %/);
  assert.equal((await get(right.id)).enabled, true, "an upstream that fails is not the fault of the key");
  const { body } = await t.gw.admin("PUT", `/keys/${wrong.id}`, { enabled: true });
  assert.deepEqual([body.enabled, body.disabled_reason], [true, null]);
  assert.equal((await use(wrong.key)).status, 200);
  await t.gw.scheduled();
  assert.equal((await get(wrong.id)).enabled, true, "what was before does not count again");
});

test("an address that tries many wrong keys is told to wait", async () => {
  const unknown = `sk-nx-${"0".repeat(12)}-${"0".repeat(32)}`;
  const from = (address) => ({ headers: { "cf-connecting-ip": address } });
  const answers = [];
  for (let i = 0; i < 70; i += 1) answers.push(await use(unknown, from("203.0.113.9")));
  assert.equal(answers.filter(({ status }) => status === 401).length, 60);
  assert.equal(errorOf(answers.at(-1).text).code, "too_many_attempts");
  assert.ok(Number(answers.at(-1).headers["retry-after"]) >= 1);
  assert.equal((await use(unknown, from("203.0.113.10"))).status, 401);
  assert.equal((await use(t.key, from("203.0.113.9"))).status, 200, "a good key is a good key");
  const admin = [];
  for (let i = 0; i < 12; i += 1)
    admin.push(
      await t.gw.call("/keys", { headers: { ...bearer("wrong-admin-token"), "cf-connecting-ip": "203.0.113.11" } }),
    );
  assert.equal(admin.filter(({ status }) => status === 401).length, 10);
  assert.equal(admin.at(-1).status, 429);
  // The right one is refused as well: otherwise a guesser would learn it at full speed.
  const right = (address) =>
    t.gw.call("/keys", { headers: { ...bearer(t.gw.adminToken), "cf-connecting-ip": address } });
  assert.equal((await right("203.0.113.11")).status, 429);
  assert.equal((await right("203.0.113.12")).status, 200);
});

test("credentials that stand for more than one thing, and undocumented headers, are refused", async () => {
  const refusal = async (target, body) => errorOf((await t.gw.admin("POST", target, body)).text);
  const provider = (personalized_key) => ({ name: "twofold", server_url: `${t.up.url}/v1`, personalized_key });
  for (const key of [t.key, t.gw.adminToken, "fifteen-letters"]) {
    assert.equal((await refusal("/providers", provider(key))).param, "personalized_key");
  }
  assert.equal((await refusal("/keys", { owner: `key:${t.key.split("-")[2]}` })).param, "owner");
  for (const name of ["x-api-key", "api-key", "x-goog-api-key"]) {
    assert.equal((await t.gw.call("/keys", { headers: { [name]: t.gw.adminToken } })).status, 401, name);
  }
});
