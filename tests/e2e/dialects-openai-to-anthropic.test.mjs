// Proves that the OpenAI SDK works with models behind Anthropic's Messages API, for everything with a counterpart:
// the request for Anthropic, and the answer for the caller, streamed and not.
import assert from "node:assert/strict";
import { answersWith, message, messageEvents, named, tokens } from "../support/anthropic.mjs";
import {
  both,
  chat,
  CITY,
  collect,
  dialectSuite,
  failure,
  fromChunks,
  KEY,
  openaiTools,
  PNG,
  recorded,
  user,
} from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { everyByte } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["anthropic"], { setUp: () => (client = t.openai()) });
const sentTo = (name) => t.up.last(name).json();
/** Text or blocks, as blocks without cache marks. */
const blocks = (content) => (typeof content === "string" ? [{ type: "text", text: content }] : content);
const textOf = (content) =>
  blocks(content)
    .map(({ text }) => text)
    .join("\n");

test("a conversation", async () => {
  await t.on("anthropic", "plain", answersWith(message("claude-3-5-haiku-20241022", "Grüezi 😀")));
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    {
      role: "user",
      content: [
        { type: "text", text: "How" },
        { type: "text", text: " are you?" },
      ],
    },
  ];
  await both(async (stream) => {
    const answer = await chat(
      client,
      { model: "plain", messages, temperature: 0.3, top_p: 0.9, stop: ["END", "FIN"], max_completion_tokens: 77 },
      { stream },
    );
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.model, "claude-3-5-haiku-20241022");
    assert.ok(answer.id.length > 5 && Math.abs(answer.created - Date.now() / 1000) < 60);
    assert.deepEqual(
      answer.choices.map(({ message: { role, content }, finish_reason }) => [role, content, finish_reason]),
      [["assistant", "Grüezi 😀", "stop"]],
    );
    assert.deepEqual(
      [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens],
      [9, 4, 13],
    );

    const x = t.up.last("plain");
    assert.equal(x.path, "/v1/messages");
    assert.deepEqual(
      [x.headers["x-api-key"], x.headers["anthropic-version"], x.headers.authorization],
      [KEY, "2023-06-01", undefined],
    );
    const sent = x.json();
    assert.equal(textOf(sent.system), "Be brief.");
    assert.deepEqual(
      sent.messages.map(({ role }) => role),
      ["user", "assistant", "user"],
    );
    assert.equal(
      blocks(sent.messages[2].content)
        .map(({ text }) => text)
        .join(""),
      "How are you?",
    );
    assert.deepEqual(
      [sent.temperature, sent.top_p, sent.stop_sequences, sent.max_tokens, Boolean(sent.stream)],
      [0.3, 0.9, ["END", "FIN"], 77, stream],
    );
  });
});

test("a system message in the middle and developer messages", async () => {
  await t.on("anthropic", "systems", answersWith(message("m", "ok")));
  const messages = [
    { role: "developer", content: "One." },
    { role: "user", content: "a" },
    { role: "system", content: "Two." },
    { role: "user", content: "b" },
  ];
  await client.chat.completions.create({ model: "systems", messages });
  const sent = sentTo("systems");
  const everything = JSON.stringify(sent);
  for (const word of ["One.", "Two.", '"a"', '"b"']) assert.ok(everything.includes(word), `${word} is missing`);
  assert.match(textOf(sent.system), /One\./);
  assert.ok(sent.messages.every(({ role }) => role === "user" || role === "assistant"));
});

test("max_tokens, which the service requires, is supplied", async () => {
  await t.on("anthropic", "limitless", answersWith(message("m", "ok")));
  await client.chat.completions.create({ model: "limitless", messages: user("x") });
  assert.ok(sentTo("limitless").max_tokens >= 1024);
});

test("parallel tool calls and their results", async () => {
  const calls = [
    { type: "text", text: "Let me look." },
    { type: "tool_use", id: "toolu_01A", name: "weather", input: { city: 'Zürich "am See"' } },
    { type: "tool_use", id: "toolu_01B", name: "clock", input: {} },
    { type: "tool_use", id: "toolu_01C", name: "weather", input: { city: "Bern" } },
  ];
  await t.on("anthropic", "tools", (x) => {
    const answered = JSON.stringify(x.json().messages).includes("tool_result");
    return answersWith(answered ? message("m", "12 degrees") : message("m", calls, { stop: "tool_use" }))(x);
  });
  await both(async (stream) => {
    const messages = user("Weather and time?");
    const first = await chat(client, { model: "tools", messages, tools: openaiTools }, { stream });
    const [{ message: said, finish_reason }] = first.choices;
    assert.equal(finish_reason, "tool_calls");
    assert.equal(said.content, "Let me look.");
    assert.deepEqual(
      said.tool_calls.map(({ type, function: { name, arguments: args } }) => [type, name, JSON.parse(args)]),
      [
        ["function", "weather", { city: 'Zürich "am See"' }],
        ["function", "clock", {}],
        ["function", "weather", { city: "Bern" }],
      ],
    );
    assert.equal(new Set(said.tool_calls.map(({ id }) => id)).size, 3);
    const asked = sentTo("tools");
    assert.deepEqual(
      asked.tools.map(({ name, description, input_schema }) => ({ name, description, input_schema })),
      openaiTools.map(({ function: { name, description, parameters } }) => ({
        name,
        description,
        input_schema: parameters,
      })),
    );

    messages.push(
      said,
      ...said.tool_calls.map(({ id }, i) => ({ role: "tool", tool_call_id: id, content: `result ${i}` })),
      { role: "user", content: "And?" },
    );
    const second = await chat(client, { model: "tools", messages, tools: openaiTools }, { stream });
    assert.equal(second.choices[0].message.content, "12 degrees");
    const [, assistant, results] = sentTo("tools").messages;
    assert.deepEqual(
      blocks(assistant.content)
        .filter(({ type }) => type === "tool_use")
        .map(({ id, name, input }) => ({ id, name, input })),
      calls.slice(1).map(({ id, name, input }) => ({ id, name, input })),
    );
    // The service requires all results at the beginning of one user message.
    assert.equal(results.role, "user");
    assert.deepEqual(
      results.content.slice(0, 3).map(({ type, tool_use_id, content }) => [type, tool_use_id, textOf(content)]),
      [
        ["tool_result", "toolu_01A", "result 0"],
        ["tool_result", "toolu_01B", "result 1"],
        ["tool_result", "toolu_01C", "result 2"],
      ],
    );
    assert.equal(textOf(results.content.slice(3)), "And?");
    assert.equal(sentTo("tools").messages.length, 3);
  });
});

test("every tool_choice", async () => {
  await t.on("anthropic", "choice", answersWith(message("m", "ok")));
  for (const [given, expected] of [
    ["auto", { type: "auto" }],
    ["none", { type: "none" }],
    ["required", { type: "any" }],
    [
      { type: "function", function: { name: "clock" } },
      { type: "tool", name: "clock" },
    ],
  ]) {
    await client.chat.completions.create({
      model: "choice",
      messages: user("x"),
      tools: openaiTools,
      tool_choice: given,
    });
    assert.deepEqual(sentTo("choice").tool_choice, expected);
  }
  await client.chat.completions.create({
    model: "choice",
    messages: user("x"),
    tools: openaiTools,
    parallel_tool_calls: false,
  });
  assert.equal(sentTo("choice").tool_choice.disable_parallel_tool_use, true);
});

test("images and documents", async () => {
  await t.on("anthropic", "vision", answersWith(message("m", "a dot")));
  const pdf = Buffer.from("%PDF-1.4 tiny").toString("base64");
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    { type: "image_url", image_url: { url: "https://images.example/dot.png" } },
    { type: "file", file: { filename: "paper.pdf", file_data: `data:application/pdf;base64,${pdf}` } },
  ];
  await client.chat.completions.create({ model: "vision", messages: user(content) });
  const sent = sentTo("vision").messages[0].content;
  assert.deepEqual(sent.slice(0, 3), [
    { type: "text", text: "What is this?" },
    { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
    { type: "image", source: { type: "url", url: "https://images.example/dot.png" } },
  ]);
  assert.deepEqual(
    [sent[3].type, sent[3].source],
    ["document", { type: "base64", media_type: "application/pdf", data: pdf }],
  );
});

test("a JSON schema", async () => {
  await t.on("anthropic", "schema", answersWith(message("claude-opus-4-5", '{"name":"Bern","people":134000}')), {
    upstream: "claude-opus-4-5",
  });
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };
  await both(async (stream) => {
    const answer = await chat(client, { model: "schema", messages: user("A city?"), response_format }, { stream });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { name: "Bern", people: 134000 });
    assert.deepEqual(sentTo("claude-opus-4-5").output_config.format, { type: "json_schema", schema: CITY });
  });
});

test("thoughts with their signatures come back as they left", async () => {
  const thinking = {
    type: "thinking",
    thinking: "The user wants the weather. 天気…",
    signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds",
  };
  const redacted = {
    type: "redacted_thinking",
    data: "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP",
  };
  const call = { type: "tool_use", id: "toolu_think", name: "weather", input: { city: "Bern" } };
  await t.on(
    "anthropic",
    "thinking",
    (x) => {
      const answered = JSON.stringify(x.json().messages).includes("tool_result");
      return answersWith(
        answered
          ? message("claude-sonnet-4-5", "ok")
          : message("claude-sonnet-4-5", [thinking, redacted, call], { stop: "tool_use" }),
      )(x);
    },
    { upstream: "claude-sonnet-4-5" },
  );
  await both(async (stream) => {
    const messages = user("Weather?");
    const first = await chat(
      client,
      { model: "thinking", messages, tools: openaiTools, reasoning_effort: "high" },
      { stream },
    );
    const said = first.choices[0].message;
    assert.equal(said.reasoning_content, thinking.thinking);
    const asked = sentTo("claude-sonnet-4-5");
    assert.equal(asked.thinking.type, "enabled");
    assert.ok(
      asked.thinking.budget_tokens >= 1024 && asked.thinking.budget_tokens < asked.max_tokens,
      JSON.stringify([asked.thinking, asked.max_tokens]),
    );

    messages.push(said, { role: "tool", tool_call_id: said.tool_calls[0].id, content: "12" });
    await chat(client, { model: "thinking", messages, tools: openaiTools, reasoning_effort: "high" }, { stream });
    assert.deepEqual(sentTo("claude-sonnet-4-5").messages[1].content, [thinking, redacted, call]);
  });
});

test("every stop reason", async () => {
  for (const [reason, expected, more] of [
    ["end_turn", "stop"],
    ["max_tokens", "length"],
    ["stop_sequence", "stop", { sequence: "END" }],
    ["tool_use", "tool_calls"],
    ["refusal", "content_filter"],
    ["pause_turn", "stop"],
    ["model_context_window_exceeded", "length"],
  ]) {
    const content = reason === "tool_use" ? [{ type: "tool_use", id: "toolu_1", name: "clock", input: {} }] : "text";
    await t.on("anthropic", `stop-${reason}`, answersWith(message("m", content, { stop: reason, ...more })));
    await both(async (stream) => {
      const answer = await chat(client, { model: `stop-${reason}`, messages: user("x") }, { stream });
      assert.equal(answer.choices[0].finish_reason, expected, reason);
    });
  }
});

test("the prompt counts what was read from and written to the cache", async () => {
  const usage = tokens(10, 5, { cache_read_input_tokens: 80, cache_creation_input_tokens: 30 });
  await t.on("anthropic", "cached", answersWith(message("m", "ok", { usage })));
  const body = { model: "cached", messages: user("x") };
  const { data, request_id } = await client.chat.completions.create(body).withResponse();
  assert.deepEqual(
    [
      data.usage.prompt_tokens,
      data.usage.completion_tokens,
      data.usage.total_tokens,
      data.usage.prompt_tokens_details.cached_tokens,
    ],
    [120, 5, 125, 80],
  );
  assert.deepEqual(await recorded(t, request_id), {
    outcome: "completed",
    source: "reported",
    prompt: 120,
    completion: 5,
    cached: 80,
  });

  const streamed = await client.chat.completions
    .create({ ...body, stream: true, stream_options: { include_usage: true } })
    .withResponse();
  const chunks = await collect(streamed.data);
  const last = chunks.at(-1);
  assert.deepEqual(
    [
      last.choices,
      last.usage.prompt_tokens,
      last.usage.completion_tokens,
      last.usage.prompt_tokens_details.cached_tokens,
    ],
    [[], 120, 5, 80],
  );
  assert.deepEqual(await recorded(t, streamed.request_id), {
    outcome: "completed",
    source: "reported",
    prompt: 120,
    completion: 5,
    cached: 80,
  });

  const silent = await client.chat.completions.create({ ...body, stream: true }).withResponse();
  assert.ok(
    (await collect(silent.data)).every((chunk) => chunk.choices.length === 1 && !chunk.usage),
    "usage came unasked",
  );
  assert.equal((await recorded(t, silent.request_id)).prompt, 120);
});

test("what is written to the cache is recorded and paid, for five minutes and for an hour", async () => {
  const usage = tokens(10, 5, {
    cache_read_input_tokens: 80,
    cache_creation_input_tokens: 30,
    cache_creation: { ephemeral_5m_input_tokens: 18, ephemeral_1h_input_tokens: 12 },
  });
  await t.on("anthropic", "kept-an-hour", answersWith(message("m", "ok", { usage })));
  const price = { input: 3000, output: 15000, cached_input: 300, cache_write: 3750, cache_write_1h: 6000 };
  const set = await t.gw.admin("PUT", "/prices/model:kept-an-hour", price);
  assert.deepEqual(set.body, { subject: "model:kept-an-hour", ...price, factor: null });
  await both(async (stream) => {
    const asked = await client.chat.completions
      .create({ model: "kept-an-hour", messages: user("x"), stream })
      .withResponse();
    if (stream) await collect(asked.data);
    const { request_id } = asked;
    const row = await t.gw.row(request_id);
    assert.deepEqual(
      [row.prompt_tokens, row.cached_tokens, row.cache_written_tokens, row.cache_written_1h_tokens],
      [120, 80, 30, 12],
    );
    // In thousandths of a dollar: 10 plain, 80 read from the cache, 18 and 12 written to it, 5 of the answer.
    assert.equal(row.cost_micros, 1000 * (10 * 3 + 80 * 0.3 + 18 * 3.75 + 12 * 6 + 5 * 15));
    const { body } = await t.gw.admin("GET", "/stats/requests?limit=500");
    const shown = body.requests.find((request) => request.request_id === request_id);
    assert.deepEqual([shown.cache_written_tokens, shown.cache_written_1h_tokens], [30, 12]);
  });
});

test("cache marks", async () => {
  await t.on("anthropic", "marks", answersWith(message("m", "ok")));
  const marked = [{ type: "text", text: "A long text.", cache_control: { type: "ephemeral" } }];
  await client.chat.completions.create({
    model: "marks",
    messages: [{ role: "system", content: marked }, ...user(marked)],
  });
  const sent = sentTo("marks");
  assert.deepEqual(sent.system.at(-1).cache_control, { type: "ephemeral" });
  assert.deepEqual(sent.messages[0].content.at(-1).cache_control, { type: "ephemeral" });
});

test("parameters without a counterpart are named, or refused", async () => {
  await t.on("anthropic", "dropped", answersWith(message("m", "ok")));
  const body = {
    model: "dropped",
    messages: user("x"),
    seed: 7,
    frequency_penalty: 0.5,
    logit_bias: { 50256: -100 },
    temperature: 0.1,
  };
  for (const stream of [false, true]) {
    const { response } = await client.chat.completions.create({ ...body, stream }).withResponse();
    const named = response.headers.get("x-nexus-dropped-params").split(/,\s*/);
    assert.deepEqual(named.sort(), ["frequency_penalty", "logit_bias", "seed"]);
    await response.text?.().catch(() => {});
  }
  const { response } = await client.chat.completions
    .create({ model: "dropped", messages: user("x"), temperature: 0.1 })
    .withResponse();
  assert.equal(response.headers.get("x-nexus-dropped-params"), null);

  const asked = t.up.seen("dropped").length;
  const error = await failure(client.chat.completions.create(body, { headers: { "x-nexus-strict": "true" } }));
  assert.deepEqual([error.status, error.code], [400, "unsupported_parameter"]);
  assert.ok(["frequency_penalty", "logit_bias", "seed"].includes(error.param));
  assert.equal(t.up.seen("dropped").length, asked, "the upstream was asked all the same");
});

test("a stream that is cut anywhere says the same", async () => {
  const content = [
    { type: "thinking", thinking: "hm, 漢字 and 😀", signature: "c2lnbmF0dXJl" },
    { type: "text", text: "Zürich, 漢字, 😀" },
    { type: "tool_use", id: "toolu_cut", name: "weather", input: { city: "Zürich 😀" } },
  ];
  const whole = messageEvents(message("m", content, { stop: "tool_use" }), { size: 4 }).join("");
  const answers = [];
  for (const [name, pieces] of Object.entries({
    whole: [Buffer.from(whole)],
    bytes: everyByte(Buffer.from(whole)),
    crlf: [Buffer.from(whole.replaceAll("\n", "\r\n"))],
  })) {
    await t.on("anthropic", `cut-${name}`, (x) => x.stream(pieces));
    const {
      id: _,
      created: __,
      ...answer
    } = fromChunks(
      await collect(client.chat.completions.create({ model: `cut-${name}`, messages: user("x"), stream: true })),
    );
    answers.push(answer);
  }
  assert.equal(answers[0].choices[0].message.content, "Zürich, 漢字, 😀");
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
});

test("the deltas arrive as they are sent", async () => {
  const events = messageEvents(message("m", "one two"), { size: 4 });
  let release;
  const waiting = new Promise((resolve) => (release = resolve));
  await t.on("anthropic", "live", async (x) => {
    x.sse();
    for (const [i, one] of events.entries()) {
      if (i === 4) await waiting;
      await x.write(one);
    }
    x.end();
  });
  let text = "";
  for await (const chunk of await client.chat.completions.create({
    model: "live",
    messages: user("x"),
    stream: true,
  })) {
    text += chunk.choices[0]?.delta.content ?? "";
    if (text === "one ") release();
  }
  assert.equal(text, "one two");
});

test("what the caller says of betas and versions is forwarded byte for byte", async () => {
  await t.on("anthropic", "betas", answersWith(message("m", "ok")));
  const headers = {
    "anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14",
    "anthropic-version": "2023-01-01",
  };
  await client.chat.completions.create({ model: "betas", messages: user("x") }, { headers });
  const x = t.up.last("betas");
  assert.deepEqual(
    [x.headers["anthropic-beta"], x.headers["anthropic-version"]],
    [headers["anthropic-beta"], "2023-06-01"],
  );
});

test("an unknown event or block is no error", async () => {
  const events = messageEvents(message("m", "fine"), { size: 10 });
  events.splice(1, 0, named("some_future_event", { x: 1 }), ": a comment\n\n");
  await t.on("anthropic", "future", (x) => x.stream(events));
  const answer = await chat(client, { model: "future", messages: user("x") }, { stream: true });
  assert.equal(answer.choices[0].message.content, "fine");
});
