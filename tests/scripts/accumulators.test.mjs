// The streams that callers get, added up by the official clients for Node.
//
// Every golden stream of crates/core/tests/golden is served as it stands there, and read by the clients of its dialect. They
// raise where a delta lacks what they expect, and what they add up must be what the unstreamed golden answer of the same name
// says. The clients for Python do the same in tests/e2e/python/accumulators.py.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

const GOLDEN = new URL("../../crates/core/tests/golden/", import.meta.url);

let server;
let address;

before(async () => {
  server = createServer((request, response) => {
    request.resume();
    const [, pair, name] = request.url.split("/");
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.end(golden("streams", pair, name));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

/** The text of a snapshot. insta leaves out the line feeds at its end. */
function golden(kind, pair, name) {
  const text = readFileSync(new URL(`${kind}/${pair}/${name}.snap`, GOLDEN), "utf8");
  return `${text.slice(text.indexOf("---\n", 4) + 4).trimEnd()}\n\n`;
}

/** The unstreamed answer of the same name; nothing if there is none, or if it is an error. */
function whole(pair, name) {
  try {
    const answer = JSON.parse(golden("responses", pair, name));
    return answer.error ? undefined : answer;
  } catch {
    return undefined;
  }
}

/**
 * Reads every stream for callers of this dialect. `read` answers what was added up, `expected` the same of a whole answer.
 * `takesChoices`: the client tells several choices apart.
 */
function everyStream(client, dialect, read, expected, { takesChoices = true } = {}) {
  describe(`${client}: ${dialect}`, () => {
    const pairs = readdirSync(new URL("streams/", GOLDEN)).filter((pair) => pair.endsWith(`-to-${dialect}`));
    assert.ok(pairs.length >= 7);
    for (const pair of pairs) {
      for (const file of readdirSync(new URL(`streams/${pair}/`, GOLDEN))) {
        const name = file.replace(".snap", "");
        test(`${pair}/${name}`, async () => {
          const isError = /^(event: error|data: \{"error")/m.test(golden("streams", pair, name));
          const reading = read(`${address}/${pair}/${name}`);
          if (isError) return assert.rejects(reading);
          const found = await reading;
          const answer = whole(pair, name);
          const choices = answer?.choices ?? answer?.candidates ?? [];
          if (answer && (takesChoices || choices.length < 2)) assert.deepEqual(found, expected(answer));
        });
      }
    }
  });
}

const key = { apiKey: "k", maxRetries: 0 };
const messages = [{ role: "user", content: "q" }];

/** The arguments of a call. Those of a custom tool are free text. */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return text;
  }
}

function ofCompletion({ choices: [{ message, finish_reason }] }) {
  return {
    text: message.content ?? "",
    refusal: message.refusal ?? null,
    reasoning: message.reasoning_content ?? "",
    calls: (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: call.function.name,
      input: parsed(call.function.arguments),
      extra: call.extra_content,
    })),
    annotations: message.annotations?.length ?? 0,
    images: message.images?.length ?? 0,
    finish_reason,
  };
}

everyStream(
  "openai",
  "openai",
  async (baseURL) => {
    const client = new OpenAI({ ...key, baseURL });
    // The client does not add up what it does not know.
    const extra = { reasoning: "", calls: new Map(), annotations: 0, images: 0 };
    const stream = client.chat.completions.stream({ model: "m", messages });
    stream.on("chunk", ({ choices: [choice] }) => {
      if (choice?.index !== 0) return;
      extra.reasoning += choice.delta.reasoning_content ?? "";
      extra.annotations += choice.delta.annotations?.length ?? 0;
      extra.images += choice.delta.images?.length ?? 0;
      for (const call of choice.delta.tool_calls ?? []) {
        assert.ok(call.function, "every delta of a call has `function`");
        if (call.extra_content) extra.calls.set(call.index, call.extra_content);
      }
    });
    const found = ofCompletion(await stream.finalChatCompletion());
    found.calls.forEach((call, index) => {
      call.extra = extra.calls.get(index);
    });
    return { ...found, reasoning: extra.reasoning, annotations: extra.annotations, images: extra.images };
  },
  ofCompletion,
);

everyStream(
  "openai",
  "openai_legacy",
  async (baseURL) => {
    const client = new OpenAI({ ...key, baseURL });
    let [text, finish] = ["", null];
    for await (const { choices } of await client.completions.create({ model: "m", prompt: "q", stream: true })) {
      const choice = choices.find(({ index }) => index === 0);
      text += choice?.text ?? "";
      finish = choice?.finish_reason ?? finish;
    }
    return { text, finish };
  },
  ({ choices: [{ text, finish_reason: finish }] }) => ({ text, finish }),
);

everyStream(
  "openai",
  "responses",
  async (baseURL) => {
    const client = new OpenAI({ ...key, baseURL });
    return ofResponse(await client.responses.stream({ model: "m", input: "q" }).finalResponse());
  },
  ofResponse,
);

function ofResponse({ status, incomplete_details, output, usage }) {
  // Sealed blocks are JSON, whose fields may be in any order.
  const items = output.map(({ parsed_arguments, encrypted_content, ...item }) => ({
    ...item,
    is_sealed: Boolean(encrypted_content),
    content: item.content?.map(({ parsed, ...part }) => part),
  }));
  return JSON.parse(JSON.stringify({ status, incomplete_details, items, usage }));
}

everyStream(
  "anthropic",
  "anthropic",
  async (baseURL) => {
    const client = new Anthropic({ ...key, baseURL });
    return ofMessage(await client.messages.stream({ model: "m", max_tokens: 9, messages }).finalMessage());
  },
  ofMessage,
);

function ofMessage({ content, stop_reason, stop_sequence }) {
  const blocks = content.map(({ citations, caller, ...block }) => ({ ...block, citations: citations?.length ?? 0 }));
  return JSON.parse(JSON.stringify({ blocks, stop_reason, stop_sequence }));
}

everyStream(
  "google-genai",
  "gemini",
  async (baseUrl) => {
    const client = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl } });
    const stream = await client.models.generateContentStream({ model: "m", contents: "q" });
    const found = { text: "", calls: [], media: 0, finish: undefined };
    for await (const { candidates } of stream) addCandidate(first(candidates), found);
    return found;
  },
  ofCandidates,
);

function ofCandidates({ candidates }) {
  const found = { text: "", calls: [], media: 0, finish: undefined };
  addCandidate(first(candidates), found);
  return found;
}

const first = (candidates) => candidates?.find(({ index = 0 }) => index === 0);

function addCandidate(candidate, found) {
  for (const part of candidate?.content?.parts ?? []) {
    if (part.text && !part.thought) found.text += part.text;
    if (part.functionCall) found.calls.push({ ...part.functionCall, signature: part.thoughtSignature });
    if (part.inlineData) found.media += 1;
  }
  found.finish = candidate?.finishReason ?? found.finish;
}

// The models of the AI SDK, as `streamText` calls them. They know one choice, and a refusal is text.
const single = { takesChoices: false };
const prompt = [{ role: "user", content: [{ type: "text", text: "q" }] }];

async function readParts(model) {
  const { stream } = await model.doStream({ prompt });
  const found = { text: "", calls: [], finish: undefined };
  for await (const part of stream) {
    if (part.type === "error") throw part.error instanceof Error ? part.error : new Error(JSON.stringify(part.error));
    if (part.type === "text-delta") found.text += part.delta;
    if (part.type === "tool-call" && !part.providerExecuted) {
      const signature = Object.values(part.providerMetadata ?? {}).find(
        (own) => own?.thoughtSignature,
      )?.thoughtSignature;
      found.calls.push({ id: part.toolCallId, name: part.toolName, input: parsed(part.input), signature });
    }
    if (part.type === "finish") found.finish = part.finishReason?.raw ?? part.finishReason;
  }
  assert.ok(found.finish, "the stream has a finish reason");
  return { text: found.text, calls: found.calls };
}

const ofChat = (answer) => {
  const { text, refusal, calls } = ofCompletion(answer);
  const signed = calls.map(({ id, name, input, extra }) => {
    return { id, name, input, signature: extra?.google.thought_signature };
  });
  return { text: text + (refusal ?? ""), calls: signed };
};
const unsigned = ({ text, calls }) => ({ text, calls: calls.map((call) => ({ ...call, signature: undefined })) });

everyStream(
  "@ai-sdk/openai-compatible",
  "openai",
  (baseURL) => readParts(createOpenAICompatible({ name: "gateway", apiKey: "k", baseURL }).chatModel("m")),
  ofChat,
  single,
);
everyStream(
  "@ai-sdk/openai",
  "openai",
  (baseURL) => readParts(createOpenAI({ apiKey: "k", baseURL }).chat("m")),
  (answer) => unsigned(ofChat(answer)),
  single,
);
everyStream(
  "@ai-sdk/openai",
  "responses",
  (baseURL) => readParts(createOpenAI({ apiKey: "k", baseURL }).responses("m")),
  ({ output }) => ({
    text: output
      .flatMap(({ content }) => content ?? [])
      .map(({ text, refusal }) => text ?? refusal ?? "")
      .join(""),
    calls: output
      .filter(({ type }) => type === "function_call")
      .map((item) => ({ id: item.call_id, name: item.name, input: parsed(item.arguments), signature: undefined })),
  }),
);
everyStream(
  "@ai-sdk/anthropic",
  "anthropic",
  (baseURL) => readParts(createAnthropic({ apiKey: "k", baseURL }).languageModel("m")),
  ({ content }) => ({
    text: content.map(({ type, text }) => (type === "text" ? text : "")).join(""),
    calls: content
      .filter(({ type }) => type === "tool_use")
      .map(({ id, name, input }) => ({ id, name, input, signature: undefined })),
  }),
);
everyStream(
  "@ai-sdk/google",
  "gemini",
  (baseURL) =>
    readParts(createGoogleGenerativeAI({ apiKey: "k", baseURL }).languageModel("m")).then(({ text }) => text),
  (answer) => ofCandidates(answer).text,
  single,
);
