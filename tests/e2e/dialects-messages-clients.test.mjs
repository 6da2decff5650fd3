// Proves what clients of the Messages and Gemini APIs need besides answers: keep-alives in their dialect, forwarded
// query parameters, and errors that their SDKs can parse at every path.
import assert from "node:assert/strict";
import * as anthropic from "../support/anthropic.mjs";
import { dialectSuite, user } from "../support/dialects.mjs";
import { test } from "../support/suite.mjs";
import { completion, delay, eventsOf } from "../support/upstream.mjs";

const t = dialectSuite(["openai", "anthropic", "gemini"], { vars: { KEEP_ALIVE_MS: "150" } });
const PING = 'event: ping\ndata: {"type":"ping"}\n\n';
const headers = (more = {}) => ({
  "x-api-key": t.key,
  "content-type": "application/json",
  "anthropic-version": "2023-06-01",
  ...more,
});
const post = (path, body, more) =>
  fetch(`${t.gw.url}${path}`, { method: "POST", headers: headers(more), body: JSON.stringify(body) });
const asks = (model) => ({ model, max_tokens: 10, stream: true, messages: user("Hi") });

async function slowly(x, events) {
  x.sse();
  for (const [i, event] of events.entries()) {
    await x.write(event);
    if (i === 2) await delay(700);
  }
  x.end();
}

test("a pause is bridged by pings", async () => {
  await t.on("openai", "slow-openai", (x) => slowly(x, eventsOf(completion("m", "abcdef"))));
  await t.on("anthropic", "slow-anthropic", (x) =>
    slowly(x, anthropic.messageEvents(anthropic.message("m", "abcdef"))),
  );
  for (const model of ["slow-openai", "slow-anthropic"]) {
    const text = await (await post("/v1/messages", asks(model))).text();
    assert.ok(text.includes(PING), `${model}: no ping in the pause`);
    assert.ok(!text.includes(": keep-alive"), `${model}: a comment`);
    assert.match(text, /message_stop/);
    const message = await t.anthropic().messages.stream(asks(model)).finalMessage();
    assert.equal(message.content[0].text, "abcdef");
  }
});

test("query parameters reach a provider of the same dialect, and no other", async () => {
  await t.on("anthropic", "queried", anthropic.answersWith(anthropic.message("m", "x")));
  await (await post("/v1/messages?beta=true&trace=a%20b", asks("queried"))).text();
  assert.equal(t.up.last("queried").path, "/v1/messages?beta=true&trace=a%20b");
  await (await post("/v1/messages/count_tokens?beta=true", asks("queried"))).text();
  assert.equal(t.up.last("queried").path, "/v1/messages/count_tokens?beta=true");
  await t.on("openai", "unqueried", (x) => x.reply(200, completion("m", "x")));
  await (await post("/v1/messages?beta=true", { ...asks("unqueried"), stream: false })).text();
  assert.equal(t.up.last("unqueried").path, "/v1/chat/completions");
});

test("what is not there is told in the dialect of the path", async () => {
  for (const [method, path, status] of [
    ["POST", "/v1/messages/batches", 404],
    ["GET", "/v1/messages", 405],
  ]) {
    const reply = await fetch(`${t.gw.url}${path}`, { method, headers: headers() });
    const body = await reply.json();
    assert.deepEqual(
      [reply.status, body.type, typeof body.error.type, typeof body.request_id],
      [status, "error", "string", "string"],
      path,
    );
  }
  const reply = await fetch(`${t.gw.url}/v1beta/cachedContents`, { headers: headers() });
  const { error } = await reply.json();
  assert.deepEqual([reply.status, error.code, error.status], [404, 404, "NOT_FOUND"]);
});

test("a count says nothing of a conversation", async () => {
  await t.on("anthropic", "counted", (x) => x.reply(200, { input_tokens: 7 }));
  const reply = await post("/v1/messages/count_tokens", asks("counted"));
  assert.deepEqual([await reply.json(), reply.headers.has("x-conversation-id")], [{ input_tokens: 7 }, false]);
});
