// Proves that callers of two dialects reach Cohere's own Chat API: text, thinking, plans and calls of tools, citations,
// errors, reranking and embeddings.
import assert from "node:assert/strict";
import { answersWith, chatted, event, eventsOf, tokens } from "../support/cohere.mjs";
import {
  both,
  chat,
  collect,
  dialectSuite,
  failure,
  fromChunks,
  KEY,
  openaiTools,
  recorded,
  say,
  user,
} from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { everyByte } from "../support/upstream.mjs";

const t = dialectSuite(["cohere"]);

test("a conversation", async () => {
  await t.on("cohere", "command-a", answersWith(chatted("Grüezi 😀, 漢字", { usage: tokens(12, 5) })));
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "And?" },
  ];
  await both(async (stream) => {
    const answer = await chat(
      t.openai(),
      { model: "command-a", messages, temperature: 0.3, top_p: 0.9, seed: 5, stop: ["END"], max_tokens: 77 },
      { stream },
    );
    assert.deepEqual([answer.choices[0].message.content, answer.choices[0].finish_reason], ["Grüezi 😀, 漢字", "stop"]);
    assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [12, 5]);
    const x = t.up.last("command-a");
    assert.deepEqual([x.path, x.headers.authorization], ["/v2/chat", `Bearer ${KEY}`]);
    assert.deepEqual(x.json(), {
      model: "command-a",
      messages,
      temperature: 0.3,
      p: 0.9,
      seed: 5,
      stop_sequences: ["END"],
      max_tokens: 77,
      stream,
    });
  });
});

test("a plan and a tool call, there and back", async () => {
  const call = { id: "weather_1", type: "function", function: { name: "weather", arguments: '{"city":"Zürich"}' } };
  await t.on("cohere", "tools", (x) =>
    answersWith(
      x.json().messages.length > 1
        ? chatted("12 degrees")
        : chatted({ tool_plan: "I will look.", tool_calls: [call] }, { finish: "TOOL_CALL" }),
    )(x),
  );
  await both(async (stream) => {
    const first = await chat(
      t.openai(),
      { model: "tools", messages: user("Weather?"), tools: openaiTools },
      { stream },
    );
    const { message, finish_reason } = first.choices[0];
    assert.deepEqual(
      [finish_reason, message.reasoning_content, message.tool_calls[0].function.arguments],
      ["tool_calls", "I will look.", '{"city":"Zürich"}'],
    );
    const second = await chat(
      t.openai(),
      {
        model: "tools",
        messages: [...user("Weather?"), message, { role: "tool", tool_call_id: "weather_1", content: "12" }],
        tools: openaiTools,
      },
      { stream },
    );
    assert.equal(second.choices[0].message.content, "12 degrees");
    const back = t.up.last("tools").json().messages;
    assert.deepEqual(back.slice(1), [
      { role: "assistant", tool_plan: "I will look.", tool_calls: [call] },
      { role: "tool", tool_call_id: "weather_1", content: "12" },
    ]);
  });
});

test("thinking is a block of its own to callers of Messages", async () => {
  await t.on(
    "cohere",
    "thinks",
    answersWith(
      chatted({
        content: [
          { type: "thinking", thinking: "Hm." },
          { type: "text", text: "Yes." },
        ],
      }),
    ),
  );
  await both(async (stream) => {
    const said = await say(
      t.anthropic(),
      { model: "thinks", max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 2000 }, messages: user("?") },
      { stream },
    );
    assert.deepEqual(
      said.content.map((block) => block.thinking ?? block.text),
      ["Hm.", "Yes."],
    );
    assert.deepEqual(t.up.last("thinks").json().thinking, { type: "enabled", token_budget: 2000 });
  });
});

test("citations", async () => {
  const document = { id: "doc:0", title: "Bridges", url: "https://bridges.example/", snippet: "It is 1.2 km long." };
  const citations = [
    {
      start: 4,
      end: 10,
      text: "bridge",
      sources: [{ type: "document", id: "doc:0", document }],
      content_index: 0,
      type: "TEXT_CONTENT",
    },
  ];
  await t.on(
    "cohere",
    "cites",
    answersWith(chatted({ content: [{ type: "text", text: "The bridge is long." }], citations })),
  );
  const cited = [
    {
      type: "url_citation",
      url_citation: {
        url: document.url,
        title: "Bridges",
        start_index: 4,
        end_index: 10,
        content: "It is 1.2 km long.",
      },
    },
  ];
  const whole = await chat(t.openai(), { model: "cites", messages: user("?") });
  assert.deepEqual(
    [whole.choices[0].message.content, whole.choices[0].message.annotations],
    ["The bridge is long.", cited],
  );
  const chunks = await collect(
    t.openai().chat.completions.create({ model: "cites", messages: user("?"), stream: true }),
  );
  assert.deepEqual(
    chunks.flatMap(({ choices }) => choices[0]?.delta.annotations ?? []),
    // Clients add the entries of a list up by their index.
    cited.map((one, index) => ({ ...one, index })),
  );
});

test("a stream that is cut anywhere says the same", async () => {
  await t.on("cohere", "cut", (x) =>
    x.stream(everyByte(Buffer.from(eventsOf(chatted("Zürich 😀", { usage: tokens(7, 3) })).join("")))),
  );
  const { data, request_id } = await t
    .openai()
    .chat.completions.create({ model: "cut", messages: user("x"), stream: true })
    .withResponse();
  assert.equal(fromChunks(await collect(data)).choices[0].message.content, "Zürich 😀");
  const row = await recorded(t, request_id);
  assert.deepEqual([row.prompt, row.completion, row.source], [7, 3, "reported"]);
});

test("errors, and a stream that ends in one", async () => {
  await t.on("cohere", "busy", (x) => x.reply(429, { message: "You are using a Trial key." }));
  const busy = await failure(chat(t.openai(), { model: "busy", messages: user("x") }));
  assert.equal(busy.status, 429);
  assert.match(busy.message, /Trial key/);
  await t.on("cohere", "broken", (x) =>
    x.stream([
      ...eventsOf(chatted("half of it")).slice(0, 4),
      event("message-end", { delta: { finish_reason: "ERROR", error: "It broke." } }),
    ]),
  );
  const broken = await failure(
    collect(t.openai().chat.completions.create({ model: "broken", messages: user("x"), stream: true })),
  );
  assert.match(broken.message, /It broke/);
});

test("reranking and embeddings are passed on", async () => {
  const ranked = {
    id: "r",
    results: [{ index: 1, relevance_score: 0.9 }],
    meta: { billed_units: { search_units: 1 } },
  };
  await t.on("cohere", "rerank-v4", (x) => x.reply(200, ranked));
  const reply = await t.gw.complete(
    t.key,
    { model: "rerank-v4", query: "q", documents: ["a", "b"] },
    { target: "/v1/rerank" },
  );
  assert.deepEqual([reply.status, reply.json()], [200, ranked]);
  assert.equal(t.up.last("rerank-v4").path, "/v2/rerank");

  await t.on("cohere", "embed-v4", (x) =>
    x.reply(200, {
      object: "list",
      model: "embed-v4",
      data: [{ object: "embedding", index: 0, embedding: [0.5] }],
      usage: { prompt_tokens: 1, total_tokens: 1 },
    }),
  );
  const embedded = await t.openai().embeddings.create({ model: "embed-v4", input: "x", encoding_format: "float" });
  assert.deepEqual(embedded.data[0].embedding, [0.5]);
  assert.equal(t.up.last("embed-v4").path, "/compatibility/v1/embeddings");
});
