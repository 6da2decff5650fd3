// Proves that a chat completion passes through unchanged: the request's bytes reach the upstream except for the
// spliced model name; the answer's bytes, status and rate-limit headers reach the caller; and models are found by
// each of their names, with every header that may contain a key, on every path that clients use.
import assert from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { ask, errorOf, suite, test, UPSTREAM_KEY } from "../support/suite.mjs";
import { completion, event, refusedPort, streamEvents } from "../support/upstream.mjs";
import { bearer, dataOf, spelled } from "../support/util.mjs";

const t = suite();

// Deliberately ugly: odd spacing, escapes, numbers beyond f64, unknown fields, and a nested decoy before the real `model`.
const uglyBody = (model, stream) =>
  `{\n  "metadata":{"model":"decoy","n":"1"},\t"messages" : [ {"role":"user","content":"h\\u00e9 \\ud83d\\ude00 é😀 \\/ \\"q\\""} ],"x_unknown":{"b":1,"a":[1,2,{"deep":null}],"big":12345678901234567890.12345678901234567890},` +
  `"model" :  ${JSON.stringify(model)} ,"temperature":1.0,"seed":9007199254740993,"logit_bias":{"50256":-100},  "stream" : ${stream} ,"user":"ü"}\r\n `;

const uglyAnswer = (model) =>
  `{ "id":"chatcmpl-ugly","object":"chat.completion","created":1700000000,\n"model":${JSON.stringify(model)},"choices":[{"index":0,"message":{"role":"assistant","content":"h\\u00e9 é😀","x_thoughts":[1.0,1e400]},"finish_reason":"stop","x_score":0.10}],` +
  `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"x_joules":7.50},"x_vendor":{"z":1,"a":2} }\n`;

test("request and response bytes are those of the two ends", async () => {
  await t.model("bytes", (x) =>
    x.reply(200, uglyAnswer("bytes"), {
      "content-type": "application/json; charset=utf-8",
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-tokens": "6m0s",
      "x-request-id": "req-of-the-upstream",
    }),
  );
  const sent = uglyBody("bytes", false);
  const answer = await t.complete(sent);

  assert.equal(answer.status, 200, answer.text);
  assert.equal(t.up.last("bytes").text, sent);
  assert.equal(answer.text, uglyAnswer("bytes"));
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.equal(answer.headers["x-ratelimit-limit-requests"], "60");
  assert.equal(answer.headers["x-ratelimit-remaining-requests"], "59");
  assert.equal(answer.headers["x-ratelimit-reset-tokens"], "6m0s");
  assert.equal(answer.headers["x-upstream-request-id"], "req-of-the-upstream");
  assert.match(answer.headers["x-request-id"], /^req_[0-9A-Z]{26}$/i);
  assert.match(answer.headers["openai-processing-ms"], /^\d+$/);
  assert.equal(answer.headers["x-nexus-provider"], "loopback");
  assert.ok(answer.headers["x-conversation-id"]);
});

test("a streamed answer keeps every byte, and the request gains only include_usage", async () => {
  const events = [
    ": a comment of the provider\n\n",
    'event: message\nid: 7\nretry: 10\ndata: {"id":"1","object":"chat.completion.chunk","x":1.50,"choices":[{"index":0,"delta":{"role":"assistant","content":"h\\u00e9"},"finish_reason":null}]}\n\n',
    'data:{"id":"1","choices":[{"index":0,"delta":{"content":" é😀"},"finish_reason":"stop","x_more":[1e400]}]}\n\n',
    event("[DONE]"),
  ].join("");
  await t.model("stream-bytes", (x) => x.stream(events, { "x-ratelimit-remaining-tokens": "149984" }));
  const sent = uglyBody("stream-bytes", true);
  const answer = await t.complete(sent);

  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.text, events);
  assert.match(answer.headers["content-type"], /^text\/event-stream/);
  assert.equal(answer.headers["x-ratelimit-remaining-tokens"], "149984");

  const got = t.up.last("stream-bytes").text;
  assert.deepEqual(JSON.parse(got).stream_options, { include_usage: true });
  // Insertion only: all bytes before and after it are the caller's.
  let prefix = 0;
  while (prefix < sent.length && got[prefix] === sent[prefix]) prefix++;
  assert.equal(got.slice(got.length - (sent.length - prefix)), sent.slice(prefix));
});

test("stream_options of the caller are kept, and include_usage is switched on in them", async () => {
  await t.model("stream-options", (x) => x.stream(streamEvents("stream-options", ["a"]).join("")));
  const options = async (stream_options) => {
    const answer = await t.complete(ask("stream-options", { stream: true, stream_options }));
    assert.equal(answer.status, 200, answer.text);
    return t.up.last("stream-options").json().stream_options;
  };
  assert.deepEqual(await options({ include_usage: true, x_new: 1 }), { include_usage: true, x_new: 1 });
  assert.deepEqual(await options({ include_usage: false }), { include_usage: true });
  assert.deepEqual(await options({ x_new: [1] }), { x_new: [1], include_usage: true });
  assert.deepEqual(await options({}), { include_usage: true });
  assert.deepEqual(await options(null), { include_usage: true });
});

test("an alias replaces the model name and nothing else", async () => {
  await t.model("alias", (x) => x.reply(200, uglyAnswer("real")), { upstream_model: "org/real-model:v1" });
  const sent = uglyBody("alias", false);
  const answer = await t.complete(sent);
  assert.equal(answer.text, uglyAnswer("real"));
  assert.equal(t.up.last("org/real-model:v1").text, sent.replace('"alias"', '"org/real-model:v1"'));

  // The same key and name, spelled with escapes.
  const escaped = '{"mod\\u0065l":"al\\u0069as","messages":[{"role":"user","content":"x"}]}';
  assert.equal((await t.complete(escaped)).status, 200);
  assert.deepEqual(t.up.last("org/real-model:v1").json(), {
    model: "org/real-model:v1",
    messages: [{ role: "user", content: "x" }],
  });
});

test("a compressed answer arrives as the upstream meant it", async () => {
  const packed = (bytes, type) => (x) => {
    x.head(200, { "content-type": type, "content-encoding": "gzip" });
    x.end(gzipSync(bytes));
  };
  const events = streamEvents("gz", ["a", "b"], { reported: null }).join("");
  await t.model("gz", packed(uglyAnswer("gz"), "application/json"));
  await t.model("gz-stream", packed(events, "text/event-stream"));
  const unpacked = (answer) =>
    answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.bytes).toString() : answer.text;
  const headers = { "accept-encoding": "gzip" };
  assert.equal(unpacked(await t.complete(ask("gz"), { headers })), uglyAnswer("gz"));
  assert.equal(unpacked(await t.complete(ask("gz-stream", { stream: true }), { headers })), events);
  assert.equal(unpacked(await t.complete(ask("gz"))), uglyAnswer("gz"));
});

test("a large body goes both ways whole", async () => {
  const content = "ünïcode ".repeat(400_000);
  await t.model("large", (x) => x.reply(200, completion("large", x.json().messages[0].content)));
  const sent = JSON.stringify({ model: "large", messages: [{ role: "user", content }] });
  const answer = await t.complete(sent);
  assert.equal(answer.status, 200);
  assert.ok(t.up.last("large").text === sent, "the request changed");
  assert.ok(answer.json().choices[0].message.content === content, "the answer changed");
});

for (const status of [400, 401, 403, 404, 409, 413, 422, 429, 500, 503, 529]) {
  test(`an upstream's ${status} is passed on, streamed or not`, async () => {
    const body = `{"error" : {"message":"the upstream said ${status}","type":"x_type","param":null,"code":"x_code"},"x":1.0}`;
    await t.model(`status-${status}`, (x) =>
      x.reply(status, body, { "retry-after": "7", "x-ratelimit-remaining-requests": "0" }),
    );
    for (const stream of [false, true]) {
      const answer = await t.complete(ask(`status-${status}`, { stream }));
      assert.equal(answer.status, status);
      assert.equal(answer.text, body);
      assert.match(answer.headers["content-type"], /^application\/json/);
      assert.equal(answer.headers["retry-after"], "7");
      assert.equal(answer.headers["x-ratelimit-remaining-requests"], "0");
    }
  });
}

test("an answer that is no chat completion is a 502", async () => {
  await t.model("html", (x) => x.reply(200, "<html>welcome</html>", { "content-type": "text/html" }));
  const html = await t.complete(ask("html"));
  assert.equal(html.status, 502, html.text);
  assert.equal(errorOf(html.text).code, "upstream_invalid_response");

  await t.model("not-http", (x) => x.raw("this is not HTTP\r\n\r\n"));
  const garbage = await t.complete(ask("not-http"));
  assert.equal(garbage.status, 502, garbage.text);
  assert.match(errorOf(garbage.text).code, /^upstream_(unreachable|invalid_response)$/);
});

test("only headers meant for the upstream reach it", async () => {
  await t.model("headers", (x) => x.reply(200, completion("headers", "ok")));
  const forwarded = {
    accept: "application/json",
    "user-agent": "suite/1.0",
    "openai-beta": "assistants=v2",
    "anthropic-beta": "tools-1",
    "x-stainless-lang": "js",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=1",
    "http-referer": "http://app.example/",
    "x-title": "App",
  };
  const withheld = {
    cookie: "session=secret",
    "x-api-key": "sk-nx-other",
    "api-key": "sk-nx-other",
    "x-goog-api-key": "sk-nx-other",
    "x-nexus-test": "1",
    "x-admin-token": "adm",
    "proxy-authorization": "Basic eA==",
    "x-forwarded-for": "192.0.2.1",
    "x-custom": "1",
    // What acts within the provider's account, which all callers share.
    "openai-organization": "org-1",
    "openai-project": "proj-1",
    "anthropic-workspace-id": "w-1",
    "x-goog-user-project": "p-1",
    "x-dashscope-workspace": "w-1",
    // Nonsense.
    range: "bytes=0-1",
    "x-stainless-os": "x".repeat(8000),
    "anthropic-version": "<script>",
  };
  const answer = await t.complete(ask("headers"), { headers: { ...forwarded, ...withheld } });
  assert.equal(answer.status, 200, answer.text);
  const got = t.up.last("headers");
  for (const [name, value] of Object.entries(forwarded)) assert.equal(got.headers[name], value, name);
  for (const name of Object.keys(withheld)) assert.equal(got.headers[name], undefined, name);
  assert.equal(got.headers.authorization, `Bearer ${UPSTREAM_KEY}`);
  assert.match(got.headers["content-type"], /^application\/json/);
  assert.equal(Number(got.headers["content-length"] ?? got.body.length), got.body.length);
  assert.ok(!got.rawHeaders.join("\n").includes(t.key), "the caller’s own key went upstream");
});

test("an idempotency key is that of one caller, and no other caller can send it", async () => {
  await t.model("idempotent", (x) => x.reply(200, completion("idempotent", "ok")));
  const other = (await t.gw.admin("POST", "/keys", { name: "idempotent" })).body.key;
  const sent = async (key, value) => {
    const answer = await t.gw.complete(key, ask("idempotent"), { headers: { "idempotency-key": value } });
    assert.equal(answer.status, 200, answer.text);
    return t.up.last("idempotent").headers["idempotency-key"];
  };
  const first = await sent(t.key, "retry-1");
  assert.match(first, /^nx-[0-9a-f]{64}$/);
  assert.equal(await sent(t.key, "retry-1"), first);
  assert.notEqual(await sent(t.key, "retry-2"), first);
  assert.notEqual(await sent(other, "retry-1"), first);
});

test("of an upstream's headers only those pass that clients read, with values that they can read", async () => {
  const day = 86_400;
  for (const [name, headers, passed] of [
    ["past", { "retry-after": "-5" }, {}],
    ["exponent", { "retry-after": "1e3", "retry-after-ms": "x" }, {}],
    ["twice", { "retry-after": ["5", "7"] }, {}],
    ["date-past", { "retry-after": "Sun, 06 Nov 1994 08:49:37 GMT" }, { "retry-after": "1" }],
    ["date-far", { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" }, { "retry-after": String(day) }],
    ["fraction", { "retry-after": "1.2" }, { "retry-after": "2" }],
    ["milliseconds", { "retry-after-ms": "1500", "retry-after": "9" }, { "retry-after": "2" }],
    [
      "limits",
      {
        "x-ratelimit-remaining-requests": "-1",
        "x-ratelimit-limit-tokens": "1e300",
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-reset-requests": "1m30.5s",
        "openai-processing-ms": "-4",
        "x-request-id": "a b",
        "openai-organization": "org-of-the-gateway",
        "anthropic-organization-id": "org-of-the-gateway",
        "set-cookie": "a=b",
        authorization: "Bearer echoed",
        "x-api-key": "echoed",
        "x-debug": "x",
        "content-language": "x".repeat(4000),
      },
      { "x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "1m30.5s" },
    ],
  ]) {
    for (const status of [200, 429]) {
      const model = `told-${name}-${status}`;
      const body = status === 200 ? completion(model, "ok") : { error: { message: "slow down", type: "x" } };
      await t.model(model, (x) => x.reply(status, body, headers));
      const answer = await t.complete(ask(model));
      assert.equal(answer.status, status, answer.text);
      const watched = [...new Set([...Object.keys(headers), "retry-after", "x-upstream-request-id"])].filter(
        (header) => !["x-request-id", "openai-processing-ms"].includes(header),
      );
      for (const header of watched) assert.equal(answer.headers[header], passed[header], `${name}: ${header}`);
      assert.match(answer.headers["openai-processing-ms"], /^\d+$/);
    }
  }
});

test("a provider's own headers are added; without a key none is sent", async () => {
  const { id } = await t.gw.createProvider({
    name: "headered",
    server_url: `${t.up.url}/v1/`,
    headers: { "x-tenant": "blue", "user-agent": "gateway/1" },
  });
  await t.model("headered-model", (x) => x.reply(200, completion("headered-model", "ok")), { provider_id: id });
  assert.equal((await t.complete(ask("headered-model"), { headers: { "user-agent": "suite/1.0" } })).status, 200);
  const got = t.up.last("headered-model");
  assert.equal(got.headers["x-tenant"], "blue");
  assert.equal(got.headers["user-agent"], "gateway/1");
  assert.equal(got.headers.authorization, undefined);
});

test("the base address becomes the upstream address by its ending", async () => {
  const cases = [
    ["", "/v1/chat/completions"],
    ["/v1", "/v1/chat/completions"],
    ["/v1/", "/v1/chat/completions"],
    ["/", "/chat/completions"],
    ["/api/paas/v4/", "/api/paas/v4/chat/completions"],
    ["/proxy", "/proxy/v1/chat/completions"],
    ["/custom/path#", "/custom/path"],
    ["/custom/path?version=2#", "/custom/path?version=2"],
  ];
  for (const [index, [suffix, expected]] of cases.entries()) {
    const { id } = await t.gw.createProvider({ name: `address-${index}`, server_url: t.up.url + suffix });
    await t.model(`address-model-${index}`, (x) => x.reply(200, completion("m", "ok")), { provider_id: id });
    const answer = await t.complete(ask(`address-model-${index}`));
    assert.equal(answer.status, 200, `${suffix}: ${answer.text}`);
    assert.equal(t.up.last(`address-model-${index}`).path, expected, suffix);
    assert.equal(t.up.last(`address-model-${index}`).method, "POST");
  }
});

test("every path and every key header leads to the same answer", async () => {
  await t.model("paths", (x) => x.reply(200, completion("paths", "ok")));
  const carriers = [
    bearer(t.key),
    { "x-api-key": t.key },
    { "api-key": t.key },
    { "x-goog-api-key": t.key },
    { authorization: `bearer ${t.key}` },
  ];
  for (const target of [
    "/v1/chat/completions",
    "/chat/completions",
    "/v1/v1/chat/completions",
    "/v1/chat/completions?x=1",
  ]) {
    for (const headers of carriers) {
      const answer = await t.gw.complete(undefined, ask("paths"), { target, headers });
      assert.equal(answer.status, 200, `${target} ${JSON.stringify(headers)}: ${answer.text}`);
      assert.equal(answer.json().choices[0].message.content, "ok");
    }
  }
  for (const target of ["/v1/models", "/models", "/v1/v1/models"]) {
    for (const headers of carriers) {
      const answer = await t.gw.call(target, { headers });
      assert.equal(answer.status, 200, `${target}: ${answer.text}`);
    }
  }
});

test("a body is JSON whatever its content type says", async () => {
  await t.model("any-type", (x) => x.reply(200, completion("any-type", "ok")));
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-8",
    "nonsense",
  ]) {
    assert.equal((await t.complete(ask("any-type"), { headers: { "content-type": type } })).status, 200, type);
  }
});

test("the request id of the caller is echoed if it is sane", async () => {
  await t.model("ids", (x) => x.reply(200, completion("ids", "ok")));
  const idFor = async (id) =>
    (await t.complete(ask("ids"), { headers: { "x-request-id": id } })).headers["x-request-id"];
  for (const sane of ["a", "trace.42_A-z", "x".repeat(128)]) assert.equal(await idFor(sane), sane);
  for (const insane of ["with space", "x".repeat(129), "semi;colon", "<script>", 'a"b'])
    assert.match(await idFor(insane), /^req_/, insane);
  // On answers of every other kind too.
  const headers = { "x-request-id": "mine-1" };
  assert.equal((await t.gw.call("/health", { headers })).headers["x-request-id"], "mine-1");
  assert.equal((await t.gw.call("/v1/models", { headers })).headers["x-request-id"], "mine-1");
  assert.equal((await t.gw.call("/nowhere", { headers })).headers["x-request-id"], "mine-1");
  assert.match((await t.gw.call("/providers")).headers["x-request-id"], /^req_/);
});

test("logical models are listed for those who may use them", async () => {
  await t.model("behind-it", (x) => x.reply(200, completion("behind-it", "ok")));
  const candidates = [{ provider_id: t.provider.id, model: "behind-it" }];
  for (const fields of [{ name: "clever" }, { name: "clever-*" }, { name: "clever-off", enabled: false }])
    assert.equal((await t.gw.admin("POST", "/logical-models", { ...fields, candidates })).status, 201);
  const listed = async (key) =>
    (await t.gw.call("/v1/models", { headers: bearer(key) }))
      .json()
      .data.map(({ id }) => id)
      .filter((id) => id.startsWith("clever"));
  assert.deepEqual(await listed(t.key), ["clever"]);
  assert.deepEqual(await listed((await t.gw.createKey({ allowed_models: ["clever"] })).key), ["clever"]);
  assert.deepEqual(await listed((await t.gw.createKey({ allowed_models: ["something-else"] })).key), []);
});

test("models are listed and found by id", async () => {
  await t.model("listed", (x) => x.reply(200, completion("listed", "ok")));
  await t.model("vendor/with-slash", (x) => x.reply(200, completion("vendor/with-slash", "ok")));
  await t.model("hidden", (x) => x.reply(200, completion("hidden", "ok")), { enabled: false });
  const headers = bearer(t.key);
  const list = (await t.gw.call("/v1/models", { headers })).json();
  assert.equal(list.object, "list");
  const ids = list.data.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, "an id is listed twice");
  assert.ok(ids.includes("listed") && ids.includes("vendor/with-slash"), ids.join());
  assert.ok(!ids.includes("hidden"));
  for (const model of list.data) {
    assert.equal(model.object, "model");
    assert.equal(typeof model.created, "number");
    assert.equal(typeof model.owned_by, "string");
    // Every listed model can be used under its id.
    const one = await t.gw.call(`/v1/models/${model.id}`, { headers });
    assert.equal(one.status, 200, `${model.id}: ${one.text}`);
    assert.equal(one.json().id, model.id);
  }
  assert.equal((await t.gw.call("/v1/models/vendor%2Fwith-slash", { headers })).json().id, "vendor/with-slash");
  assert.equal((await t.gw.call("/models/listed", { headers })).json().id, "listed");
  for (const missing of ["hidden", "no-such-model"]) {
    const answer = await t.gw.call(`/v1/models/${missing}`, { headers });
    assert.equal(answer.status, 404);
    assert.equal(errorOf(answer.text).code, "model_not_found");
  }
});

test("a model is found by its name, without its vendor, and by provider and name", async () => {
  const acme = await t.gw.createProvider({ name: "acme", server_url: `${t.up.url}/v1` });
  await t.model("meta/llama/3", (x) => x.reply(200, completion("meta/llama/3", "ok")), { provider_id: acme.id });
  for (const name of ["meta/llama/3", "acme/meta/llama/3", "llama/3"]) {
    const answer = await t.complete(ask(name));
    assert.equal(answer.status, 200, `${name}: ${answer.text}`);
    assert.equal(answer.headers["x-nexus-provider"], "acme");
    assert.equal(t.up.last().model, "meta/llama/3");
  }
  for (const name of ["acme/llama/3", "meta/llama", "3", "acme/", "/meta/llama/3", "acme"]) {
    const answer = await t.complete(ask(name));
    assert.equal(answer.status, 404, `${name}: ${answer.text}`);
    const error = errorOf(answer.text);
    assert.equal(error.code, "model_not_found");
    assert.equal(error.param, "model");
  }
});

test("of several providers of a name, the one of the better priority serves, of those that the key may use", async () => {
  const first = await t.gw.createProvider({ name: "shared-1", server_url: `${t.up.url}/one/` });
  const second = await t.gw.createProvider({ name: "shared-2", server_url: `${t.up.url}/two/`, priority: 1 });
  for (const { id } of [second, first])
    await t.model("shared", (x) => x.reply(200, completion("shared", x.path)), { provider_id: id });
  const servedBy = async (key = t.key) => (await t.gw.complete(key, ask("shared"))).headers["x-nexus-provider"];
  assert.equal(await servedBy(), "shared-1");
  const { key } = await t.gw.createKey({ allowed_providers: [second.id] });
  assert.equal(await servedBy(key), "shared-2");
  await t.gw.admin("PUT", `/providers/${first.id}`, { enabled: false });
  assert.equal(await servedBy(), "shared-2");
  assert.equal((await t.complete(ask("shared-1/shared"))).status, 404);
  await t.gw.admin("PUT", `/providers/${first.id}`, { enabled: true });
  assert.equal(await servedBy(), "shared-1");
  assert.equal((await t.complete(ask("shared-2/shared"))).headers["x-nexus-provider"], "shared-2");
});

test("the embedded models answer with no upstream", async () => {
  const before = t.up.exchanges.length;
  for (const model of ["demo/echo", "demo/script"]) {
    const body = { model, messages: [{ role: "user", content: "Marco, ein Wörtchen 🏓" }] };
    const whole = await t.complete(body);
    assert.equal(whole.status, 200, whole.text);
    const { object, choices, usage } = whole.json();
    assert.equal(object, "chat.completion");
    assert.equal(choices[0].message.role, "assistant");
    assert.equal(choices[0].finish_reason, "stop");
    assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
    if (model === "demo/echo") assert.ok(choices[0].message.content.includes("Marco, ein Wörtchen 🏓"));
    assert.equal((await t.complete(body)).json().choices[0].message.content, choices[0].message.content);

    const streamed = await t.complete({ ...body, stream: true });
    assert.match(streamed.headers["content-type"], /^text\/event-stream/);
    assert.equal(spelled(streamed.text), choices[0].message.content);
    const data = dataOf(streamed.text);
    assert.ok(data.length >= 4, streamed.text);
    assert.equal(data.at(-1), "[DONE]");
    assert.ok(!streamed.text.includes('"choices":[]'), "usage that was not requested");
    const chunks = data.slice(0, -1).map((line) => JSON.parse(line));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
    assert.equal(new Set(chunks.map(({ id, created, model }) => `${id} ${created} ${model}`)).size, 1);

    const counted = dataOf((await t.complete({ ...body, stream: true, stream_options: { include_usage: true } })).text);
    const last = JSON.parse(counted.at(-2));
    assert.deepEqual(last.choices, []);
    assert.deepEqual(last.usage, usage);
  }
  assert.equal(t.up.exchanges.length, before);
});

test("a provider that refuses the connection is a 502", async () => {
  const port = await refusedPort();
  const { id } = await t.gw.createProvider({ name: "refused", server_url: `http://127.0.0.1:${port}/v1` });
  await t.gw.createModel({ provider_id: id, model_name: "refused-model" });
  for (const stream of [false, true]) {
    const answer = await t.complete(ask("refused-model", { stream }));
    assert.equal(answer.status, 502, answer.text);
    const error = errorOf(answer.text);
    assert.equal(error.code, "upstream_unreachable");
    assert.ok(!answer.text.includes(String(port)), "the upstream address leaked");
  }
});

test("health needs no key", async () => {
  const answer = await t.gw.call("/health");
  assert.equal(answer.status, 200);
  assert.equal(answer.json().status, "ok");
  assert.equal(typeof answer.json().version, "string");
});

test("a page on another origin may call it, but not administer it", async () => {
  const origin = "https://app.example";
  const asks = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
  };
  const preflight = await t.gw.call("/v1/chat/completions", { method: "OPTIONS", headers: asks });
  assert.ok(preflight.status === 204 || preflight.status === 200, `status ${preflight.status}`);
  assert.equal(preflight.headers["access-control-allow-origin"], "*");
  assert.match(preflight.headers["access-control-allow-methods"], /POST/);
  assert.match(preflight.headers["access-control-allow-headers"], /authorization/i);
  assert.match(preflight.headers["access-control-allow-headers"], /x-stainless-lang/i);
  await t.model("browser", (x) =>
    x.reply(200, completion("browser", "ok"), { "access-control-allow-origin": "https://of-the-upstream.example" }),
  );
  for (const model of ["browser", "no-such"]) {
    assert.equal((await t.complete(ask(model), { headers: { origin } })).headers["access-control-allow-origin"], "*");
  }
  const forbidden = await t.gw.call("/providers", { method: "OPTIONS", headers: asks });
  assert.equal(forbidden.headers["access-control-allow-origin"], undefined);
  assert.equal((await t.gw.admin("GET", "/providers")).headers["access-control-allow-origin"], undefined);
});
