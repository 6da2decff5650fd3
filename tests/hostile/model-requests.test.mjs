// Damaged requests in every caller dialect, to upstreams that answer well: what callers do wrong is their fault (4xx, in
// the shape that their SDK reads) and never the gateway's (5xx), and leaves an isolate that goes on answering.
import assert from "node:assert/strict";
import { dialectSuite } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";
import * as anthropic from "../support/anthropic.mjs";
import * as cohere from "../support/cohere.mjs";
import * as gemini from "../support/gemini.mjs";
import { damage } from "./mutate.mjs";

const REQUESTS_PER_DIALECT = 200;
const SEED = 20_261_129;

const t = dialectSuite(["openai", "anthropic", "gemini", "cohere"], {
  vars: { CHAT_PER_MINUTE: "100000", CHAT_STREAM_PER_MINUTE: "100000" },
  setUp: async () => {
    await t.gw.call("/api/v1/sessions", {
      method: "POST",
      headers: { authorization: `Bearer ${t.key}`, "content-type": "application/json" },
      body: JSON.stringify({ id: "hostile" }),
    });
    await t.on("openai", "to-openai", answersWith(completion("to-openai", "fine")));
    await t.on("anthropic", "to-anthropic", anthropic.answersWith(anthropic.message("to-anthropic", "fine")));
    await t.on("gemini", "to-gemini", gemini.answersWith(gemini.generated("to-gemini", "fine")));
    await t.on("cohere", "to-cohere", cohere.answersWith(cohere.chatted("fine")));
    t.up.otherwise((x) => x.reply(200, { object: "list", data: [], model: "any" }));
  },
});

const MODELS = ["to-openai", "to-anthropic", "to-gemini", "to-cohere"];
const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city"],
};
const call = { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } };

/** What a dialect looks like when it is right: path, body, and where its errors say what is wrong. */
const DIALECTS = {
  "Chat Completions": {
    path: () => "/v1/chat/completions",
    body: (model) => ({
      model,
      stream: false,
      temperature: 0.5,
      max_tokens: 100,
      stop: ["END"],
      n: 1,
      metadata: { a: "b" },
      response_format: { type: "json_schema", json_schema: { name: "s", schema: SCHEMA } },
      tools: [{ type: "function", function: { name: "weather", parameters: SCHEMA } }],
      tool_choice: { type: "function", function: { name: "weather" } },
      messages: [
        { role: "system", content: "Be short." },
        {
          role: "user",
          content: [
            { type: "text", text: "hi" },
            { type: "image_url", image_url: { url: `data:image/png;base64,${PICTURE}` } },
          ],
        },
        { role: "assistant", content: null, tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "rain" },
        { role: "user", content: "so?" },
      ],
    }),
    error: ({ error }) => error,
  },
  Completions: {
    path: () => "/v1/completions",
    body: (model) => ({
      model,
      prompt: "Once",
      max_tokens: 5,
      n: 1,
      stop: null,
      logprobs: null,
      echo: false,
      stream: false,
    }),
    error: ({ error }) => error,
  },
  Messages: {
    path: () => "/v1/messages",
    body: (model) => ({
      model,
      max_tokens: 100,
      stream: false,
      system: [{ type: "text", text: "Be short.", cache_control: { type: "ephemeral" } }],
      thinking: { type: "disabled" },
      tools: [{ name: "weather", input_schema: SCHEMA }],
      tool_choice: { type: "auto" },
      messages: [
        {
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: PICTURE } }],
        },
        { role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "weather", input: { city: "Oslo" } }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "rain" }] },
      ],
    }),
    error: ({ type, error }) => type === "error" && error,
  },
  Responses: {
    path: () => "/v1/responses",
    body: (model) => ({
      model,
      stream: false,
      store: false,
      instructions: "Be short.",
      max_output_tokens: 100,
      reasoning: { effort: "low" },
      text: { format: { type: "text" } },
      tools: [{ type: "function", name: "weather", parameters: SCHEMA, strict: false }],
      input: [
        { role: "user", content: [{ type: "input_text", text: "hi" }] },
        { type: "function_call", call_id: "call_1", name: "weather", arguments: '{"city":"Oslo"}' },
        { type: "function_call_output", call_id: "call_1", output: "rain" },
      ],
    }),
    error: ({ error }) => error,
  },
  Gemini: {
    path: (model, { one }) => `/v1beta/models/${model}:${one(["generateContent", "streamGenerateContent?alt=sse"])}`,
    body: () => ({
      systemInstruction: { parts: [{ text: "Be short." }] },
      generationConfig: { temperature: 0.5, maxOutputTokens: 100, stopSequences: ["END"], candidateCount: 1 },
      tools: [{ functionDeclarations: [{ name: "weather", parameters: SCHEMA }] }],
      contents: [
        { role: "user", parts: [{ text: "hi" }, { inlineData: { mimeType: "image/png", data: PICTURE } }] },
        { role: "model", parts: [{ functionCall: { name: "weather", args: { city: "Oslo" } } }] },
        { role: "user", parts: [{ functionResponse: { name: "weather", response: { result: "rain" } } }] },
      ],
    }),
    error: ({ error }) => error?.status && error,
  },
  "sessions of the chat API": {
    path: (_, { one }) => one(["/api/v1/chat", "/api/v1/chat/stream", "/api/v1/sessions"]),
    body: (model) => ({ session_id: "hostile", message: "hi", model, config: { temperature: 0.5 }, stream: false }),
    error: ({ success, error_code, message }) => success === false && error_code && { message },
  },
  "what is passed through, and token counts": {
    path: (_, { one }) =>
      one([
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/images/generations",
        "/v1/rerank",
        "/v1/tokenize",
        "/v1/detokenize",
        "/v1/messages/count_tokens",
        "/v1/responses/input_tokens",
        "/v1/responses/compact",
      ]),
    body: () => ({
      model: "to-openai",
      input: ["hi"],
      prompt: "a cat",
      n: 1,
      size: "256x256",
      query: "q",
      documents: ["a", "b"],
      text: "hi",
      tokens: [1, 2],
      voice: "alloy",
      messages: [{ role: "user", content: "hi" }],
    }),
    error: ({ error }) => error,
  },
};

let seed = SEED;
for (const [name, { path, body, error }] of Object.entries(DIALECTS)) {
  const own = seed++;
  test(`${name}: damaged requests`, () => damaged(own, { path, body, error }), { timeout: 240_000 });
}

async function damaged(own, { path, body, error }) {
  const harm = damage(own);
  const statuses = {};
  for (let i = 0; i < REQUESTS_PER_DIALECT; i++) {
    const model = harm.one(MODELS);
    const good = body(model);
    if ("stream" in good) good.stream = harm.below(3) === 0;
    const sent = harm.below(4) === 0 ? harm.bytes(JSON.stringify(good)) : harm.json(good);
    const target = path(model, harm);
    const answer = await t.gw.complete(t.key, sent, { target });
    const about = `seed ${own}, request ${i}, ${target}: ${answer.status} ${answer.text.slice(0, 300)}\n${sent.toString().slice(0, 2_000)}`;
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    assert.ok(answer.status < 500, `a caller's mistake is answered as the gateway's: ${about}`);
    if (answer.status >= 400) {
      const said = error(parsed(answer.text, about));
      assert.ok(
        said && typeof said.message === "string" && said.message !== "",
        `not an error of this dialect: ${about}`,
      );
    }
  }
  assert.ok(
    (statuses[200] ?? 0) + (statuses[201] ?? 0) > 0 && statuses[400] > 0,
    `the damage is neither total nor none: ${JSON.stringify(statuses)}`,
  );
  const alive = await t.complete({ model: "to-openai", messages: [{ role: "user", content: "hi" }] });
  assert.equal(alive.status, 200, alive.text);
}

test("nothing of it broke the isolate or what is recorded", async () => {
  const broken = t.gw.logs().filter(({ message }) => /panicked|unreachable|RuntimeError|Uncaught/.test(message));
  assert.deepEqual(broken, []);
  for (const target of ["/stats/total", "/stats/requests", "/conversations", "/keys", "/providers"]) {
    const { status, text } = await t.gw.admin("GET", target);
    assert.equal(status, 200, `${target}: ${text}`);
  }
});

function parsed(text, about) {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`an error that is not JSON: ${about}`);
  }
}
