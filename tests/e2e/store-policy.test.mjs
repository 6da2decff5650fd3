// Proves that of a key that keeps no texts none is found in any table, KV entry, R2 object or file of a Durable Object, after
// requests of every kind; and that deleting a conversation or a session deletes all that came of it, even while it is
// answered.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { eventsOf, response } from "../support/responses.mjs";
import { connect } from "../support/socket.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, delay, gate, streamEvents, toolCall } from "../support/upstream.mjs";
import { bearer, eventually, filesBelow, within } from "../support/util.mjs";

const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
after(() => rm(storage, { recursive: true, force: true }));
const t = suite({ storage });

const ASKED = "asked-Jq83nVx0Lm";
const SAID = "said-Zt52kWr7Bp";
const CALLED = "called-Hd19fYc4Su";
const NEEDLES = [ASKED, SAID, CALLED];

const talks = (x) => {
  if (x.json().tools)
    return x.reply(200, completion(x.model, { content: null, tool_calls: [toolCall("c1", "f", `{"q":"${CALLED}"}`)] }));
  return x.json().stream ? x.stream(streamEvents(x.model, [SAID, "."])) : x.reply(200, completion(x.model, SAID));
};

/** Places in which a needle is found: all that the Worker stores. */
async function found(needles = NEEDLES) {
  const places = await t.gw.dump();
  for (const { name, text } of await filesBelow(storage)) {
    const place = path.relative(storage, name);
    if (/(^|\/)(do|durable)/i.test(path.dirname(place))) places.push({ place: `object ${place}`, text });
  }
  return places.filter(({ text }) => needles.some((needle) => text.includes(needle))).map(({ place }) => place);
}

const post = (key, target, body, headers = {}) =>
  t.gw.call(target, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** Requests of every kind that answers with a text. */
async function say(key, model, headers = {}) {
  const cached = { ...headers, "x-nexus-cache": "on" };
  const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
  const messages = [{ role: "user", content: ASKED }];
  const gemini = { contents: [{ role: "user", parts: [{ text: ASKED }] }] };
  const answers = [];
  for (const stream of [false, true]) {
    answers.push(
      await post(key, "/v1/chat/completions", { model, stream, messages }, cached),
      await post(key, "/v1/chat/completions", { model, messages, tools }, headers),
      await post(key, "/v1/completions", { model, stream, prompt: ASKED }, headers),
      await post(key, "/v1/messages", { model, stream, max_tokens: 50, messages }, cached),
      await post(key, "/v1/responses", { model, stream, input: ASKED }, cached),
      await post(
        key,
        `/v1beta/models/${encodeURIComponent(model)}:${stream ? "streamGenerateContent?alt=sse" : "generateContent"}`,
        gemini,
        cached,
      ),
    );
  }
  for (const { status, text } of answers) assert.equal(status, 200, text);
  for (const { headers: given } of answers) await t.gw.row(given["x-request-id"]);
  return answers;
}

test("of a key that keeps no texts none is left behind", async () => {
  await t.model("kept", talks);
  for (const store of ["none", "metadata"]) {
    const { key } = await t.gw.createKey({ store });
    const answers = await say(key, "kept");
    for (const { text } of answers) assert.ok(text.includes(SAID) || text.includes(CALLED), text);
    const whole = answers.map(({ text }) => text).find((text) => text.startsWith("{") && text.includes('"response"'));
    const response = JSON.parse(whole);
    assert.equal(response.store, false, "the answer says that it is not stored");
    assert.equal((await t.gw.call(`/v1/responses/${response.id}`, { headers: bearer(key) })).status, 404);
    const refused = await post(key, "/api/v1/sessions", { title: ASKED });
    assert.deepEqual([refused.status, refused.json().error_code], [403, "TEXTS_NOT_KEPT"]);
    await assert.rejects(connect(`${t.gw.url}/ws/chat?v=2`, { headers: bearer(key) }), /403/);
    assert.deepEqual(await found(), [], store);
  }
});

test("deleting a conversation deletes all that came of it", async () => {
  await t.model("forgotten", talks);
  const { key } = await t.gw.createKey({});
  await say(key, "forgotten", { "x-conversation-id": "to-be-forgotten" });
  // The search finds what it should: the archive, stored responses and cached ones.
  const places = await eventually(async () => {
    const all = await found();
    return (
      ["D1 conversations", "D1 archive_packs", "D1 responses", "R2 answers/"].every((place) =>
        all.some((one) => one.startsWith(place)),
      ) && all
    );
  });
  assert.ok(places.length >= 4);
  assert.equal((await t.gw.admin("DELETE", "/conversations/to-be-forgotten")).status, 200);
  assert.deepEqual(await found(), []);
});

test("a conversation that is deleted while it is answered leaves nothing", async () => {
  const open = gate();
  await t.model("late", async (x) => {
    x.sse();
    const events = streamEvents(x.model, [SAID, "."]);
    await x.write(events[0]);
    await x.write(events[1]);
    await open.opened;
    for (const rest of events.slice(2)) await x.write(rest);
    x.end();
  });
  const { key } = await t.gw.createKey({});
  const headers = { "x-conversation-id": "late-one" };
  const first = await t.gw.complete(key, ask("demo/echo"), { headers });
  await t.gw.row(first.headers["x-request-id"]);
  await eventually(
    async () => (await t.gw.admin("GET", "/conversations?search=something")).body.conversations.length > 0,
  );
  const answer = post(key, "/v1/chat/completions", { ...ask("late"), stream: true }, headers);
  await eventually(async () => t.up.seen("late").length === 1);
  assert.equal((await t.gw.admin("DELETE", "/conversations/late-one")).status, 200);
  open.open();
  const { headers: given, text } = await answer;
  assert.ok(text.includes(SAID), "the answer itself goes on");
  await t.gw.row(given["x-request-id"]);
  await t.gw.scheduled();
  assert.deepEqual(await found(), []);
  // A later request may use the same id again.
  await t.gw.complete(key, ask("demo/echo"), { headers });
  await eventually(
    async () => (await t.gw.admin("GET", "/conversations?search=something")).body.conversations.length > 0,
  );
});

test("a session that is deleted for good while it answers ends its turn and leaves nothing", async () => {
  await t.model("interrupted", async (x) => {
    x.sse();
    for (const one of streamEvents(x.model, [SAID, SAID]).slice(0, 2)) await x.write(one);
    x.hang();
  });
  const { key } = await t.gw.createKey({});
  for (const stream of [true, false]) {
    const { data } = (await post(key, "/api/v1/sessions", { model: "interrupted" })).json();
    const turn = { session_id: data.id, message: ASKED, stream };
    const answer = post(key, "/api/v1/chat", turn);
    await eventually(async () => t.up.seen("interrupted").length === (stream ? 1 : 2));
    const queued = post(key, "/api/v1/chat", { ...turn, stream: true });
    await delay(200);
    const deleted = await t.gw.call(`/api/v1/sessions/${data.id}?permanent=true`, {
      method: "DELETE",
      headers: bearer(key),
    });
    assert.equal(deleted.status, 200);
    const { status, text } = await within(10_000, answer, "the end of the running turn");
    assert.equal(status, 200, text);
    assert.match(text, /"finish_reason":"stopped"/);
    assert.match((await within(10_000, queued, "the end of the queued turn")).text, /turn_stopped|session_not_found/);
    await t.gw.scheduled();
    assert.deepEqual(await found(), [], `stream: ${stream}`);
  }
});

test("for a key that keeps no texts a provider that stores responses is told not to", async () => {
  const provider = await t.gw.createProvider({
    name: "storing",
    server_url: `${t.up.url}/v1`,
    server_key: "sk-storing-0001",
    quirks: ["responses", "chat_passthrough"],
  });
  await t.model(
    "storing",
    (x) => {
      if (x.path.endsWith("/chat/completions")) return x.reply(200, completion(x.model, SAID));
      const whole = response(SAID);
      return x.json().stream ? x.stream(eventsOf(whole)) : x.reply(200, whole);
    },
    { provider_id: provider.id },
  );
  for (const store of ["none", "metadata", "full"]) {
    const { key } = await t.gw.createKey({ store });
    const told = async (target, body) => {
      assert.equal((await post(key, target, { model: "storing", ...body })).status, 200);
      return t.up.last("storing").json().store;
    };
    for (const stream of [false, true]) {
      const input = { input: ASKED, stream };
      assert.equal(await told("/v1/responses", input), store === "full" ? undefined : false, store);
      assert.equal(await told("/v1/responses", { ...input, store: true }), store === "full", store);
      assert.equal(await told("/v1/responses", { ...input, store: false }), false);
    }
    const messages = [{ role: "user", content: ASKED }];
    assert.equal(await told("/v1/chat/completions", { messages, store: true }), store === "full", store);
    assert.equal(await told("/v1/chat/completions", { messages }), undefined);
  }
});
