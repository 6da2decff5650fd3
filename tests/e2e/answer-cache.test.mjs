// Proves that a cached response is returned only to the key that enabled the cache, only for an identical request,
// only while it lives, and in the form that the new request asks for.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, streamEvents } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite();

let answers = 0;
const counts = (x) => {
  const text = `answer ${++answers}`;
  return x.json().stream ? x.stream(streamEvents(x.model, [text])) : x.reply(200, completion(x.model, text));
};
const ON = { headers: { "x-nexus-cache": "on" } };
const rows = () => t.gw.db("SELECT * FROM cached_answers");

/** Sends a request, and waits until the response is cached, which happens after the answer. */
async function prime(body, options = ON) {
  const before = (await rows()).length;
  const answer = await t.complete(body, options);
  assert.equal(answer.headers["x-nexus-cache"], "miss", answer.text);
  await eventually(async () => (await rows()).length > before, { what: "the answer being kept" });
  return answer;
}
const said = (text) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)).choices?.[0]?.delta?.content ?? "")
    .join("");

test("the same request gets the same bytes, and the upstream hears of it once", async () => {
  await t.model("cached", counts);
  const first = await prime(ask("cached"));
  const second = await t.complete({ messages: [{ content: "Say something.", role: "user" }], model: "cached" }, ON);
  assert.equal(second.headers["x-nexus-cache"], "hit");
  assert.equal(second.text, first.text);
  assert.equal(second.headers["x-nexus-provider"], t.provider.name);
  assert.ok(Number(second.headers.age) >= 0);
  assert.equal(t.up.seen("cached").length, 1);
  const row = await t.gw.row(second.headers["x-request-id"]);
  assert.deepEqual([row.outcome, row.usage_source, row.prompt_tokens], ["completed", "none", 0]);
  assert.deepEqual(
    JSON.parse(row.attempts).map(({ skipped }) => skipped),
    ["cache_hit"],
  );
});

test("a request that does not enable the cache gets an answer of its own", async () => {
  await t.model("uncached", counts);
  await prime(ask("uncached"));
  const answer = await t.complete(ask("uncached"));
  assert.equal(answer.headers["x-nexus-cache"], undefined);
  assert.equal(t.up.seen("uncached").length, 2);
});

test("kept whole, given as a stream; kept from a stream, given whole", async () => {
  await t.model("both-ways", counts);
  const whole = await prime(ask("both-ways"));
  const streamed = await t.complete(ask("both-ways", { stream: true }), ON);
  assert.equal(streamed.headers["x-nexus-cache"], "hit");
  assert.match(streamed.headers["content-type"], /^text\/event-stream/);
  assert.equal(said(streamed.text), whole.json().choices[0].message.content);
  assert.ok(streamed.text.trimEnd().endsWith("data: [DONE]"));
  const other = await prime(ask("both-ways", { stream: true, temperature: 0.5 }));
  const again = await t.complete(ask("both-ways", { temperature: 0.5 }), ON);
  assert.equal(again.headers["x-nexus-cache"], "hit");
  assert.equal(again.json().choices[0].message.content, said(other.text));
});

test("what one key asked is not known to another", async () => {
  await t.model("private", counts);
  await prime(ask("private"));
  const { key } = await t.gw.createKey();
  const answer = await t.gw.complete(key, ask("private"), ON);
  assert.equal(answer.headers["x-nexus-cache"], "miss");
});

test("any other field makes another request", async () => {
  await t.model("fields", counts);
  await prime(ask("fields", { temperature: 0 }));
  for (const fields of [{ temperature: 1 }, { temperature: 0, user: "u" }, { temperature: 0, seed: 1 }]) {
    const answer = await t.complete(ask("fields", fields), ON);
    assert.equal(answer.headers["x-nexus-cache"], "miss", JSON.stringify(fields));
  }
});

test("an answer can be asked for anew, and has its time", async () => {
  await t.model("timed", counts);
  const first = await prime(ask("timed"), { headers: { "x-nexus-cache": "1" } });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const late = await t.complete(ask("timed"), ON);
  assert.equal(late.headers["x-nexus-cache"], "miss");
  await eventually(async () => (await t.complete(ask("timed"), ON)).headers["x-nexus-cache"] === "hit", {
    what: "the new answer",
  });
  const fresh = await t.complete(ask("timed"), { headers: { "x-nexus-cache": "refresh" } });
  assert.equal(fresh.headers["x-nexus-cache"], "miss");
  assert.notEqual(fresh.text, first.text);
});

test("errors and answers that break off are not kept", async () => {
  await t.model("failing", (x) =>
    x.reply(500, { error: { message: "no", type: "server_error", param: null, code: null } }),
  );
  assert.equal((await t.complete(ask("failing"), ON)).status, 500);
  await t.model("breaking", async (x) => {
    x.head(200, { "content-type": "text/event-stream" });
    await x.write(streamEvents(x.model, ["half"])[1]);
    x.cut();
  });
  await t.complete(ask("breaking", { stream: true }), ON);
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const model of ["failing", "breaking"])
    assert.deepEqual(await t.gw.db("SELECT * FROM cached_answers WHERE model = ?", model), []);
});

test("a logical model may want it for all", async () => {
  await t.model("kept-upstream", counts);
  const { status } = await t.gw.admin("POST", "/logical-models", {
    name: "kept",
    cache_ttl_s: 60,
    candidates: [{ provider_id: t.provider.id, model: "kept-upstream" }],
  });
  assert.equal(status, 201);
  await prime(ask("kept"), {});
  assert.equal((await t.complete(ask("kept"))).headers["x-nexus-cache"], "hit");
  assert.equal(
    (await t.complete(ask("kept"), { headers: { "x-nexus-cache": "off" } })).headers["x-nexus-cache"],
    undefined,
  );
});

test("a key may want it for all of its requests, or for none; the request itself has the last word", async () => {
  await t.model("by-key-upstream", counts);
  const candidates = [{ provider_id: t.provider.id, model: "by-key-upstream" }];
  assert.equal(
    (await t.gw.admin("POST", "/logical-models", { name: "by-key", cache_ttl_s: 60, candidates })).status,
    201,
  );
  const off = await t.gw.createKey({ cache_ttl_s: 0 });
  assert.equal(off.cache_ttl_s, 0);
  const use = async (key, model, options) => (await t.gw.complete(key, ask(model), options)).headers["x-nexus-cache"];
  assert.equal(await use(off.key, "by-key"), undefined, "against the logical model");
  assert.equal(await use(off.key, "by-key", ON), "miss", "the request says so");

  const on = await t.gw.createKey({ cache_ttl_s: 600 });
  assert.equal(await use(on.key, "by-key-upstream"), "miss");
  await eventually(async () => (await use(on.key, "by-key-upstream")) === "hit", { what: "the kept answer" });
  assert.equal(await use(on.key, "by-key-upstream", { headers: { "x-nexus-cache": "off" } }), undefined);
  const { expires_at } = (await rows()).find(({ api_key_id }) => api_key_id === on.id);
  assert.ok(Math.abs(expires_at - Date.now() - 600_000) < 60_000, "for as long as the key says");

  const { status, body } = await t.gw.admin("PUT", `/keys/${on.id}`, { cache_ttl_s: null });
  assert.deepEqual([status, body.cache_ttl_s], [200, null]);
  assert.equal(await use(on.key, "by-key-upstream"), undefined);
  assert.equal(await use(on.key, "by-key"), "miss", "as the logical model says");
  const wrong = await t.gw.admin("PUT", `/keys/${on.id}`, { cache_ttl_s: -1 });
  assert.deepEqual([wrong.status, wrong.body.error.param], [400, "cache_ttl_s"]);
});

test("cleared by model, by key and altogether", async () => {
  await t.model("cleared", counts);
  await prime(ask("cleared"));
  const clear = async (body) => (await t.gw.admin("POST", "/system/cache/clear", body)).body.cleared;
  assert.equal(await clear({ segment: "model", id: "cleared" }), 1);
  assert.equal((await t.complete(ask("cleared"), ON)).headers["x-nexus-cache"], "miss");
  await eventually(async () => (await t.gw.db("SELECT * FROM cached_answers WHERE model = 'cleared'")).length === 1, {
    what: "the answer being kept",
  });
  const { id } = (await t.gw.admin("GET", "/keys")).body.keys.find(({ name }) => name === "suite");
  assert.ok((await clear({ segment: "key", id })) >= 1);
  assert.ok((await clear({})) >= 0);
  assert.deepEqual(await rows(), []);
  const { status, body } = await t.gw.admin("POST", "/system/cache/clear", { segment: "some" });
  assert.deepEqual([status, body.error.param], [400, "segment"]);
});

test("a wrong value names the header", async () => {
  await t.model("wrong", counts);
  const answer = await t.complete(ask("wrong"), { headers: { "x-nexus-cache": "maybe" } });
  assert.equal(answer.status, 400);
  assert.equal(errorOf(answer.text).param, "x-nexus-cache");
});

test("Messages: translated answers are kept in the caller’s dialect", async () => {
  await t.model("claude-like", counts);
  const body = { model: "claude-like", max_tokens: 50, messages: [{ role: "user", content: "Say something." }] };
  const options = { target: "/v1/messages", ...ON };
  const first = await prime(body, options);
  const second = await t.complete(body, options);
  assert.equal(second.headers["x-nexus-cache"], "hit");
  assert.equal(second.json().content[0].text, first.json().content[0].text);
  const streamed = await t.complete({ ...body, stream: true }, options);
  assert.match(streamed.text, /event: message_stop/);
});
