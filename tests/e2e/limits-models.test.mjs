// Proves that a limit, a budget, a price or a list of models holds for the model that is used, whatever it is called.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, delay, gate, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({
  // A provider of its own, so that its failures open no circuit of the others.
  setUp: async () => {
    const { id } = await t.gw.createProvider({
      name: "failing",
      server_url: `${t.up.url}/v1`,
      server_key: "sk-failing",
    });
    await t.model("broken", (x) => x.reply(500, { error: { message: "broken" } }), { provider_id: id });
  },
});
const ok = (x) => x.reply(200, completion(x.model, "ok", { reported: usage(10, 10) }));
const limit = async (subject, body) => {
  const { status, text } = await t.gw.admin("PUT", `/limits/${encodeURIComponent(subject)}`, body);
  assert.equal(status, 200, text);
};
const used = async (subject) => (await t.gw.admin("GET", `/limits/${subject}`)).body.usage[0].used;
const post = (key, path, body, headers = {}) =>
  t.gw.call(path, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
const words = [{ role: "user", content: "hi" }];

/** Every way in which a caller can ask for the model `vend/<name>` of the suite's provider. */
const ways = (name) => {
  const provider = t.provider.name;
  const logical = `logical-${name}`;
  return [
    ["its name", (key) => t.gw.complete(key, ask(`vend/${name}`))],
    ["its bare name", (key) => t.gw.complete(key, ask(name))],
    ["its address", (key) => t.gw.complete(key, ask(`${provider}/vend/${name}`))],
    ["its address in capitals", (key) => t.gw.complete(key, ask(`${provider.toUpperCase()}/vend/${name}`))],
    ["a logical model", (key) => t.gw.complete(key, ask(logical))],
    ["another name of the same model", (key) => t.gw.complete(key, ask(`alias-${name}`))],
    ["models[]", (key) => t.gw.complete(key, ask("broken", { models: [`vend/${name}`] }))],
    ["models[] by its bare name", (key) => t.gw.complete(key, ask("broken", { models: [name] }))],
    ["x-nexus-fallback", (key) => post(key, "/v1/chat/completions", ask("broken"), { "x-nexus-fallback": name })],
    ["a stream", (key) => t.gw.complete(key, ask(name, { stream: true }))],
    ["Messages", (key) => post(key, "/v1/messages", { model: name, max_tokens: 9, messages: words })],
    ["Responses", (key) => post(key, "/v1/responses", { model: name, input: "hi" })],
    [
      "Gemini",
      (key) => post(key, `/v1beta/models/${name}:generateContent`, { contents: [{ parts: [{ text: "hi" }] }] }),
    ],
    ["legacy completions", (key) => post(key, "/v1/completions", { model: name, prompt: "hi" })],
    ["embeddings", (key) => post(key, "/v1/embeddings", { model: name, input: "hi" })],
    ["images", (key) => post(key, "/v1/images/generations", { model: name, prompt: "hi" })],
  ];
};

async function limitedModel(name, limits, subject = `model:vend/${name}`) {
  const model = await t.model(`vend/${name}`, ok);
  await t.model(`alias-${name}`, ok, { upstream_model: `vend/${name}` });
  const logical = { name: `logical-${name}`, candidates: [{ provider_id: t.provider.id, model: `vend/${name}` }] };
  const made = await t.gw.admin("POST", "/logical-models", logical);
  assert.ok(made.status < 300, made.text);
  if (limits) await limit(subject, limits);
  return model;
}

test("a limit of three a minute admits three, however the model is called", async () => {
  await limitedModel("limited", { limits: { requests_per_minute: 3 } });
  const { key } = await t.gw.createKey();
  const [byName, byBareName, byAddress, ...others] = ways("limited");
  for (const [way, asks] of [byName, byBareName, byAddress]) assert.equal((await asks(key)).status, 200, way);
  const reached = t.up.seen("vend/limited").length;
  for (const [way, asks] of [byName, byBareName, byAddress, ...others]) {
    const answer = await asks(key);
    const isFallback = way.startsWith("models[]") || way === "x-nexus-fallback";
    // The model before it was asked, so its error is the answer.
    assert.equal(answer.status, isFallback ? 500 : 429, `${way}: ${answer.text}`);
    if (!isFallback) assert.ok(Number(answer.headers["retry-after"]) >= 1, way);
  }
  assert.equal(t.up.seen("vend/limited").length, reached, "nothing more has reached the upstream");
  assert.equal(await used("model:VEND/Limited"), 3);
});

test("each way of asking uses the one request that a minute has", async () => {
  const { key } = await t.gw.createKey();
  for (const index of ways("any").keys()) {
    const name = `counted-${index}`;
    await limitedModel(name, { limits: { requests_per_minute: 1 } });
    const [way, asks] = ways(name)[index];
    const answer = await asks(key);
    assert.equal(answer.status, 200, `${way}: ${answer.text}`);
    const second = await t.gw.complete(key, ask(`vend/${name}`));
    assert.equal(second.status, 429, `${way}: ${second.text}`);
  }
});

test("two spellings are one subject, and a bare name, an address and an upstream's name are the model", async () => {
  const { key } = await t.gw.createKey();
  for (const [index, subject] of [
    "BARE-0",
    "vend/BARE-1",
    `${t.provider.name}/vend/bare-2`,
    "logical-bare-3",
  ].entries()) {
    const name = `bare-${index}`;
    await limitedModel(name, { limits: { requests_per_minute: 1 } }, `model:${subject}`);
    const asked = index === 3 ? "logical-bare-3" : name;
    assert.equal((await t.gw.complete(key, ask(asked))).status, 200, subject);
    const refused = await t.gw.complete(key, ask(asked));
    assert.equal(refused.status, 429, subject);
    assert.equal(refused.headers["x-ratelimit-limit-requests"], "1");
    assert.equal(refused.headers["x-ratelimit-remaining-requests"], "0");
    const shown = (await t.gw.admin("GET", `/limits/model:${subject.toUpperCase()}`)).body;
    assert.equal(shown.subject, `model:${subject.toLowerCase()}`);
    assert.equal((await t.gw.admin("DELETE", `/limits/model:${subject.toUpperCase()}`)).status, 200);
    assert.equal((await t.gw.complete(key, ask(asked))).status, 200);
  }
  await limit("model:of-no-model", { limits: { requests_per_minute: 1 } });
  assert.equal(await used("model:OF-no-model"), 0);
});

test("a model whose limit is reached is passed over, and what a failed attempt took is given back", async () => {
  await limitedModel("first", { limits: { requests_per_minute: 1 } });
  await t.model("second", ok);
  const candidates = [
    { provider_id: t.provider.id, model: "vend/first", priority: 0 },
    { provider_id: t.provider.id, model: "second", priority: 1 },
  ];
  await t.gw.admin("POST", "/logical-models", { name: "both", candidates });
  const { key } = await t.gw.createKey();
  const served = [];
  for (let i = 0; i < 3; i += 1) served.push((await t.gw.complete(key, ask("both"))).json().model);
  assert.deepEqual(served, ["vend/first", "second", "second"]);
  const { headers } = await t.gw.complete(key, ask("both"));
  const row = await t.gw.row(headers["x-request-id"]);
  assert.match(JSON.stringify(row.attempts), /limited/);

  await limitedModel("failing", { limits: { requests_per_minute: 2 } });
  t.up.on("vend/failing", (x) => x.reply(500, { error: { message: "down" } }));
  for (let i = 0; i < 3; i += 1) {
    const answer = await t.gw.complete(key, ask("failing", { models: ["second"] }));
    assert.equal(answer.json().model, "second");
  }
  await eventually(async () => (await used("model:vend/failing")) === 0, { what: "what failed being given back" });
});

test("a refused request uses nothing of its key", async () => {
  await limitedModel("zero", { limits: { requests_per_minute: 0 } });
  const { id, key } = await t.gw.createKey({ limits: { requests_per_minute: 2 } });
  for (let i = 0; i < 4; i += 1) {
    const refused = await t.gw.complete(key, ask("zero"));
    assert.match(errorOf(refused.text).message, /The model `vend\/zero`/);
  }
  await eventually(async () => (await used(`key:${id}`)) === 0, { what: "the key's requests being given back" });
});

test("requests at once, tokens and money of a model", async () => {
  await limitedModel("slots", { limits: { concurrency: 1 } });
  const opened = gate();
  t.up.on("vend/slots", async (x) => {
    await opened.opened;
    return ok(x);
  });
  const { key } = await t.gw.createKey();
  const first = t.gw.complete(key, ask("slots"));
  await eventually(() => t.up.seen("vend/slots").length === 1);
  const second = await t.gw.complete(key, ask("logical-slots"));
  assert.deepEqual([second.status, errorOf(second.text).code], [429, "concurrency_exceeded"]);
  opened.open();
  assert.equal((await first).status, 200);
  await eventually(async () => (await t.gw.complete(key, ask("alias-slots"))).status === 200);

  await limitedModel("tokens", { limits: { tokens_per_minute: 1000 } });
  assert.equal((await t.gw.complete(key, ask("tokens", { max_tokens: 900 }))).status, 200);
  await eventually(async () => (await used("model:vend/tokens")) === 20, { what: "the correction" });

  const model = await limitedModel("money", { budget: { amount: 0.001, period: "day" } });
  assert.equal(errorOf((await t.gw.complete(key, ask("money", { max_tokens: 10 }))).text).code, "price_unknown");
  await t.gw.admin("PUT", `/prices/provider_model:0${model.id}`, { input: 40, output: 40 });
  assert.equal((await t.gw.complete(key, ask("money", { max_tokens: 10 }))).status, 200);
  await eventually(async () => (await used("model:vend/money")) === 800, { what: "the charge" });
  const over = await t.gw.complete(key, ask(`${t.provider.name}/vend/money`, { max_tokens: 10 }));
  assert.deepEqual([over.status, errorOf(over.text).code], [402, "budget_exceeded"]);
});

test("hedged requests count once, and a limit of one is enough for one", async () => {
  await limitedModel("hedged", { limits: { requests_per_minute: 1 } });
  t.up.on("vend/hedged", async (x) => {
    await delay(600);
    return ok(x);
  });
  const candidates = ["vend/hedged", "alias-hedged"].map((model) => ({ provider_id: t.provider.id, model }));
  await t.gw.admin("POST", "/logical-models", { name: "hedging", candidates, hedge_after_ms: 100 });
  const { key } = await t.gw.createKey();
  assert.equal((await t.gw.complete(key, ask("hedging"))).status, 200);
  assert.equal((await t.gw.complete(key, ask("hedging"))).status, 429);
  await eventually(async () => (await used("model:vend/hedged")) === 1, { what: "one request" });
});

test("a price holds under each spelling, and a list of models, too", async () => {
  const model = await limitedModel("Priced");
  const cost = async (name) => {
    const answer = await t.complete(ask(name));
    return (await t.gw.row(answer.headers["x-request-id"])).cost_micros;
  };
  assert.equal((await t.gw.admin("PUT", "/prices/model:VEND/priced", { input: 1, output: 1 })).status, 200);
  for (const name of ["Priced", "vend/Priced", "logical-Priced", "alias-Priced"])
    assert.equal(await cost(name), 20, name);
  assert.equal((await t.gw.admin("PUT", `/prices/provider_model:0${model.id}`, { input: 2, output: 2 })).status, 200);
  assert.equal(await cost("Priced"), 40);
  assert.equal((await t.gw.admin("DELETE", `/prices/provider_model:${model.id}`)).status, 200);
  assert.equal((await t.gw.admin("DELETE", "/prices/model:Vend/PRICED")).status, 200);

  const { key } = await t.gw.createKey({ allowed_models: ["VEND/priced"] });
  for (const name of ["Priced", "vend/Priced", `${t.provider.name}/vend/Priced`])
    assert.equal((await t.gw.complete(key, ask(name))).status, 200, name);
  assert.equal((await t.gw.complete(key, ask("second"))).status, 404);
});
