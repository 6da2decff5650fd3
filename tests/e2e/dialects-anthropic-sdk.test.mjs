// Proves that the official Anthropic SDK works through the gateway with upstreams of OpenAI's dialect, of Gemini's,
// and of Anthropic's own, whose bytes pass through unchanged.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import { anthropicTools, both, dialectSuite, failure, KEY, PNG, recorded, say, user } from "../support/dialects.mjs";
import * as gemini from "../support/gemini.mjs";
import { test } from "../support/suite.mjs";
import {
  answersWith,
  chunk,
  completion,
  delta,
  everyByte,
  event,
  eventsOf,
  toolCall,
  usage,
} from "../support/upstream.mjs";

let client;
const t = dialectSuite(["openai", "gemini", "anthropic"], { setUp: () => (client = t.anthropic()) });
const sentTo = (name) => t.up.last(name).json();
const plain = (blocks) =>
  blocks.map(({ type, text, id, name, input, thinking, signature }) =>
    JSON.parse(JSON.stringify({ type, text, id, name, input, thinking, signature })),
  );

test("OpenAI upstream: a conversation", async () => {
  await t.on(
    "openai",
    "plain",
    answersWith(
      completion("gpt-4o", "Grüezi 😀", { reported: usage(120, 5, { prompt_tokens_details: { cached_tokens: 80 } }) }),
    ),
  );
  const body = {
    model: "plain",
    max_tokens: 77,
    system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
    messages: [
      ...user("Hi"),
      { role: "assistant", content: "Hello" },
      ...user([{ type: "text", text: "How are you?" }]),
    ],
    stop_sequences: ["END"],
    temperature: 0.3,
    metadata: { user_id: "anna" },
  };
  await both(async (stream) => {
    const answer = await say(client, body, { stream });
    assert.deepEqual(
      [answer.type, answer.role, answer.model, answer.stop_reason, answer.stop_sequence],
      ["message", "assistant", "gpt-4o", "end_turn", null],
    );
    assert.deepEqual(plain(answer.content), [{ type: "text", text: "Grüezi 😀" }]);
    assert.ok(answer.id.length > 5);
    // Tokens read from the cache are not part of input_tokens here.
    const { input_tokens, cache_read_input_tokens, output_tokens } = answer.usage;
    assert.deepEqual([input_tokens, cache_read_input_tokens, output_tokens], [40, 80, 5]);

    const x = t.up.last("plain");
    assert.equal(x.path, "/v1/chat/completions");
    assert.deepEqual([x.headers.authorization, x.headers["x-api-key"]], [`Bearer ${KEY}`, undefined]);
    const sent = x.json();
    assert.deepEqual(
      sent.messages.map(({ role, content }) => [
        role,
        typeof content === "string" ? content : content.map(({ text }) => text).join(""),
      ]),
      [
        ["system", "Be brief."],
        ["user", "Hi"],
        ["assistant", "Hello"],
        ["user", "How are you?"],
      ],
    );
    assert.deepEqual(
      [sent.max_tokens ?? sent.max_completion_tokens, [sent.stop].flat(), sent.temperature, Boolean(sent.stream)],
      [77, ["END"], 0.3, stream],
    );
    assert.ok(!stream || sent.stream_options.include_usage, "usage must be asked for");
  });
  const { response } = await client.messages.create(body).withResponse();
  assert.deepEqual(await recorded(t, response.headers.get("x-request-id")), {
    outcome: "completed",
    source: "reported",
    prompt: 120,
    completion: 5,
    cached: 80,
  });
});

test("the SDK finds the id of the request", async () => {
  await t.on("openai", "identified", answersWith(completion("m", "ok")));
  const body = { model: "identified", max_tokens: 5, messages: user("x") };
  const { request_id, response } = await client.messages.create(body).withResponse();
  assert.match(request_id ?? "", /^req_/);
  assert.equal(request_id, response.headers.get("x-request-id"));
  const error = await failure(client.messages.create({ ...body, model: "nothing" }));
  assert.equal(error.requestID, error.headers.get("x-request-id"));
});

test("OpenAI upstream: the events of a stream", async () => {
  await t.on("openai", "events", answersWith(completion("gpt-4o", "abcdef")));
  const reply = await t.gw.call("/v1/messages", {
    method: "POST",
    headers: { "x-api-key": t.key, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model: "events", max_tokens: 5, messages: user("x"), stream: true }),
  });
  assert.match(reply.headers["content-type"], /^text\/event-stream/);
  const names = reply.text
    .split("\n")
    .filter((line) => line.startsWith("event: "))
    .map((line) => line.slice(7));
  assert.deepEqual(
    names.filter((name) => name !== "ping"),
    [
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ],
  );
  const datas = reply.text
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice(6)));
  assert.deepEqual(
    datas.map(({ type }) => type),
    names,
    "every event says its type twice",
  );
  assert.equal(datas[0].message.content.length, 0);
  assert.ok(datas.find(({ type }) => type === "message_delta").usage.output_tokens === 4);
});

test("OpenAI upstream: parallel tool calls and their results", async () => {
  const calls = [toolCall("call_1", "weather", '{"city":"Zürich"}'), toolCall("call_2", "clock", "{}")];
  await t.on("openai", "tools", (x) => {
    const answered = x.json().messages.some(({ role }) => role === "tool");
    return answersWith(
      answered
        ? completion("m", "12 degrees")
        : completion("m", { role: "assistant", content: "Let me look.", tool_calls: calls }, { finish: "tool_calls" }),
    )(x);
  });
  await both(async (stream) => {
    const messages = user("Weather?");
    const first = await say(
      client,
      {
        model: "tools",
        max_tokens: 50,
        messages,
        tools: anthropicTools,
        tool_choice: { type: "any", disable_parallel_tool_use: true },
      },
      { stream },
    );
    assert.equal(first.stop_reason, "tool_use");
    assert.deepEqual(plain(first.content), [
      { type: "text", text: "Let me look." },
      { type: "tool_use", id: "call_1", name: "weather", input: { city: "Zürich" } },
      { type: "tool_use", id: "call_2", name: "clock", input: {} },
    ]);
    const asked = sentTo("tools");
    assert.deepEqual([asked.tool_choice, asked.parallel_tool_calls], ["required", false]);
    assert.deepEqual(
      asked.tools.map((tool) => [tool.type, tool.function.name, tool.function.parameters]),
      anthropicTools.map(({ name, input_schema }) => ["function", name, input_schema]),
    );

    const results = [
      { type: "tool_result", tool_use_id: "call_1", content: [{ type: "text", text: "12" }] },
      { type: "tool_result", tool_use_id: "call_2", content: "no clock", is_error: true },
      { type: "text", text: "So?" },
    ];
    messages.push({ role: "assistant", content: first.content }, { role: "user", content: results });
    const second = await say(client, { model: "tools", max_tokens: 50, messages, tools: anthropicTools }, { stream });
    assert.equal(second.content[0].text, "12 degrees");
    const sent = sentTo("tools").messages;
    assert.deepEqual(
      sent.map(({ role }) => role),
      ["user", "assistant", "tool", "tool", "user"],
    );
    assert.deepEqual(
      sent[1].tool_calls.map(({ id, function: { name, arguments: args } }) => [id, name, JSON.parse(args)]),
      [
        ["call_1", "weather", { city: "Zürich" }],
        ["call_2", "clock", {}],
      ],
    );
    assert.deepEqual(
      sent.slice(2, 4).map(({ tool_call_id }) => tool_call_id),
      ["call_1", "call_2"],
    );
    assert.match(JSON.stringify(sent[3].content), /no clock/);
  });
});

test("OpenAI upstream: tool calls that come interleaved", async () => {
  const call = (index, fields) => event(chunk("m", delta({ tool_calls: [{ index, ...fields }] })));
  await t.on("openai", "interleaved", (x) =>
    x.stream([
      event(chunk("m", delta({ role: "assistant", content: null }))),
      call(0, { id: "call_1", type: "function", function: { name: "weather", arguments: "" } }),
      call(0, { function: { arguments: '{"city":' } }),
      call(1, { id: "call_2", type: "function", function: { name: "weather", arguments: '{"city":"Be' } }),
      call(0, { function: { arguments: '"Zürich"}' } }),
      call(1, { function: { arguments: 'rn"}' } }),
      event(chunk("m", delta({}, "tool_calls"))),
      event("[DONE]"),
    ]),
  );
  const answer = await say(
    client,
    { model: "interleaved", max_tokens: 50, messages: user("x"), tools: anthropicTools },
    { stream: true },
  );
  assert.deepEqual(
    answer.content.map(({ id, input }) => [id, input]),
    [
      ["call_1", { city: "Zürich" }],
      ["call_2", { city: "Bern" }],
    ],
  );
});

test("OpenAI upstream: images, tool choices and thinking", async () => {
  await t.on("openai", "o4-mini", answersWith(completion("m", "ok")));
  const content = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    { type: "image", source: { type: "url", url: "https://images.example/dot.png" } },
    { type: "text", text: "What?" },
  ];
  await say(client, {
    model: "o4-mini",
    max_tokens: 4000,
    messages: user(content),
    thinking: { type: "enabled", budget_tokens: 2048 },
  });
  const sent = sentTo("o4-mini");
  assert.deepEqual(
    sent.messages[0].content.map(({ type, image_url, text }) => [type, image_url?.url ?? text]),
    [
      ["image_url", `data:image/png;base64,${PNG}`],
      ["image_url", "https://images.example/dot.png"],
      ["text", "What?"],
    ],
  );
  assert.match(sent.reasoning_effort, /^(minimal|low|medium|high)$/);
  for (const [given, expected] of [
    [{ type: "auto" }, "auto"],
    [{ type: "none" }, "none"],
    [
      { type: "tool", name: "clock" },
      { type: "function", function: { name: "clock" } },
    ],
  ]) {
    await say(client, {
      model: "o4-mini",
      max_tokens: 50,
      messages: user("x"),
      tools: anthropicTools,
      tool_choice: given,
    });
    assert.deepEqual(sentTo("o4-mini").tool_choice, expected);
  }
});

test("OpenAI upstream: thoughts become thinking blocks", async () => {
  await t.on(
    "openai",
    "deepseek-reasoner",
    answersWith(completion("m", { role: "assistant", content: "Done.", reasoning_content: "Let me think…" })),
  );
  await both(async (stream) => {
    const answer = await say(client, { model: "deepseek-reasoner", max_tokens: 50, messages: user("x") }, { stream });
    assert.deepEqual(
      answer.content.map(({ type, thinking, text }) => [type, thinking ?? text]),
      [
        ["thinking", "Let me think…"],
        ["text", "Done."],
      ],
    );
  });
});

test("OpenAI upstream: every finish reason", async () => {
  for (const [finish, expected] of [
    ["stop", "end_turn"],
    ["length", "max_tokens"],
    ["content_filter", "refusal"],
    ["tool_calls", "tool_use"],
  ]) {
    const said =
      finish === "tool_calls"
        ? { role: "assistant", content: null, tool_calls: [toolCall("call_1", "clock", "{}")] }
        : "text";
    await t.on("openai", `finish-${finish}`, answersWith(completion("m", said, { finish })));
    await both(async (stream) =>
      assert.equal(
        (await say(client, { model: `finish-${finish}`, max_tokens: 5, messages: user("x") }, { stream })).stop_reason,
        expected,
      ),
    );
  }
});

test("OpenAI upstream: a JSON schema", async () => {
  await t.on("openai", "schema", answersWith(completion("m", '{"name":"Bern"}')));
  const schema = {
    type: "object",
    properties: { name: { type: "string" } },
    required: ["name"],
    additionalProperties: false,
  };
  await client.messages.create({
    model: "schema",
    max_tokens: 50,
    messages: user("x"),
    output_config: { format: { type: "json_schema", schema } },
  });
  const { type, json_schema } = sentTo("schema").response_format;
  assert.deepEqual([type, json_schema.schema], ["json_schema", schema]);
  assert.match(json_schema.name, /^[\w-]+$/);
});

test("parameters without a counterpart are named, or refused", async () => {
  await t.on("openai", "dropped", answersWith(completion("m", "ok")));
  const body = { model: "dropped", max_tokens: 50, messages: user("x"), top_k: 40 };
  const { response } = await client.messages.create(body).withResponse();
  assert.equal(response.headers.get("x-nexus-dropped-params"), "top_k");
  const error = await failure(client.messages.create(body, { headers: { "x-nexus-strict": "true" } }));
  assert.deepEqual([error.status, error.error.type, error.error.error.type], [400, "error", "invalid_request_error"]);
  assert.match(error.message, /top_k/);
});

test("Gemini upstream: tools with their proofs of thought", async () => {
  const parts = [
    { functionCall: { name: "weather", args: { city: "Bern" } }, thoughtSignature: "CuMBAdHtim8Q2x+proof" },
    { functionCall: { name: "clock", args: {} } },
  ];
  await t.on(
    "gemini",
    "gem-tools",
    (x) => {
      const answered = JSON.stringify(x.json().contents).includes("functionResponse");
      return gemini.answersWith(
        gemini.generated("gemini-3-pro-preview", answered ? "12 degrees" : parts, {
          usage: gemini.tokens(120, 5, { cached: 80, thoughts: 7 }),
        }),
      )(x);
    },
    { upstream: "gemini-3-pro-preview" },
  );
  await both(async (stream) => {
    const messages = user("Weather?");
    const first = await say(
      client,
      { model: "gem-tools", max_tokens: 50, messages, tools: anthropicTools, system: "Be brief." },
      { stream },
    );
    assert.equal(first.stop_reason, "tool_use");
    assert.deepEqual(
      first.content.map(({ type, name, input }) => [type, name, input]),
      [
        ["tool_use", "weather", { city: "Bern" }],
        ["tool_use", "clock", {}],
      ],
    );
    assert.deepEqual(
      [first.usage.input_tokens, first.usage.cache_read_input_tokens, first.usage.output_tokens],
      [40, 80, 12],
    );
    messages.push(
      { role: "assistant", content: first.content },
      {
        role: "user",
        content: first.content.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "12" })),
      },
    );
    const second = await say(
      client,
      { model: "gem-tools", max_tokens: 50, messages, tools: anthropicTools },
      { stream },
    );
    assert.equal(second.content[0].text, "12 degrees");
    const [, model, answers] = sentTo("gemini-3-pro-preview").contents;
    assert.deepEqual(
      model.parts.map(({ functionCall, thoughtSignature }) => [functionCall.name, functionCall.args, thoughtSignature]),
      [
        ["weather", { city: "Bern" }, "CuMBAdHtim8Q2x+proof"],
        ["clock", {}, undefined],
      ],
    );
    assert.deepEqual(
      answers.parts.map(({ functionResponse }) => functionResponse.name),
      ["weather", "clock"],
    );
  });
});

test("Gemini upstream: thoughts, pictures, limits and stop sequences", async () => {
  await t.on(
    "gemini",
    "gem-thoughts",
    gemini.answersWith(
      gemini.generated("m", [{ text: "Hm.", thought: true }, { text: "Done." }], { finish: "MAX_TOKENS" }),
    ),
    { upstream: "gemini-2.5-flash" },
  );
  const content = [
    { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    { type: "text", text: "x" },
  ];
  await both(async (stream) => {
    const answer = await say(
      client,
      {
        model: "gem-thoughts",
        max_tokens: 4000,
        messages: user(content),
        thinking: { type: "enabled", budget_tokens: 2048 },
        stop_sequences: ["END"],
        top_k: 40,
      },
      { stream },
    );
    assert.deepEqual(
      answer.content.map(({ type, thinking, text }) => [type, thinking ?? text]),
      [
        ["thinking", "Hm."],
        ["text", "Done."],
      ],
    );
    assert.equal(answer.stop_reason, "max_tokens");
    const { contents, generationConfig: config } = sentTo("gemini-2.5-flash");
    assert.deepEqual(contents[0].parts[0].inlineData, { mimeType: "image/png", data: PNG });
    assert.deepEqual(
      [
        config.thinkingConfig.thinkingBudget,
        config.thinkingConfig.includeThoughts,
        config.stopSequences,
        config.topK,
        config.maxOutputTokens,
      ],
      [2048, true, ["END"], 40, 4000],
    );
  });
});

// Odd spacing, odd order and unknown fields: all of it must arrive.
const ODD =
  '{ "max_tokens":5,\n "messages" : [{"content":[{"type":"text","text":"\\u00fc","cache_control":{"type":"ephemeral","ttl":"1h"}}],"role":"user"}], "model":"MODEL", "x_future":{"a":[1.50,null]}, "stream":STREAM}';

test("Anthropic upstream: bytes pass untouched", async () => {
  const thinking = { type: "thinking", thinking: "Hm.", signature: "c2ln" };
  const whole = anthropic.message("claude-x", [thinking, { type: "text", text: "Grüezi" }], {
    usage: anthropic.tokens(10, 5, { cache_read_input_tokens: 80, cache_creation_input_tokens: 30 }),
    container: { id: "future" },
  });
  const answered = JSON.stringify(whole, null, 1);
  const events = anthropic.messageEvents(whole);
  await t.on("anthropic", "native", (x) =>
    x.wantsStream
      ? x.stream(events)
      : x.reply(200, answered, { "request-id": "req_011Up", "anthropic-ratelimit-tokens-remaining": "77" }),
  );
  await t.on(
    "anthropic",
    "aliased",
    (x) => (x.wantsStream ? x.stream(everyByte(Buffer.from(events.join("")))) : x.reply(200, answered)),
    { upstream: "claude-of-upstream" },
  );
  for (const [model, upstream] of [
    ["native", "native"],
    ["aliased", "claude-of-upstream"],
  ]) {
    for (const stream of [false, true]) {
      const body = ODD.replace("MODEL", model).replace("STREAM", String(stream));
      const headers = {
        "x-api-key": t.key,
        "content-type": "application/json",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a-1,b-2",
      };
      const reply = await t.gw.call("/v1/messages", { method: "POST", headers, body });
      const x = t.up.last(upstream);
      assert.equal(x.text, body.replace(model, upstream));
      assert.deepEqual(
        [x.path, x.headers["x-api-key"], x.headers["anthropic-version"], x.headers["anthropic-beta"]],
        ["/v1/messages", KEY, "2023-06-01", "a-1,b-2"],
      );
      assert.equal(reply.status, 200);
      assert.equal(
        reply.text.replaceAll(/event: ping\ndata: [^\n]*\n\n/g, ""),
        (stream ? events.join("") : answered).replaceAll(/event: ping\ndata: [^\n]*\n\n/g, ""),
      );
      assert.deepEqual(await recorded(t, reply.headers["x-request-id"]), {
        outcome: "completed",
        source: "reported",
        prompt: 120,
        completion: 5,
        cached: 80,
      });
      if (!stream && model === "native") assert.equal(reply.headers["anthropic-ratelimit-tokens-remaining"], "77");
    }
  }
});

test("Anthropic upstream: the SDK, thinking that is given back, and what only this dialect has", async () => {
  const content = [
    { type: "thinking", thinking: "Hm. 漢字", signature: "c2lnbmF0dXJl" },
    { type: "redacted_thinking", data: "b3BhcXVl" },
    { type: "server_tool_use", id: "srvtoolu_1", name: "web_search", input: { query: "x" } },
    { type: "text", text: "Done." },
  ];
  await t.on("anthropic", "native-sdk", anthropic.answersWith(anthropic.message("claude-x", content)));
  await both(async (stream) => {
    const first = await say(
      client,
      {
        model: "native-sdk",
        max_tokens: 4000,
        messages: user("x"),
        thinking: { type: "enabled", budget_tokens: 1024 },
        tools: [{ type: "web_search_20250305", name: "web_search" }],
      },
      { stream },
    );
    assert.deepEqual(
      first.content.map(({ type }) => type),
      content.map(({ type }) => type),
    );
    const messages = [...user("x"), { role: "assistant", content: first.content }, ...user("y")];
    await say(client, { model: "native-sdk", max_tokens: 4000, messages }, { stream });
    assert.equal(t.up.last("native-sdk").json().messages[1].content[0].signature, "c2lnbmF0dXJl");
    assert.equal(t.up.last("native-sdk").json().messages[1].content[1].data, "b3BhcXVl");
  });
});

test("a stream that is cut anywhere says the same", async () => {
  const bytes = Buffer.from(
    eventsOf(
      completion(
        "m",
        {
          role: "assistant",
          content: "Zürich 😀",
          reasoning_content: "漢字",
          tool_calls: [toolCall("c", "weather", '{"city":"😀"}')],
        },
        { finish: "tool_calls" },
      ),
    ).join(""),
  );
  const answers = [];
  for (const [name, pieces] of [
    ["whole", [bytes]],
    ["bytes", everyByte(bytes)],
  ]) {
    await t.on("openai", `cut-${name}`, (x) => x.stream(pieces));
    answers.push(
      plain(
        (await say(client, { model: `cut-${name}`, max_tokens: 50, messages: user("x") }, { stream: true })).content,
      ),
    );
  }
  assert.deepEqual(answers[0].at(-1).input, { city: "😀" });
  assert.deepEqual(answers[1], answers[0]);
});
