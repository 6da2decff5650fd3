// Proves that every failure of an upstream reaches the caller as an error of the caller's own dialect: with the
// upstream's status, message and `retry-after`, as the error class of the caller's SDK; and that a truncated stream
// never looks complete.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { ApiError } from "@google/genai";
import OpenAI from "openai";
import * as anthropic from "../support/anthropic.mjs";
import * as dashscope from "../support/dashscope.mjs";
import { collect, dialectSuite, failure, KEY, recorded, user } from "../support/dialects.mjs";
import * as dify from "../support/dify.mjs";
import * as gemini from "../support/gemini.mjs";
import { test } from "../support/suite.mjs";
import { completion, eventsOf } from "../support/upstream.mjs";

const t = dialectSuite(["openai", "anthropic", "gemini", "dashscope"]);

const GEMINI_STATUS = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
  529: "UNAVAILABLE",
};
const ANTHROPIC_TYPE = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
};

/** Text of so many pieces that the first events of a stream never contain all of it. */
const LONG = "half of what should have been said";

/** Each kind of upstream: its error bodies, and the events of a stream that will be truncated. */
const UPSTREAMS = {
  openai: {
    body: (status, text) => ({ error: { message: text, type: "x", param: null, code: `c${status}` } }),
    events: () => eventsOf(completion("m", LONG)),
  },
  anthropic: {
    body: (status, text) => anthropic.errorBody(ANTHROPIC_TYPE[status] ?? "api_error", text),
    events: () => anthropic.messageEvents(anthropic.message("m", LONG)),
  },
  gemini: {
    body: (status, text) => gemini.errorBody(status, GEMINI_STATUS[status] ?? "UNKNOWN", text),
    events: () => gemini.eventsOf(gemini.generated("m", LONG)),
  },
  dashscope: {
    body: (_status, text) => dashscope.errorBody("SomeCode", text),
    events: () => dashscope.eventsOf(dashscope.generated(LONG)),
  },
  dify: { body: (status, text) => dify.errorBody(status, "some_code", text), events: () => dify.chatEvents(LONG) },
};

/** Each caller dialect: how it sends a request, and what it checks about an error's class and body. */
const DIALECTS = {
  "chat completions": {
    ask: (model, stream) => {
      const request = t.openai().chat.completions.create({ model, messages: user("x"), stream });
      return stream ? collect(request) : request;
    },
    check: checkOpenai,
    text: (chunk) => chunk.choices[0]?.delta.content,
  },
  completions: {
    ask: (model, stream) => {
      const request = t.openai().completions.create({ model, prompt: "x", stream });
      return stream ? collect(request) : request;
    },
    check: checkOpenai,
  },
  responses: {
    ask: (model, stream) => {
      const request = t.openai().responses.create({ model, input: "x", stream });
      return stream ? collect(request) : request;
    },
    check: checkOpenai,
  },
  messages: {
    ask: (model, stream) => {
      const request = t.anthropic().messages.create({ model, max_tokens: 50, messages: user("x"), stream });
      return stream ? collect(request) : request;
    },
    check: (error, status) => {
      const classes = {
        400: Anthropic.BadRequestError,
        401: Anthropic.AuthenticationError,
        403: Anthropic.PermissionDeniedError,
        404: Anthropic.NotFoundError,
        429: Anthropic.RateLimitError,
      };
      assert.ok(error instanceof (classes[status] ?? Anthropic.InternalServerError), String(error));
      assert.equal(error.error.type, "error");
      assert.equal(typeof error.error.error.message, "string");
      if (ANTHROPIC_TYPE[status]) assert.equal(error.error.error.type, ANTHROPIC_TYPE[status]);
      return error.headers;
    },
  },
  generateContent: {
    ask: (model, stream) => {
      const client = t.gemini();
      return stream
        ? collect(client.models.generateContentStream({ model, contents: "x" }))
        : client.models.generateContent({ model, contents: "x" });
    },
    check: (error, status) => {
      assert.ok(error instanceof ApiError, String(error));
      const body = JSON.parse(error.message).error;
      assert.equal(body.code, status);
      assert.equal(typeof body.message, "string");
      if (GEMINI_STATUS[status]) assert.equal(body.status, GEMINI_STATUS[status]);
      return undefined;
    },
  },
};

function checkOpenai(error, status) {
  const classes = {
    400: OpenAI.BadRequestError,
    401: OpenAI.AuthenticationError,
    403: OpenAI.PermissionDeniedError,
    404: OpenAI.NotFoundError,
    429: OpenAI.RateLimitError,
  };
  assert.ok(error instanceof (classes[status] ?? OpenAI.InternalServerError), String(error));
  assert.equal(typeof error.error.message, "string");
  return error.headers;
}

/** The pairs with different dialects. */
const PAIRS = Object.keys(DIALECTS).flatMap((dialect) => Object.keys(UPSTREAMS).map((kind) => [dialect, kind]));
const isNative = (dialect, kind) =>
  (dialect === "chat completions" && kind === "openai") ||
  (dialect === "messages" && kind === "anthropic") ||
  (dialect === "generateContent" && kind === "gemini");

/** Runs every pair and reports all failures, not only the first. */
async function everyPair(run) {
  const failed = [];
  for (const [dialect, kind] of PAIRS) {
    try {
      await run(DIALECTS[dialect], kind, `${dialect} -> ${kind}`, isNative(dialect, kind));
    } catch (error) {
      failed.push(`${dialect} -> ${kind}: ${error.message.split("\n").slice(0, 12).join(" | ")}`);
    }
  }
  assert.deepEqual(failed, []);
}

let made = 0;
const on = (kind, behaviour) => t.on(kind, `model-${++made}`, behaviour);

for (const status of [400, 401, 403, 404, 429, 500, 503, 529]) {
  test(`status ${status}`, async () => {
    await everyPair(async ({ ask, check }, kind, _, native) => {
      const model = await on(kind, (x) =>
        x.reply(
          status,
          UPSTREAMS[kind].body(status, `no luck ${status}`),
          status === 429 ? { "retry-after": "7" } : {},
        ),
      );
      for (const stream of [false, true]) {
        const error = await failure(ask(model, stream));
        assert.equal(error.status, status, `stream ${stream}: ${error}`);
        const headers = check(error, status);
        assert.match(error.message, new RegExp(`no luck ${status}`));
        if (status === 429 && headers) assert.equal(headers.get("retry-after"), "7");
        if (headers && !native) assert.ok(headers.get("content-type").startsWith("application/json"));
      }
    });
  });
}

test("a page of HTML instead of an error", async () => {
  const page =
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center><hr>nginx</body></html>";
  await everyPair(async ({ ask, check }, kind) => {
    const model = await on(kind, (x) => x.reply(502, page, { "content-type": "text/html" }));
    for (const stream of [false, true]) {
      const error = await failure(ask(model, stream));
      assert.equal(error.status, 502);
      check(error, 502);
      assert.ok(!error.message.includes("<html>"), error.message);
    }
  });
});

test("an answer that is no answer", async () => {
  await everyPair(async ({ ask, check }, kind, _, native) => {
    if (native) return;
    for (const body of ["<html>welcome to our hotel wifi</html>", '{"unexpected":true}', ""]) {
      const model = await on(kind, (x) => x.reply(200, body));
      const error = await failure(ask(model, false));
      assert.equal(error.status, 502, `${JSON.stringify(body)}: ${error}`);
      check(error, 502);
    }
  });
});

test("a provider that cannot be reached", async () => {
  for (const [dialect, { ask, check }] of Object.entries(DIALECTS)) {
    const provider = await t.gw.createProvider({
      kind: "anthropic",
      server_url: "http://127.0.0.1:9",
      server_key: KEY,
    });
    await t.gw.createModel({ provider_id: provider.id, model_name: `unreachable-${dialect.replaceAll(" ", "-")}` });
    const error = await failure(ask(`unreachable-${dialect.replaceAll(" ", "-")}`, false));
    assert.equal(error.status, 502, `${dialect}: ${error}`);
    check(error, 502);
  }
});

test("a key that is not valid", async () => {
  const wrong = "sk-nx-abcdefghijkl-wrong";
  assert.ok(
    (await failure(t.openai({ apiKey: wrong }).responses.create({ model: "x", input: "x" }))) instanceof
      OpenAI.AuthenticationError,
  );
  const error = await failure(
    t.anthropic({ apiKey: wrong }).messages.create({ model: "x", max_tokens: 5, messages: user("x") }),
  );
  assert.ok(error instanceof Anthropic.AuthenticationError);
  assert.deepEqual(
    [error.error.type, error.error.error.type, error.error.request_id],
    ["error", "authentication_error", error.headers.get("x-request-id")],
  );
  const reply = await t.gw.call("/v1beta/models/x:generateContent", {
    method: "POST",
    headers: { "x-goog-api-key": wrong, "content-type": "application/json" },
    body: '{"contents":[]}',
  });
  assert.deepEqual([reply.status, reply.json().error.code, reply.json().error.status], [401, 401, "UNAUTHENTICATED"]);
});

test("a request that makes no sense names the field", async () => {
  const model = await on("openai", (x) => x.reply(500, "never asked"));
  const post = async (target, body) => {
    const reply = await t.gw.complete(t.key, body, { target });
    assert.equal(reply.status, 400, `${target} ${JSON.stringify(body)}: ${reply.text}`);
    return reply.json();
  };
  const messages = await post("/v1/messages", { model, max_tokens: 5, messages: "no list" });
  assert.deepEqual([messages.type, messages.error.type], ["error", "invalid_request_error"]);
  assert.match(messages.error.message, /messages/);
  assert.match((await post("/v1/messages", { model, messages: user("x") })).error.message, /max_tokens/);
  const gem = await post(`/v1beta/models/${model}:generateContent`, { contents: 17 });
  assert.deepEqual([gem.error.code, gem.error.status], [400, "INVALID_ARGUMENT"]);
  assert.match(gem.error.message, /contents/);
  assert.equal((await post("/v1/responses", { model, input: 17 })).error.param, "input");
  assert.equal((await post("/v1/completions", { model, prompt: {} })).error.param, "prompt");
  for (const target of ["/v1/messages", "/v1/responses", "/v1/completions", `/v1beta/models/${model}:generateContent`])
    await post(target, '{"broken');
  assert.equal(t.up.seen(model).length, 0);
});

test("a stream that breaks off throws instead of ending", async () => {
  await everyPair(async ({ ask }, kind, name) => {
    for (const cut of [false, true]) {
      // Half of the events, then the end, proper or not; the last events of each dialect mark the answer as complete.
      const half = UPSTREAMS[kind].events().slice(0, 4);
      const model = await on(kind, async (x) => {
        x.sse();
        for (const one of half) await x.write(one);
        if (cut) x.cut();
        else x.end();
      });
      const error = await failure(ask(model, true));
      assert.ok(error instanceof Error, `${name}: ${error}`);
    }
  });
});

test("what the caller saw before the break is kept, and recorded as failed", async () => {
  const half = anthropic.messageEvents(anthropic.message("m", "half of it")).slice(0, 5);
  const model = await on("anthropic", (x) => x.stream(half));
  const { data, request_id } = await t
    .openai()
    .chat.completions.create({ model, messages: user("x"), stream: true })
    .withResponse();
  let text = "";
  await failure(
    (async () => {
      for await (const part of data) text += part.choices[0]?.delta.content ?? "";
    })(),
  );
  assert.equal(text, "half o");
  assert.equal((await recorded(t, request_id)).outcome, "failed");
});

test("an error event in the middle of Anthropic’s stream", async () => {
  const half = anthropic.messageEvents(anthropic.message("m", "half of it")).slice(0, 5);
  const model = await on("anthropic", (x) =>
    x.stream([...half, anthropic.named("error", { error: { type: "overloaded_error", message: "Overloaded now" } })]),
  );
  for (const [dialect, { ask }] of Object.entries(DIALECTS)) {
    const error = await failure(ask(model, true));
    assert.match(`${error.message} ${JSON.stringify(error.error ?? "")}`, /Overloaded now/, dialect);
  }
});

test("broken-off streams as bytes: no dialect makes up an end", async () => {
  const model = await on("anthropic", (x) =>
    x.stream(anthropic.messageEvents(anthropic.message("m", "half of it")).slice(0, 5)),
  );
  const post = (target, body) => t.gw.complete(t.key, body, { target });
  const chat = (await post("/v1/chat/completions", { model, messages: user("x"), stream: true })).text;
  assert.ok(!chat.includes("[DONE]") && !chat.includes('"finish_reason":"stop"') && chat.includes('"error"'), chat);
  const legacy = (await post("/v1/completions", { model, prompt: "x", stream: true })).text;
  assert.ok(!legacy.includes("[DONE]") && legacy.includes('"error"'), legacy);
  const responses = (await post("/v1/responses", { model, input: "x", stream: true })).text;
  assert.ok(!responses.includes("response.completed") && /event: (error|response\.failed)/.test(responses), responses);
  const gem = (
    await post(`/v1beta/models/${model}:streamGenerateContent?alt=sse`, { contents: [{ parts: [{ text: "x" }] }] })
  ).text;
  assert.ok(!gem.includes("finishReason") && gem.includes('"error"'), gem);
  const other = await on("openai", (x) => x.stream(eventsOf(completion("m", LONG)).slice(0, 3)));
  const messages = (await post("/v1/messages", { model: other, max_tokens: 5, messages: user("x"), stream: true }))
    .text;
  assert.ok(!messages.includes("message_stop") && messages.includes("event: error"), messages);
});

test("the provider’s key is in no error", async () => {
  await everyPair(async ({ ask }, kind) => {
    const model = await on(kind, (x) => x.reply(401, UPSTREAMS[kind].body(401, `Incorrect API key provided: ${KEY}.`)));
    const error = await failure(ask(model, false));
    assert.equal(error.status, 401);
    assert.ok(!error.message.includes(KEY), error.message);
  });
});
