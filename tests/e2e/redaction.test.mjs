// Proves that a provider's key leaves the gateway in no spelling, whatever the upstream does with it: in errors before and
// after the first word, in errors with a success status, in answers, in headers; to callers of every dialect, whole and
// streamed; and that it is then in no log line and in no store.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import * as anthropic from "../support/anthropic.mjs";
import * as bedrock from "../support/bedrock.mjs";
import * as cohere from "../support/cohere.mjs";
import * as dashscope from "../support/dashscope.mjs";
import * as dify from "../support/dify.mjs";
import * as gemini from "../support/gemini.mjs";
import { suite, test } from "../support/suite.mjs";
import { completion, event, streamEvents } from "../support/upstream.mjs";
import { bearer, filesBelow } from "../support/util.mjs";

const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
after(() => rm(storage, { recursive: true, force: true }));
const t = suite({ storage });

const KEY = "sk-needle-Vt7QmZ4xLb/92RkPwYd+Hs8cFyJ3";
const AWS = {
  access_key_id: "AKIDNEEDLE0000000001",
  secret_access_key: KEY,
  session_token: `${KEY}SESSION`,
  region: "us-east-1",
};

const each = (format) => [...KEY].map((letter) => format(letter.charCodeAt(0))).join("");
const hex = (code) => code.toString(16).padStart(2, "0");
// As it stands in the bytes of a JSON text.
const SPELLINGS = {
  clear: KEY,
  "in upper case": KEY.toUpperCase(),
  "escaped for JSON": each((code) => `\\u00${hex(code)}`),
  "one character escaped": `\\u0073${KEY.slice(1)}`,
  "escaped twice": each((code) => `\\\\u00${hex(code)}`),
  "with slashes escaped": KEY.replaceAll("/", "\\/"),
  "escaped for a URL": each((code) => `%${hex(code)}`),
  "as a part of a URL": encodeURIComponent(KEY),
  "escaped for HTML": each((code) => `&#${code};`),
  "in Base64": Buffer.from(`user:${KEY}`).toString("base64"),
  "in Base64 for URLs": Buffer.from(`u:${KEY}`).toString("base64url"),
  "in hexadecimal": Buffer.from(KEY).toString("hex"),
};

/** Whether a text shows the key once every escape is undone. */
function reveals(text) {
  const decoded = text
    .replace(/\\+u00([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\\+\//g, "/")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/%([0-9a-f]{2})/gi, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    .toLowerCase();
  const found = [KEY, Buffer.from(KEY).toString("hex")];
  for (const lead of ["", "_", "__"]) {
    const encoded = Buffer.from(lead + KEY)
      .toString("base64")
      .replace(/=+$/, "")
      .slice(lead ? 4 : 0, -2);
    found.push(encoded, encoded.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return found.some((spelling) => decoded.includes(spelling.toLowerCase()));
}

const HERE = "@@HERE@@";
const WORDS = "Hello there, dear reader.";
/** Of each kind of upstream: an answer, its stream, and an error after the first words. */
const KINDS = {
  openai: {
    base: "/v1",
    whole: (text) => completion("m", text),
    stream: (text) => streamEvents("m", [text]),
    late: (text) => event({ error: { message: text, type: "server_error", code: "x" } }),
  },
  anthropic: {
    base: "",
    whole: (text) => anthropic.message("m", text),
    stream: (text) => anthropic.messageEvents(anthropic.message("m", text), { size: 1000 }),
    late: (text) => anthropic.named("error", { error: { type: "api_error", message: text } }),
  },
  gemini: {
    base: "",
    whole: (text) => gemini.generated("m", [{ text }]),
    stream: (text) => gemini.eventsOf(gemini.generated("m", [{ text }]), { size: 1000 }),
    late: (text) => gemini.event({ error: { code: 500, message: text, status: "INTERNAL" } }),
  },
  cohere: {
    base: "",
    whole: (text) => cohere.chatted({ role: "assistant", content: [{ type: "text", text }] }),
    stream: (text) => cohere.eventsOf(cohere.chatted({ role: "assistant", content: [{ type: "text", text }] }), 1000),
    late: (text) => cohere.event("message-end", { delta: { error: text, finish_reason: "ERROR" } }),
  },
  dashscope: {
    base: "/api/v1",
    whole: (text) => dashscope.generated({ role: "assistant", content: text }),
    stream: (text) => dashscope.eventsOf(dashscope.generated({ role: "assistant", content: text }), { size: 1000 }),
    late: (text) => dashscope.event(9, { code: "InternalError", message: text }, { name: "error", status: 500 }),
  },
  dify: {
    base: "/apps/dify/v1",
    whole: (text) => dify.chatAnswer(text),
    stream: (text) => dify.chatEvents(text, { size: 1000 }),
    late: (text) => dify.event("error", { status: 500, code: "x", message: text }),
  },
  bedrock: {
    base: "",
    whole: (text) => bedrock.converse(text),
    stream: (text) => bedrock.eventsOf(bedrock.converse(text), 1000),
    late: (text) => bedrock.exception("internalServerException", text),
    isBinary: true,
  },
};

/** JSON text with the key where the mark stands, in this spelling. */
const put = (text, spelling) =>
  (typeof text === "string" ? text : JSON.stringify(text)).replaceAll(HERE, SPELLINGS[spelling]);
/** In binary frames the spelling is that of the text. */
const frames = (kind, make, spelling) =>
  KINDS[kind].isBinary
    ? [make(JSON.parse(`"${SPELLINGS[spelling]}"`))].flat()
    : [make(HERE)].flat().map((piece) => put(piece, spelling));
const streamType = (kind) => ({
  "content-type": KINDS[kind].isBinary ? "application/vnd.amazon.eventstream" : "text/event-stream",
});

const FAULTS = {
  "a 401": (_kind, spelling) => (x) =>
    x.reply(401, put({ error: { message: `Bad key ${HERE}.`, type: "x" }, message: `Bad key ${HERE}.` }, spelling)),
  "an error page": (_kind, spelling) => (x) =>
    x.reply(502, `<pre>${SPELLINGS[spelling]}</pre>`, { "content-type": "text/html" }),
  "an error with status 200": (_kind, spelling) => (x) =>
    x.reply(
      200,
      put({ error: { message: `Bad key ${HERE}.`, type: "x", code: 401 }, message: HERE, code: HERE }, spelling),
    ),
  "an error as the first event": (kind, spelling) => (x) =>
    x.wantsStream
      ? x.stream(frames(kind, KINDS[kind].late, spelling), streamType(kind))
      : x.reply(400, put({ message: HERE }, spelling)),
  "an error after the first words": (kind, spelling) => (x) => {
    if (!x.wantsStream) return x.reply(500, put({ error: { message: HERE } }, spelling));
    const said = KINDS[kind].stream(WORDS);
    const end = kind === "dify" ? 2 : kind === "openai" ? 2 : kind === "gemini" || kind === "dashscope" ? 1 : 3;
    return x.stream([...said.slice(0, end), ...frames(kind, KINDS[kind].late, spelling)], streamType(kind));
  },
  "an answer": (kind, spelling) => (x) =>
    x.wantsStream
      ? x.stream(
          frames(kind, (text) => KINDS[kind].stream(`${WORDS} ${text} is it.`), spelling),
          streamType(kind),
        )
      : x.reply(200, put(KINDS[kind].whole(`${WORDS} ${HERE} is it.`), spelling)),
  "an answer in pieces": (kind, spelling) => async (x) => {
    if (!x.wantsStream) return x.reply(200, put(KINDS[kind].whole(`${WORDS} ${HERE}`), spelling));
    const all = Buffer.concat(
      frames(kind, (text) => KINDS[kind].stream(`${WORDS} ${text} is it.`), spelling).map((piece) =>
        Buffer.from(piece),
      ),
    );
    const cut = [];
    for (let at = 0; at < all.length; at += 7) cut.push(all.subarray(at, at + 7));
    return x.stream(cut, streamType(kind));
  },
};

const messages = [{ role: "user", content: "Say something." }];
const CALLERS = {
  chat: (model, stream) => ["/v1/chat/completions", { model, stream, messages }],
  "chat with usage": (model, stream) => [
    "/v1/chat/completions",
    { model, stream, messages, ...(stream ? { stream_options: { include_usage: true } } : {}) },
  ],
  completions: (model, stream) => ["/v1/completions", { model, stream, prompt: "Say something." }],
  messages: (model, stream) => ["/v1/messages", { model, stream, max_tokens: 50, messages }],
  responses: (model, stream) => ["/v1/responses", { model, stream, input: "Say something." }],
  gemini: (model, stream) => [
    `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    { contents: [{ role: "user", parts: [{ text: "Say something." }] }] },
  ],
};

const post = (target, body, key = t.key) =>
  t.gw.call(target, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify(body),
  });

async function provider(kind) {
  return t.gw.createProvider({
    name: `needle-${kind}`,
    kind,
    server_url: `${t.up.url}${KINDS[kind].base}`,
    server_key: kind === "bedrock" ? JSON.stringify(AWS) : KEY,
  });
}

let turn = 0;
for (const kind of Object.keys(KINDS)) {
  test(
    `no caller gets the key from ${kind}`,
    async () => {
      const { id } = await provider(kind);
      const leaks = [];
      for (const [fault, make] of Object.entries(FAULTS)) {
        const model = `${kind} ${fault}`;
        await t.model(model, () => {}, { provider_id: id });
        for (const [caller, request] of Object.entries(CALLERS)) {
          for (const stream of [false, true]) {
            // Twelve requests for a fault, and twelve spellings: each comes once with every fault.
            const spelling = Object.keys(SPELLINGS)[turn % Object.keys(SPELLINGS).length];
            turn += 1;
            t.up.on(kind === "dify" ? "dify" : model, make(kind, spelling));
            const answer = await post(...request(model, stream));
            const what = `${fault}, ${spelling}, to ${caller}${stream ? ", streamed" : ""}`;
            if (reveals(answer.text) || reveals(JSON.stringify(answer.headers)))
              leaks.push(`${what}: ${answer.text.slice(-300)}`);
            if (fault.startsWith("an answer")) assert.ok(answer.text.includes("Hello"), `${what}: ${answer.text}`);
            assert.notEqual(answer.text.trim(), "", what);
          }
        }
      }
      assert.deepEqual(leaks, []);
    },
    { timeout: 240_000 },
  );
}

test("nor from what is forwarded, from the list of models, a probe or a count", async () => {
  const { id } = await t.gw.createProvider({ name: "needle-forward", server_url: `${t.up.url}/v1`, server_key: KEY });
  const seen = [];
  for (const [spelling, text] of Object.entries(SPELLINGS)) {
    const body = JSON.stringify({ object: "list", model: "m", data: [{ embedding: [1], text: HERE }] }).replaceAll(
      HERE,
      text,
    );
    await t.model(`embed-${spelling}`, (x) => x.reply(200, body), { provider_id: id });
    seen.push(await post("/v1/embeddings", { model: `embed-${spelling}`, input: "x" }));
    await t.model(`speak-${spelling}`, (x) => x.reply(200, `words ${text} words`, { "content-type": "text/plain" }), {
      provider_id: id,
    });
    seen.push(await post("/v1/audio/speech", { model: `speak-${spelling}`, input: "x", voice: "v" }));
    await t.model(`refuse-${spelling}`, (x) => x.reply(403, `{"error":{"message":"${text}"}}`), { provider_id: id });
    seen.push(await post("/v1/embeddings", { model: `refuse-${spelling}`, input: "x" }));
    await t.model(
      `probe-${spelling}`,
      (x) => x.reply(x.method === "GET" ? 500 : 401, `{"error":{"message":"no ${text}"}}`),
      { provider_id: id },
    );
    t.up.otherwise((x) => x.reply(500, `{"error":{"message":"no ${text}"}}`));
    seen.push(await t.gw.admin("POST", `/providers/${id}/test`, { model: `probe-${spelling}` }));
    seen.push(await t.gw.admin("GET", `/providers/${id}/upstream-models`));
  }
  t.up.otherwise(undefined);
  assert.ok(seen.length >= 5 * Object.keys(SPELLINGS).length);
  assert.deepEqual(seen.map(({ text }) => text).filter(reveals), []);
  const spoken = seen.find(({ text }) => text.startsWith("words "));
  assert.match(spoken.text, /^words .*… ?.*words$/);
});

test("what was masked is the key and nothing else, and bytes without it are not touched", async () => {
  const { id } = await t.gw.createProvider({ name: "needle-exact", server_url: `${t.up.url}/v1`, server_key: KEY });
  const events = streamEvents("exact", ["a\\u0073k", "%73", "&#115;", "sk-needle", "sk-needle-Vt7Q"]);
  await t.model("exact", (x) => x.stream(events), { provider_id: id });
  const body = { model: "exact", messages, stream: true, stream_options: { include_usage: true } };
  assert.equal((await post("/v1/chat/completions", body)).text, events.join(""));
  await t.model("masked", (x) => x.reply(401, { error: { message: `Bad key ${KEY}!`, type: "x", code: "y" } }), {
    provider_id: id,
  });
  const refused = await post("/v1/chat/completions", { model: "masked", messages });
  assert.deepEqual(refused.json(), {
    error: { message: "Bad key sk-…cFyJ3!".replace("cFyJ3", KEY.slice(-4)), type: "x", code: "y" },
  });
});

test("the key is in no log line and in no store", async () => {
  const marker = await t.gw.complete(t.key, { model: "demo/echo", messages });
  await t.gw.row(marker.headers["x-request-id"]);
  const places = [
    ...t.gw.logs().map(({ level, message }) => ({ place: `log (${level})`, text: message })),
    ...(await t.gw.dump()),
  ];
  for (const { name, text } of await filesBelow(storage)) places.push({ place: name, text });
  assert.ok(
    places.some(({ place }) => place.startsWith("log")),
    "nothing was logged",
  );
  assert.deepEqual(
    places.filter(({ text }) => reveals(text)).map(({ place, text }) => `${place}: ${text.slice(0, 200)}`),
    [],
  );
});
