// Proves what a cached response is a response to: what was sent to the upstream that gave it. An answer of a fallback is not
// one of the first choice, and no difference that an upstream could see is ignored. And proves which answers are stored:
// complete ones that the provider calls finished.
import assert from "node:assert/strict";
import { message, messageEvents } from "../support/anthropic.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, delay, streamEvents } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite();
const ON = { headers: { "x-nexus-cache": "on" } };
const state = (answer) => answer.headers["x-nexus-cache"];
const entries = (model) => t.gw.db("SELECT * FROM cached_answers WHERE model = ?", model);

let answers = 0;
const counts = (x) => x.reply(200, completion(x.model, `answer ${++answers}`));

/** Sends a request until its answer comes from the cache. */
async function prime(body, options = ON) {
  const first = await t.complete(body, options);
  assert.equal(state(first), "miss", first.text);
  await eventually(async () => state(await t.complete(body, options)) === "hit", { what: "the cached answer" });
  return first;
}

test("an answer of a fallback is not an answer of the first choice", async () => {
  const second = await t.gw.createProvider({
    name: "second",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-second-0001",
  });
  let isDown = true;
  const first = (x) =>
    isDown
      ? x.reply(503, { error: { message: "down", type: "server_error", param: null, code: null } })
      : x.reply(200, completion(x.model, "from the first"));
  await t.model("first-choice", first);
  await t.model("stand-in", (x) => x.reply(200, completion(x.model, "from the fallback")), { provider_id: second.id });
  const fallback = { headers: { ...ON.headers, "x-nexus-fallback": "stand-in" } };
  const made = await t.gw.admin("POST", "/logical-models", {
    name: "with-fallback",
    cache_ttl_s: 60,
    strategy: "ordered",
    candidates: [
      { provider_id: t.provider.id, model: "first-choice", priority: 1 },
      { provider_id: second.id, model: "stand-in", priority: 2 },
    ],
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const asked = [
    [ask("first-choice"), fallback],
    [ask("first-choice", { stream: true }), fallback],
    [ask("first-choice", { models: ["stand-in"] }), ON],
    [ask("with-fallback"), {}],
  ];
  for (const [body, options] of asked) {
    const answer = await t.complete(body, options);
    assert.deepEqual([answer.status, answer.headers["x-nexus-provider"]], [200, "second"], JSON.stringify(body));
  }
  await delay(500);
  isDown = false;
  // The circuit of the first may be open for a while.
  await eventually(async () => (await t.complete(ask("first-choice", { seed: ++answers }))).status === 200, {
    what: "the first choice being healthy",
  });
  for (const [body, options] of asked) {
    await eventually(
      async () => (await t.complete({ ...body, stream: false }, options)).text.includes("from the first"),
      { what: `the first choice answering ${JSON.stringify(body)}` },
    );
  }
});

test("whatever an upstream could see makes another request", async (context) => {
  await t.model("seen", counts);
  const raw = (rest) => `{"model":"seen","messages":[{"role":"user","content":"é"}],${rest}}`;
  for (const [one, other] of [
    ['"seed":9007199254740993', '"seed":9007199254740992'],
    ['"temperature":1', '"temperature":1.0'],
    ['"user":"é"', '"user":"e\u0301"'],
    [
      '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{},"b":{}}}}}]',
      '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"b":{},"a":{}}}}}]',
    ],
    ['"metadata":{"a":"1","a":"2"}', '"metadata":{"a":"2"}'],
    ['"response_format":{"type":"json_object"}', '"response_format":{"type":"text"}'],
  ]) {
    await context.test(`${one} and ${other}`, async () => {
      await prime(raw(one));
      const answer = await t.complete(raw(other), ON);
      assert.equal(state(answer), "miss", answer.text);
    });
  }
  await context.test("x-nexus-strict", async () => {
    await prime(ask("seen"));
    const strict = { headers: { ...ON.headers, "x-nexus-strict": "true" } };
    assert.equal(state(await t.complete(ask("seen"), strict)), "miss");
  });
  await context.test("the same in other words is the same", async () => {
    await prime(raw('"seed":1'));
    const other = '{ "seed" : 1, "messages":[{"content":"é","role":"user"}], "model":"seen" }';
    assert.equal(state(await t.complete(other, ON)), "hit");
  });
});

test("headers and query that are sent to Anthropic count", async () => {
  const provider = await t.gw.createProvider({
    name: "anthropic",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant-loopback-0001",
  });
  await t.model("claude-names", (x) => x.reply(200, message(x.model, `answer ${++answers}`)), {
    provider_id: provider.id,
  });
  const body = { model: "claude-names", max_tokens: 50, messages: [{ role: "user", content: "hi" }] };
  const options = (headers = {}, query = "") => ({
    target: `/v1/messages${query}`,
    headers: { ...ON.headers, "anthropic-version": "2023-06-01", ...headers },
  });
  const first = await prime(body, options());
  for (const other of [
    options({ "anthropic-beta": "context-1m-2025-08-07" }),
    options({ "anthropic-beta": "interleaved-thinking-2025-05-14" }),
    options({ "anthropic-version": "2023-01-01" }),
    options({}, "?beta=true"),
  ]) {
    const answer = await t.complete(body, other);
    assert.equal(state(answer), "miss", JSON.stringify(other));
    assert.notEqual(answer.json().content[0].text, first.json().content[0].text);
  }
  assert.equal(state(await t.complete(body, options({ "user-agent": "another/1", traceparent: "x" }))), "hit");
});

test("a provider that is configured anew is asked anew", async () => {
  const provider = await t.gw.createProvider({
    name: "moved",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-moved-0001",
  });
  await t.model("moving", counts, { provider_id: provider.id });
  await prime(ask("moving"));
  await t.gw.admin("PUT", `/providers/${provider.id}`, { server_key: "sk-moved-0002" });
  assert.equal(state(await t.complete(ask("moving"), ON)), "miss");
});

test("what was dropped of a request is told with its cached response, too", async () => {
  const provider = await t.gw.createProvider({
    name: "anthropic-dropping",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant-loopback-0002",
  });
  await t.model("dropping", (x) => x.reply(200, message(x.model, "ok")), { provider_id: provider.id });
  const body = ask("dropping", { frequency_penalty: 1 });
  const first = await prime(body);
  assert.match(first.headers["x-nexus-dropped-params"], /frequency_penalty/);
  const again = await t.complete(body, ON);
  assert.equal(state(again), "hit");
  assert.equal(again.headers["x-nexus-dropped-params"], first.headers["x-nexus-dropped-params"]);
});

const ended = (x, fields) => {
  const body = completion(x.model, "half an ans");
  Object.assign(body.choices[0], fields);
  return x.reply(200, body);
};
const events = (x) => streamEvents(x.model, ["half an", " ans"]);
const withFinish = (list, reason) =>
  list.map((event) => event.replace('"finish_reason":"stop"', `"finish_reason":${JSON.stringify(reason)}`));
const NOT_STORED = {
  "an error with the status 200": (x) =>
    x.reply(200, { error: { message: "no", type: "server_error", param: null, code: null } }),
  "an empty object": (x) => x.reply(200, {}),
  "no choices": (x) => x.reply(200, { ...completion(x.model, "x"), choices: [] }),
  "nothing said": (x) => x.reply(200, completion(x.model, "")),
  "a content filter": (x) => ended(x, { finish_reason: "content_filter" }),
  "a limit that the request did not set": (x) => ended(x, { finish_reason: "length" }),
  "no reason for the end": (x) => ended(x, { finish_reason: null }),
  "an unknown reason for the end": (x) => ended(x, { finish_reason: "something_new" }),
  "a refusal": (x) =>
    ended(x, { message: { role: "assistant", content: null, refusal: "I cannot." }, finish_reason: "stop" }),
  "a stream of an error": (x) => x.stream(['data: {"error":{"message":"no","type":"server_error"}}\n\n']),
  "a stream that ends in an error": (x) =>
    x.stream([...events(x).slice(0, 2), 'data: {"error":{"message":"no","type":"server_error"}}\n\n']),
  "a stream without its end": (x) => x.stream(events(x).slice(0, 2)),
  "a stream with [DONE] and no reason for its end": (x) =>
    x.stream(events(x).filter((event) => !event.includes('"finish_reason":"stop"'))),
  "a stream with a content filter": (x) => x.stream(withFinish(events(x), "content_filter")),
  "a stream that reached a limit": (x) => x.stream(withFinish(events(x), "length")),
  "a stream that was aborted": (x) => x.stream(withFinish(events(x), "abort")),
};

test("what is no finished answer is not stored, whole and streamed", async (context) => {
  const models = [];
  for (const [what, behaviour] of Object.entries(NOT_STORED)) {
    await context.test(what, async () => {
      const model = `not-stored-${models.length}`;
      models.push(model);
      await t.model(model, behaviour);
      for (const stream of [what.includes("stream"), true])
        await t.complete(ask(model, { stream }), ON).catch(() => undefined);
    });
  }
  await delay(700);
  for (const [index, model] of models.entries())
    assert.deepEqual(await entries(model), [], Object.keys(NOT_STORED)[index]);
});

test("the limit that a request sets is an end that it asked for", async () => {
  await t.model("limited", (x) => ended(x, { finish_reason: "length" }));
  await prime(ask("limited", { max_tokens: 3 }));
});

test("Messages: a refusal and a paused turn are not stored, whole and streamed", async () => {
  const provider = await t.gw.createProvider({
    name: "anthropic-ends",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant-loopback-0003",
  });
  const ends = ["refusal", "pause_turn", "end_turn"];
  for (const stop of ends) {
    await t.model(
      `claude-${stop}`,
      (x) => {
        const whole = message(x.model, "hm", { stop });
        return x.json().stream ? x.stream(messageEvents(whole)) : x.reply(200, whole);
      },
      { provider_id: provider.id },
    );
    for (const stream of [false, true])
      await t.complete(
        { model: `claude-${stop}`, max_tokens: 9, stream, messages: [{ role: "user", content: `${stream}` }] },
        { target: "/v1/messages", ...ON },
      );
  }
  await eventually(async () => (await entries("claude-end_turn")).length === 2, { what: "the finished answers" });
  for (const stop of ends.slice(0, 2)) assert.deepEqual(await entries(`claude-${stop}`), [], stop);
});

test("a cached response has usage in its stream only where that is asked for", async () => {
  await t.model("usage", counts);
  await prime(ask("usage"));
  const streamed = await t.complete(ask("usage", { stream: true }), ON);
  assert.equal(state(streamed), "hit");
  assert.ok(!streamed.text.includes('"usage":{'), streamed.text);
  const wanted = await t.complete(ask("usage", { stream: true, stream_options: { include_usage: true } }), ON);
  assert.equal(state(wanted), "hit");
  assert.ok(wanted.text.includes('"usage":{'), wanted.text);
});
