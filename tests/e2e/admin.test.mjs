// Proves the admin API: authorisation, the effect of every field of providers, models and keys, that an update
// changes only the fields it contains and takes effect at once, and that running streams are not affected.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, gate, streamEvents } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
const admin = (...args) => t.gw.admin(...args);

const refused = ({ status, text }, expected, code, param = null) => {
  assert.equal(status, expected, text);
  const error = errorOf(text);
  assert.equal(error.code, code, text);
  assert.equal(error.param, param, text);
};
const answers = async (model, key = t.key) => (await t.gw.complete(key, ask(model))).status;
const ok = (x) => x.reply(200, completion(x.model, "ok"));

test("nothing is answered without the admin token", async () => {
  const targets = [
    ["GET", "/providers"],
    ["POST", "/providers"],
    ["GET", "/providers/available"],
    ["GET", "/providers/1"],
    ["PUT", "/providers/1"],
    ["DELETE", "/providers/1"],
    ["GET", "/providers/1/models"],
    ["GET", "/provider_models"],
    ["POST", "/provider_models"],
    ["GET", "/provider_models/1"],
    ["PUT", "/provider_models/1"],
    ["DELETE", "/provider_models/1"],
    ["GET", "/keys"],
    ["POST", "/keys"],
    ["GET", "/keys/abcdefghijkl"],
    ["PUT", "/keys/abcdefghijkl"],
    ["DELETE", "/keys/abcdefghijkl"],
    ["GET", "/stats/total"],
    ["GET", "/stats/requests"],
  ];
  for (const [method, target] of targets) {
    refused(await admin(method, target, undefined, { headers: {} }), 401, "missing_admin_token");
    for (const token of ["wrong", t.gw.adminToken.slice(0, -1), `${t.gw.adminToken}x`, t.key]) {
      refused(await admin(method, target, undefined, { headers: bearer(token) }), 401, "invalid_admin_token");
    }
  }
  assert.equal(
    (await admin("GET", "/providers", undefined, { headers: { "x-admin-token": t.gw.adminToken } })).status,
    200,
  );
  // And the admin token is not an API key.
  assert.equal((await t.gw.complete(t.gw.adminToken, ask("demo/echo"))).status, 401);
});

test("a provider with every field, and with as few as possible", async () => {
  const began = Date.now();
  const full = {
    name: "Full Provider",
    kind: "openai",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-full-0123456789-abcd",
    personalized_key: "personal-0123456789-wxyz",
    description: "Alles dabei – 漢字",
    headers: { "x-tenant": "blue", "X-Secret-Token": "hidden-value-123" },
    rate_limit: 600,
    first_byte_timeout_ms: 30_000,
    idle_timeout_ms: 40_000,
    enabled: true,
  };
  const { status, body: made } = await admin("POST", "/providers", full);
  assert.equal(status, 201, JSON.stringify(made));
  assert.ok(Number.isInteger(made.id));
  for (const field of [
    "name",
    "kind",
    "server_url",
    "description",
    "rate_limit",
    "first_byte_timeout_ms",
    "idle_timeout_ms",
    "enabled",
  ]) {
    assert.equal(made[field], full[field], field);
  }
  assert.equal(made.server_key, "sk-…abcd");
  assert.equal(made.personalized_key, "…wxyz");
  const headers = Object.fromEntries(Object.entries(made.headers).map(([name, value]) => [name.toLowerCase(), value]));
  assert.equal(headers["x-tenant"], "blue");
  assert.ok(!headers["x-secret-token"].includes("hidden-value"), JSON.stringify(headers));
  assert.ok(
    made.created_at >= began - 1_000 && made.created_at <= Date.now() + 1_000 && made.updated_at >= made.created_at,
  );
  assert.deepEqual((await admin("GET", `/providers/${made.id}`)).body, made);
  assert.deepEqual(
    (await admin("GET", "/providers")).body.providers.find(({ id }) => id === made.id),
    made,
  );

  const { body: bare } = await admin("POST", "/providers", { name: "Bare", server_url: "http://127.0.0.1:9/" });
  assert.deepEqual(
    { ...bare, id: 0, created_at: 0, updated_at: 0, description: bare.description ?? "" },
    {
      id: 0,
      name: "Bare",
      kind: "openai",
      server_url: "http://127.0.0.1:9/",
      server_key: null,
      personalized_key: null,
      description: "",
      headers: {},
      quirks: [],
      owner: null,
      visibility: "public",
      shared_with: [],
      in_review: false,
      rate_limit: null,
      first_byte_timeout_ms: null,
      idle_timeout_ms: null,
      enabled: true,
      status: "active",
      region: null,
      weight: 100,
      priority: 0,
      max_in_flight: null,
      max_qps: null,
      retry_statuses: [],
      probe_enabled: false,
      probe_model: null,
      probe_prompt: null,
      probe_interval_s: null,
      created_at: 0,
      updated_at: 0,
    },
  );
  assert.equal((await admin("POST", "/providers", { name: "Own demo", kind: "demo" })).status, 201);
});

test("PUT changes what it names and nothing else, and null clears", async () => {
  const made = await t.gw.createProvider({
    name: "putty",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-putty-000000-1111",
    personalized_key: "personal-putty-2222",
    description: "before",
    headers: { "x-a": "1" },
    rate_limit: 100,
    first_byte_timeout_ms: 1_000,
    idle_timeout_ms: 2_000,
  });
  let known = made;
  const change = async (fields, expected = fields) => {
    const { status, body } = await admin("PUT", `/providers/${made.id}`, fields);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(body.updated_at >= known.updated_at);
    assert.deepEqual(body, { ...known, ...expected, updated_at: body.updated_at });
    assert.deepEqual((await admin("GET", `/providers/${made.id}`)).body, body);
    known = body;
  };
  await change({ name: "putty-2" });
  await change({ server_url: `${t.up.url}/v2/` });
  await change({ server_key: "sk-putty-000000-9999" }, { server_key: "sk-…9999" });
  await change({ personalized_key: "personal-putty-8888" }, { personalized_key: "…8888" });
  await change({ description: "after" });
  await change({ headers: { "x-b": "2" } });
  await change({ rate_limit: 5_000 });
  await change({ first_byte_timeout_ms: 3_000, idle_timeout_ms: 4_000 });
  await change({ enabled: false });
  await change({ enabled: true });
  await change({ server_key: null });
  await change({ personalized_key: null });
  await change({ rate_limit: null, first_byte_timeout_ms: null, idle_timeout_ms: null });
  await change({ headers: {} });
  await change({});

  const model = await t.gw.createModel({
    provider_id: made.id,
    model_name: "putty-model",
    upstream_model: "up-1",
    description: "d",
    slow: true,
  });
  let shown = model;
  for (const fields of [
    { upstream_model: "up-2" },
    { upstream_model: null },
    { description: "e" },
    { slow: false },
    { enabled: false },
    { model_name: "putty-model-2" },
    {},
  ]) {
    const { status, body } = await admin("PUT", `/provider_models/${model.id}`, fields);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body, { ...shown, ...fields, updated_at: body.updated_at });
    shown = body;
  }
  assert.deepEqual((await admin("GET", `/provider_models/${model.id}`)).body, shown);

  const { key, ...made2 } = await t.gw.createKey({
    name: "putty-key",
    expires_at: Date.now() + 3_600_000,
    allowed_models: ["a", "b*"],
    allowed_providers: [made.id],
  });
  let record = made2;
  for (const fields of [
    { name: "putty-key-2" },
    { expires_at: null },
    { allowed_models: null },
    { allowed_providers: null },
    { enabled: false },
    {},
  ]) {
    const { status, body } = await admin("PUT", `/keys/${made2.id}`, fields);
    assert.equal(status, 200, JSON.stringify(body));
    assert.ok(!JSON.stringify(body).includes(key));
    assert.deepEqual({ ...body, updated_at: 0 }, { ...record, ...fields, updated_at: 0 });
    record = body;
  }
});

test("a model with every field, listed everywhere", async () => {
  const provider = await t.gw.createProvider({ name: "modelled", server_url: `${t.up.url}/v1` });
  const { status, body: made } = await admin("POST", "/provider_models", {
    provider_id: provider.id,
    model_name: "vendor/model:latest@1",
    upstream_model: "real-name",
    description: "text",
    enabled: true,
    slow: true,
  });
  assert.equal(status, 201);
  const { id, created_at, updated_at, ...rest } = made;
  assert.ok(Number.isInteger(id) && created_at > 0 && updated_at >= created_at);
  assert.deepEqual(rest, {
    provider_id: provider.id,
    model_name: "vendor/model:latest@1",
    upstream_model: "real-name",
    description: "text",
    enabled: true,
    slow: true,
    context_length: null,
    max_output: null,
    capabilities: null,
    weight: null,
    priority: null,
  });
  assert.deepEqual((await admin("GET", `/provider_models/${id}`)).body, made);
  assert.deepEqual((await admin("GET", `/providers/${provider.id}/models`)).body, { models: [made] });
  assert.deepEqual(
    (await admin("GET", "/provider_models")).body.models.find((one) => one.id === id),
    made,
  );

  const bare = await t.gw.createModel({ provider_id: provider.id, model_name: "bare" });
  assert.deepEqual([bare.upstream_model, bare.enabled, bare.slow], [null, true, false]);
});

test("available providers are enabled and have an enabled model", async () => {
  const [a, b, c, d] = await Promise.all(
    ["a", "b", "c", "d"].map((name) =>
      t.gw.createProvider({ name: `available-${name}`, server_url: `${t.up.url}/v1`, enabled: name !== "b" }),
    ),
  );
  await t.gw.createModel({ provider_id: a.id, model_name: "m" });
  await t.gw.createModel({ provider_id: b.id, model_name: "m" });
  await t.gw.createModel({ provider_id: c.id, model_name: "m", enabled: false });
  const { status, body } = await admin("GET", "/providers/available");
  assert.equal(status, 200);
  const ids = body.providers.map(({ id }) => id);
  assert.ok(ids.includes(a.id));
  for (const { id } of [b, c, d]) assert.ok(!ids.includes(id));
});

test("names are unique", async () => {
  const one = await t.gw.createProvider({ name: "Unique", server_url: `${t.up.url}/v1` });
  const two = await t.gw.createProvider({ name: "Other", server_url: `${t.up.url}/v1` });
  refused(
    await admin("POST", "/providers", { name: "uNIQUE", server_url: "http://127.0.0.1/" }),
    409,
    "name_taken",
    "name",
  );
  refused(await admin("PUT", `/providers/${two.id}`, { name: "unique" }), 409, "name_taken", "name");
  assert.equal((await admin("PUT", `/providers/${one.id}`, { name: "UNIQUE" })).status, 200);

  const model = await t.gw.createModel({ provider_id: one.id, model_name: "m" });
  const other = await t.gw.createModel({ provider_id: one.id, model_name: "n" });
  refused(
    await admin("POST", "/provider_models", { provider_id: one.id, model_name: "m" }),
    409,
    "name_taken",
    "model_name",
  );
  refused(await admin("PUT", `/provider_models/${other.id}`, { model_name: "m" }), 409, "name_taken", "model_name");
  assert.equal((await admin("PUT", `/provider_models/${model.id}`, { model_name: "m" })).status, 200);
  assert.equal((await admin("POST", "/provider_models", { provider_id: two.id, model_name: "m" })).status, 201);
});

test("what was deleted is gone, with all that hung on it", async () => {
  const provider = await t.gw.createProvider({ name: "doomed", server_url: `${t.up.url}/v1` });
  const model = await t.model("doomed-model", ok, { provider_id: provider.id });
  assert.equal(await answers("doomed-model"), 200);
  assert.deepEqual((await admin("DELETE", `/providers/${provider.id}`)).body, { id: provider.id, deleted: true });
  assert.equal(await answers("doomed-model"), 404);
  refused(await admin("GET", `/providers/${provider.id}`), 404, "provider_not_found");
  refused(await admin("DELETE", `/providers/${provider.id}`), 404, "provider_not_found");
  refused(await admin("GET", `/provider_models/${model.id}`), 404, "provider_model_not_found");
  assert.deepEqual(await t.gw.db("SELECT id FROM provider_models WHERE provider_id = ?", provider.id), []);
  // Neither the name nor the id is blocked afterwards: the name is free, the id is not reused.
  const again = await t.gw.createProvider({ name: "doomed", server_url: `${t.up.url}/v1` });
  assert.ok(again.id > provider.id);

  const single = await t.model("doomed-single", ok);
  assert.deepEqual((await admin("DELETE", `/provider_models/${single.id}`)).body, { id: single.id, deleted: true });
  assert.equal(await answers("doomed-single"), 404);
  refused(await admin("DELETE", `/provider_models/${single.id}`), 404, "provider_model_not_found");

  const key = await t.gw.createKey();
  assert.equal((await t.gw.complete(key.key, ask("demo/echo"))).status, 200);
  assert.deepEqual((await admin("DELETE", `/keys/${key.id}`)).body, { id: key.id, deleted: true });
  assert.equal((await t.gw.complete(key.key, ask("demo/echo"))).status, 401);
  refused(await admin("DELETE", `/keys/${key.id}`), 404, "key_not_found");
  refused(await admin("GET", `/keys/${key.id}`), 404, "key_not_found");
});

test("a key is shown once, stored as a hash, and known by its prefix", async () => {
  const { status, body } = await admin("POST", "/keys", { name: "once" });
  assert.equal(status, 201);
  const { key, ...record } = body;
  assert.match(key, /^sk-nx-[^-]{12}-.{20,}$/);
  assert.equal(key.split("-")[2], record.id);
  const { created_at, ...rest } = record;
  assert.ok(created_at > 0);
  assert.equal(rest.name, "once");
  assert.equal(rest.prefix, `sk-nx-${record.id}-…`);
  assert.deepEqual(
    [rest.enabled, rest.expires_at, rest.allowed_models, rest.allowed_providers, rest.last_used_at],
    [true, null, null, null, null],
  );
  assert.deepEqual((await admin("GET", `/keys/${record.id}`)).body, record);
  assert.deepEqual(
    (await admin("GET", "/keys")).body.keys.find(({ id }) => id === record.id),
    record,
  );
  const secret = key.split("-").slice(3).join("-");
  const stored = await t.gw.db("SELECT * FROM api_keys");
  assert.ok(!JSON.stringify(stored).includes(secret));
  // Every character counts.
  for (const wrong of [
    key.slice(0, -1),
    `${key}x`,
    key.toUpperCase(),
    key.replace(secret, "x".repeat(secret.length)),
    `sk-nx-${record.id}-`,
    `sk-nx-${record.id}`,
  ]) {
    const answer = await t.gw.complete(wrong, ask("demo/echo"));
    assert.equal(answer.status, 401, wrong);
    assert.equal(errorOf(answer.text).code, "invalid_api_key");
  }
});

test("a key may be limited to models", async () => {
  await t.model("family/one", ok);
  await t.model("family/two", ok);
  await t.model("exact", ok);
  await t.model("exactly", ok);
  const { key } = await t.gw.createKey({ allowed_models: ["family/*", "exact"] });
  assert.deepEqual(
    await Promise.all(
      ["family/one", "family/two", "exact", "exactly", "demo/echo"].map((model) => answers(model, key)),
    ),
    [200, 200, 200, 404, 404],
  );
  const denied = await t.gw.complete(key, ask("exactly"));
  const unknown = await t.gw.complete(key, ask("no-such"));
  assert.equal(errorOf(denied.text).code, "model_not_found");
  // Forbidden and absent models are answered alike.
  assert.equal(
    errorOf(denied.text).message.replace("exactly", "X"),
    errorOf(unknown.text).message.replace("no-such", "X"),
  );
  const ids = (await t.gw.call("/v1/models", { headers: bearer(key) })).json().data.map(({ id }) => id);
  assert.deepEqual(ids.sort(), ["exact", "family/one", "family/two"]);
  assert.equal((await t.gw.call("/v1/models/exactly", { headers: bearer(key) })).status, 404);
});

test("a key may be limited to providers", async () => {
  const provider = await t.gw.createProvider({ name: "allowed", server_url: `${t.up.url}/v1` });
  await t.model("provider-bound", ok, { provider_id: provider.id });
  await t.model("provider-free", ok);
  const { key } = await t.gw.createKey({ allowed_providers: [provider.id] });
  assert.equal(await answers("provider-bound", key), 200);
  assert.equal(await answers("provider-free", key), 404);
  assert.equal(await answers("loopback/provider-free", key), 404);
  assert.deepEqual(
    (await t.gw.call("/v1/models", { headers: bearer(key) })).json().data.map(({ id }) => id),
    ["provider-bound"],
  );
});

test("a key expires, and can be switched off and on, at once", async () => {
  const expired = await t.gw.createKey({ expires_at: Date.now() + 3_600_000 });
  assert.equal(await answers("demo/echo", expired.key), 200);
  assert.equal((await admin("PUT", `/keys/${expired.id}`, { expires_at: Date.now() + 500 })).status, 200);
  const late = await eventually(
    async () => {
      const answer = await t.gw.complete(expired.key, ask("demo/echo"));
      return answer.status !== 200 && answer;
    },
    { what: "the expiry" },
  );
  assert.equal(late.status, 401);
  assert.equal(errorOf(late.text).code, "api_key_expired");
  await admin("PUT", `/keys/${expired.id}`, { expires_at: null });
  assert.equal(await answers("demo/echo", expired.key), 200);

  await admin("PUT", `/keys/${expired.id}`, { enabled: false });
  const off = await t.gw.complete(expired.key, ask("demo/echo"));
  assert.equal(off.status, 401);
  assert.equal(errorOf(off.text).code, "api_key_disabled");
  assert.equal((await t.gw.call("/v1/models", { headers: bearer(expired.key) })).status, 401);
  await admin("PUT", `/keys/${expired.id}`, { enabled: true });
  assert.equal(await answers("demo/echo", expired.key), 200);
});

test("a personalized key opens its providers and no others", async () => {
  const personalized_key = "shared-personal-key-01";
  const a = await t.gw.createProvider({ name: "personal-a", server_url: `${t.up.url}/v1`, personalized_key });
  const b = await t.gw.createProvider({ name: "personal-b", server_url: `${t.up.url}/v1`, personalized_key });
  await t.model("personal-model-a", ok, { provider_id: a.id });
  await t.model("personal-model-b", ok, { provider_id: b.id });
  await t.model("personal-other", ok);
  assert.deepEqual(
    await Promise.all(
      ["personal-model-a", "personal-model-b", "personal-b/personal-model-b", "personal-other", "demo/echo"].map(
        (model) => answers(model, personalized_key),
      ),
    ),
    [200, 200, 200, 404, 404],
  );
  const ids = (await t.gw.call("/v1/models", { headers: bearer(personalized_key) })).json().data.map(({ id }) => id);
  assert.deepEqual(ids.sort(), ["personal-model-a", "personal-model-b"]);
  for (const header of ["x-api-key", "api-key", "x-goog-api-key"]) {
    assert.equal(
      (await t.gw.complete(undefined, ask("personal-model-a"), { headers: { [header]: personalized_key } })).status,
      200,
    );
  }
  await admin("PUT", `/providers/${a.id}`, { personalized_key: "another-personal-key" });
  assert.equal(await answers("personal-model-a", personalized_key), 404);
  assert.equal(await answers("personal-model-a", "another-personal-key"), 200);
  assert.equal(await answers("personal-model-b", personalized_key), 200);
  await admin("PUT", `/providers/${b.id}`, { personalized_key: null });
  assert.equal(await answers("personal-model-b", personalized_key), 401);
});

test("every change takes effect with the next request", async () => {
  const provider = await t.gw.createProvider({
    name: "instant",
    server_url: `${t.up.url}/one/`,
    server_key: "sk-instant-one-00000001",
  });
  const model = await t.model("instant-model", ok, { provider_id: provider.id });
  const put = async (fields) => assert.equal((await admin("PUT", `/providers/${provider.id}`, fields)).status, 200);
  const putModel = async (fields) =>
    assert.equal((await admin("PUT", `/provider_models/${model.id}`, fields)).status, 200);
  const seen = async () => {
    assert.equal(await answers("instant-model"), 200);
    return t.up.last();
  };
  assert.deepEqual(
    [(await seen()).path, t.up.last().headers.authorization],
    ["/one/chat/completions", "Bearer sk-instant-one-00000001"],
  );
  await put({ server_url: `${t.up.url}/two#`, server_key: "sk-instant-two-00000002", headers: { "x-now": "yes" } });
  assert.deepEqual(
    [(await seen()).path, t.up.last().headers.authorization, t.up.last().headers["x-now"]],
    ["/two", "Bearer sk-instant-two-00000002", "yes"],
  );
  await put({ enabled: false });
  assert.equal(await answers("instant-model"), 404);
  await put({ enabled: true });
  await putModel({ enabled: false });
  assert.equal(await answers("instant-model"), 404);
  t.up.on("instant-upstream", ok);
  await putModel({ enabled: true, upstream_model: "instant-upstream" });
  assert.equal((await seen()).model, "instant-upstream");
  await putModel({ model_name: "instant-renamed" });
  assert.deepEqual([await answers("instant-model"), await answers("instant-renamed")], [404, 200]);
  await put({ name: "instant-2" });
  assert.deepEqual([await answers("instant/instant-renamed"), await answers("instant-2/instant-renamed")], [404, 200]);
});

test("changing a provider disturbs none of its running streams", async () => {
  const provider = await t.gw.createProvider({ name: "busy", server_url: `${t.up.url}/v1` });
  const events = streamEvents("busy-model", ["before ", "after"], { reported: null });
  const hold = gate();
  await t.model(
    "busy-model",
    async (x) => {
      x.sse();
      await x.write(events[0] + events[1]);
      await hold.opened;
      await x.write(events.slice(2).join(""));
      x.end();
    },
    { provider_id: provider.id },
  );
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => t.openCompletion(ask("busy-model", { stream: true }))),
  );
  const heads = await Promise.all(replies.map((reply) => reply.readUntil("before")));
  for (const fields of [
    { name: "busy-2" },
    { server_url: "http://127.0.0.1:9/" },
    { server_key: "sk-changed-while-busy" },
    { headers: { "x-a": "1" } },
    { rate_limit: 1 },
    { idle_timeout_ms: 1_000 },
    { enabled: false },
  ]) {
    assert.equal((await admin("PUT", `/providers/${provider.id}`, fields)).status, 200);
  }
  assert.equal((await admin("DELETE", `/providers/${provider.id}`)).status, 200);
  hold.open();
  for (const [index, reply] of replies.entries()) {
    assert.equal(reply.status, 200);
    assert.equal(heads[index].toString() + (await reply.text()), events.join(""));
  }
});

test("a demo provider needs no address", async () => {
  const provider = await t.gw.createProvider({ name: "playground", kind: "demo" });
  await t.gw.createModel({ provider_id: provider.id, model_name: "echo" });
  const answer = await t.gw.complete(t.key, {
    model: "playground/echo",
    messages: [{ role: "user", content: "ping-pong" }],
  });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers["x-nexus-provider"], "playground");
  assert.ok(answer.json().choices[0].message.content.includes("ping-pong"));
});
