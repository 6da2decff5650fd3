// Proves that callers of two dialects reach models on Amazon Bedrock: with requests whose signature holds, over streams in
// binary frames however they are cut, with errors and exceptions that say what they are.
import assert from "node:assert/strict";
import {
  answersWith,
  CREDENTIALS,
  converse,
  event,
  eventsOf,
  exception,
  refused,
  signatureFault,
  streamOf,
  tokens,
} from "../support/bedrock.mjs";
import {
  anthropicTools,
  both,
  chat,
  collect,
  dialectSuite,
  failure,
  fromChunks,
  openaiTools,
  recorded,
  say,
  user,
} from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { everyByte } from "../support/upstream.mjs";

const t = dialectSuite(["bedrock"]);
const CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

test("a conversation, signed", async () => {
  await t.on(
    "bedrock",
    "nova",
    answersWith(converse("Grüezi 😀, 漢字", { usage: tokens(40, 5, { cacheReadInputTokens: 80 }) })),
    { upstream: "eu.amazon.nova-lite-v1:0" },
  );
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "And?" },
  ];
  await both(async (stream) => {
    const answer = await chat(
      t.openai(),
      { model: "nova", messages, temperature: 0.3, top_p: 0.9, stop: ["END"], max_tokens: 77 },
      { stream },
    );
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Grüezi 😀, 漢字", "stop"]);
    assert.deepEqual(
      [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.prompt_tokens_details.cached_tokens],
      [120, 5, 80],
    );
    const x = t.up.last("eu.amazon.nova-lite-v1:0");
    assert.equal(signatureFault(x), undefined);
    assert.equal(x.path, `/model/eu.amazon.nova-lite-v1%3A0/converse${stream ? "-stream" : ""}`);
    assert.deepEqual(x.json(), {
      system: [{ text: "Be brief." }],
      messages: [
        { role: "user", content: [{ text: "Hi" }] },
        { role: "assistant", content: [{ text: "Hello" }] },
        { role: "user", content: [{ text: "And?" }] },
      ],
      inferenceConfig: { maxTokens: 77, temperature: 0.3, topP: 0.9, stopSequences: ["END"] },
    });
  });
});

test("a Bedrock API key is sent as it is", async () => {
  const provider = await t.provide("bedrock", { name: "bearer", server_key: "ABSKbedrock-api-key" });
  t.up.on("by-key", (x) => x.reply(200, converse(`You are ${x.headers.authorization}.`)));
  await t.gw.createModel({ provider_id: provider.id, model_name: "by-key" });
  assert.equal(
    (await chat(t.openai(), { model: "by-key", messages: user("x") })).choices[0].message.content,
    "You are Bearer …-key.",
  );
  assert.equal(t.up.last("by-key").headers.authorization, "Bearer ABSKbedrock-api-key");
  assert.equal(t.up.last("by-key").headers["x-amz-date"], undefined);
});

test("a key without a region is reported, and never shown", async () => {
  const provider = await t.provide("bedrock", {
    name: "nowhere",
    server_key: JSON.stringify({ access_key_id: "AKIAX", secret_access_key: "very-secret-key" }),
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "nowhere" });
  const error = await failure(chat(t.openai(), { model: "nowhere", messages: user("x") }));
  assert.equal(error.status, 503);
  assert.match(error.message, /region/);
  assert.ok(!JSON.stringify(error).includes("very-secret-key"));
});

test("thinking and a tool call, there and back", async () => {
  const thought = { reasoningContent: { reasoningText: { text: "I need the weather.", signature: "c2lnbmF0dXJl" } } };
  const call = { toolUse: { toolUseId: "tooluse_1", name: "weather", input: { city: "Zürich" } } };
  await t.on(
    "bedrock",
    "claude",
    (x) => {
      const answered = x.json().messages.length > 1;
      return answersWith(answered ? converse("12 degrees") : converse([thought, call], { stop: "tool_use" }))(x);
    },
    { upstream: CLAUDE },
  );
  await both(async (stream) => {
    const body = {
      model: "claude",
      max_tokens: 4000,
      thinking: { type: "enabled", budget_tokens: 2000 },
      tools: anthropicTools,
    };
    const first = await say(t.anthropic(), { ...body, messages: user("Weather?") }, { stream });
    assert.equal(first.stop_reason, "tool_use");
    assert.deepEqual(
      first.content.map(({ type }) => type),
      ["thinking", "tool_use"],
    );
    const sent = t.up.last(CLAUDE).json();
    assert.deepEqual(sent.additionalModelRequestFields, { thinking: { type: "enabled", budget_tokens: 2000 } });
    assert.deepEqual(
      sent.toolConfig.tools.map(({ toolSpec }) => toolSpec.name),
      ["weather", "clock"],
    );
    const messages = [
      ...user("Weather?"),
      { role: "assistant", content: first.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: first.content[1].id, content: "12" }] },
    ];
    const second = await say(t.anthropic(), { ...body, messages }, { stream });
    assert.equal(second.content[0].text, "12 degrees");
    const back = t.up.last(CLAUDE).json().messages;
    assert.deepEqual(back[1].content, [thought, call]);
    assert.deepEqual(back[2].content, [{ toolResult: { toolUseId: "tooluse_1", content: [{ text: "12" }] } }]);
  });
});

test("a stream that is cut anywhere says the same", async () => {
  const bytes = Buffer.concat(eventsOf(converse("Zürich 😀", { usage: tokens(7, 3) })));
  await t.on("bedrock", "cut", (x) => streamOf(x, everyByte(bytes)));
  const { data, request_id } = await t
    .openai()
    .chat.completions.create({ model: "cut", messages: user("x"), stream: true })
    .withResponse();
  const answer = fromChunks(await collect(data));
  assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Zürich 😀", "stop"]);
  const row = await recorded(t, request_id);
  assert.deepEqual([row.prompt, row.completion, row.source], [7, 3, "reported"]);
});

test("an exception before the first word is an error with its status, and one later ends the stream", async () => {
  await t.on("bedrock", "busy", (x) =>
    streamOf(x, [
      event("messageStart", { role: "assistant" }),
      exception("throttlingException", "Too many tokens, please wait."),
    ]),
  );
  const busy = await failure(
    collect(t.openai().chat.completions.create({ model: "busy", messages: user("x"), stream: true })),
  );
  assert.equal(busy.status, 429);
  assert.match(busy.message, /Too many tokens/);

  const half = eventsOf(converse("half of it")).slice(0, 3);
  await t.on("bedrock", "broken", (x) =>
    streamOf(x, [...half, exception("modelStreamErrorException", "The model broke off.")]),
  );
  const broken = await failure(
    collect(t.openai().chat.completions.create({ model: "broken", messages: user("x"), stream: true })),
  );
  assert.match(broken.message, /The model broke off/);
});

test("a stream that ends in the middle of a frame, or is damaged, is no whole answer", async () => {
  const bytes = Buffer.concat(eventsOf(converse("half of it")).slice(0, 4));
  const damaged = Buffer.from(bytes);
  damaged[damaged.length - 20] ^= 1;
  for (const [name, sent] of [
    ["ends", bytes.subarray(0, -9)],
    ["damaged", damaged],
  ]) {
    await t.on("bedrock", name, (x) => streamOf(x, sent));
    await failure(collect(t.openai().chat.completions.create({ model: name, messages: user("x"), stream: true })));
  }
});

test("what kind of error it is stands in a header", async () => {
  for (const [name, status, type, expected] of [
    ["expired", 403, "ExpiredTokenException", "ExpiredTokenException"],
    ["denied", 403, "AccessDeniedException", "AccessDeniedException"],
  ]) {
    await t.on("bedrock", name, (x) => refused(x, status, type, "No."));
    const error = await failure(chat(t.openai(), { model: name, messages: user("x"), tools: openaiTools }));
    assert.equal(error.code, expected);
  }
});

test("a session token that the service repeats is masked", async () => {
  const say = (x) => refused(x, 403, "AccessDeniedException", `No: ${x.headers["x-amz-security-token"]}`);
  await t.on("bedrock", "talkative", say);
  const error = await failure(chat(t.openai(), { model: "talkative", messages: user("x") }));
  assert.match(error.message, /No: /);
  assert.ok(!error.message.includes(CREDENTIALS.session_token), error.message);
});

test("models are those of the control plane, then the inference profiles", async () => {
  const provider = await t.provide("bedrock", { name: "listing" });
  t.up.otherwise((x) => {
    assert.equal(signatureFault(x), undefined);
    if (x.path.startsWith("/foundation-models"))
      return x.reply(200, {
        modelSummaries: [
          { modelId: "amazon.nova-lite-v1:0", modelName: "Nova Lite", inferenceTypesSupported: ["ON_DEMAND"] },
        ],
      });
    return x.reply(200, {
      inferenceProfileSummaries: [{ inferenceProfileId: CLAUDE, inferenceProfileName: "US Claude" }],
    });
  });
  const listed = await t.gw.admin("GET", `/providers/${provider.id}/upstream-models`);
  assert.equal(listed.status, 200, listed.text);
  assert.deepEqual(
    t.up.exchanges.slice(-2).map(({ path }) => path),
    ["/foundation-models?byOutputModality=TEXT", "/inference-profiles?maxResults=1000"],
  );
  assert.ok(["amazon.nova-lite-v1:0", CLAUDE].every((id) => JSON.stringify(listed.body).includes(id)));
});
