// Proves the gateway's own requests to providers: tests, validation and discovery of models, and the probes of the
// cron. Every provider is a real one on loopback, in its own dialect.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { answersWith, completion, delay, refusedPort, streamEvents } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const t = suite({ setUp: () => t.up.otherwise((x) => (lists.get(x.path.split("?")[0]) ?? absent)(x)) });
// Behaviours by path, for requests without a model.
const lists = new Map();
const absent = (x) => x.reply(404, { error: { message: `nothing at ${x.path}` } });
const admin = (...args) => t.gw.admin(...args);
const KEY = "sk-probing-upstream-key-7777";

const refused = ({ status, text }, expected, code, param = null) => {
  assert.equal(status, expected, text);
  const error = errorOf(text);
  assert.equal(error.code, code, text);
  assert.equal(error.param, param, text);
};
const provider = (fields = {}) => t.gw.createProvider({ server_url: `${t.up.url}/v1`, server_key: KEY, ...fields });
const testOf = async (id, body) => {
  const answer = await admin("POST", `/providers/${id}/test`, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};

test("nothing is answered without the admin token", async () => {
  for (const [method, target] of [
    ["GET", "/providers/1/health"],
    ["POST", "/providers/1/test"],
    ["POST", "/providers/1/validate-models"],
    ["GET", "/providers/1/upstream-models"],
    ["POST", "/providers/1/discover"],
  ]) {
    refused(await admin(method, target, undefined, { headers: {} }), 401, "missing_admin_token");
    refused(await admin(method, target, undefined, { headers: bearer(t.key) }), 401, "invalid_admin_token");
  }
  refused(await admin("GET", "/providers/99999/health"), 404, "provider_not_found");
  refused(await admin("POST", "/providers/99999/test", {}), 404, "provider_not_found");
});

test("a test is a real chat with the first model, or with the one that is named", async () => {
  const one = await provider();
  refused(await admin("POST", `/providers/${one.id}/test`), 400, "missing_required_parameter", "model");
  await t.model("nice", answersWith(completion("real", "ok")), { provider_id: one.id, upstream_model: "real" });
  const result = await testOf(one.id);
  assert.deepEqual(
    [result.success, result.status, result.model, result.reply, result.error],
    [true, 200, "real", "ok", null],
  );
  assert.ok(Number.isInteger(result.latency_ms) && !("first_token_ms" in result));
  const seen = t.up.last("real");
  assert.equal(seen.headers.authorization, `Bearer ${KEY}`);
  assert.equal(seen.path, "/v1/chat/completions");
  assert.ok((seen.json().max_tokens ?? seen.json().max_completion_tokens) <= 16);
  t.up.on("unlisted", answersWith(completion("unlisted", "there")));
  assert.equal((await testOf(one.id, { model: "unlisted", prompt: "Are you there?" })).reply, "there");
  assert.equal(t.up.last("unlisted").json().messages[0].content, "Are you there?");
  refused(await admin("POST", `/providers/${one.id}/test`, { stream: "yes" }), 400, "invalid_type", "stream");
});

test("a streamed test tells when the first word came", async () => {
  const one = await provider();
  await t.model(
    "slow-stream",
    async (x) => {
      x.sse();
      for (const piece of streamEvents(x.model, ["one", " two"])) {
        await x.write(piece);
        await delay(60);
      }
      x.end();
    },
    { provider_id: one.id },
  );
  const result = await testOf(one.id, { stream: true });
  assert.deepEqual([result.success, result.reply], [true, "one two"]);
  assert.ok(result.first_token_ms >= 50 && result.first_token_ms < result.latency_ms - 50, JSON.stringify(result));
  assert.equal(t.up.last("slow-stream").json().stream, true);
});

test("what goes wrong is told, without the key", async () => {
  const one = await provider();
  const cases = {
    refuses: [
      (x) => x.reply(401, { error: { message: `Incorrect API key provided: ${KEY}` } }),
      401,
      /Incorrect API key provided: sk-…7777/,
    ],
    breaks: [(x) => x.reply(500, "oops", { "content-type": "text/plain" }), 500, /./],
    babbles: [(x) => x.reply(200, "<html>", { "content-type": "text/html" }), 200, /./],
    "cuts-off": [(x) => x.cut(), null, /cannot be reached/],
    "turns-away": [(x) => x.reply(302, "", { location: "http://127.0.0.1:9/" }), null, /redirect/],
    "says-its-key": [answersWith(completion("m", `My key is ${KEY}.`)), 200, null],
  };
  for (const [model, [behaviour, status, error]] of Object.entries(cases)) {
    t.up.on(model, behaviour);
    const result = await testOf(one.id, { model });
    assert.equal(result.status, status, JSON.stringify(result));
    assert.equal(result.success, error === null);
    if (error) assert.match(result.error, error);
    assert.ok(!JSON.stringify(result).includes(KEY), JSON.stringify(result));
  }
  const unreachable = await provider({ server_url: `http://127.0.0.1:${await refusedPort()}/v1` });
  assert.match((await testOf(unreachable.id, { model: "m" })).error, /cannot be reached/);
});

test("a provider can be tested while it is out of use, and with a key of its pool", async () => {
  const one = await provider({ server_key: undefined, enabled: false });
  await admin("POST", `/providers/${one.id}/keys`, { label: "pool", key: "sk-of-the-pool-000001" });
  t.up.on("idle", answersWith(completion("idle", "ok")));
  assert.equal((await testOf(one.id, { model: "idle" })).success, true);
  assert.equal(t.up.last("idle").headers.authorization, "Bearer sk-of-the-pool-000001");
  assert.equal((await testOf(1, {})).success, true, "the embedded provider");
});

test("other dialects are asked in their own words", async () => {
  lists.set("/v1/messages", (x) =>
    x.reply(200, {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude",
      content: [{ type: "text", text: "ok" }],
      stop_reason: "end_turn",
      usage: { input_tokens: 1, output_tokens: 1 },
    }),
  );
  const anthropic = await provider({ kind: "anthropic", server_url: t.up.url });
  assert.deepEqual((await testOf(anthropic.id, { model: "claude" })).reply, "ok");
  assert.equal(t.up.last("claude").headers["x-api-key"], KEY);
  t.up.on("gem", (x) =>
    x.reply(200, { candidates: [{ content: { role: "model", parts: [{ text: "ok" }] }, finishReason: "STOP" }] }),
  );
  const gemini = await provider({ kind: "gemini", server_url: t.up.url });
  assert.equal((await testOf(gemini.id, { model: "gem" })).reply, "ok");
  assert.equal(t.up.last("gem").headers["x-goog-api-key"], KEY);
});

test("models are validated one by one, few at a time", async () => {
  const one = await provider();
  let [now, most] = [0, 0];
  const slowly = async (x) => {
    most = Math.max(most, ++now);
    await delay(60);
    now--;
    x.reply(
      x.model === "v-3" ? 404 : 200,
      x.model === "v-3" ? { error: { message: "no such model" } } : completion(x.model, "ok"),
    );
  };
  for (let i = 0; i < 10; i++) await t.model(`v-${i}`, slowly, { provider_id: one.id, enabled: i !== 9 });
  const { status, body } = await admin("POST", `/providers/${one.id}/validate-models`);
  assert.equal(status, 200);
  assert.deepEqual(
    body.results.map(({ model, success, status: answered }) => [model, success, answered]),
    Array.from({ length: 9 }, (_, i) => [`v-${i}`, i !== 3, i === 3 ? 404 : 200]),
  );
  assert.equal(body.results[3].error, "no such model");
  assert.equal(most, 4);
  const some = await admin("POST", `/providers/${one.id}/validate-models`, { models: ["v-9", "v-3"] });
  assert.deepEqual(
    some.body.results.map(({ model, success }) => [model, success]),
    [
      ["v-9", true],
      ["v-3", false],
    ],
  );
  refused(
    await admin("POST", `/providers/${one.id}/validate-models`, { models: Array(51).fill("m") }),
    400,
    "invalid_value",
    "models",
  );
});

test("models are discovered from the list of the upstream, in its own shape", async () => {
  lists.set("/list-a/v1/models", (x) =>
    x.reply(200, { object: "list", data: [{ id: "a-1", context_window: 8_192 }, { id: "a-2" }, { id: "a-known" }] }),
  );
  const one = await provider({ server_url: `${t.up.url}/list-a/v1` });
  await t.gw.createModel({ provider_id: one.id, model_name: "alias", upstream_model: "a-known" });
  const listed = await admin("GET", `/providers/${one.id}/upstream-models`);
  assert.equal(listed.status, 200, listed.text);
  assert.deepEqual(
    listed.body.models.map(({ id, known }) => [id, known]),
    [
      ["a-1", false],
      ["a-2", false],
      ["a-known", true],
    ],
  );
  assert.equal(t.up.last().headers.authorization, `Bearer ${KEY}`);
  assert.equal(t.up.last().method, "GET");
  const only = await admin("POST", `/providers/${one.id}/discover`, { enable: false, models: ["a-2"] });
  assert.deepEqual(only.body, { found: 3, added: ["a-2"] });
  assert.deepEqual((await admin("POST", `/providers/${one.id}/discover`)).body, { found: 3, added: ["a-1"] });
  assert.deepEqual((await admin("POST", `/providers/${one.id}/discover`, {})).body, { found: 3, added: [] });
  const { models } = (await admin("GET", `/providers/${one.id}/models`)).body;
  assert.deepEqual(
    models.map((model) => [model.model_name, model.enabled, model.context_length]),
    [
      ["alias", true, null],
      ["a-2", false, null],
      ["a-1", true, 8_192],
    ],
  );
  // Added models can be used at once.
  t.up.on("a-1", answersWith(completion("a-1", "ok")));
  assert.equal((await t.complete({ model: "a-1", messages: [{ role: "user", content: "x" }] })).status, 200);

  const pages = {
    first: { data: [{ id: "claude-1", display_name: "Claude 1" }], has_more: true, last_id: "claude-1" },
    "claude-1": { data: [{ id: "claude-2" }], has_more: false, last_id: "claude-2" },
  };
  lists.set("/list-b/v1/models", (x) =>
    x.reply(200, pages[new URL(x.path, t.up.url).searchParams.get("after_id") ?? "first"]),
  );
  const anthropic = await provider({ kind: "anthropic", server_url: `${t.up.url}/list-b` });
  const claude = await admin("GET", `/providers/${anthropic.id}/upstream-models`);
  assert.deepEqual(
    claude.body.models.map(({ id, name }) => [id, name]),
    [
      ["claude-1", "Claude 1"],
      ["claude-2", null],
    ],
  );
  assert.ok(t.up.last().headers["anthropic-version"]);

  lists.set("/list-c/v1beta/models", (x) =>
    x.reply(200, {
      models: [
        { name: "models/gem", inputTokenLimit: 10, supportedGenerationMethods: ["generateContent"] },
        { name: "models/vec", supportedGenerationMethods: ["embedContent"] },
      ],
    }),
  );
  const gemini = await provider({ kind: "gemini", server_url: `${t.up.url}/list-c` });
  assert.deepEqual(
    (await admin("GET", `/providers/${gemini.id}/upstream-models`)).body.models.map(({ id }) => id),
    ["gem"],
  );

  lists.set("/list-d/openai/models", (x) => x.reply(200, { data: [{ id: "gpt-x" }] }));
  const azure = await provider({ kind: "azure_openai", server_url: `${t.up.url}/list-d` });
  assert.deepEqual(
    (await admin("GET", `/providers/${azure.id}/upstream-models`)).body.models.map(({ id }) => id),
    ["gpt-x"],
  );
  assert.equal(t.up.last().headers["api-key"], KEY);

  lists.set("/list-e/v1/info", (x) => x.reply(200, { name: "Helper", mode: "chat" }));
  const dify = await provider({ kind: "dify", server_url: `${t.up.url}/list-e/v1` });
  assert.deepEqual(
    (await admin("GET", `/providers/${dify.id}/upstream-models`)).body.models.map(({ id }) => id),
    ["Helper"],
  );
});

test("a list that does not come is an error, without the key", async () => {
  lists.set("/list-x/v1/models", (x) => x.reply(401, { error: { message: `bad key ${KEY}` } }));
  const one = await provider({ server_url: `${t.up.url}/list-x/v1` });
  const answer = await admin("GET", `/providers/${one.id}/upstream-models`);
  refused(answer, 502, "upstream_list_failed");
  assert.match(answer.text, /401.*bad key sk-…7777/);
  lists.set("/list-x/v1/models", (x) => x.reply(200, { ok: true }));
  refused(await admin("POST", `/providers/${one.id}/discover`), 502, "upstream_list_failed");
  refused(await admin("GET", "/providers/1/upstream-models"), 400, "unsupported_operation");
});

test("the cron probes those that are due, and keeps what it found", async () => {
  let alive = true;
  const behaviour = (x) =>
    alive ? x.reply(200, completion(x.model, "ok")) : x.reply(503, { error: { message: `down, says ${KEY}` } });
  t.up.on("probed", behaviour);
  const one = await provider({
    probe_enabled: true,
    probe_model: "probed",
    probe_prompt: "pulse?",
    probe_interval_s: 60,
  });
  const off = await provider({ probe_enabled: true, probe_model: "probed-off" });
  t.up.on("probed-off", behaviour);
  await admin("POST", `/providers/${off.id}/offline`);
  const bare = await provider({ probe_enabled: true });
  const health = async (id = one.id, query = "") => (await admin("GET", `/providers/${id}/health${query}`)).body;
  assert.deepEqual(await health(), {
    provider_id: one.id,
    enabled: true,
    status: "active",
    health: "unknown",
    probe_enabled: true,
    probe_interval_s: 60,
    last_ok_at: null,
    probes: [],
  });

  await t.gw.scheduled();
  const first = await health();
  assert.equal(first.health, "healthy", JSON.stringify(first));
  assert.deepEqual(
    { ...first.probes[0], id: "", ts: 0, latency_ms: 0 },
    { id: "", provider_id: one.id, ts: 0, ok: true, status: 200, latency_ms: 0, model: "probed", error: null },
  );
  assert.equal(first.last_ok_at, first.probes[0].ts);
  assert.equal(t.up.last("probed").json().messages[0].content, "pulse?");
  assert.equal(t.up.seen("probed-off").length, 0);
  assert.match((await health(bare.id)).probes[0].error, /no model/);

  // Not due again yet.
  await t.gw.scheduled();
  assert.equal(t.up.seen("probed").length, 1);
  const passes = () => t.gw.db("UPDATE provider_probes SET ts = ts - 60000");
  alive = false;
  for (let i = 0; i < 3; i++) {
    await passes();
    await t.gw.scheduled();
  }
  const down = await health();
  assert.deepEqual(
    [down.health, down.probes.length, down.probes[0].ok, down.probes[0].status],
    ["down", 4, false, 503],
  );
  assert.ok(down.last_ok_at < down.probes[0].ts);
  assert.match(down.probes[0].error, /down, says sk-…7777/);
  assert.equal((await health(one.id, "?limit=2")).probes.length, 2);
  refused(await admin("GET", `/providers/${one.id}/health?limit=0`), 400, "invalid_value", "limit");
  alive = true;
  await passes();
  await t.gw.scheduled();
  assert.equal((await health()).health, "degraded");

  // At most 200 are stored, and they are deleted with their provider.
  await t.gw.db(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO provider_probes (id, provider_id, ts, ok, latency_ms, model) SELECT 'old-' || i, ?, i, 1, 1, 'probed' FROM n`,
    one.id,
  );
  await passes();
  await t.gw.scheduled();
  assert.deepEqual(await t.gw.db("SELECT COUNT(*) AS n FROM provider_probes WHERE provider_id = ?", one.id), [
    { n: 200 },
  ]);
  await admin("DELETE", `/providers/${one.id}`);
  assert.deepEqual(await t.gw.db("SELECT COUNT(*) AS n FROM provider_probes WHERE provider_id = ?", one.id), [
    { n: 0 },
  ]);
});
