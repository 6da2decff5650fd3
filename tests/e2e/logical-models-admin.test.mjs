// Proves the admin API for logical models, and its other parts about routing: the status, weights and limits of a
// provider, and the card of a model.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const admin = (...args) => t.gw.admin(...args);

const refused = ({ status, text }, expected, code, param = null) => {
  assert.equal(status, expected, text);
  const error = errorOf(text);
  assert.equal(error.code, code, text);
  assert.equal(error.param, param, text);
};
const create = async (fields) => {
  const { status, body, text } = await admin("POST", "/logical-models", fields);
  assert.equal(status, 201, text);
  return body;
};

test("nothing is answered without the admin token", async () => {
  const targets = [
    ["GET", "/logical-models"],
    ["POST", "/logical-models"],
    ["GET", "/logical-models/1"],
    ["PUT", "/logical-models/1"],
    ["DELETE", "/logical-models/1"],
    ["POST", "/providers/1/pause"],
    ["POST", "/providers/1/resume"],
    ["POST", "/providers/1/offline"],
  ];
  for (const [method, target] of targets) {
    refused(await admin(method, target, undefined, { headers: {} }), 401, "missing_admin_token");
    refused(await admin(method, target, undefined, { headers: bearer(t.key) }), 401, "invalid_admin_token");
  }
});

test("a logical model with every field, and with as few as possible", async () => {
  const candidate = {
    provider_id: t.provider.id,
    model: "up-*",
    weight: 0,
    priority: 3,
    enabled: false,
    region: "eu",
    first_byte_timeout_ms: 1_500,
    idle_timeout_ms: 2_500,
  };
  const full = {
    name: "all/of-*",
    description: "Alles – 漢字",
    enabled: false,
    strategy: "cost_first",
    candidates: [candidate, { provider_id: 1, model: "echo" }],
    fallbacks: ["demo/echo", "other"],
    max_attempts: 4,
    deadline_ms: 60_000,
    hedge_after_ms: 800,
    cache_ttl_s: 3_600,
    sticky: false,
  };
  const made = await create(full);
  const plain = {
    weight: 100,
    priority: 0,
    enabled: true,
    region: null,
    first_byte_timeout_ms: null,
    idle_timeout_ms: null,
  };
  assert.deepEqual(made, { ...made, ...full, candidates: [candidate, { provider_id: 1, model: "echo", ...plain }] });
  assert.ok(Number.isInteger(made.id) && made.created_at > 0 && made.updated_at === made.created_at);
  assert.deepEqual((await admin("GET", `/logical-models/${made.id}`)).body, made);
  assert.deepEqual((await admin("GET", `/logical-models/${encodeURIComponent(made.name)}`)).body, made);
  assert.deepEqual(
    (await admin("GET", "/logical-models")).body.logical_models.find(({ id }) => id === made.id),
    made,
  );

  const bare = await create({ name: "bare", candidates: [{ provider_id: 1, model: "echo" }] });
  assert.deepEqual(
    { ...bare, id: 0, created_at: 0, updated_at: 0 },
    {
      id: 0,
      name: "bare",
      description: "",
      enabled: true,
      strategy: null,
      candidates: [{ provider_id: 1, model: "echo", ...plain }],
      fallbacks: [],
      max_attempts: null,
      deadline_ms: null,
      hedge_after_ms: null,
      cache_ttl_s: null,
      sticky: true,
      created_at: 0,
      updated_at: 0,
    },
  );
});

test("PUT changes what it names and nothing else, by number or by name, and null clears", async () => {
  const made = await create({
    name: "putty",
    strategy: "ordered",
    candidates: [{ provider_id: 1, model: "echo" }],
    fallbacks: ["demo/echo"],
    max_attempts: 2,
    cache_ttl_s: 9,
  });
  const renamed = await admin("PUT", "/logical-models/putty", { name: "putty-2", max_attempts: null });
  assert.equal(renamed.status, 200, renamed.text);
  assert.ok(renamed.body.updated_at > made.updated_at);
  assert.deepEqual({ ...renamed.body, updated_at: 0 }, { ...made, name: "putty-2", max_attempts: null, updated_at: 0 });
  const cleared = await admin("PUT", `/logical-models/${made.id}`, {
    strategy: null,
    fallbacks: null,
    cache_ttl_s: null,
    description: "d",
  });
  assert.deepEqual(
    { ...cleared.body, updated_at: 0 },
    {
      ...made,
      name: "putty-2",
      max_attempts: null,
      strategy: null,
      fallbacks: [],
      cache_ttl_s: null,
      description: "d",
      updated_at: 0,
    },
  );
  refused(await admin("GET", "/logical-models/putty"), 404, "logical_model_not_found");
  assert.deepEqual((await admin("DELETE", "/logical-models/putty-2")).body, { id: made.id, deleted: true });
  refused(await admin("DELETE", `/logical-models/${made.id}`), 404, "logical_model_not_found");
});

test("changes at the same time all take effect", async () => {
  const made = await create({ name: "contested", candidates: [{ provider_id: 1, model: "echo" }] });
  const fields = [
    { description: "x" },
    { strategy: "weighted" },
    { max_attempts: 3 },
    { sticky: false },
    { fallbacks: ["f"] },
  ];
  const answers = await Promise.all(fields.map((change) => admin("PUT", `/logical-models/${made.id}`, change)));
  for (const { status, text } of answers) assert.equal(status, 200, text);
  const { body } = await admin("GET", "/logical-models/contested");
  for (const change of fields) assert.deepEqual({ ...body, ...change }, body);
});

test("bad input names its field", async () => {
  const good = { provider_id: 1, model: "echo" };
  const cases = [
    [{ candidates: [good] }, "missing_required_parameter", "name"],
    [{ name: "x" }, "missing_required_parameter", "candidates"],
    [{ name: "x", candidates: [] }, "missing_required_parameter", "candidates"],
    [{ name: "a*b", candidates: [good] }, "invalid_value", "name"],
    [{ name: "x", candidates: "echo" }, "invalid_type", "candidates"],
    [{ name: "x", candidates: ["echo"] }, "invalid_type", "candidates[0]"],
    [{ name: "x", candidates: [good, { ...good, weight: 1001 }] }, "invalid_value", "candidates[1].weight"],
    [{ name: "x", candidates: [{ ...good, wieght: 1 }] }, "unknown_parameter", "candidates[0].wieght"],
    [{ name: "x", candidates: [{ model: "echo" }] }, "missing_required_parameter", "candidates[0].provider_id"],
    [{ name: "x", candidates: [{ provider_id: 1, model: "e*" }] }, "invalid_value", "candidates[0].model"],
    [{ name: "x", candidates: [good], fallbacks: ["y", "x"] }, "invalid_value", "fallbacks[1]"],
    [{ name: "x", candidates: [good], strategy: "fastest" }, "invalid_value", "strategy"],
    [{ name: "x", candidates: [good], max_attempts: 0 }, "invalid_value", "max_attempts"],
    [{ name: "x", candidates: [good], upstreams: [] }, "unknown_parameter", "upstreams"],
  ];
  for (const [body, code, param] of cases) refused(await admin("POST", "/logical-models", body), 400, code, param);
  refused(
    await admin("POST", "/logical-models", { name: "x", candidates: [good, { provider_id: 99_999, model: "m" }] }),
    404,
    "provider_not_found",
    "candidates[1].provider_id",
  );
  await create({ name: "taken", candidates: [good] });
  refused(await admin("POST", "/logical-models", { name: "taken", candidates: [good] }), 409, "name_taken", "name");
  refused(await admin("GET", "/logical-models/%"), 400, "invalid_path");
  refused(await admin("GET", "/logical-models/none"), 404, "logical_model_not_found");
  refused(await admin("PATCH", "/logical-models/1"), 405, "method_not_allowed");
});

test("a provider takes part in routing as it is told", async () => {
  const made = await t.gw.createProvider({
    name: "shared out",
    server_url: `${t.up.url}/v1`,
    region: "eu-west",
    weight: 7,
    priority: 2,
    max_in_flight: 50,
    max_qps: 20,
    retry_statuses: [522, 409, 522],
    probe_enabled: true,
    probe_model: "m",
    probe_prompt: "ping",
    probe_interval_s: 120,
  });
  const told = {
    status: "active",
    region: "eu-west",
    weight: 7,
    priority: 2,
    max_in_flight: 50,
    max_qps: 20,
    retry_statuses: [409, 522],
    probe_enabled: true,
    probe_model: "m",
    probe_prompt: "ping",
    probe_interval_s: 120,
  };
  assert.deepEqual({ ...made, ...told }, made);
  const changed = await admin("PUT", `/providers/${made.id}`, {
    weight: null,
    retry_statuses: null,
    region: null,
    max_qps: null,
    probe_enabled: false,
  });
  assert.deepEqual(
    { ...changed.body, updated_at: 0 },
    { ...made, weight: 100, retry_statuses: [], region: null, max_qps: null, probe_enabled: false, updated_at: 0 },
  );
  for (const [body, param] of [
    [{ weight: 0 }, "weight"],
    [{ priority: 101 }, "priority"],
    [{ status: "asleep" }, "status"],
    [{ retry_statuses: [200] }, "retry_statuses[0]"],
    [{ probe_interval_s: 10 }, "probe_interval_s"],
  ]) {
    refused(await admin("PUT", `/providers/${made.id}`, body), 400, "invalid_value", param);
  }
  for (const [action, status] of [
    ["pause", "paused"],
    ["offline", "offline"],
    ["resume", "active"],
  ]) {
    const answer = await admin("POST", `/providers/${made.id}/${action}`);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.status, status);
    assert.equal((await admin("GET", `/providers/${made.id}`)).body.status, status);
  }
  refused(await admin("POST", "/providers/99999/pause"), 404, "provider_not_found");
});

test("a model has a card", async () => {
  const card = {
    context_length: 128_000,
    max_output: 4_096,
    capabilities: ["vision", "tools"],
    weight: 3,
    priority: 1,
  };
  const made = await t.gw.createModel({
    provider_id: t.provider.id,
    model_name: "carded",
    ...card,
    capabilities: ["tools", "vision", "tools"],
  });
  assert.deepEqual({ ...made, ...card }, made);
  const plain = await t.gw.createModel({ provider_id: t.provider.id, model_name: "plain" });
  assert.deepEqual(
    { ...plain, context_length: null, max_output: null, capabilities: null, weight: null, priority: null },
    plain,
  );
  const none = await admin("PUT", `/provider_models/${made.id}`, { capabilities: [], context_length: null });
  assert.deepEqual([none.body.capabilities, none.body.context_length, none.body.max_output], [[], null, 4_096]);
  assert.deepEqual((await admin("GET", `/provider_models/${made.id}`)).body.capabilities, []);
  assert.equal((await admin("PUT", `/provider_models/${made.id}`, { capabilities: null })).body.capabilities, null);
  refused(
    await admin("PUT", `/provider_models/${made.id}`, { capabilities: ["magic"] }),
    400,
    "invalid_value",
    "capabilities[0]",
  );
});

test("requests are answered while all of this changes", async () => {
  await t.model("steady", (x) => x.reply(200, completion(x.model, "ok")));
  const asking = Array.from({ length: 20 }, () => t.complete(ask("steady")));
  const changing = Array.from({ length: 5 }, (_, i) =>
    create({ name: `churn-${i}`, candidates: [{ provider_id: t.provider.id, model: "steady" }] }),
  );
  await Promise.all(changing);
  for (const { status, text } of await Promise.all(asking)) assert.equal(status, 200, text);
});
