// Proves that the list of models of a key holds for what reaches the upstream, in every place where a model can be named.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const t = suite({
  setUp: async () => {
    const ok = (x) => x.reply(200, completion(x.model, "ok"));
    await t.model("vend/cheap", ok);
    await t.model("vend/dear", ok);
    await t.model("vend/limited", ok);
    t.restricted = (await t.gw.createKey({ allowed_models: ["vend/cheap"] })).key;
    t.free = (await t.gw.createKey()).key;
    t.paying = (await t.gw.createKey({ budget: { amount: 5, period: "day" } })).key;
    await t.gw.admin("PUT", "/prices/model:vend/cheap", { input: 1, output: 1 });
    await t.gw.admin("PUT", "/limits/model:limited", { limits: { requests_per_minute: 0 } });
    await passing();
  },
});

/** A provider to which Messages, Responses and Gemini bodies pass unchanged. */
async function passing() {
  const server_url = `${t.up.url}/v1`;
  const kinds = { anthropic: { kind: "anthropic" }, responses: { quirks: ["responses"] } };
  for (const [name, fields] of Object.entries(kinds)) {
    const { id } = await t.gw.createProvider({ name: `p-${name}`, server_url, server_key: "sk-x", ...fields });
    await t.gw.createModel({ provider_id: id, model_name: `${name}-cheap`, upstream_model: "vend/cheap" });
  }
}

const call = (key, path, body) =>
  t.gw.call(path, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify(body),
  });
const words = [{ role: "user", content: "hi" }];
const bodies = (name) => [
  ["/v1/chat/completions", ask("cheap", { models: [name] }), "models[0]"],
  ["/v1/chat/completions", ask("cheap", { models: ["vend/cheap", name], route: "fallback" }), null],
  ["/v1/chat/completions", ask("cheap", { fallbacks: [{ model: name }] }), "fallbacks[0].model"],
  ["/v1/chat/completions", ask("cheap", { extra_body: { models: [name] } }), "extra_body.models[0]"],
  ["/v1/chat/completions", ask("cheap", { plugins: [{ id: "x", model: name }] }), "plugins[0].model"],
  ["/v1/completions", { model: "cheap", prompt: "hi", models: [name] }, "models[0]"],
  ["/v1/embeddings", { model: "cheap", input: "hi", models: [name] }, "models[0]"],
  [
    "/v1/messages",
    { model: "anthropic-cheap", max_tokens: 9, messages: words, tools: [{ type: "a", name: "a", model: name }] },
    "tools[0].model",
  ],
  [
    "/v1/responses",
    { model: "responses-cheap", input: "hi", tools: [{ type: "image_generation", model: name }] },
    "tools[0].model",
  ],
  [
    "/v1beta/models/cheap:generateContent",
    {
      contents: [{ parts: [{ text: "hi" }] }],
      generationConfig: { routingConfig: { manualMode: { modelName: name } } },
    },
    "generationConfig.routingConfig.manualMode.modelName",
  ],
];

test("what a key may not use reaches no upstream, in whatever field it is named", async () => {
  const key = (await t.gw.createKey({ allowed_models: ["vend/cheap", "anthropic-cheap", "responses-cheap"] })).key;
  for (const [path, body, param] of bodies("vend/dear")) {
    const before = t.up.exchanges.length;
    const answer = await call(key, path, body);
    if (param === null) assert.equal(answer.status, 200, answer.text);
    else {
      assert.equal(answer.status, 403, `${path} ${param}: ${answer.text}`);
      assert.ok(answer.text.includes("vend/dear"), answer.text);
    }
    for (const request of t.up.exchanges.slice(before)) assert.ok(!request.text.includes("vend/dear"), request.text);
  }
  const answer = await call(key, "/v1/chat/completions", ask("cheap", { models: ["vend/dear"] }));
  assert.deepEqual([answer.json().error.code, answer.json().error.param], ["model_not_allowed", "models[0]"]);
  // The models that it may use.
  assert.equal(
    (await call(key, "/v1/chat/completions", ask("cheap", { plugins: [{ model: "VEND/cheap" }] }))).status,
    200,
  );
});

test("what has limits is not chosen by the upstream, and what is paid for is what was reserved", async () => {
  for (const [path, body, param] of bodies("vend/limited").filter(([, , param]) => param?.startsWith("plugins"))) {
    const answer = await call(t.free, path, body);
    assert.deepEqual([answer.status, answer.json().error.code], [403, "model_not_routed"], param);
  }
  const unrouted = ask("cheap", { models: ["somewhere/else"] });
  assert.equal((await call(t.free, "/v1/chat/completions", unrouted)).status, 200, "it reaches the upstream as it is");
  assert.ok(t.up.exchanges.at(-1).text.includes("somewhere/else"));
  const paid = await call(t.paying, "/v1/chat/completions", unrouted);
  assert.deepEqual([paid.status, paid.json().error.code], [403, "model_not_routed"]);
});

test("a field that is written twice is refused, also in an upload", async () => {
  const twice = JSON.stringify(ask("cheap", { tools: [{ type: "t" }] })).replace(
    '"t"',
    '"t","model":"vend/cheap","mod\\u0065l":"vend/dear"',
  );
  const headers = { ...bearer(t.restricted), "content-type": "application/json" };
  assert.equal((await t.gw.call("/v1/chat/completions", { method: "POST", headers, body: twice })).status, 400);

  const part = (name, value) => `--B\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const upload = (...parts) =>
    t.gw.call("/v1/audio/transcriptions", {
      method: "POST",
      headers: { ...bearer(t.restricted), "content-type": "multipart/form-data; boundary=B" },
      body: `${parts.join("")}--B--\r\n`,
    });
  const one = await upload(part("model", "cheap"), part("file", "RIFF".repeat(1000)));
  assert.equal(one.status, 200, one.text);
  const two = await upload(part("model", "cheap"), part("file", "RIFF".repeat(1000)), part("model", "vend/dear"));
  assert.deepEqual([two.status, two.json().error.param], [400, "model"], two.text);
});
