// Proves the token API in real workerd: counts equal to published ones, round trips, clear refusals; and that usage
// which no upstream reported is counted from the text, streamed or not, complete or truncated.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { message, messageEvents } from "../support/anthropic.mjs";
import { completion, delay, streamEvents, usage } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const post = (path, body, key = t.key, headers = {}) =>
  t.gw.call(path, {
    method: "POST",
    headers: { ...(key ? bearer(key) : {}), "content-type": "application/json", ...headers },
    body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
/** The fields of a successful answer. */
const answer = async (path, body, key) => {
  const reply = await post(path, body, key);
  assert.equal(reply.status, 200, reply.text);
  return reply.json();
};
const refusal = async (path, body, key) => {
  const reply = await post(path, body, key);
  return { status: reply.status, ...errorOf(reply.text) };
};
const silent = (x) => x.reply(500, "must not be asked");
/** Models with these upstream names behind other names: the upstream's name selects the tokenizer. */
const models = async (names) => {
  for (const [name, upstream_model] of Object.entries(names)) await t.model(name, silent, { upstream_model });
};
const rowOf = (reply) => t.gw.row(reply.headers["x-request-id"]);

// "How to count tokens with tiktoken" of OpenAI's cookbook: the messages, and what its API reported for them.
const cookbook = [
  [
    "system",
    undefined,
    "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
  ],
  ["system", "example_user", "New synergies will help drive top-line growth."],
  ["system", "example_assistant", "Things working well together will increase revenue."],
  [
    "system",
    "example_user",
    "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
  ],
  ["system", "example_assistant", "Let's talk later when we're less busy about how to do better."],
  ["user", undefined, "This late pivot means we don't have time to boil the ocean for the client deliverable."],
].map(([role, name, content]) => ({ role, ...(name && { name }), content }));

test("a text is counted by the encoding of the model behind the name", async () => {
  await models({ smart: "gpt-4o", old: "gpt-4", "org/claude": "claude-opus-5" });
  const input = "tiktoken is great!";
  assert.deepEqual(await answer("/v1/tokenize", { model: "smart", input }), {
    count: 6,
    encoding: "o200k_base",
    exact: true,
  });
  // The example of the cookbook.
  const tokens = [83, 1609, 5963, 374, 2294, 0];
  assert.deepEqual(await answer("/v1/tokenize", { model: "old", input, return_tokens: true }), {
    count: 6,
    tokens,
    encoding: "cl100k_base",
    exact: true,
  });
  assert.deepEqual(await answer("/v1/detokenize", { model: "loopback/old", tokens }), {
    text: input,
    encoding: "cl100k_base",
  });
  assert.deepEqual(await answer("/v1/tokenize", { model: "smart", input: "" }), {
    count: 0,
    encoding: "o200k_base",
    exact: true,
  });
  const { count, exact } = await answer("/v1/tokenize", { model: "org/claude", input });
  assert.ok(count > 6 && count < 12 && exact === false, String(count));
});

test("any text comes back from its tokens", async () => {
  for (const input of [
    "naïve café 🎉👩‍👩‍👧",
    "你好，世界。\n\n\t  x",
    'fn main() { println!("{}", 42); }',
    "<|endoftext|>",
    "\u0000\uffff",
    "a".repeat(5000),
  ]) {
    const { count, tokens } = await answer("/v1/tokenize", { model: "smart", input, return_tokens: true });
    assert.equal(count, tokens.length);
    assert.equal((await answer("/v1/detokenize", { model: "smart", tokens })).text, input);
    assert.equal((await answer("/v1/tokenize", { model: "smart", input })).count, count);
  }
});

test("messages are counted as the API of OpenAI counts them", async () => {
  for (const [model, count] of [
    ["smart", 124],
    ["old", 129],
  ]) {
    const counted = await answer("/v1/tokenize", { model, messages: cookbook });
    assert.deepEqual([counted.count, counted.exact], [count, true]);
  }
  const tools = [
    {
      type: "function",
      function: {
        name: "get_current_weather",
        description: "Get the current weather in a given location",
        parameters: {
          type: "object",
          properties: {
            location: { type: "string", description: "The city and state, e.g. San Francisco, CA" },
            unit: { type: "string", description: "The unit of temperature to return", enum: ["celsius", "fahrenheit"] },
          },
          required: ["location"],
        },
      },
    },
  ];
  const messages = [
    { role: "system", content: "You are a helpful assistant that can answer to questions about the weather." },
    { role: "user", content: "What's the weather like in San Francisco?" },
  ];
  const counted = await answer("/v1/tokenize", { model: "smart", messages, tools });
  assert.deepEqual([counted.count, counted.exact], [101, false]);
});

test("every dialect gets the same count, in its own shape", async () => {
  const text = "The quick brown fox jumps over the lazy dog.";
  const messages = [{ role: "user", content: text }];
  const { count } = await answer("/v1/tokenize", { model: "smart", messages });
  assert.deepEqual(await answer("/v1/responses/input_tokens", { model: "smart", input: text }), {
    object: "response.input_tokens",
    input_tokens: count,
  });
  assert.deepEqual(await answer("/v1/messages/count_tokens", { model: "smart", messages }), { input_tokens: count });
  for (const body of [
    { contents: [{ parts: [{ text }] }] },
    { generateContentRequest: { model: "models/smart", contents: [{ parts: [{ text }] }] } },
  ]) {
    assert.deepEqual(await answer("/v1beta/models/smart:countTokens", body), { totalTokens: count });
  }
  assert.equal(t.up.seen("gpt-4o").length, 0);
});

test("input_tokens counts the turns that a response continues", async () => {
  await t.model("turns", (x) => x.reply(200, completion("turns", "Paris is the capital of France.")));
  const first = await answer("/v1/responses", { model: "turns", input: "What is the capital of France?" });
  const { input_tokens: alone } = await answer("/v1/responses/input_tokens", {
    model: "turns",
    input: "And of Spain?",
  });
  const { input_tokens: continued } = await answer("/v1/responses/input_tokens", {
    model: "turns",
    input: "And of Spain?",
    previous_response_id: first.id,
  });
  assert.ok(continued >= alone + 14, `${continued} and ${alone}`);
  const missing = await refusal("/v1/responses/input_tokens", {
    model: "turns",
    input: "x",
    previous_response_id: "resp_none",
  });
  assert.deepEqual([missing.status, missing.code], [404, "previous_response_not_found"]);
});

test("an upstream that turns out not to count is made up for", async () => {
  const provider = await t.gw.createProvider({
    name: "partly",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant",
  });
  const asked = [];
  await t.model("partly", (x) => (asked.push(x.path), x.reply(404, "no such path")), { provider_id: provider.id });
  const { input_tokens } = await answer("/v1/messages/count_tokens", {
    model: "partly",
    messages: [{ role: "user", content: "Hello" }],
  });
  assert.deepEqual([input_tokens, asked], [8, ["/v1/messages/count_tokens"]]);
  // Any other refusal is left to the upstream.
  await t.model(
    "wholly",
    (x) => x.reply(400, { type: "error", error: { type: "invalid_request_error", message: "no" } }),
    { provider_id: provider.id },
  );
  assert.equal(
    (await post("/v1/messages/count_tokens", { model: "wholly", messages: [{ role: "user", content: "Hello" }] }))
      .status,
    400,
  );
});

test("a well-known model need not be configured to be counted", async () => {
  const { count, exact, encoding } = await answer("/v1/tokenize", { model: "gpt-4o", input: "Hello there" });
  assert.deepEqual([count, exact, encoding], [2, true, "o200k_base"]);
});

/** An answer that comes before its request is sent can be overtaken by the reset of the connection: then the request is repeated. */
async function arrives(send, tries = 10) {
  try {
    return await send();
  } catch (error) {
    if (!["EPIPE", "ECONNRESET"].includes(error.code) || tries === 1) throw error;
    return arrives(send, tries - 1);
  }
}

test("what is wrong is said, and where", async () => {
  const tokenizes = (body) => refusal("/v1/tokenize", body);
  const cases = [
    [tokenizes(""), 400, "invalid_json", null],
    [tokenizes('{"model":"smart","input":"a'), 400, "invalid_json", null],
    [
      tokenizes(Buffer.from([...Buffer.from('{"model":"smart","input":"'), 0xff, 0xfe, ...Buffer.from('"}')])),
      400,
      "invalid_json",
      null,
    ],
    [tokenizes({ input: "a" }), 400, "missing_required_parameter", "model"],
    [tokenizes({ model: "smart" }), 400, "missing_required_parameter", "input"],
    [tokenizes({ model: "smart", input: 7 }), 400, "invalid_type", "input"],
    [
      tokenizes({ model: "smart", messages: [{ role: "user", content: 7 }] }),
      400,
      "invalid_type",
      "messages[0].content",
    ],
    [tokenizes({ model: "smart", input: "a", messages: [] }), 400, "invalid_value", "messages"],
    [tokenizes({ model: "none", input: "a" }), 404, "model_not_found", "model"],
    [
      tokenizes({ model: "org/claude", input: "a", return_tokens: true }),
      400,
      "unsupported_operation",
      "return_tokens",
    ],
    [
      tokenizes({ model: "smart", input: "a b ".repeat(100_000), return_tokens: true }),
      400,
      "too_many_tokens",
      "input",
    ],
    [arrives(() => tokenizes({ model: "smart", input: "a".repeat(5 << 20) })), 413, "request_too_large", null],
    [refusal("/v1/detokenize", { model: "smart", tokens: "a" }), 400, "invalid_type", "tokens"],
    [refusal("/v1/detokenize", { model: "smart", tokens: [1, -1] }), 400, "invalid_value", "tokens[1]"],
    [refusal("/v1/detokenize", { model: "smart", tokens: [1, 2, 300_000] }), 400, "invalid_value", "tokens[2]"],
    [refusal("/v1/detokenize", { model: "org/claude", tokens: [1] }), 400, "unsupported_operation", "model"],
    [refusal("/v1/responses/input_tokens", { model: "smart", input: 7 }), 400, "invalid_type", "input"],
    [refusal("/v1/tokenize", { model: "smart", input: "a" }, null), 401, "missing_api_key", null],
    [refusal("/v1/tokenize", { model: "smart", input: "a" }, t.gw.adminToken), 401, "invalid_api_key", null],
    [refusal("/stats/estimate", { text: "a" }), 401, "invalid_admin_token", null],
  ];
  for (const [reply, status, code, param] of cases) {
    const error = await reply;
    assert.deepEqual([error.status, error.code, error.param], [status, code, param], JSON.stringify(error));
  }
  // Half a character.
  const { tokens } = await answer("/v1/tokenize", { model: "smart", input: "\u{1f9ff}", return_tokens: true });
  const half = await refusal("/v1/detokenize", { model: "smart", tokens: tokens.slice(0, 1) });
  assert.deepEqual([half.status, half.code, half.param], [400, "invalid_value", "tokens"]);
  assert.equal((await t.gw.call("/v1/tokenize", { headers: bearer(t.key) })).status, 405);
});

test("a key that may not use a model cannot count with it", async () => {
  const { key } = await t.gw.createKey({ allowed_models: ["old"] });
  assert.equal((await refusal("/v1/tokenize", { model: "smart", input: "a" }, key)).code, "model_not_found");
  assert.equal((await answer("/v1/tokenize", { model: "old", input: "a" }, key)).count, 1);
});

test("an estimate needs no model", async () => {
  const estimate = (body) => answer("/stats/estimate", body, t.gw.adminToken);
  const text = "Es war einmal ein König, der hatte eine Tochter. 从前有一个国王，他有一个女儿。".repeat(10);
  const { tokens, ...rest } = await estimate({ text });
  assert.deepEqual(rest, { characters: [...text].length, method: "estimate" });
  const { count } = await answer("/v1/tokenize", { model: "smart", input: text });
  assert.ok(Math.abs(tokens - count) < 0.25 * count, `${tokens} for ${count}`);
  assert.ok((await estimate({ messages: cookbook })).tokens > 90);
  assert.equal((await refusal("/stats/estimate", {}, t.gw.adminToken)).param, "text");
});

test("a megabyte of one letter is no way to hurt us", async () => {
  const took = async (input) => {
    const began = performance.now();
    const { count } = await answer("/v1/tokenize", { model: "smart", input });
    return [count, performance.now() - began];
  };
  await took("warm");
  const [count, milliseconds] = await took("a".repeat(1_000_000));
  assert.equal(count, 125_000);
  assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
});

const QUESTION = "Say something.";
const ANSWER = "Twelve words or so are spoken here, which is enough for a count.";
const promptTokens = async (model) =>
  (await answer("/v1/tokenize", { model, messages: [{ role: "user", content: QUESTION }] })).count;
const textTokens = async (model, input) => (await answer("/v1/tokenize", { model, input })).count;
const recorded = ({ prompt_tokens, completion_tokens, total_tokens, usage_source, outcome }) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens,
  usage_source,
  outcome,
});
const counted = async (model, text, outcome = "completed") => {
  const [prompt_tokens, completion_tokens] = [await promptTokens(model), await textTokens(model, text)];
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    usage_source: "counted",
    outcome,
  };
};

test("what an upstream does not report is counted, streamed or not", async () => {
  await t.model(
    "quiet",
    (x) =>
      x.json().stream
        ? x.stream(streamEvents("quiet", ANSWER.split(/(?<= )/), { reported: null }))
        : x.reply(200, completion("quiet", ANSWER, { reported: null })),
    {
      upstream_model: "gpt-4o-quiet",
    },
  );
  const expected = await counted("quiet", ANSWER);
  for (const stream of [false, true]) {
    const reply = await t.complete(ask("quiet", { stream }));
    assert.equal(reply.status, 200);
    assert.deepEqual(recorded(await rowOf(reply)), expected, `stream: ${stream}`);
    const crossed = await post("/v1/messages", { ...ask("quiet", { stream }), max_tokens: 50 });
    assert.equal(crossed.status, 200, crossed.text);
    assert.deepEqual(recorded(await rowOf(crossed)), expected, `from Messages, stream: ${stream}`);
  }
});

test("what is reported is not counted", async () => {
  await t.model("loud", (x) =>
    x.json().stream
      ? x.stream(streamEvents("loud", [ANSWER], { reported: usage(777, 888) }))
      : x.reply(200, completion("loud", ANSWER, { reported: usage(777, 888) })),
  );
  for (const stream of [false, true]) {
    const row = await rowOf(await t.complete(ask("loud", { stream })));
    assert.deepEqual(recorded(row), {
      prompt_tokens: 777,
      completion_tokens: 888,
      total_tokens: 1665,
      usage_source: "reported",
      outcome: "completed",
    });
  }
});

test("the side that is not reported is counted, the other stays, and no cost is said before that", async () => {
  const listed = await t.model("half", () => {}, { upstream_model: "gpt-4o-half" });
  assert.equal((await t.gw.admin("PUT", `/prices/provider_model:${listed.id}`, { input: 1, output: 1 })).status, 200);
  const { prompt_tokens, completion_tokens } = await counted("half", ANSWER);
  for (const [said, expected] of [
    [{ prompt_tokens: 777, completion_tokens: 0, total_tokens: 777 }, [777, completion_tokens, "counted"]],
    [{ prompt_tokens: 777 }, [777, completion_tokens, "counted"]],
    [{ prompt_tokens: 0, completion_tokens: 888 }, [prompt_tokens, 888, "counted"]],
    [{ total_tokens: 30 }, [0, 30, "reported"]],
    [usage(777, 888), [777, 888, "reported"]],
  ]) {
    t.up.on("gpt-4o-half", (x) =>
      x.json().stream
        ? x.stream(streamEvents("half", [ANSWER], { reported: said }))
        : x.reply(200, completion("half", ANSWER, { reported: said })),
    );
    for (const stream of [false, true])
      for (const reply of [
        await t.complete(ask("half", { stream })),
        await post("/v1/messages", { ...ask("half", { stream }), max_tokens: 50 }),
      ]) {
        assert.equal(reply.status, 200, reply.text);
        const row = await rowOf(reply);
        const what = `${JSON.stringify(said)}, stream: ${stream}`;
        assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.usage_source], expected, what);
        const told = stream || expected[2] === "counted" ? undefined : String(row.cost_micros);
        assert.equal(reply.headers["x-nexus-cost"], told, what);
      }
  }
  // An answer of nothing has no tokens.
  t.up.on("gpt-4o-half", (x) => x.reply(200, completion("half", "", { reported: usage(777, 0) })));
  const row = await rowOf(await t.complete(ask("half")));
  assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.usage_source], [777, 0, "reported"]);
});

test("a stream that the caller leaves is counted as far as it came", async () => {
  const begun = "One two three four";
  const slowly = async (x) => {
    x.head(200, { "content-type": "text/event-stream" });
    for (const one of streamEvents("left", [begun], { done: false, reported: null }).slice(0, 2)) await x.write(one);
    await x.hang();
  };
  await t.model("left", slowly, { upstream_model: "gpt-4o-left" });
  const reply = await t.openCompletion(ask("left", { stream: true }));
  await reply.readUntil("four");
  reply.abort();
  assert.deepEqual(recorded(await rowOf(reply)), await counted("left", begun, "cancelled"));
});

test("a stream that the upstream breaks off is counted too, with what it reported of the prompt", async () => {
  const provider = await t.gw.createProvider({
    name: "breaking",
    kind: "anthropic",
    server_url: t.up.url,
    server_key: "sk-ant",
  });
  const text = "Twelve words or so are spoken here.";
  const breaks = async (x) => {
    x.head(200, { "content-type": "text/event-stream" });
    const events = messageEvents(message("breaking", text, { usage: { input_tokens: 321, output_tokens: 50 } }), {
      size: 100,
    });
    for (const one of events.slice(0, 4)) await x.write(one);
    await delay(50);
    x.cut();
  };
  // A model of OpenAI's behind Anthropic's dialect, so that the count is exact.
  await t.model("breaking", breaks, { provider_id: provider.id, upstream_model: "gpt-4o-breaking" });
  const native = await post("/v1/messages", { ...ask("breaking", { stream: true }), max_tokens: 50 });
  const crossed = await t.complete(ask("breaking", { stream: true }));
  const completion_tokens = await textTokens("breaking", text);
  for (const reply of [native, crossed]) {
    assert.ok(reply.text.includes("spoken here"), reply.text);
    const expected = {
      prompt_tokens: 321,
      completion_tokens,
      total_tokens: 321 + completion_tokens,
      usage_source: "counted",
      outcome: "failed",
    };
    assert.deepEqual(recorded(await rowOf(reply)), expected);
  }
});
