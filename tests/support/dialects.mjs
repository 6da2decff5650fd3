// Common parts of the suites about dialects: a provider of every kind at the loopback upstream, the official SDKs
// pointed at the gateway, and one function for each SDK that works streamed and unstreamed alike.
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { CREDENTIALS } from "./bedrock.mjs";
import { suite } from "./suite.mjs";

/** The path of each kind of provider below the upstream's address, as a user would enter it. */
const BASES = {
  openai: "/v1",
  azure_openai: "",
  anthropic: "",
  bedrock: "",
  cohere: "",
  gemini: "",
  vertex: "/v1/projects/loopback/locations/here",
  dashscope: "/api/v1",
};

/** The key of the gateway at the upstream. */
export const KEY = "upstream-key-of-the-dialect-suites";

/** A service account whose tokens are exchanged at the upstream. */
export const account = generateKeyPairSync("rsa", { modulusLength: 2048 });

/**
 * A suite whose context can make a model of any kind: `t.on('anthropic', 'name', behaviour)`. `upstream` names the model at
 * the upstream, where its name decides something. `fields` are those of every provider.
 */
export function dialectSuite(kinds, { fields: common, ...options } = {}) {
  const providers = {};
  const t = suite({
    ...options,
    setUp: async () => {
      for (const kind of kinds) if (kind !== "dify") providers[kind] = await t.provide(kind);
      await options.setUp?.();
    },
  });
  t.provide = (kind, fields = {}) =>
    t.gw.createProvider({
      name: `${kind}-${Object.keys(providers).length}`,
      kind,
      server_url: `${t.up.url}${BASES[kind]}`,
      server_key: keyFor(kind, t.up.url),
      ...common,
      ...fields,
    });
  t.on = async (kind, name, behaviour, { upstream = name, ...fields } = {}) => {
    // A Dify application has no model name: its key identifies it, so each gets a provider of its own.
    const provider =
      kind === "dify"
        ? await t.gw.createProvider({ kind, server_url: `${t.up.url}/apps/${name}/v1`, server_key: KEY })
        : providers[kind];
    t.up.on(upstream, behaviour);
    await t.gw.createModel({
      provider_id: provider.id,
      model_name: name,
      ...(upstream === name ? {} : { upstream_model: upstream }),
      ...fields,
    });
    return name;
  };
  t.openai = (options) => new OpenAI({ apiKey: t.key, baseURL: `${t.gw.url}/v1`, maxRetries: 0, ...options });
  t.anthropic = (options) => new Anthropic({ apiKey: t.key, baseURL: t.gw.url, maxRetries: 0, ...options });
  t.gemini = (options) =>
    new GoogleGenAI({ apiKey: t.key, apiVersion: "v1beta", httpOptions: { baseUrl: t.gw.url }, ...options });
  return t;
}

/** The key of a provider of that kind; that of Vertex is a service account, that of Bedrock an access key. */
export function keyFor(kind, url) {
  if (kind === "bedrock") return JSON.stringify(CREDENTIALS);
  if (kind !== "vertex") return KEY;
  return JSON.stringify({
    type: "service_account",
    project_id: "loopback",
    private_key_id: "key-1",
    private_key: account.privateKey.export({ type: "pkcs8", format: "pem" }),
    client_email: "gateway@loopback.iam.gserviceaccount.com",
    token_uri: `${url}/token`,
  });
}

export const user = (content) => [{ role: "user", content }];

/** The error of a call that must fail. */
export async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return assert.fail(`the call should have failed, but gave ${JSON.stringify(value)?.slice(0, 400)}`);
}

/** Every item of a stream. */
export async function collect(stream) {
  const all = [];
  for await (const part of await stream) all.push(part);
  return all;
}

/** A chat completion with the OpenAI SDK, assembled from its chunks if streamed. */
export async function chat(client, body, { stream, ...options } = {}) {
  if (!stream) return client.chat.completions.create(body, options);
  return fromChunks(
    await collect(
      client.chat.completions.create({ ...body, stream: true, stream_options: { include_usage: true } }, options),
    ),
  );
}

/**
 * The whole answer that chunks add up to, by the rules of the dialect: texts are concatenated, items of lists merged by
 * their index.
 */
export function fromChunks(chunks) {
  const whole = { choices: [] };
  for (const { choices, usage, ...head } of chunks) {
    Object.assign(whole, head, usage ? { usage } : {});
    for (const { index, delta, finish_reason, logprobs } of choices) {
      const choice = (whole.choices[index] ??= {
        index,
        message: { content: null },
        finish_reason: null,
        logprobs: null,
      });
      addDelta(choice.message, delta);
      choice.finish_reason = finish_reason ?? choice.finish_reason;
      choice.logprobs = logprobs ?? choice.logprobs;
    }
  }
  assert.ok(
    chunks.every((chunk) => chunk.id === whole.id && chunk.model === whole.model && chunk.created === whole.created),
    "the head of the chunks changes",
  );
  return { ...whole, object: "chat.completion" };
}

function addDelta(message, delta) {
  for (const [name, value] of Object.entries(delta)) {
    if (name === "tool_calls") value.forEach((call) => addCall((message.tool_calls ??= []), call));
    else if (name === "role" || value === null) message[name] ??= value;
    else if (Array.isArray(value)) value.forEach((item) => addItem((message[name] ??= []), item));
    else message[name] = (message[name] ?? "") + value;
  }
}

/** As the SDK for Python does it: items with an index are pieces of one, of which `type` is repeated. */
function addItem(items, { index = items.length, ...fields }) {
  const item = (items[index] ??= {});
  for (const [name, value] of Object.entries(fields)) item[name] = name === "type" ? value : (item[name] ?? "") + value;
}

function addCall(calls, { index, function: { name, arguments: args = "" } = {}, ...rest }) {
  assert.ok(index <= calls.length, `call ${index} begins before call ${calls.length}`);
  if (index === calls.length) {
    assert.ok(rest.id && name, "the first delta of a call has no id or no name");
    calls.push({ ...rest, function: { name, arguments: args } });
    return;
  }
  assert.ok(!rest.id && !name, "id and name are repeated");
  Object.assign(calls[index], rest);
  calls[index].function.arguments += args;
}

/** A message by the Anthropic SDK. */
export async function say(client, body, { stream, ...options } = {}) {
  return stream ? client.messages.stream(body, options).finalMessage() : client.messages.create(body, options);
}

/** An answer with the Google SDK, assembled from its chunks if streamed. */
export async function generate(client, body, { stream } = {}) {
  if (!stream) return client.models.generateContent(body);
  const chunks = await collect(client.models.generateContentStream(body));
  const whole = { parts: [], finishReason: undefined, usageMetadata: undefined };
  for (const chunk of chunks) {
    whole.modelVersion = chunk.modelVersion ?? whole.modelVersion;
    whole.responseId = chunk.responseId ?? whole.responseId;
    whole.usageMetadata = chunk.usageMetadata ?? whole.usageMetadata;
    whole.finishReason = chunk.candidates?.[0]?.finishReason ?? whole.finishReason;
    for (const part of chunk.candidates?.[0]?.content?.parts ?? []) addPart(whole.parts, part);
  }
  const { parts, finishReason, ...rest } = whole;
  return { ...rest, candidates: [{ content: { role: "model", parts }, finishReason }] };
}

function addPart(parts, part) {
  // The last chunk may contain only an empty text, with the finish reason.
  if (part.text === "" && part.thoughtSignature === undefined) return;
  const last = parts.at(-1);
  const joins = part.text !== undefined && last?.text !== undefined && Boolean(last.thought) === Boolean(part.thought);
  if (!joins) parts.push({ ...part });
  else Object.assign(last, part, { text: last.text + part.text });
}

/** Text and calls of an answer of the Google SDK. */
export const partsOf = (answer) => answer.candidates[0].content.parts;

/** Calls `run` for an unstreamed and for a streamed answer. */
export async function both(run) {
  for (const stream of [false, true]) {
    try {
      await run(stream);
    } catch (error) {
      error.message = `${stream ? "streamed" : "unstreamed"}: ${error.message}`;
      throw error;
    }
  }
}

export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A schema that every dialect can express. */
export const CITY = {
  type: "object",
  properties: { name: { type: "string" }, people: { type: "integer" } },
  required: ["name", "people"],
  additionalProperties: false,
};

/** The two tools of these suites, as a plain name, description and schema. */
export const TOOLS = [
  {
    name: "weather",
    description: "Weather of a city",
    schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
  { name: "clock", description: "The time", schema: { type: "object", properties: {} } },
];
export const openaiTools = TOOLS.map(({ name, description, schema }) => ({
  type: "function",
  function: { name, description, parameters: schema },
}));
export const anthropicTools = TOOLS.map(({ name, description, schema }) => ({
  name,
  description,
  input_schema: schema,
}));
export const geminiTools = [
  {
    functionDeclarations: TOOLS.map(({ name, description, schema }) => ({
      name,
      description,
      parametersJsonSchema: schema,
    })),
  },
];

/** The log row of an answer: tokens and how it ended. */
export async function recorded(t, requestId) {
  const row = await t.gw.row(requestId);
  return {
    outcome: row.outcome,
    source: row.usage_source,
    prompt: row.prompt_tokens,
    completion: row.completion_tokens,
    cached: row.cached_tokens,
  };
}
