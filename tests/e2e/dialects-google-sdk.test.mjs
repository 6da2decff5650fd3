// Proves that the official Google SDK works through the gateway with upstreams of OpenAI's dialect, of Anthropic's,
// and of Gemini's own, whose bytes pass through unchanged.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import {
  both,
  CITY,
  collect,
  dialectSuite,
  failure,
  geminiTools,
  generate,
  KEY,
  partsOf,
  PNG,
  recorded,
} from "../support/dialects.mjs";
import * as gemini from "../support/gemini.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, toolCall, usage } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["openai", "anthropic", "gemini"], { setUp: () => (client = t.gemini()) });
const sentTo = (name) => t.up.last(name).json();
const texts = (answer) =>
  partsOf(answer)
    .map(({ text }) => text ?? "")
    .join("");

test("OpenAI upstream: a conversation", async () => {
  await t.on(
    "openai",
    "plain",
    answersWith(
      completion("gpt-4o", "Grüezi 😀", {
        reported: usage(120, 25, {
          prompt_tokens_details: { cached_tokens: 80 },
          completion_tokens_details: { reasoning_tokens: 20 },
        }),
      }),
    ),
  );
  const contents = [
    { role: "user", parts: [{ text: "Hi" }] },
    { role: "model", parts: [{ text: "Hello" }] },
    { role: "user", parts: [{ text: "How " }, { text: "are you?" }] },
  ];
  const config = {
    systemInstruction: "Be brief.",
    temperature: 0.3,
    topP: 0.9,
    maxOutputTokens: 77,
    stopSequences: ["END"],
    seed: 5,
    presencePenalty: 0.25,
    frequencyPenalty: 0.5,
  };
  await both(async (stream) => {
    const answer = await generate(client, { model: "plain", contents, config }, { stream });
    assert.equal(texts(answer), "Grüezi 😀");
    assert.equal(answer.candidates[0].finishReason, "STOP");
    assert.equal(answer.candidates[0].content.role, "model");
    assert.equal(answer.modelVersion, "gpt-4o");
    assert.ok(answer.responseId);
    // Here the tokens of the candidates do not include thoughts.
    const { promptTokenCount, cachedContentTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount } =
      answer.usageMetadata;
    assert.deepEqual(
      [promptTokenCount, cachedContentTokenCount, candidatesTokenCount, thoughtsTokenCount, totalTokenCount],
      [120, 80, 5, 20, 145],
    );
    const sent = sentTo("plain");
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
      [
        sent.temperature,
        sent.top_p,
        sent.max_tokens ?? sent.max_completion_tokens,
        [sent.stop].flat(),
        sent.seed,
        sent.presence_penalty,
        sent.frequency_penalty,
      ],
      [0.3, 0.9, 77, ["END"], 5, 0.25, 0.5],
    );
    assert.equal(t.up.last("plain").headers.authorization, `Bearer ${KEY}`);
  });
});

test("OpenAI upstream: parallel tool calls and their results", async () => {
  const calls = [
    toolCall("call_1", "weather", '{"city":"Zürich"}'),
    toolCall("call_2", "weather", '{"city":"Bern"}'),
    toolCall("call_3", "clock", "{}"),
  ];
  await t.on("openai", "tools", (x) => {
    const answered = x.json().messages.some(({ role }) => role === "tool");
    return answersWith(
      answered
        ? completion("m", "12 degrees")
        : completion("m", { role: "assistant", content: null, tool_calls: calls }, { finish: "tool_calls" }),
    )(x);
  });
  await both(async (stream) => {
    const contents = [{ role: "user", parts: [{ text: "Weather?" }] }];
    const config = {
      tools: geminiTools,
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["weather"] } },
    };
    const first = await generate(client, { model: "tools", contents, config }, { stream });
    assert.deepEqual(
      partsOf(first).map(({ functionCall: { name, args } }) => [name, args]),
      [
        ["weather", { city: "Zürich" }],
        ["weather", { city: "Bern" }],
        ["clock", {}],
      ],
    );
    assert.equal(first.candidates[0].finishReason, "STOP", "the dialect has no other reason for calls");
    assert.deepEqual(sentTo("tools").tool_choice, { type: "function", function: { name: "weather" } });
    assert.deepEqual(
      sentTo("tools").tools.map((tool) => tool.function.parameters),
      geminiTools[0].functionDeclarations.map(({ parametersJsonSchema }) => parametersJsonSchema),
    );

    const results = partsOf(first).map(({ functionCall: { id, name } }, i) => ({
      functionResponse: { ...(id ? { id } : {}), name, response: { result: i } },
    }));
    contents.push(first.candidates[0].content, { role: "user", parts: results });
    const second = await generate(client, { model: "tools", contents, config: { tools: geminiTools } }, { stream });
    assert.equal(texts(second), "12 degrees");
    const sent = sentTo("tools").messages;
    assert.deepEqual(
      sent.map(({ role }) => role),
      ["user", "assistant", "tool", "tool", "tool"],
    );
    const ids = sent[1].tool_calls.map(({ id }) => id);
    assert.equal(new Set(ids).size, 3);
    assert.deepEqual(
      sent.slice(2).map(({ tool_call_id }) => tool_call_id),
      ids,
    );
    assert.deepEqual(
      sent[1].tool_calls.map(({ function: { name, arguments: args } }) => [name, JSON.parse(args)]),
      [
        ["weather", { city: "Zürich" }],
        ["weather", { city: "Bern" }],
        ["clock", {}],
      ],
    );
    assert.match(JSON.stringify(sent[3].content), /1/);
  });
});

test("OpenAI upstream: results without ids find their calls", async () => {
  await t.on("openai", "no-ids", answersWith(completion("m", "ok")));
  const contents = [
    { role: "user", parts: [{ text: "x" }] },
    {
      role: "model",
      parts: [
        { functionCall: { name: "weather", args: { city: "A" } } },
        { functionCall: { name: "weather", args: { city: "B" } } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { name: "weather", response: { n: 1 } } },
        { functionResponse: { name: "weather", response: { n: 2 } } },
      ],
    },
  ];
  await generate(client, { model: "no-ids", contents, config: { tools: geminiTools } });
  const sent = sentTo("no-ids").messages;
  const ids = sent[1].tool_calls.map(({ id }) => id);
  assert.ok(new Set(ids).size === 2 && ids.every(Boolean));
  assert.deepEqual(
    sent.slice(2).map(({ role, tool_call_id }) => [role, tool_call_id]),
    ids.map((id) => ["tool", id]),
  );
});

test("OpenAI upstream: images, schemas, thinking and every calling mode", async () => {
  await t.on("openai", "o4-mini", answersWith(completion("m", '{"name":"Bern","people":1}')));
  const contents = [
    {
      role: "user",
      parts: [
        { inlineData: { mimeType: "image/png", data: PNG } },
        { fileData: { mimeType: "image/png", fileUri: "https://images.example/dot.png" } },
        { text: "x" },
      ],
    },
  ];
  const schemas = [
    { responseJsonSchema: CITY },
    {
      responseSchema: {
        type: "OBJECT",
        properties: { name: { type: "STRING" }, people: { type: "INTEGER" } },
        required: ["name", "people"],
      },
    },
  ];
  for (const schema of schemas) {
    await generate(client, {
      model: "o4-mini",
      contents,
      config: { responseMimeType: "application/json", ...schema, thinkingConfig: { thinkingBudget: 2048 } },
    });
    const sent = sentTo("o4-mini");
    assert.deepEqual(
      sent.messages[0].content.slice(0, 2).map(({ type, image_url }) => [type, image_url.url]),
      [
        ["image_url", `data:image/png;base64,${PNG}`],
        ["image_url", "https://images.example/dot.png"],
      ],
    );
    const format = sent.response_format.json_schema.schema;
    assert.deepEqual(
      [sent.response_format.type, format.type, format.properties.people.type, format.required],
      ["json_schema", "object", "integer", ["name", "people"]],
    );
    assert.match(sent.reasoning_effort, /^(low|medium|high)$/);
  }
  for (const [mode, expected] of [
    ["AUTO", "auto"],
    ["NONE", "none"],
    ["ANY", "required"],
  ]) {
    await generate(client, {
      model: "o4-mini",
      contents: "x",
      config: { tools: geminiTools, toolConfig: { functionCallingConfig: { mode } } },
    });
    assert.equal(sentTo("o4-mini").tool_choice, expected);
  }
});

test("OpenAI upstream: thoughts and every finish reason", async () => {
  for (const [finish, expected] of [
    ["stop", "STOP"],
    ["length", "MAX_TOKENS"],
    ["content_filter", "SAFETY"],
  ]) {
    await t.on(
      "openai",
      `finish-${finish}`,
      answersWith(completion("m", { role: "assistant", content: "Done.", reasoning_content: "Hm." }, { finish })),
    );
    await both(async (stream) => {
      const answer = await generate(
        client,
        { model: `finish-${finish}`, contents: "x", config: { thinkingConfig: { includeThoughts: true } } },
        { stream },
      );
      assert.equal(answer.candidates[0].finishReason, expected);
      assert.deepEqual(
        partsOf(answer).map(({ text, thought }) => [text, Boolean(thought)]),
        [
          ["Hm.", true],
          ["Done.", false],
        ],
      );
    });
  }
});

test("Anthropic upstream: thoughts with signatures, and calls, there and back", async () => {
  const thinking = {
    type: "thinking",
    thinking: "Hm. 漢字",
    signature: "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pki",
  };
  const calls = [
    { type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Bern" } },
    { type: "tool_use", id: "toolu_2", name: "clock", input: {} },
  ];
  await t.on(
    "anthropic",
    "claude",
    (x) => {
      const answered = JSON.stringify(x.json().messages).includes("tool_result");
      return anthropic.answersWith(
        answered
          ? anthropic.message("m", "12 degrees")
          : anthropic.message("m", [thinking, ...calls], {
              stop: "tool_use",
              usage: anthropic.tokens(10, 5, { cache_read_input_tokens: 80, cache_creation_input_tokens: 30 }),
            }),
      )(x);
    },
    { upstream: "claude-sonnet-4-5" },
  );
  const config = {
    tools: geminiTools,
    systemInstruction: "Be brief.",
    thinkingConfig: { thinkingBudget: 2048, includeThoughts: true },
  };
  await both(async (stream) => {
    const contents = [{ role: "user", parts: [{ text: "Weather?" }] }];
    const first = await generate(client, { model: "claude", contents, config }, { stream });
    assert.deepEqual(
      [
        first.usageMetadata.promptTokenCount,
        first.usageMetadata.cachedContentTokenCount,
        first.usageMetadata.totalTokenCount,
      ],
      [120, 80, 125],
    );
    const said = partsOf(first);
    assert.equal(
      said
        .filter(({ thought }) => thought)
        .map(({ text }) => text)
        .join(""),
      thinking.thinking,
    );
    const made = said.filter(({ functionCall }) => functionCall);
    assert.deepEqual(
      made.map(({ functionCall: { name, args } }) => [name, args]),
      [
        ["weather", { city: "Bern" }],
        ["clock", {}],
      ],
    );
    const asked = sentTo("claude-sonnet-4-5").thinking;
    assert.deepEqual([asked.type, asked.budget_tokens], ["enabled", 2048]);

    contents.push(first.candidates[0].content, {
      role: "user",
      parts: made.map(({ functionCall: { id, name } }) => ({
        functionResponse: { ...(id ? { id } : {}), name, response: { n: 1 } },
      })),
    });
    const second = await generate(client, { model: "claude", contents, config }, { stream });
    assert.equal(texts(second), "12 degrees");
    const [, assistant, results] = sentTo("claude-sonnet-4-5").messages;
    assert.deepEqual(assistant.content, [thinking, ...calls]);
    assert.deepEqual(
      results.content.map(({ type, tool_use_id }) => [type, tool_use_id]),
      [
        ["tool_result", "toolu_1"],
        ["tool_result", "toolu_2"],
      ],
    );
  });
});

test("parameters without a counterpart are named, or refused", async () => {
  await t.on("openai", "dropped", answersWith(completion("m", "ok")));
  const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "x" }] }], generationConfig: { topK: 40 } });
  const call = (headers = {}) =>
    t.gw.call("/v1beta/models/dropped:generateContent", {
      method: "POST",
      headers: { "x-goog-api-key": t.key, "content-type": "application/json", ...headers },
      body,
    });
  const reply = await call();
  assert.equal(reply.status, 200);
  assert.match(reply.headers["x-nexus-dropped-params"], /^(top_?[kK]|generationConfig\.topK)$/);
  const refused = (await call({ "x-nexus-strict": "true" })).json();
  assert.deepEqual([refused.error.code, refused.error.status], [400, "INVALID_ARGUMENT"]);
});

test("the stream without alt=sse is one JSON array", async () => {
  await t.on("openai", "array", answersWith(completion("m", "Grüezi 😀")));
  await t.on("gemini", "array-native", gemini.answersWith(gemini.generated("m", "Grüezi 😀")));
  const body = JSON.stringify({ contents: [{ role: "user", parts: [{ text: "x" }] }] });
  for (const model of ["array", "array-native"]) {
    const reply = await t.gw.call(`/v1beta/models/${model}:streamGenerateContent`, {
      method: "POST",
      headers: { "x-goog-api-key": t.key, "content-type": "application/json" },
      body,
    });
    assert.equal(reply.status, 200);
    assert.match(reply.headers["content-type"], /^application\/json/, model);
    const chunks = reply.json();
    assert.ok(Array.isArray(chunks) && chunks.length > 1);
    assert.equal(
      chunks
        .flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? [])
        .map(({ text }) => text)
        .join(""),
      "Grüezi 😀",
    );
  }
});

test("Gemini upstream: bytes pass untouched", async () => {
  const whole = gemini.generated(
    "gemini-x",
    [
      { text: "Hm.", thought: true, thoughtSignature: "c2ln" },
      { text: "Grüezi", futureField: 1 },
    ],
    { usage: gemini.tokens(120, 5, { cached: 80, thoughts: 7 }) },
  );
  const answered = JSON.stringify(whole, null, 2);
  const events = gemini.eventsOf(whole);
  const native = (x) => (x.wantsStream ? x.stream(events) : x.reply(200, answered));
  await t.on("gemini", "native", native);
  await t.on("gemini", "aliased", native, { upstream: "gemini-of-upstream" });
  const body = '{ "contents":[{"parts":[{"text":"\\u00fc"}],"role":"user"}],\n "x_future" : {"a":[1.50,null]}}';
  for (const [model, upstream] of [
    ["native", "native"],
    ["aliased", "gemini-of-upstream"],
    ["models/native", "native"],
  ]) {
    for (const action of ["generateContent", "streamGenerateContent?alt=sse"]) {
      const stream = action.startsWith("stream");
      const path = model.startsWith("models/") ? model : `models/${model}`;
      const reply = await t.gw.call(`/v1beta/${path}:${action}`, {
        method: "POST",
        headers: { "x-goog-api-key": t.key, "content-type": "application/json" },
        body,
      });
      const x = t.up.last(upstream);
      assert.deepEqual(
        [x.text, x.path, x.headers["x-goog-api-key"]],
        [body, `/v1beta/models/${upstream}:${action}`, KEY],
      );
      assert.equal(reply.text, stream ? events.join("") : answered);
      assert.deepEqual(await recorded(t, reply.headers["x-request-id"]), {
        outcome: "completed",
        source: "reported",
        prompt: 120,
        completion: 12,
        cached: 80,
      });
    }
  }
});

test("a key in the query, as the service allows it", async () => {
  await t.on("openai", "query-key", answersWith(completion("m", "ok")));
  const body = JSON.stringify({ contents: [{ parts: [{ text: "x" }] }] });
  const reply = await t.gw.call(`/v1beta/models/query-key:generateContent?key=${t.key}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  assert.equal(reply.status, 200, reply.text);
});

test("a model whose name has slashes", async () => {
  await t.on("openai", "org/model-x", answersWith(completion("m", "ok")));
  for (const name of ["org/model-x", "org%2Fmodel-x"]) {
    const reply = await t.gw.call(`/v1beta/models/${name}:generateContent`, {
      method: "POST",
      headers: { "x-goog-api-key": t.key, "content-type": "application/json" },
      body: JSON.stringify({ contents: [{ parts: [{ text: "x" }] }] }),
    });
    assert.equal(reply.status, 200, reply.text);
  }
});

test("the version that the SDK takes by default", async () => {
  await t.on("openai", "default-version", answersWith(completion("m", "Grüezi")));
  const plain = t.gemini({ apiVersion: undefined });
  await both(async (stream) =>
    assert.equal(texts(await generate(plain, { model: "default-version", contents: "x" }, { stream })), "Grüezi"),
  );
  assert.ok((await plain.models.countTokens({ model: "default-version", contents: "x" })).totalTokens > 0);
  const listed = await collect(plain.models.list({ config: { queryBase: true } }));
  assert.ok(
    listed.some(({ name }) => name === "models/default-version"),
    JSON.stringify(listed),
  );
});

test("errors are the SDK’s", async () => {
  const error = await failure(client.models.generateContent({ model: "nothing", contents: "x" }));
  assert.equal(error.status, 404);
  assert.equal(JSON.parse(error.message).error.status, "NOT_FOUND");
});
