// Damaged answers of upstreams, for every kind of provider and every caller dialect, whole and streamed. The gateway
// answers in time and in the caller's dialect, never says the provider's key (which each damaged answer contains), and
// what it has recorded can still be read.
import assert from "node:assert/strict";
import { dialectSuite, KEY } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { completion, eventsOf } from "../support/upstream.mjs";
import * as anthropic from "../support/anthropic.mjs";
import * as bedrock from "../support/bedrock.mjs";
import * as cohere from "../support/cohere.mjs";
import * as dashscope from "../support/dashscope.mjs";
import * as gemini from "../support/gemini.mjs";
import { damage } from "./mutate.mjs";

const ANSWERS_PER_KIND = 120;
const SEED = 15_000_000;

/** What each kind must never tell: its provider's key, or the part of it that is secret. */
const secretOf = (kind) => (kind === "bedrock" ? bedrock.CREDENTIALS.secret_access_key : KEY);

const told = (kind) => ({ city: "Oslo", note: `the key is ${secretOf(kind)}` });

/** What each kind answers when all is well; the events of a stream are texts or, for Bedrock, frames. */
const KINDS = {
  openai: {
    whole: completion(
      "m",
      { role: "assistant", content: "fine", tool_calls: [callOf("function")] },
      { finish: "tool_calls" },
    ),
    events: eventsOf,
  },
  anthropic: {
    whole: anthropic.message("m", [
      { type: "text", text: "fine" },
      { type: "tool_use", id: "toolu_1", name: "weather", input: told("anthropic") },
    ]),
    events: (whole) => anthropic.messageEvents(whole),
  },
  gemini: {
    whole: gemini.generated("m", [{ text: "fine" }, { functionCall: { name: "weather", args: told("gemini") } }]),
    events: (whole) => gemini.eventsOf(whole),
  },
  cohere: {
    whole: cohere.chatted({ content: [{ type: "text", text: "fine" }], tool_calls: [callOf("function")] }),
    events: (whole) => cohere.eventsOf(whole),
  },
  dashscope: {
    whole: dashscope.generated({ content: "fine", tool_calls: [callOf("function")] }),
    events: (whole) => dashscope.eventsOf(whole),
  },
  bedrock: {
    whole: bedrock.converse([
      { text: "fine" },
      { toolUse: { toolUseId: "t1", name: "weather", input: told("bedrock") } },
    ]),
    events: (whole) => bedrock.eventsOf(whole),
    type: "application/vnd.amazon.eventstream",
  },
};

function callOf(type) {
  return { id: "call_1", type, function: { name: "weather", arguments: JSON.stringify({ city: "Oslo" }) } };
}

/** One request in each caller dialect: path and body. */
const CALLERS = {
  chat: (model, stream) => ["/v1/chat/completions", { model, stream, messages: [{ role: "user", content: "hi" }] }],
  messages: (model, stream) => [
    "/v1/messages",
    { model, stream, max_tokens: 50, messages: [{ role: "user", content: "hi" }] },
  ],
  responses: (model, stream) => ["/v1/responses", { model, stream, input: "hi" }],
  gemini: (model, stream) => [
    `/v1beta/models/${model}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "hi" }] }] },
  ],
  completions: (model, stream) => ["/v1/completions", { model, stream, prompt: "hi" }],
};

const t = dialectSuite(Object.keys(KINDS), {
  vars: { FIRST_BYTE_TIMEOUT_MS: "5000", IDLE_TIMEOUT_MS: "5000" },
  setUp: async () => {
    for (const kind of Object.keys(KINDS)) await t.on(kind, `hostile-${kind}`, (x) => next(x));
  },
});

/** What the upstream does with the next request; set by the test before it asks. */
let next;

for (const [number, [kind, { whole, events, type = "text/event-stream" }]] of Object.entries(KINDS).entries()) {
  test(
    `${kind}: damaged answers`,
    async () => {
      const seed = SEED + number;
      const harm = damage(seed);
      const model = `hostile-${kind}`;
      for (let i = 0; i < ANSWERS_PER_KIND; i++) {
        const caller = harm.one(Object.keys(CALLERS));
        const stream = harm.below(2) === 0;
        const plan = planOf(harm, { whole, events, secret: secretOf(kind) }, stream);
        next = (x) => deliver(x, plan, stream ? type : "application/json");
        const [target, body] = CALLERS[caller](model, stream);
        const begun = Date.now();
        const reply = await t.gw.begin(target, {
          method: "POST",
          headers: { authorization: `Bearer ${t.key}`, "content-type": "application/json" },
          body: JSON.stringify(body),
        }).reply;
        const { bytes } = await reply.rest();
        const text = bytes.toString("latin1");
        const about = `seed ${seed}, answer ${i}, ${caller} ${stream ? "streamed" : "whole"}: ${reply.status} ${text.slice(0, 500)}`;
        assert.ok(reply.status !== 500, `the upstream's mistake is answered as the gateway's: ${about}`);
        assert.ok(Date.now() - begun < 20_000, `it took ${Date.now() - begun} ms: ${about}`);
        assert.ok(bytes.length > 0, `nothing was answered: ${about}`);
        assert.ok(!text.includes(secretOf(kind)), `the caller is told the provider's key: ${about}`);
        if (reply.status >= 400) assert.doesNotThrow(() => JSON.parse(bytes.toString("utf8")), about);
      }
    },
    { timeout: 240_000 },
  );
}

test("the Worker's log has no provider's key, and the isolate did not break", () => {
  for (const { message } of t.gw.logs()) {
    for (const secret of [KEY, bedrock.CREDENTIALS.secret_access_key])
      assert.ok(!message.includes(secret), `the log says the key: ${message.slice(0, 500)}`);
    assert.ok(!/panicked|unreachable|RuntimeError/.test(message), message.slice(0, 500));
  }
});

test("what is recorded of it can be read", async () => {
  for (const target of ["/stats/total", "/stats/requests?limit=100", "/conversations"]) {
    const { status, text } = await t.gw.admin("GET", target);
    assert.equal(status, 200, `${target}: ${text}`);
  }
});

/** The pieces of a damaged answer. A stream has one event damaged, left out, said twice, or is cut off after it. */
function planOf(harm, { whole, events, secret }, stream) {
  const status = harm.below(8) === 0 ? harm.one([201, 204, 400, 401, 403, 404, 408, 413, 429, 502, 503, 529]) : 200;
  const headers = harm.below(6) === 0 ? harm.one(HEADERS) : {};
  if (!stream) {
    const text = harm.one([
      () => harm.json(whole),
      () => harm.bytes(JSON.stringify(whole)),
      () => JSON.stringify({ error: harm.one([null, "no", { message: `bad key ${secret}` }, { code: 1e300 }]) }),
    ])();
    return { status, headers, pieces: [text] };
  }
  const pieces = events(whole);
  const at = harm.below(pieces.length);
  const piece = pieces[at];
  const damaged = harm.one([
    () => damagedEvent(harm, piece),
    () => damagedEvent(harm, piece),
    () => harm.bytes(piece),
    () => "",
    () => Buffer.concat([Buffer.from(piece), Buffer.from(piece)]),
    () => `data: {"error":{"message":"bad key ${secret}"}}\n\n`,
  ])();
  pieces.splice(at, 1, damaged);
  return { status, headers, pieces: harm.below(5) === 0 ? pieces.slice(0, at + 1) : pieces, cut: harm.below(8) === 0 };
}

const HEADERS = [
  { "retry-after": "-5" },
  { "retry-after": "1e3" },
  { "retry-after": "Wed, 21 Oct 2099 07:28:00 GMT" },
  { "content-type": "text/html" },
  { "content-type": "application/json; charset=utf-16" },
  { "x-request-id": "x".repeat(5_000) },
  { "x-ratelimit-remaining-tokens": "NaN" },
  { "content-encoding": "identity" },
];

function damagedEvent(harm, piece) {
  if (Buffer.isBuffer(piece)) return harm.bytes(piece);
  const found = piece.match(/^data: ?(\{.*\})\s*$/m);
  return found ? piece.replace(found[1], () => harm.json(JSON.parse(found[1]))) : harm.bytes(piece);
}

async function deliver(x, { status, headers, pieces, cut }, type) {
  const body = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
  if (status === 204) {
    x.head(204, {});
    return x.end();
  }
  x.head(status, { "content-type": type, ...headers });
  await x.write(body.length > 0 ? body : Buffer.from("\n"));
  if (cut) x.cut();
  else x.end();
}
