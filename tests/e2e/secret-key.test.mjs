// Proves the rotation of the master key: every kind of sealed value is sealed anew (keys of providers, a service account,
// headers, further keys), a rotation that was interrupted goes on, and calls work once the old key is gone.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { keyFor } from "../support/dialects.mjs";
import { generated } from "../support/gemini.mjs";
import { startGateway } from "../support/gateway.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, startUpstream } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const STATE = "/system/secret-key";
const ROTATE = "/system/secret-key/rotate";
const masterKey = () => randomBytes(32).toString("base64");

/** Values by role of the key that sealed them. */
const byRole = ({ keys }) => Object.fromEntries(keys.map(({ role, values }) => [role, values]));

async function state(gw) {
  const { status, body, text } = await gw.admin("GET", STATE);
  assert.equal(status, 200, text);
  return body;
}

async function rotate(gw, body) {
  const answer = await gw.admin("POST", ROTATE, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

/** Every sealed value as it is stored, by its place. */
async function sealed(gw) {
  const providers = await gw.db("SELECT uid, server_key_sealed, headers_sealed FROM providers");
  const keys = await gw.db("SELECT id, key_sealed FROM provider_keys");
  const values = providers.flatMap(({ uid, ...columns }) =>
    Object.entries(columns).map(([column, value]) => [`${uid} ${column}`, value]),
  );
  return new Map(
    [...values, ...keys.map(({ id, key_sealed }) => [id, key_sealed])].filter(([, value]) => value !== null),
  );
}

const POOL = ["sk-own-00000001", "sk-pool-00000002", "sk-pool-00000003"];
const VALUES = 6;

/** Providers with every kind of sealed value: `pooled` has a key, headers and further keys; `vertex` a service account. */
async function fill(gw, up, kept) {
  const pooled = await gw.createProvider({
    name: "pooled",
    server_url: `${up.url}/v1`,
    server_key: POOL[0],
    headers: { "x-secret-token": "header-1" },
  });
  for (const key of POOL.slice(1))
    assert.equal((await gw.admin("POST", `/providers/${pooled.id}/keys`, { label: key, key })).status, 201);
  await gw.createModel({ provider_id: pooled.id, model_name: "pooled-model" });
  const only = await gw.createProvider({
    name: "only-headers",
    server_url: `${up.url}/v1`,
    headers: { "x-secret-token": "header-2" },
  });
  await gw.createModel({ provider_id: only.id, model_name: "headers-model" });
  const vertex = await gw.createProvider({
    name: "vertex",
    kind: "vertex",
    server_url: `${up.url}/v1/projects/loopback/locations/here`,
    server_key: keyFor("vertex", up.url),
  });
  await gw.createModel({ provider_id: vertex.id, model_name: "vertex-model", upstream_model: "gemini-vertex" });
  const { key } = await gw.createKey({ name: "rotation" });
  Object.assign(kept, { pooled, key });
  await callAll(gw, up, kept);
  kept.copy = await (await gw.kv()).get("snapshot");
}

/** Makes calls until each key of the pool was used, and one with each other secret. */
async function callAll(gw, up, { key }) {
  const call = async (model) => {
    const answer = await gw.complete(key, ask(model));
    assert.equal(answer.status, 200, `${model}: ${answer.text}`);
  };
  const used = new Set();
  for (let tries = 0; used.size < POOL.length && tries < 200; tries += 1) {
    await call("pooled-model");
    const { headers } = up.last("pooled-model");
    assert.equal(headers["x-secret-token"], "header-1");
    used.add(headers.authorization.replace("Bearer ", ""));
  }
  assert.deepEqual([...used].sort(), POOL);
  await call("headers-model");
  assert.equal(up.last("headers-model").headers["x-secret-token"], "header-2");
  await call("vertex-model");
  assert.equal(up.last("gemini-vertex").headers.authorization, "Bearer ya29.token");
}

/** Runs `steps` one after the other, each with a gateway of its own on the same storage. */
async function restarted(steps) {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
  const up = await startUpstream();
  up.otherwise((x) =>
    x.path === "/token"
      ? x.reply(200, { access_token: "ya29.token", expires_in: 3599, token_type: "Bearer" })
      : x.reply(200, completion(x.model, "ok")),
  );
  up.on("gemini-vertex", (x) => x.reply(200, generated("gemini-vertex", "ok")));
  const kept = {};
  try {
    for (const { vars, run } of steps) {
      const gw = await startGateway({ vars, storage });
      try {
        await run(gw, up, kept);
      } finally {
        await gw.stop();
      }
    }
  } finally {
    await up.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

test(
  "after a rotation that was interrupted and resumed, everything works without the old key",
  async () => {
    const [first, second] = [masterKey(), masterKey()];
    const both = { MASTER_KEY: second, MASTER_KEY_PREVIOUS: first };
    await restarted([
      {
        vars: { MASTER_KEY: first },
        async run(gw, up, kept) {
          await fill(gw, up, kept);
          const before = await sealed(gw);
          assert.equal(before.size, VALUES);
          assert.deepEqual(byRole(await state(gw)), { current: VALUES });
          assert.deepEqual(await rotate(gw), { resealed: 0, ...(await state(gw)) });
          assert.deepEqual(await sealed(gw), before, "nothing is written where nothing is to be done");
        },
      },
      {
        vars: both,
        async run(gw, up, kept) {
          const before = await state(gw);
          assert.deepEqual(
            [byRole(before), before.left, before.unreadable],
            [{ current: 0, previous: VALUES }, VALUES, []],
          );
          const { resealed, ...after } = await rotate(gw, { limit: 1 });
          assert.ok(resealed >= 1 && resealed <= 2, `${resealed} values of one record`);
          assert.equal(after.left, VALUES - resealed);
          assert.deepEqual(await state(gw), after);
          kept.half = await sealed(gw);
          await callAll(gw, up, kept);
        },
      },
      {
        vars: both,
        async run(gw, up, kept) {
          const before = await state(gw);
          assert.ok(before.left > 0 && before.left < VALUES);
          const half = (await state(gw)).keys[0];
          // Two at once, and a change of a record beside them.
          const change = gw.admin("PUT", `/providers/${kept.pooled.id}`, { description: "changed meanwhile" });
          await Promise.all([rotate(gw, { limit: 2 }), rotate(gw, { limit: 2 }), change]);
          let last = await rotate(gw, {});
          for (let calls = 0; last.left > 0 && calls < VALUES; calls += 1) last = await rotate(gw);
          assert.deepEqual([byRole(last), last.left, last.unreadable], [{ current: VALUES, previous: 0 }, 0, []]);
          assert.equal((await gw.admin("GET", `/providers/${kept.pooled.id}`)).body.description, "changed meanwhile");
          const now = await sealed(gw);
          for (const [place, value] of now) {
            assert.equal(value.split(".")[1], half.id, place);
            if (kept.half.get(place).split(".")[1] === half.id)
              assert.equal(value, kept.half.get(place), `${place} was sealed twice`);
          }
          await callAll(gw, up, kept);
        },
      },
      {
        vars: { MASTER_KEY: second },
        async run(gw, up, kept) {
          // KV may lag behind: a cold isolate meets the copy from before the rotation.
          await (await gw.kv()).put("snapshot", kept.copy);
          await callAll(gw, up, kept);
          assert.deepEqual(byRole(await state(gw)), { current: VALUES });
        },
      },
    ]);
  },
  { timeout: 180_000 },
);

test(
  "what no key opens is reported, kept, and does not hold up the rest",
  async () => {
    const [first, second, third] = [masterKey(), masterKey(), masterKey()];
    await restarted([
      { vars: { MASTER_KEY: first }, run: fill },
      {
        vars: { MASTER_KEY: third, MASTER_KEY_PREVIOUS: second },
        async run(gw, up, { pooled }) {
          const made = await gw.createProvider({ server_url: `${up.url}/v1`, server_key: "sk-made-00000004" });
          const before = await sealed(gw);
          const { resealed, ...after } = await rotate(gw, { limit: 1 });
          assert.deepEqual([resealed, after.left, byRole(after)], [0, 0, { current: 1, previous: 0, missing: VALUES }]);
          assert.equal(after.unreadable.length, VALUES);
          const ofPooled = after.unreadable.filter(({ provider_id }) => provider_id === pooled.id);
          assert.deepEqual(
            ofPooled.map(({ field }) => field),
            ["server_key", "headers", "key", "key"],
          );
          assert.ok(
            ofPooled.every(
              ({ key_id, field, reason }) =>
                (field === "key") === (key_id !== undefined) && reason.includes("not configured"),
            ),
          );
          assert.deepEqual(await sealed(gw), before);
          assert.ok(!after.unreadable.some(({ provider_id }) => provider_id === made.id));
        },
      },
      {
        vars: { MASTER_KEY: third, MASTER_KEY_PREVIOUS: first },
        async run(gw, up, kept) {
          const { resealed, left } = await rotate(gw);
          assert.deepEqual([resealed, left], [VALUES, 0]);
          await callAll(gw, up, kept);
        },
      },
    ]);
  },
  { timeout: 180_000 },
);

const t = suite();

test("only the operator may look or rotate, and bad input names its field", async () => {
  for (const [method, target] of [
    ["GET", STATE],
    ["POST", ROTATE],
  ]) {
    for (const [headers, code] of [
      [{}, "missing_admin_token"],
      [bearer(t.key), "invalid_admin_token"],
    ]) {
      const answer = await t.gw.admin(method, target, undefined, { headers });
      assert.equal(answer.status, 401, answer.text);
      assert.equal(errorOf(answer.text).code, code);
    }
  }
  for (const limit of [0, 501, 1.5, "10"]) {
    const answer = await t.gw.admin("POST", ROTATE, { limit });
    assert.equal(answer.status, 400, answer.text);
    assert.equal(errorOf(answer.text).param, "limit");
  }
});
