// Proves that the OpenAI SDK works with models behind the Gemini API, with an API key and through a Vertex AI
// project, for everything with a counterpart, streamed and not.
import assert from "node:assert/strict";
import { createVerify } from "node:crypto";
import {
  account,
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
import { answersWith, event, eventsOf, generated, tokens } from "../support/gemini.mjs";
import { test } from "../support/suite.mjs";
import { everyByte } from "../support/upstream.mjs";

let client;
const t = dialectSuite(["gemini", "vertex"], { setUp: () => (client = t.openai()) });
const sentTo = (name) => t.up.last(name).json();

test("a conversation", async () => {
  await t.on("gemini", "plain", answersWith(generated("gemini-2.5-flash", "Grüezi 😀")), {
    upstream: "gemini-2.5-flash",
  });
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
    { role: "user", content: "How are you?" },
  ];
  const body = {
    model: "plain",
    messages,
    temperature: 0.3,
    top_p: 0.9,
    stop: ["END"],
    max_completion_tokens: 77,
    seed: 5,
    presence_penalty: 0.25,
    frequency_penalty: 0.5,
  };
  await both(async (stream) => {
    const answer = await chat(client, body, { stream });
    assert.equal(answer.model, "gemini-2.5-flash");
    assert.deepEqual(
      answer.choices.map(({ message: { role, content }, finish_reason }) => [role, content, finish_reason]),
      [["assistant", "Grüezi 😀", "stop"]],
    );
    assert.deepEqual(
      [answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens],
      [9, 4, 13],
    );

    const x = t.up.last("gemini-2.5-flash");
    assert.equal(
      x.path,
      stream
        ? "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
        : "/v1beta/models/gemini-2.5-flash:generateContent",
    );
    assert.deepEqual([x.headers["x-goog-api-key"], x.headers.authorization], [KEY, undefined]);
    const sent = x.json();
    assert.equal(sent.systemInstruction.parts.map(({ text }) => text).join(""), "Be brief.");
    assert.deepEqual(sent.contents, [
      { role: "user", parts: [{ text: "Hi" }] },
      { role: "model", parts: [{ text: "Hello" }] },
      { role: "user", parts: [{ text: "How are you?" }] },
    ]);
    const { temperature, topP, stopSequences, maxOutputTokens, seed, presencePenalty, frequencyPenalty } =
      sent.generationConfig;
    assert.deepEqual(
      [temperature, topP, stopSequences, maxOutputTokens, seed, presencePenalty, frequencyPenalty],
      [0.3, 0.9, ["END"], 77, 5, 0.25, 0.5],
    );
    assert.ok(!("model" in sent) && !("stream" in sent), "the service knows no such field");
  });
});

test("parallel tool calls, their results and their proofs of thought", async () => {
  const parts = [
    { text: "Let me look." },
    {
      functionCall: { name: "weather", args: { city: 'Zürich "am See"' } },
      thoughtSignature: "CuMBAdHtim8Q2x+proof/of/thought9",
    },
    { functionCall: { name: "clock", args: {} } },
    { functionCall: { name: "weather", args: { city: "Bern" } } },
  ];
  await t.on(
    "gemini",
    "tools",
    (x) => {
      const answered = JSON.stringify(x.json().contents).includes("functionResponse");
      // The service ends tool calls with STOP, like any other turn.
      return answersWith(generated("gemini-3-pro-preview", answered ? "12 degrees" : parts))(x);
    },
    { upstream: "gemini-3-pro-preview" },
  );
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
    assert.equal(new Set(said.tool_calls.map(({ id }) => id)).size, 3, "the service gives no ids, the gateway must");
    const declared = sentTo("gemini-3-pro-preview").tools.flatMap(({ functionDeclarations }) => functionDeclarations);
    assert.deepEqual(
      declared.map(({ name, description }) => [name, description]),
      [
        ["weather", "Weather of a city"],
        ["clock", "The time"],
      ],
    );

    const results = ['{"degrees":12}', "noon", "cold"];
    messages.push(
      said,
      ...said.tool_calls.map(({ id }, i) => ({ role: "tool", tool_call_id: id, content: results[i] })),
    );
    const second = await chat(client, { model: "tools", messages, tools: openaiTools }, { stream });
    assert.equal(second.choices[0].message.content, "12 degrees");
    const [, model, answers] = sentTo("gemini-3-pro-preview").contents;
    assert.equal(model.role, "model");
    assert.deepEqual(
      model.parts.map(({ text, functionCall, thoughtSignature }) => [
        text,
        functionCall?.name,
        functionCall?.args,
        thoughtSignature,
      ]),
      [
        ["Let me look.", undefined, undefined, undefined],
        [undefined, "weather", { city: 'Zürich "am See"' }, "CuMBAdHtim8Q2x+proof/of/thought9"],
        [undefined, "clock", {}, undefined],
        [undefined, "weather", { city: "Bern" }, undefined],
      ],
    );
    assert.equal(answers.role, "user");
    assert.deepEqual(
      answers.parts.map(({ functionResponse }) => functionResponse.name),
      ["weather", "clock", "weather"],
    );
    assert.deepEqual(answers.parts[0].functionResponse.response, { degrees: 12 });
    assert.match(JSON.stringify(answers.parts[1].functionResponse.response), /noon/);
    assert.equal(sentTo("gemini-3-pro-preview").contents.length, 3);
  });
});

test("tool calls in chunks of their own get one index each", async () => {
  const call = (name) => ({ functionCall: { name, args: { city: name } } });
  const whole = generated("m", [call("weather"), call("clock"), call("weather")]);
  await t.on("gemini", "indexes", (x) => x.stream(eventsOf(whole)));
  const chunks = await collect(
    client.chat.completions.create({ model: "indexes", messages: user("x"), tools: openaiTools, stream: true }),
  );
  const indexes = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []).map(({ index }) => index);
  assert.deepEqual([...new Set(indexes)], [0, 1, 2]);
  assert.equal(chunks.findLast(({ choices }) => choices[0]?.finish_reason).choices[0].finish_reason, "tool_calls");
});

test("every tool_choice", async () => {
  await t.on("gemini", "choice", answersWith(generated("m", "ok")));
  for (const [given, mode, names] of [
    ["auto", "AUTO"],
    ["none", "NONE"],
    ["required", "ANY"],
    [{ type: "function", function: { name: "clock" } }, "ANY", ["clock"]],
  ]) {
    await client.chat.completions.create({
      model: "choice",
      messages: user("x"),
      tools: openaiTools,
      tool_choice: given,
    });
    const { functionCallingConfig } = sentTo("choice").toolConfig;
    assert.deepEqual([functionCallingConfig.mode, functionCallingConfig.allowedFunctionNames], [mode, names]);
  }
});

test("images, sounds and documents", async () => {
  await t.on("gemini", "vision", answersWith(generated("m", "a dot")));
  const content = [
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    { type: "image_url", image_url: { url: "https://images.example/dot.png" } },
    { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } },
    { type: "file", file: { filename: "paper.pdf", file_data: "data:application/pdf;base64,JVBERg==" } },
  ];
  await client.chat.completions.create({ model: "vision", messages: user(content) });
  const { parts } = sentTo("vision").contents[0];
  assert.deepEqual(parts[0], { text: "What is this?" });
  assert.deepEqual(parts[1].inlineData, { mimeType: "image/png", data: PNG });
  assert.equal(parts[2].fileData.fileUri, "https://images.example/dot.png");
  assert.deepEqual([parts[3].inlineData.mimeType, parts[3].inlineData.data], ["audio/wav", "UklGRg=="]);
  assert.deepEqual([parts[4].inlineData.mimeType, parts[4].inlineData.data], ["application/pdf", "JVBERg=="]);
});

test("a JSON schema", async () => {
  await t.on("gemini", "schema", answersWith(generated("m", '{"name":"Bern","people":134000}')), {
    upstream: "gemini-2.5-pro",
  });
  const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };
  await both(async (stream) => {
    const answer = await chat(client, { model: "schema", messages: user("A city?"), response_format }, { stream });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), { name: "Bern", people: 134000 });
    const { responseMimeType, responseSchema, responseJsonSchema } = sentTo("gemini-2.5-pro").generationConfig;
    assert.equal(responseMimeType, "application/json");
    const { properties, required } = responseSchema ?? responseJsonSchema;
    assert.deepEqual(
      [Object.keys(properties), required],
      [
        ["name", "people"],
        ["name", "people"],
      ],
    );
    // `responseSchema` is the service's own subset, which does not have this keyword.
    assert.ok(!responseSchema || !("additionalProperties" in responseSchema));
  });
});

test("thoughts", async () => {
  const usage = tokens(9, 4, { thoughts: 20 });
  await t.on(
    "gemini",
    "thoughts",
    answersWith(generated("m", [{ text: "Let me think…", thought: true }, { text: "Done." }], { usage })),
    { upstream: "gemini-2.5-flash-thoughts" },
  );
  await both(async (stream) => {
    const answer = await chat(client, { model: "thoughts", messages: user("x"), reasoning_effort: "low" }, { stream });
    assert.deepEqual(
      [answer.choices[0].message.reasoning_content, answer.choices[0].message.content],
      ["Let me think…", "Done."],
    );
    // The service's candidate tokens do not include thoughts; completion tokens do.
    assert.deepEqual(
      [
        answer.usage.completion_tokens,
        answer.usage.completion_tokens_details.reasoning_tokens,
        answer.usage.total_tokens,
      ],
      [24, 20, 33],
    );
    const config = sentTo("gemini-2.5-flash-thoughts").generationConfig.thinkingConfig;
    assert.ok(config.thinkingBudget > 0 || config.thinkingLevel, JSON.stringify(config));
  });
});

test("every finish reason", async () => {
  for (const [reason, expected] of [
    ["STOP", "stop"],
    ["MAX_TOKENS", "length"],
    ["SAFETY", "content_filter"],
    ["RECITATION", "content_filter"],
    ["PROHIBITED_CONTENT", "content_filter"],
    ["BLOCKLIST", "content_filter"],
    ["SPII", "content_filter"],
    ["LANGUAGE", "content_filter"],
  ]) {
    await t.on("gemini", `finish-${reason}`, answersWith(generated("m", "text", { finish: reason })));
    await both(async (stream) => {
      const answer = await chat(client, { model: `finish-${reason}`, messages: user("x") }, { stream });
      const { finish_reason } = answer.choices[0];
      assert.ok(
        reason === "LANGUAGE" ? ["stop", "content_filter"].includes(finish_reason) : finish_reason === expected,
        `${reason}: ${finish_reason}`,
      );
    });
  }
});

test("a prompt that is blocked", async () => {
  const blocked = {
    promptFeedback: { blockReason: "SAFETY", safetyRatings: [] },
    usageMetadata: { promptTokenCount: 9, totalTokenCount: 9 },
    modelVersion: "m",
    responseId: "r",
  };
  await t.on("gemini", "blocked", (x) => (x.wantsStream ? x.stream([event(blocked)]) : x.reply(200, blocked)));
  await both(async (stream) => {
    const answer = await chat(client, { model: "blocked", messages: user("x") }, { stream });
    assert.equal(answer.choices[0].finish_reason, "content_filter");
  });
});

test("the prompt counts what the cache held once", async () => {
  await t.on(
    "gemini",
    "cached",
    answersWith(generated("m", "ok", { usage: tokens(120, 5, { cached: 80, thoughts: 7 }) })),
  );
  for (const stream of [false, true]) {
    const { data, request_id } = await client.chat.completions
      .create({
        model: "cached",
        messages: user("x"),
        stream,
        ...(stream ? { stream_options: { include_usage: true } } : {}),
      })
      .withResponse();
    const usage = stream ? (await collect(data)).at(-1).usage : data.usage;
    assert.deepEqual(
      [usage.prompt_tokens, usage.completion_tokens, usage.prompt_tokens_details.cached_tokens],
      [120, 12, 80],
    );
    assert.deepEqual(await recorded(t, request_id), {
      outcome: "completed",
      source: "reported",
      prompt: 120,
      completion: 12,
      cached: 80,
    });
  }
});

test("parameters without a counterpart are named, or refused", async () => {
  await t.on("gemini", "dropped", answersWith(generated("m", "ok")));
  const body = {
    model: "dropped",
    messages: user("x"),
    logit_bias: { 1: -1 },
    parallel_tool_calls: false,
    tools: openaiTools,
  };
  const { response } = await client.chat.completions.create(body).withResponse();
  assert.deepEqual(response.headers.get("x-nexus-dropped-params").split(/,\s*/).sort(), [
    "logit_bias",
    "parallel_tool_calls",
  ]);
  const error = await failure(client.chat.completions.create(body, { headers: { "x-nexus-strict": "true" } }));
  assert.deepEqual([error.status, error.code], [400, "unsupported_parameter"]);
});

test("a stream that is cut anywhere says the same", async () => {
  const whole = eventsOf(
    generated("m", [
      { text: "hm 漢字", thought: true },
      { text: "Zürich, 😀" },
      { functionCall: { name: "weather", args: { city: "😀" } } },
    ]),
  ).join("");
  const answers = [];
  for (const [name, pieces] of Object.entries({
    whole: [Buffer.from(whole)],
    bytes: everyByte(Buffer.from(whole)),
    lf: [Buffer.from(whole.replaceAll("\r\n", "\n"))],
  })) {
    await t.on("gemini", `cut-${name}`, (x) => x.stream(pieces));
    const answer = fromChunks(
      await collect(client.chat.completions.create({ model: `cut-${name}`, messages: user("x"), stream: true })),
    );
    const { content, reasoning_content, tool_calls } = answer.choices[0].message;
    answers.push({
      content,
      reasoning_content,
      calls: tool_calls.map((call) => call.function),
      finish: answer.choices[0].finish_reason,
    });
  }
  assert.equal(answers[0].content, "Zürich, 😀");
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
});

test("Vertex AI: the service account is exchanged for a token, once", async () => {
  const exchanged = [];
  t.up.otherwise((x) => {
    if (x.path !== "/token")
      return x.reply(404, { error: { code: 404, message: "no such path", status: "NOT_FOUND" } });
    const form = new URLSearchParams(x.text);
    exchanged.push(form);
    return x.reply(200, { access_token: `ya29.token-${exchanged.length}`, expires_in: 3599, token_type: "Bearer" });
  });
  await t.on("vertex", "on-vertex", answersWith(generated("gemini-2.5-flash", "from Vertex")), {
    upstream: "gemini-2.5-flash-vertex",
  });
  await both(async (stream) => {
    const answer = await chat(client, { model: "on-vertex", messages: user("x") }, { stream });
    assert.equal(answer.choices[0].message.content, "from Vertex");
    const x = t.up.last("gemini-2.5-flash-vertex");
    const method = stream ? "streamGenerateContent?alt=sse" : "generateContent";
    assert.equal(
      x.path,
      `/v1/projects/loopback/locations/here/publishers/google/models/gemini-2.5-flash-vertex:${method}`,
    );
    assert.deepEqual([x.headers.authorization, x.headers["x-goog-api-key"]], ["Bearer ya29.token-1", undefined]);
  });
  assert.equal(exchanged.length, 1);
  const [form] = exchanged;
  assert.equal(form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [head, claims, signature] = form.get("assertion").split(".");
  const decoded = (part) => JSON.parse(Buffer.from(part, "base64url"));
  assert.equal(decoded(head).alg, "RS256");
  const { iss, scope, aud, iat, exp } = decoded(claims);
  assert.deepEqual(
    [iss, scope, aud],
    ["gateway@loopback.iam.gserviceaccount.com", "https://www.googleapis.com/auth/cloud-platform", `${t.up.url}/token`],
  );
  assert.ok(exp - iat <= 3600 && Math.abs(iat - Date.now() / 1000) < 120);
  assert.ok(
    createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(account.publicKey, signature, "base64url"),
    "the signature does not hold",
  );
});
