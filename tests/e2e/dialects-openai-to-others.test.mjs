// Proves that the OpenAI SDK works with DashScope's native protocol, with chat applications of Dify and with
// deployments in Azure, including their peculiarities.
import assert from "node:assert/strict";
import * as azure from "../support/azure.mjs";
import * as dashscope from "../support/dashscope.mjs";
import {
  both,
  chat,
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
import * as dify from "../support/dify.mjs";
import { test } from "../support/suite.mjs";
import { completion, everyByte, toolCall } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["dashscope", "azure_openai"], { setUp: () => (client = t.openai()) });

test("DashScope: a conversation", async () => {
  await t.on(
    "dashscope",
    "qwen-plus",
    dashscope.answersWith(
      dashscope.generated("Grüezi 😀, 漢字", {
        usage: dashscope.tokens(120, 5, { prompt_tokens_details: { cached_tokens: 80 } }),
      }),
    ),
  );
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "And?" },
  ];
  await both(async (stream) => {
    const answer = await chat(
      client,
      { model: "qwen-plus", messages, temperature: 0.3, top_p: 0.9, seed: 5, stop: ["END"], max_tokens: 77 },
      { stream },
    );
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Grüezi 😀, 漢字", "stop"]);
    assert.deepEqual(
      [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.prompt_tokens_details.cached_tokens],
      [120, 5, 80],
    );
    const x = t.up.last("qwen-plus");
    assert.equal(x.path, "/api/v1/services/aigc/text-generation/generation");
    assert.deepEqual(
      [x.headers.authorization, x.headers["x-dashscope-sse"]],
      [`Bearer ${KEY}`, stream ? "enable" : undefined],
    );
    const { input, parameters } = x.json();
    assert.deepEqual(input.messages, messages);
    const { result_format, temperature, top_p, seed, stop, max_tokens } = parameters;
    assert.deepEqual(
      [result_format, temperature, top_p, seed, [stop].flat(), max_tokens],
      ["message", 0.3, 0.9, 5, ["END"], 77],
    );
  });
});

test("DashScope: text that is repeated is said once", async () => {
  const whole = dashscope.generated({ content: "aa aa aaaa", reasoning_content: "one one one" });
  await t.on("dashscope", "cumulative", (x) =>
    x.stream(dashscope.eventsOf(whole, { size: 2, incremental: x.json().parameters?.incremental_output === true })),
  );
  const answer = await chat(client, { model: "cumulative", messages: user("x") }, { stream: true });
  assert.deepEqual(
    [answer.choices[0].message.content, answer.choices[0].message.reasoning_content],
    ["aa aa aaaa", "one one one"],
  );
});

test("DashScope: parallel tool calls, there and back", async () => {
  const calls = [toolCall("call_a", "weather", '{"city": "Zürich"}'), toolCall("call_b", "clock", "{}")];
  await t.on("dashscope", "qwen-tools", (x) => {
    const answered = x.json().input.messages.some(({ role }) => role === "tool");
    return dashscope.answersWith(
      answered
        ? dashscope.generated("12 degrees")
        : dashscope.generated({ tool_calls: calls }, { finish: "tool_calls" }),
    )(x);
  });
  await both(async (stream) => {
    const messages = user("Weather?");
    const first = await chat(
      client,
      { model: "qwen-tools", messages, tools: openaiTools, tool_choice: "auto" },
      { stream },
    );
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    assert.deepEqual(
      first.choices[0].message.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({
        id,
        type,
        function: { name, arguments: args },
      })),
      calls,
    );
    assert.deepEqual(
      t.up
        .last("qwen-tools")
        .json()
        .parameters.tools.map((tool) => tool.function.name),
      ["weather", "clock"],
    );
    messages.push(
      first.choices[0].message,
      ...calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "12" })),
    );
    const second = await chat(client, { model: "qwen-tools", messages, tools: openaiTools }, { stream });
    assert.equal(second.choices[0].message.content, "12 degrees");
    const sent = t.up.last("qwen-tools").json().input.messages;
    assert.deepEqual(
      sent[1].tool_calls.map(({ id, function: { arguments: args } }) => [id, args]),
      calls.map(({ id, function: { arguments: args } }) => [id, args]),
    );
    assert.deepEqual(
      sent.slice(2).map(({ role, tool_call_id, content }) => [role, tool_call_id, content]),
      [
        ["tool", "call_a", "12"],
        ["tool", "call_b", "12"],
      ],
    );
  });
});

test("DashScope: pictures go to the other address", async () => {
  await t.on(
    "dashscope",
    "qwen-vl-max",
    dashscope.answersWith({
      output: { choices: [{ finish_reason: "stop", message: { role: "assistant", content: [{ text: "a dot" }] } }] },
      usage: { input_tokens: 50, output_tokens: 3, image_tokens: 40 },
      request_id: "r",
    }),
  );
  const content = [
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    { type: "text", text: "What is this?" },
  ];
  const answer = await client.chat.completions.create({ model: "qwen-vl-max", messages: user(content) });
  assert.equal(answer.choices[0].message.content, "a dot");
  const x = t.up.last("qwen-vl-max");
  assert.equal(x.path, "/api/v1/services/aigc/multimodal-generation/generation");
  assert.deepEqual(x.json().input.messages[0].content, [
    { image: `data:image/png;base64,${PNG}` },
    { text: "What is this?" },
  ]);
});

test("DashScope: a stream that is cut anywhere says the same", async () => {
  const bytes = Buffer.from(
    dashscope.eventsOf(dashscope.generated({ content: "Zürich 😀", reasoning_content: "漢字" })).join(""),
  );
  await t.on("dashscope", "cut", (x) =>
    x.stream(everyByte(bytes), { "content-type": "text/event-stream;charset=UTF-8" }),
  );
  const answer = fromChunks(
    await collect(client.chat.completions.create({ model: "cut", messages: user("x"), stream: true })),
  );
  const { content, reasoning_content } = answer.choices[0].message;
  assert.deepEqual([content, reasoning_content, answer.choices[0].finish_reason], ["Zürich 😀", "漢字", "stop"]);
});

test("DashScope: an error in the stream", async () => {
  const half = dashscope.eventsOf(dashscope.generated("half of it")).slice(0, 2);
  await t.on("dashscope", "inspected", (x) =>
    x.stream([
      ...half,
      dashscope.event(
        3,
        dashscope.errorBody("DataInspectionFailed", "Output data may contain inappropriate content."),
        { name: "error", status: 400 },
      ),
    ]),
  );
  const error = await failure(
    collect(client.chat.completions.create({ model: "inspected", messages: user("x"), stream: true })),
  );
  assert.match(error.message, /inappropriate content/);
});

test("Dify: a conversation", async () => {
  await t.on("dify", "dify-plain", dify.answersWith("Grüezi 😀", { usage: dify.tokens(33, 7) }));
  await both(async (stream) => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello" },
      { role: "user", content: "And now?" },
    ];
    const { data, request_id } = stream
      ? await client.chat.completions
          .create({ model: "dify-plain", messages, user: "anna", stream, stream_options: { include_usage: true } })
          .withResponse()
      : await client.chat.completions.create({ model: "dify-plain", messages, user: "anna" }).withResponse();
    const answer = stream ? fromChunks(await collect(data)) : data;
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Grüezi 😀", "stop"]);
    assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [33, 7]);
    const row = await recorded(t, request_id);
    assert.deepEqual([row.prompt, row.completion, row.source], [33, 7, "reported"]);
    const x = t.up.last("dify-plain");
    assert.equal(x.path, "/apps/dify-plain/v1/chat-messages");
    assert.equal(x.headers.authorization, `Bearer ${KEY}`);
    const { query, user: who, inputs } = x.json();
    assert.match(query, /And now\?$/);
    assert.equal(who, `${t.key.split("-")[2]}/anna`);
    assert.deepEqual(typeof inputs, "object");
  });
});

test("Dify: a conversation that is named goes on where it was", async () => {
  await t.on("dify", "dify-long", (x) =>
    dify.answersWith("fine", { conversation: x.json().conversation_id || "conv-of-dify" })(x),
  );
  const headers = { "x-conversation-id": "talk-1" };
  for (const stream of [true, false, true])
    await chat(client, { model: "dify-long", messages: user("Hi"), user: "anna" }, { stream, headers });
  await chat(
    client,
    { model: "dify-long", messages: user("Hi"), user: "anna" },
    { headers: { "x-conversation-id": "talk-2" } },
  );
  assert.deepEqual(
    t.up.seen("dify-long").map((x) => x.json().conversation_id ?? ""),
    ["", "conv-of-dify", "conv-of-dify", ""],
  );
});

test("Dify: every kind of event", async () => {
  await t.on("dify", "dify-events", (x) =>
    x.stream([
      dify.event("workflow_started", { workflow_run_id: "w", data: { id: "w", workflow_id: "f", created_at: 1 } }),
      dify.event("node_started", {
        workflow_run_id: "w",
        data: { id: "n", node_id: "n", node_type: "llm", title: "LLM", index: 1 },
      }),
      "event: ping\n\n",
      dify.event("agent_thought", {
        id: "t",
        position: 1,
        thought: "I should look.",
        observation: "",
        tool: "search",
        tool_input: "{}",
        message_files: [],
      }),
      dify.event("agent_message", { id: "m", answer: "Half " }),
      dify.event("agent_message", { id: "m", answer: "and half" }),
      dify.event("node_finished", { workflow_run_id: "w", data: { id: "n", status: "succeeded" } }),
      dify.event("tts_message", { audio: "AAAA" }),
      dify.event("workflow_finished", { workflow_run_id: "w", data: { id: "w", status: "succeeded" } }),
      dify.event("message_end", { id: "m", metadata: { usage: dify.tokens(9, 4), retriever_resources: [] } }),
      dify.event("tts_message_end", { audio: "" }),
    ]),
  );
  const answer = await chat(client, { model: "dify-events", messages: user("x") }, { stream: true });
  assert.equal(answer.choices[0].message.content, "Half and half");
  assert.equal(answer.choices[0].finish_reason, "stop");
});

test("Dify: an error in the stream", async () => {
  await t.on("dify", "dify-error", (x) =>
    x.stream([
      dify.event("message", { id: "m", answer: "half" }),
      dify.event("error", { status: 400, code: "completion_request_error", message: "The model refused." }),
    ]),
  );
  const error = await failure(
    collect(client.chat.completions.create({ model: "dify-error", messages: user("x"), stream: true })),
  );
  assert.match(error.message, /The model refused/);
});

test("Azure: bytes that pass", async () => {
  const whole = azure.filtered("gpt-4o", "Grüezi");
  const events = azure.filteredEvents(whole);
  await t.on("azure_openai", "azure-plain", (x) => (x.wantsStream ? x.stream(events) : x.reply(200, whole)));
  await both(async (stream) => {
    const reply = await t.complete({
      model: "azure-plain",
      messages: user("x"),
      stream,
      ...(stream ? { stream_options: { include_usage: true } } : {}),
    });
    assert.equal(reply.text, stream ? events.join("") : JSON.stringify(whole));
    const x = t.up.last("azure-plain");
    assert.equal(x.path, "/openai/deployments/azure-plain/chat/completions?api-version=2024-10-21");
    assert.deepEqual([x.headers["api-key"], x.headers.authorization], [KEY, undefined]);
    assert.equal((await recorded(t, reply.headers["x-request-id"])).prompt, 9);
  });
});

test("Azure: a deployment", async () => {
  const provider = await t.gw.createProvider({
    kind: "azure_openai",
    server_url: `${t.up.url}?api-version=2024-10-21#`,
    server_key: KEY,
  });
  t.up.on("my-deployment", (x) => x.reply(200, completion("gpt-4o", "from a deployment")));
  await t.gw.createModel({ provider_id: provider.id, model_name: "on-azure", upstream_model: "my-deployment" });
  const answer = await client.chat.completions.create({ model: "on-azure", messages: user("x") });
  assert.equal(answer.choices[0].message.content, "from a deployment");
  assert.equal(
    t.up.last("my-deployment").path,
    "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21",
  );
  await t.gw.createModel({ provider_id: provider.id, model_name: "azure-embeddings", upstream_model: "embedder" });
  t.up.on("embedder", (x) =>
    x.reply(200, {
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: [0.5] }],
      model: "e",
      usage: { prompt_tokens: 3, total_tokens: 3 },
    }),
  );
  await client.embeddings.create({ model: "azure-embeddings", input: "x", encoding_format: "float" });
  assert.equal(t.up.last("embedder").path, "/openai/deployments/embedder/embeddings?api-version=2024-10-21");
});

test("Azure: the content filter", async () => {
  await t.on("azure_openai", "azure-filter", (x) => x.reply(400, azure.FILTERED));
  const error = await failure(client.chat.completions.create({ model: "azure-filter", messages: user("x") }));
  assert.deepEqual([error.status, error.code, error.param], [400, "content_filter", "prompt"]);
  assert.equal(error.error.innererror.code, "ResponsibleAIPolicyViolation");
});
