// Proves that the official `openai` package for Node works against the gateway as it does against the original: answers,
// streams, tools, images, JSON schemas, its error classes, its time-outs and its aborts.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { suite, test } from "../support/suite.mjs";
import { chunk, completion, delay, delta, event, streamEvents, usage } from "../support/upstream.mjs";
import { within } from "../support/util.mjs";

let client;
const t = suite({ setUp: () => (client = clientWith()) });
const clientWith = (options) => new OpenAI({ apiKey: t.key, baseURL: `${t.gw.url}/v1`, maxRetries: 0, ...options });

const user = (content) => [{ role: "user", content }];
const failure = async (promise) => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("the call should have failed");
};

test("create", async () => {
  await t.model("sdk-create", (x) => x.reply(200, completion("sdk-create", "Hello there.")));
  const { data, response, request_id } = await client.chat.completions
    .create({ model: "sdk-create", messages: user("Hi"), temperature: 0.2 })
    .withResponse();
  assert.equal(data.choices[0].message.content, "Hello there.");
  assert.equal(data.usage.total_tokens, 13);
  assert.equal(request_id, response.headers.get("x-request-id"));
  assert.match(request_id, /^req_/);
  const sent = t.up.last("sdk-create");
  assert.equal(sent.json().temperature, 0.2);
  assert.match(sent.headers["user-agent"], /OpenAI\/JS/);
  assert.equal(sent.headers["x-stainless-lang"], "js");
});

test("stream", async () => {
  await t.model("sdk-stream", (x) => x.stream(streamEvents("sdk-stream", ["Hel", "lo ", "😀"])));
  const chunks = [];
  for await (const part of await client.chat.completions.create({
    model: "sdk-stream",
    messages: user("Hi"),
    stream: true,
  }))
    chunks.push(part);
  assert.equal(chunks.map((part) => part.choices[0].delta.content ?? "").join(""), "Hello 😀");
  assert.ok(
    chunks.every((part) => part.choices.length === 1),
    "the usage chunk came through unasked",
  );

  const counted = [];
  const options = { model: "sdk-stream", messages: user("Hi"), stream: true, stream_options: { include_usage: true } };
  for await (const part of await client.chat.completions.create(options)) counted.push(part);
  assert.deepEqual(counted.at(-1).usage, usage(9, 4));
});

test("the streaming helper", async () => {
  await t.model("sdk-helper", (x) => x.stream(streamEvents("sdk-helper", ["a", "b", "c"])));
  const runner = client.chat.completions.stream({
    model: "sdk-helper",
    messages: user("Hi"),
    stream_options: { include_usage: true },
  });
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.content, "abc");
  assert.equal((await runner.totalUsage()).total_tokens, 13);
});

const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      description: "Weather of a city",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
  { type: "function", function: { name: "clock", parameters: { type: "object", properties: {} } } },
];

test("tools", async () => {
  const calls = [
    { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Zürich"}' } },
    { id: "call_2", type: "function", function: { name: "clock", arguments: "{}" } },
  ];
  await t.model("sdk-tools", (x) => {
    const answered = x.json().messages.some(({ role }) => role === "tool");
    x.reply(
      200,
      answered
        ? completion("sdk-tools", "12 degrees")
        : completion("sdk-tools", { role: "assistant", content: null, tool_calls: calls }, { finish: "tool_calls" }),
    );
  });
  const messages = user("Weather and time?");
  const first = await client.chat.completions.create({
    model: "sdk-tools",
    messages,
    tools,
    tool_choice: "auto",
    parallel_tool_calls: true,
  });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  assert.deepEqual(first.choices[0].message.tool_calls, calls);
  assert.deepEqual(t.up.last("sdk-tools").json().tools, tools);
  messages.push(
    first.choices[0].message,
    ...calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "12" })),
  );
  const second = await client.chat.completions.create({
    model: "sdk-tools",
    messages,
    tools,
    tool_choice: { type: "function", function: { name: "weather" } },
  });
  assert.equal(second.choices[0].message.content, "12 degrees");
  assert.deepEqual(t.up.last("sdk-tools").json().messages, messages);
});

test("streamed tools", async () => {
  const call = (index, fields) => event(chunk("sdk-tool-stream", delta({ tool_calls: [{ index, ...fields }] })));
  await t.model("sdk-tool-stream", (x) =>
    x.stream([
      event(chunk("sdk-tool-stream", delta({ role: "assistant", content: null }))),
      call(0, { id: "call_1", type: "function", function: { name: "weather", arguments: "" } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(1, { id: "call_2", type: "function", function: { name: "clock", arguments: "{}" } }),
      call(0, { function: { arguments: '"Zürich"}' } }),
      event(chunk("sdk-tool-stream", delta({}, "tool_calls"))),
      event("[DONE]"),
    ]),
  );
  const runner = client.chat.completions.stream({
    model: "sdk-tool-stream",
    messages: user("Weather and time?"),
    tools,
  });
  const { choices } = await runner.finalChatCompletion();
  const calls = choices[0].message.tool_calls.map(({ id, function: { name, arguments: args } }) => [
    id,
    name,
    JSON.parse(args),
  ]);
  assert.deepEqual(calls, [
    ["call_1", "weather", { city: "Zürich" }],
    ["call_2", "clock", {}],
  ]);
});

test("vision content", async () => {
  await t.model("sdk-vision", (x) => x.reply(200, completion("sdk-vision", "a red dot")));
  const content = [
    { type: "text", text: "What is this?" },
    {
      type: "image_url",
      image_url: { url: `data:image/png;base64,${Buffer.alloc(300_000, 7).toString("base64")}`, detail: "low" },
    },
    { type: "image_url", image_url: { url: "https://images.example/dot.png" } },
  ];
  const answer = await client.chat.completions.create({ model: "sdk-vision", messages: user(content) });
  assert.equal(answer.choices[0].message.content, "a red dot");
  assert.deepEqual(t.up.last("sdk-vision").json().messages[0].content, content);
});

test("a JSON schema as response format", async () => {
  const response_format = {
    type: "json_schema",
    json_schema: {
      name: "city",
      strict: true,
      schema: {
        type: "object",
        properties: { name: { type: "string" } },
        required: ["name"],
        additionalProperties: false,
      },
    },
  };
  await t.model("sdk-schema", (x) => x.reply(200, completion("sdk-schema", '{"name":"Bern"}')));
  const answer = await client.chat.completions.parse({
    model: "sdk-schema",
    messages: user("A city?"),
    response_format,
  });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { name: "Bern" });
  assert.deepEqual(t.up.last("sdk-schema").json().response_format, response_format);
});

test("models", async () => {
  await t.model("org/sdk-model", (x) => x.reply(200, completion("m", "ok")));
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("org/sdk-model"));
  assert.equal((await client.models.retrieve("org/sdk-model")).id, "org/sdk-model");
  assert.ok((await failure(client.models.retrieve("nothing"))) instanceof OpenAI.NotFoundError);
});

test("errors of the gateway become the SDK’s classes", async () => {
  await t.model("sdk-errors", (x) => x.reply(200, completion("sdk-errors", "ok")));
  const wrongKey = await failure(
    clientWith({ apiKey: "sk-nx-abcdefghijkl-wrong" }).chat.completions.create({
      model: "sdk-errors",
      messages: user("x"),
    }),
  );
  assert.ok(wrongKey instanceof OpenAI.AuthenticationError);
  assert.deepEqual([wrongKey.status, wrongKey.code], [401, "invalid_api_key"]);

  const unknown = await failure(client.chat.completions.create({ model: "nothing", messages: user("x") }));
  assert.ok(unknown instanceof OpenAI.NotFoundError);
  assert.deepEqual([unknown.status, unknown.code, unknown.param], [404, "model_not_found", "model"]);

  const bad = await failure(client.chat.completions.create({ model: "sdk-errors", messages: "no list" }));
  assert.ok(bad instanceof OpenAI.BadRequestError);
  assert.deepEqual([bad.code, bad.param], ["invalid_type", "messages"]);
  assert.equal(bad.type, "invalid_request_error");
});

test("errors of the upstream become the SDK’s classes", async () => {
  const cases = [
    [400, OpenAI.BadRequestError],
    [401, OpenAI.AuthenticationError],
    [403, OpenAI.PermissionDeniedError],
    [404, OpenAI.NotFoundError],
    [409, OpenAI.ConflictError],
    [422, OpenAI.UnprocessableEntityError],
    [429, OpenAI.RateLimitError],
    [500, OpenAI.InternalServerError],
    [503, OpenAI.InternalServerError],
  ];
  for (const [status, Class] of cases) {
    const body = { error: { message: `no luck ${status}`, type: "x", param: "p", code: `c${status}` } };
    await t.model(`sdk-${status}`, (x) => x.reply(status, body, { "retry-after": "3" }));
    for (const stream of [false, true]) {
      const error = await failure(
        client.chat.completions.create({ model: `sdk-${status}`, messages: user("x"), stream }),
      );
      assert.ok(error instanceof Class, `${status}: ${error}`);
      assert.deepEqual([error.status, error.code, error.param, error.type], [status, `c${status}`, "p", "x"]);
      assert.equal(error.headers.get("retry-after"), "3");
      assert.equal(error.requestID, error.headers.get("x-request-id"));
    }
  }
});

test("the SDK’s own retries work through the gateway", async () => {
  let tries = 0;
  await t.model("sdk-retry", (x) => {
    tries += 1;
    if (tries < 3)
      x.reply(
        429,
        { error: { message: "slow down", type: "rate_limit_error", param: null, code: "rate_limit_exceeded" } },
        { "retry-after-ms": "20" },
      );
    else x.reply(200, completion("sdk-retry", "at last"));
  });
  const answer = await clientWith({ maxRetries: 3 }).chat.completions.create({
    model: "sdk-retry",
    messages: user("x"),
  });
  assert.equal(answer.choices[0].message.content, "at last");
  assert.equal(tries, 3);
});

test("a stream that breaks off throws instead of ending", async () => {
  await t.model("sdk-broken", async (x) => {
    x.sse();
    for (const one of streamEvents("sdk-broken", ["half"]).slice(0, 2)) await x.write(one);
    x.end();
  });
  const words = [];
  const error = await failure(
    (async () => {
      for await (const part of await client.chat.completions.create({
        model: "sdk-broken",
        messages: user("x"),
        stream: true,
      }))
        words.push(part.choices[0].delta.content);
    })(),
  );
  assert.ok(error instanceof OpenAI.APIError, String(error));
  assert.ok(words.includes("half"));
});

test("the SDK’s time-out", async () => {
  await t.model("sdk-slow", (x) => x.hang());
  const error = await failure(
    client.chat.completions.create({ model: "sdk-slow", messages: user("x") }, { timeout: 500 }),
  );
  assert.ok(error instanceof OpenAI.APIConnectionTimeoutError, String(error));
});

test("an abort before the answer", async () => {
  await t.model("sdk-abort-early", (x) => x.hang());
  const arrived = t.up.next("sdk-abort-early");
  const controller = new AbortController();
  const pending = failure(
    client.chat.completions.create({ model: "sdk-abort-early", messages: user("x") }, { signal: controller.signal }),
  );
  await within(10_000, arrived, "the request at the upstream");
  controller.abort();
  assert.ok((await pending) instanceof OpenAI.APIUserAbortError);
});

test("an abort of a stream closes the upstream request and is recorded as cancelled", async () => {
  await t.model("sdk-abort", async (x) => {
    x.sse();
    for (const one of streamEvents("sdk-abort", ["some ", "words ", "to ", "be ", "paid "], { done: false }).slice(
      0,
      6,
    ))
      await x.write(one);
    // The SDK closes the connection gracefully, so the gateway notices it only while sending.
    while (await x.write(event(chunk("sdk-abort", delta({ content: "." }))))) await delay(50);
  });
  const { data: stream, request_id } = await client.chat.completions
    .create({ model: "sdk-abort", messages: user("x"), stream: true })
    .withResponse();
  let text = "";
  for await (const part of stream) {
    text += part.choices[0].delta.content ?? "";
    if (text.includes("paid ")) stream.controller.abort();
  }
  const x = t.up.last("sdk-abort");
  await within(2_000, x.closed, "the upstream seeing the close");
  assert.ok(x.closedEarly);
  const row = await t.gw.row(request_id);
  assert.equal(row.outcome, "cancelled");
  assert.equal(row.usage_source, "counted");
  assert.ok(row.completion_tokens > 0 && row.prompt_tokens > 0);
});
