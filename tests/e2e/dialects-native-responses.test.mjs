// Proves that requests in the Responses API pass through to a provider that has it: nothing of request and answer is
// lost, and responses that the provider stores are found again, only by the key that created them.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { collect, dialectSuite, failure, KEY, recorded } from "../support/dialects.mjs";
import { answersWith, eventsOf, response } from "../support/responses.mjs";
import { test } from "../support/suite.mjs";
import { answersWith as answersChat, completion } from "../support/upstream.mjs";

let client, azure;
const t = dialectSuite(["openai"], {
  setUp: async () => {
    client = t.openai();
    await t.gw
      .createProvider({
        name: "native",
        kind: "openai",
        server_url: `${t.up.url}/v1`,
        server_key: KEY,
        quirks: ["responses"],
      })
      .then((provider) => (t.native = provider));
    azure = await t.gw.createProvider({
      name: "azure",
      kind: "azure_openai",
      server_url: `${t.up.url}/openai/deployments/of-address/chat/completions?api-version=2025-04-01-preview#`,
      server_key: KEY,
      quirks: ["responses"],
    });
    // Requests about a stored response contain no model.
    t.up.otherwise((x) => kept(x));
  },
});

const stored = new Map();
function kept(x) {
  const [, id, action] = x.path.match(/^\/(?:v1|openai)\/responses\/([^/?]+)(\/\w+)?/) ?? [];
  const whole = stored.get(id);
  if (!whole)
    return x.reply(404, {
      error: { message: `Response with id '${id}' not found.`, type: "invalid_request_error", param: "id", code: null },
    });
  if (x.method === "DELETE") return (stored.delete(id), x.reply(200, { id, object: "response", deleted: true }));
  if (action === "/cancel") return x.reply(200, { ...whole, status: "cancelled" });
  if (action === "/input_items")
    return x.reply(200, {
      object: "list",
      data: [{ type: "message", id: "msg_in", role: "user", content: [{ type: "input_text", text: "Hi" }] }],
      first_id: "msg_in",
      last_id: "msg_in",
      has_more: false,
    });
  if (x.path.includes("stream=true")) return x.stream(eventsOf(whole));
  return x.reply(200, whole);
}

async function serves(name, behaviour, { upstream = name, provider = t.native } = {}) {
  t.up.on(upstream, behaviour);
  await t.gw.createModel({
    provider_id: provider.id,
    model_name: name,
    ...(upstream === name ? {} : { upstream_model: upstream }),
  });
  return name;
}

const keeps = (whole) => (stored.set(whole.id, whole), answersWith(whole));

test("a request passes as it is, but for the name of the model", async () => {
  const search = { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } };
  const whole = response("Grüezi 😀", {
    before: [search, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "opaque==" }],
  });
  await serves("through", keeps(whole), { upstream: "gpt-5.6" });
  const body = {
    model: "through",
    input: "Hi",
    tools: [{ type: "web_search" }, { type: "code_interpreter", container: { type: "auto" } }],
    include: ["reasoning.encrypted_content", "web_search_call.action.sources"],
    reasoning: { effort: "high" },
    truncation: "auto",
    some_new_field: { a: [1.0, "漢字"] },
  };
  const { data, request_id } = await client.responses.create(body).withResponse();
  const { output_text, ...answer } = data;
  assert.equal(output_text, "Grüezi 😀");
  assert.deepEqual({ ...answer, _request_id: undefined }, { ...whole, _request_id: undefined });
  const sent = t.up.last("gpt-5.6");
  assert.equal(sent.path, "/v1/responses");
  assert.equal(sent.headers.authorization, `Bearer ${KEY}`);
  assert.deepEqual(sent.json(), { ...body, model: "gpt-5.6" });
  assert.deepEqual(await recorded(t, request_id), {
    outcome: "completed",
    source: "reported",
    prompt: 120,
    completion: 5,
    cached: 80,
  });
});

test("a stream passes byte for byte, and is recorded", async () => {
  const whole = response("abcdef", { before: [{ type: "web_search_call", id: "ws_1", status: "completed" }] });
  await serves("streamed", keeps(whole));
  const reply = await fetch(`${t.gw.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${t.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "streamed", input: "Hi", stream: true }),
  });
  assert.equal(await reply.text(), eventsOf(whole).join(""));
  const row = await recorded(t, reply.headers.get("x-request-id"));
  assert.deepEqual(row, { outcome: "completed", source: "reported", prompt: 120, completion: 5, cached: 80 });
  assert.equal(
    (await client.responses.stream({ model: "streamed", input: "Hi" }).finalResponse()).output_text,
    "abcdef",
  );
  assert.equal((await client.responses.retrieve(whole.id)).output_text, "abcdef");
});

test("what the provider keeps is asked of it", async () => {
  const first = response("one");
  await serves("stateful", keeps(first));
  await client.responses.create({ model: "stateful", input: "Hi", background: true });
  t.up.on("stateful", keeps(response("two")));
  const second = await client.responses.create({ model: "stateful", input: "And?", previous_response_id: first.id });
  assert.equal(second.output_text, "two");
  assert.deepEqual(t.up.last("stateful").json(), { model: "stateful", input: "And?", previous_response_id: first.id });
  assert.equal(
    (await client.responses.retrieve(first.id, { include: ["message.output_text.logprobs"] })).output_text,
    "one",
  );
  assert.match(t.up.last().path, /^\/v1\/responses\/resp_upstream_\d+\?include(%5B%5D|\[\])?=message/);
  const items = await collect(client.responses.inputItems.list(first.id));
  assert.equal(items[0].content[0].text, "Hi");
  assert.equal((await client.responses.cancel(first.id)).status, "cancelled");
  const resumed = await collect(client.responses.retrieve(first.id, { stream: true, starting_after: 1 }));
  assert.equal(resumed.at(-1).response.output[0].content[0].text, "one");
  await client.responses.delete(first.id);
  assert.ok(!stored.has(first.id));
  assert.ok((await failure(client.responses.retrieve(first.id))) instanceof OpenAI.NotFoundError);
});

test("responses of another key, and unknown ones, do not exist", async () => {
  const whole = response("secret");
  await serves("private", keeps(whole));
  await client.responses.create({ model: "private", input: "Hi" });
  const stranger = t.openai({ apiKey: (await t.gw.createKey()).key });
  const asked = t.up.exchanges.length;
  const attempts = ["retrieve", "delete", "cancel"].map((action) => () => stranger.responses[action](whole.id));
  attempts.push(
    () => stranger.responses.inputItems.list(whole.id),
    () => stranger.responses.create({ model: "private", input: "x", previous_response_id: whole.id }),
  );
  for (const attempt of attempts) assert.equal((await failure(attempt())).status, 404);
  const unknown = await failure(
    client.responses.create({ model: "private", input: "x", previous_response_id: "resp_nobody" }),
  );
  assert.deepEqual(
    [unknown.status, unknown.param, unknown.code],
    [404, "previous_response_id", "previous_response_not_found"],
  );
  assert.equal(t.up.exchanges.length, asked, "the provider was asked");
});

test("store: false leaves no trace", async () => {
  const whole = response("gone");
  await serves("unstored", keeps(whole));
  await client.responses.create({ model: "unstored", input: "Hi", store: false });
  assert.equal((await failure(client.responses.retrieve(whole.id))).status, 404);
});

test("a response that is made in the background is known before its stream is over", async () => {
  const whole = response("late", { background: true });
  stored.set(whole.id, whole);
  await serves("background", async (x) => {
    const [first] = eventsOf(whole);
    x.sse();
    await x.write(first);
    await x.hang();
  });
  const reply = await fetch(`${t.gw.url}/v1/responses`, {
    method: "POST",
    headers: { authorization: `Bearer ${t.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "background", input: "Hi", stream: true, background: true }),
  });
  const reader = reply.body.getReader();
  assert.match(new TextDecoder().decode((await reader.read()).value), /response.created/);
  assert.equal((await client.responses.retrieve(whole.id)).output_text, "late");
  await reader.cancel();
});

test("errors and cuts", async () => {
  await serves("refused", (x) =>
    x.reply(400, {
      error: { message: "No such tool.", type: "invalid_request_error", param: "tools[0]", code: "unknown_tool" },
    }),
  );
  const error = await failure(client.responses.create({ model: "refused", input: "Hi" }));
  assert.deepEqual([error.status, error.param, error.code], [400, "tools[0]", "unknown_tool"]);
  await serves("cut", async (x) => {
    x.sse();
    for (const event of eventsOf(response("abcdef")).slice(0, 6)) await x.write(event);
    x.cut();
  });
  const cut = await failure(collect(client.responses.create({ model: "cut", input: "Hi", stream: true })));
  assert.match(cut.message, /broke off/);
});

test("compaction is asked of the provider", async () => {
  await serves("compactable", (x) =>
    x.reply(200, {
      id: "resp_c",
      object: "response.compaction",
      output: [{ type: "compaction", encrypted_content: "x" }],
      usage: null,
    }),
  );
  const compacted = await client.post("/responses/compact", { body: { model: "compactable", input: "Hi" } });
  assert.equal(compacted.object, "response.compaction");
  assert.equal(t.up.last("compactable").path, "/v1/responses/compact");
  await t.on("openai", "incompactable", answersChat(completion("m", "x")));
  const refused = await failure(client.post("/responses/compact", { body: { model: "incompactable", input: "Hi" } }));
  assert.deepEqual([refused.status, refused.code], [400, "unsupported_operation"]);
});

test("Azure: the deployment of the address is the model of the body", async () => {
  const whole = response("azure");
  t.up.on("of-address", keeps(whole));
  await t.gw.createModel({ provider_id: azure.id, model_name: "azure-model" });
  assert.equal((await client.responses.create({ model: "azure-model", input: "Hi" })).output_text, "azure");
  const sent = t.up.last("of-address");
  assert.equal(sent.path, "/openai/responses?api-version=2025-04-01-preview");
  assert.equal(sent.headers["api-key"], KEY);
  assert.equal((await client.responses.retrieve(whole.id)).output_text, "azure");
  assert.equal(t.up.last().path, `/openai/responses/${whole.id}?api-version=2025-04-01-preview`);
});

test("a conversation that began in translation goes on in translation", async () => {
  await t.on("openai", "translated", answersChat(completion("m", "one")));
  const first = await client.responses.create({ model: "translated", input: "Hi" });
  await serves("later-native", answersWith(response("two")));
  const second = await client.responses.create({
    model: "later-native",
    input: "And?",
    previous_response_id: first.id,
  });
  assert.equal(second.output_text, "two");
  assert.equal(t.up.last("later-native").path, "/v1/responses");
  assert.deepEqual(
    t.up
      .last("later-native")
      .json()
      .input.map(({ content }) => content),
    ["Hi", "one", "And?"],
  );
  const back = await failure(client.responses.cancel(first.id));
  assert.equal(back.status, 400);
});
