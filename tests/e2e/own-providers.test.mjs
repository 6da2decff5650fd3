// Private providers: who may make and change them, whose requests they serve, and that for all others they do not exist.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const OWN = ["manage_own_providers", "view_models", "view_own_statistics", "manage_own_api_keys"];
const people = {};
const t = suite({
  setUp: async () => {
    for (const owner of ["ada", "bob", "eve"]) {
      people[owner] = {
        program: (await t.gw.createKey({ owner, permissions: OWN })).key,
        key: (await t.gw.createKey({ owner })).key,
      };
    }
  },
});
const ok = (x) => x.reply(200, completion(x.model, x.headers.authorization ?? "no key"));
const as = async (who, method, target, body) => {
  const answer = await t.gw.call(target, {
    method,
    headers: { ...bearer(people[who]?.program ?? who), "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const isError = answer.status >= 400;
  return { ...answer, body: JSON.parse(answer.text), code: isError ? errorOf(answer.text).code : undefined };
};
const make = async (who, name, fields = {}) => {
  const answer = await as(who, "POST", "/providers", {
    name,
    server_url: `${t.up.url}/v1`,
    server_key: `sk-of-${who}-0000000001`,
    ...fields,
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const addModel = async (who, provider, name) => {
  t.up.on(name, ok);
  const answer = await as(who, "POST", "/provider_models", { provider_id: provider.id, model_name: name });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const complete = (who, model, options) => t.gw.complete(people[who]?.key ?? who, ask(model), options);
const listed = async (key) => (await t.gw.call("/v1/models", { headers: bearer(key) })).json().data.map(({ id }) => id);

test("what a user makes is private, marked and theirs, and they may change it", async () => {
  const mine = await make("ada", "mine");
  assert.deepEqual([mine.owner, mine.visibility, mine.status], ["ada", "private", "active"]);
  assert.match(mine.name, /^mine~[0-9a-f]{8}$/);
  const model = await addModel("ada", mine, "ada-basic");
  const done = await complete("ada", "ada-basic");
  assert.equal(done.status, 200, done.text);
  assert.equal(t.up.last("ada-basic").headers.authorization, "Bearer sk-of-ada-0000000001");
  assert.equal((await complete("ada", `${mine.name}/ada-basic`)).status, 200);
  assert.equal((await as("ada", "POST", `/providers/${mine.id}/test`, {})).body.success, true);
  assert.equal((await as("ada", "PUT", `/providers/${mine.id}`, { description: "x" })).body.name, mine.name);
  assert.equal((await as("ada", "POST", `/providers/${mine.id}/pause`)).body.status, "paused");
  assert.equal((await complete("ada", "ada-basic")).status, 503);
  assert.equal((await as("ada", "POST", `/providers/${mine.id}/resume`)).body.status, "active");
  assert.equal((await as("ada", "GET", `/providers/${mine.id}/health`)).status, 200);
  const pooled = await as("ada", "POST", `/providers/${mine.id}/keys`, { label: "second", key: "sk-second-00001" });
  assert.equal(pooled.status, 201, pooled.text);
  assert.equal((await as("ada", "DELETE", `/provider_models/${model.id}`)).status, 200);
  assert.equal((await as("ada", "DELETE", `/providers/${mine.id}`)).status, 200);
  const { entries } = (await t.gw.admin("GET", "/audit?operation=POST%20/providers")).body;
  const entry = entries.find(({ actor }) => actor.startsWith("program:"));
  assert.ok(entry.changes.some(({ field, after }) => field === "owner" && after === "ada"));
  assert.equal(JSON.stringify(entries).includes("sk-of-ada"), false, "no secret is in the audit log");
});

test("the role `user` may have private providers, and the quota holds under parallel tries", async () => {
  const password = "Tr4vel-Lamp-42";
  const made = await t.gw.admin("POST", "/users", { email: "una@example.org", roles: ["user"], password });
  const login = await t.gw.call("/auth/login", {
    method: "POST",
    body: JSON.stringify({ email: "una@example.org", password }),
  });
  const token = login.json().access_token;
  const tries = await Promise.all(
    Array.from({ length: 12 }, (_, n) => as(token, "POST", "/providers", { name: `una-${n}`, kind: "demo" })),
  );
  assert.equal(tries.filter(({ status }) => status === 201).length, 3);
  assert.ok(tries.every(({ status, code }) => status === 201 || code === "too_many_providers"));
  const own = (await as(token, "GET", "/providers")).body.providers;
  assert.deepEqual([...new Set(own.map(({ owner }) => owner))], [made.body.id]);
  assert.equal((await as(token, "DELETE", `/providers/${own[0].id}`)).status, 200);
  assert.equal((await as(token, "POST", "/providers", { name: "una-again", kind: "demo" })).status, 201);
});

test("what would reach others or cost the deployment is refused", async () => {
  const mine = await make("ada", "restricted");
  for (const [body, code] of [
    [{ visibility: "public" }, "review_required"],
    [{ owner: "bob" }, "owner_not_allowed"],
    [{ owner: null }, "owner_not_allowed"],
    [{ kind: "workers_ai", server_url: "" }, "own_provider_restricted"],
    [{ personalized_key: "0123456789abcdef" }, "own_provider_restricted"],
    [{ status: "offline" }, "own_provider_restricted"],
    [{ probe_enabled: true, probe_interval_s: 60 }, "own_provider_restricted"],
  ]) {
    const answer = await as("ada", "PUT", `/providers/${mine.id}`, body);
    assert.deepEqual([answer.status, answer.code], [403, code], JSON.stringify(body));
  }
  assert.equal((await as("ada", "POST", `/providers/${mine.id}/offline`)).code, "permission_denied");
  await t.gw.admin("POST", `/providers/${mine.id}/offline`);
  assert.equal((await as("ada", "POST", `/providers/${mine.id}/resume`)).code, "own_provider_restricted");
  assert.equal((await as("ada", "DELETE", `/providers/${mine.id}`)).status, 200);
});

test("for others it does not exist, wherever they look", async () => {
  const hidden = await make("ada", "hidden");
  const model = await addModel("ada", hidden, "ada-secret");
  await t.model("ada-open", ok);
  const candidates = [
    { provider_id: hidden.id, model: "ada-secret" },
    { provider_id: t.provider.id, model: "ada-open" },
  ];
  const logical = (await t.gw.admin("POST", "/logical-models", { name: "ada-mixed", candidates })).body;
  assert.equal((await complete("ada", "ada-secret")).status, 200);
  const operator = await t.gw.createKey();

  // Calls of models, and the lists of models.
  for (const key of [people.eve.key, operator.key]) {
    for (const name of ["ada-secret", `${hidden.name}/ada-secret`, `hidden/ada-secret`]) {
      const refused = await t.gw.complete(key, ask(name));
      const unknown = await t.gw.complete(key, ask("no-such-model"));
      assert.equal(refused.status, 404, name);
      assert.equal(refused.text.replaceAll(name, "*"), unknown.text.replaceAll("no-such-model", "*"), name);
      assert.equal((await t.gw.call(`/v1/models/${name}`, { headers: bearer(key) })).status, 404, name);
    }
    assert.equal(JSON.stringify(await listed(key)).includes("secret"), false);
    const mixed = await t.gw.complete(key, ask("ada-mixed"));
    assert.deepEqual([mixed.status, mixed.headers["x-nexus-provider"]], [200, "loopback"]);
    const row = await t.gw.row(mixed.headers["x-request-id"]);
    assert.equal(JSON.stringify(row).includes("hidden"), false, "the trail of others does not name it");
    const chat = await t.gw.call("/api/v1/chat/providers", { headers: bearer(key) });
    assert.equal(chat.text.includes("hidden"), false);
  }
  assert.ok((await listed(people.ada.key)).includes("ada-secret"));

  // The admin API.
  for (const target of ["/providers", "/providers/available", "/provider_models", "/logical-models"]) {
    const answer = await as("eve", "GET", target);
    assert.equal(answer.status, 200, target);
    assert.doesNotMatch(answer.text, /hidden|ada-secret/, target);
  }
  assert.deepEqual(
    (await as("eve", "GET", `/logical-models/${logical.id}`)).body.candidates.map(({ model }) => model),
    ["ada-open"],
  );
  for (const [method, target, body] of [
    ["GET", `/providers/${hidden.id}`],
    ["PUT", `/providers/${hidden.id}`, { description: "taken" }],
    ["DELETE", `/providers/${hidden.id}`],
    ["GET", `/providers/${hidden.id}/models`],
    ["GET", `/providers/${hidden.id}/health`],
    ["GET", `/providers/${hidden.id}/keys`],
    ["POST", `/providers/${hidden.id}/keys`, { label: "x", key: "sk-taken-00001" }],
    ["POST", `/providers/${hidden.id}/test`, {}],
    ["POST", `/providers/${hidden.id}/validate-models`, {}],
    ["GET", `/providers/${hidden.id}/upstream-models`],
    ["POST", `/providers/${hidden.id}/discover`, {}],
    ["POST", `/providers/${hidden.id}/pause`],
    ["POST", "/provider_models", { provider_id: hidden.id, model_name: "smuggled" }],
    ["GET", `/provider_models/${model.id}`],
    ["PUT", `/provider_models/${model.id}`, { description: "taken" }],
    ["DELETE", `/provider_models/${model.id}`],
  ]) {
    const answer = await as("eve", method, target, body);
    assert.equal(answer.status, 404, `${method} ${target}: ${answer.text}`);
    assert.equal(answer.text.includes("hidden"), false);
  }
  // Names are no way to find out either.
  const same = await make("eve", "hidden");
  assert.notEqual(same.name, hidden.name);
  assert.equal((await as("eve", "PUT", `/providers/${same.id}`, { name: hidden.name })).body.owner, "eve");
  await as("eve", "DELETE", `/providers/${same.id}`);

  // Decisions.
  const decider = (await t.gw.createKey({ owner: "eve", permissions: ["view_routing_decisions"] })).key;
  const decide = (who, body) => as(who, "POST", "/routing/decide", { logical_model: "ada-mixed", ...body });
  assert.equal((await decide(decider, {})).text.includes("hidden"), false);
  assert.equal((await decide(decider, { logical_model: "ada-secret" })).code, "model_not_found");
  assert.equal((await decide(decider, { user_id: "ada" })).code, "owner_not_allowed");
  assert.equal((await as(decider, "GET", "/logical-models/ada-mixed/upstreams")).text.includes("hidden"), false);
  const admin = (await t.gw.admin("POST", "/routing/decide", { logical_model: "ada-mixed", user_id: "ada" })).text;
  assert.match(admin, /hidden/);

  // Statistics.
  await eventually(async () => (await as("ada", "GET", "/stats/by/provider?range=1h")).text.includes("hidden"));
  const eve = await as("eve", "GET", "/stats/by/provider?range=1h");
  assert.match(eve.text, /loopback/);
  assert.equal(eve.text.includes("hidden"), false);
  await t.gw.admin("DELETE", `/logical-models/${logical.id}`);
  await as("ada", "DELETE", `/providers/${hidden.id}`);
});

test("what is shared is used by its address, is listed by it, and ends at once", async () => {
  const shared = await make("ada", "shared");
  await addModel("ada", shared, "ada-shared");
  const change = (body) => as("ada", "PUT", `/providers/${shared.id}`, body);
  assert.equal((await change({ shared_with: ["bob"] })).body.visibility, "shared");
  const address = `${shared.name}/ada-shared`;
  const headers = { "x-nexus-cache": "60" };
  assert.equal((await complete("bob", address, { headers })).status, 200);
  const cached = await complete("bob", address, { headers });
  assert.equal(cached.status, 200);
  // A request that names only the model must not go to a provider that another owner has shared.
  assert.equal((await complete("bob", "ada-shared")).status, 404);
  assert.ok((await listed(people.bob.key)).includes(address));
  assert.equal((await listed(people.bob.key)).includes("ada-shared"), false);
  assert.equal((await complete("eve", address)).status, 404);
  const chosen = await t.gw.createKey({ owner: "bob", allowed_providers: [shared.id] });
  assert.equal((await t.gw.complete(chosen.key, ask("ada-shared"))).status, 200);
  // Sharing gives the use and nothing else.
  assert.equal((await as("bob", "GET", `/providers/${shared.id}`)).status, 404);
  assert.equal((await as("bob", "GET", `/providers/${shared.id}/models`)).status, 200);
  assert.equal((await change({ shared_with: [] })).body.visibility, "private");
  for (const key of [people.bob.key, chosen.key]) {
    const after = await t.gw.complete(key, ask(address), { headers });
    assert.equal(after.status, 404, "no cached answer outlives the share");
  }
  assert.equal((await as("ada", "DELETE", `/providers/${shared.id}`)).status, 200);
});

test("an operator gives a provider to a user and takes it back", async () => {
  const given = await t.gw.createProvider({ name: "given", server_url: `${t.up.url}/v1`, owner: "bob" });
  assert.deepEqual([given.owner, given.visibility, given.name], ["bob", "private", "given"]);
  await t.model("given-model", ok, { provider_id: given.id });
  assert.equal((await complete("bob", "given-model")).status, 200);
  assert.equal((await complete("eve", "given-model")).status, 404);
  const left = await t.gw.admin("PUT", `/providers/${given.id}`, { owner: null });
  assert.deepEqual([left.status, errorOf(left.text).param], [400, "visibility"]);
  const back = await t.gw.admin("PUT", `/providers/${given.id}`, { owner: null, visibility: "public" });
  assert.deepEqual([back.body.owner, back.body.visibility], [null, "public"]);
  assert.equal((await complete("eve", "given-model")).status, 200);
});
