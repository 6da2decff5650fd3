// Proves the WebSocket chat: both protocols, every form of authentication, resuming after a disconnect at any frame,
// several watchers, stopping, invalid frames, many connections, hibernation and eviction, and exactly one usage event
// per turn.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { connect } from "../support/socket.mjs";
import { startGateway } from "../support/gateway.mjs";
import { suite, test } from "../support/suite.mjs";
import { delay, gate, streamEvents, toolCall, usage, answersWith, completion } from "../support/upstream.mjs";
import { bearer, eventually, within } from "../support/util.mjs";

const t = suite({ vars: { CHAT_STREAM_PER_MINUTE: "100000", CHAT_PER_MINUTE: "100000" } });

const keyId = () => t.key.split("-")[2];
const open = (query = "", { key = t.key, ...options } = {}) =>
  connect(`${t.gw.url}/ws/chat${query}`, { headers: key ? bearer(key) : {}, ...options });
const rows = (conversation) => t.gw.db("SELECT * FROM request_log WHERE conversation_id = ? ORDER BY id", conversation);
const rowsOf = (conversation, count) =>
  eventually(
    async () => {
      const found = await rows(conversation);
      return found.length >= count && found;
    },
    { what: `${count} rows of ${conversation}` },
  );
const words = (n, word = "w") => Array.from({ length: n }, (_, i) => `${word}${i} `);
const talks = (model, n) => (x) => x.stream(streamEvents(model, words(n), { reported: usage(11, n) }));
const seqsAreWhole = (frames) => frames.every((frame, i) => i === 0 || frame.seq === frames[i - 1].seq + 1);

/** An upstream that sends one word each time it is told to. */
function stepwise(model, n) {
  const gates = Array.from({ length: n + 1 }, gate);
  const behaviour = async (x) => {
    const events = streamEvents(model, words(n), { reported: usage(11, n) });
    x.sse();
    await x.write(events[0]);
    for (let i = 0; i < n; i++) {
      await gates[i].opened;
      await x.write(events[i + 1]);
    }
    await gates[n].opened;
    for (const rest of events.slice(n + 1)) await x.write(rest);
    x.end();
  };
  return { gates, behaviour, openAll: () => gates.forEach((one) => one.open()) };
}

test("the frames of the predecessor: growing texts, an end with usage, an error", async () => {
  await t.model("v1-model", talks("v1-model", 5));
  const socket = await open();
  socket.send({ message: "Hello", provider_id: t.provider.id, model_name: "v1-model" });
  const done = await socket.frame("done");
  assert.deepEqual(done.usage, { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 });
  const texts = socket.frames.filter((frame) => frame.type === "message").map((frame) => frame.content);
  assert.ok(texts.length >= 1);
  assert.equal(texts.at(-1), words(5).join(""));
  for (const [i, text] of texts.entries()) if (i > 0) assert.ok(text.startsWith(texts[i - 1]));
  for (const frame of socket.frames) assert.ok(["message", "done"].includes(frame.type), JSON.stringify(frame));
  socket.send({ message: "Hello", model_name: "no-such-model" });
  const error = await socket.frame((frame) => frame.error !== undefined);
  assert.equal(error.code, "model_not_found");
  socket.close();
});

test("a whole turn of the second protocol", async () => {
  await t.model("v2-model", talks("v2-model", 8));
  const socket = await open("?v=2");
  const hello = await socket.frame("hello");
  assert.equal(hello.protocol, 2);
  assert.match(hello.session_id, /^sess_/);
  socket.send({ type: "message", seq: 1, id: "first", content: "Hello you", model: "v2-model" });
  const done = await socket.frame("done");
  const ack = await socket.frame("ack");
  assert.equal(ack.ref, 1);
  assert.equal(ack.turn_id, done.turn_id);
  assert.equal(socket.text(), words(8).join(""));
  assert.equal(done.finish_reason, "stop");
  assert.equal(done.provider, "loopback");
  assert.deepEqual(done.usage, { prompt_tokens: 11, completion_tokens: 8, total_tokens: 19 });
  assert.ok(seqsAreWhole(socket.numbered) && socket.numbered[0].seq === 1, JSON.stringify(socket.numbered));
  assert.deepEqual(socket.numbered[0].content, "Hello you");

  const [row] = await rowsOf(hello.session_id, 1);
  assert.equal(row.id, done.turn_id);
  assert.deepEqual(
    [row.outcome, row.stream, row.prompt_tokens, row.completion_tokens, row.key_id],
    ["completed", 1, 11, 8, keyId()],
  );

  // The same frame again, from a client that did not receive the ack, is not another turn.
  socket.send({ type: "message", seq: 2, id: "first", content: "Hello you", model: "v2-model" });
  const again = await socket.frame((frame) => frame.type === "ack" && frame.ref === 2);
  assert.deepEqual([again.duplicate, again.turn_id], [true, done.turn_id]);

  // The next turn has the history.
  socket.send({ type: "message", content: "And now?" });
  await socket.frame((frame) => frame.type === "done" && frame.turn_id !== done.turn_id);
  const sent = t.up.last("v2-model").json().messages;
  assert.deepEqual(
    sent.map(({ role, content }) => [role, content]),
    [
      ["user", "Hello you"],
      ["assistant", words(8).join("")],
      ["user", "And now?"],
    ],
  );
  socket.send({ type: "ping", seq: 9 });
  assert.equal((await socket.frame("pong")).ref, 9);
  socket.send("ping");
  await socket.frame((frame) => frame === "pong");
  socket.close();
  await socket.closed;
});

test("who one is: header, subprotocol, ticket; never the address", async () => {
  await assert.rejects(
    open("", { key: null }),
    (error) => error.status === 401 && error.body.error.code === "missing_api_key",
  );
  await assert.rejects(open("", { key: `sk-nx-${"0".repeat(12)}-${"0".repeat(32)}` }), { status: 401 });
  await assert.rejects(
    open(`?key=${t.key}`),
    (error) => error.status === 400 && error.body.error.code === "key_in_address",
  );
  await assert.rejects(
    open("", { protocols: ["soap"] }),
    (error) => error.body.error.code === "unsupported_subprotocol",
  );
  await assert.rejects(open("?v=7"), (error) => error.body.error.param === "v");
  await assert.rejects(
    open("?session_id=nothing-here"),
    (error) => error.status === 404 && error.body.error.code === "session_not_found",
  );
  const plain = await t.gw.call("/ws/chat", { headers: bearer(t.key) });
  assert.equal(plain.status, 426);

  const keyed = await open("", { key: null, protocols: ["nexus.chat.v2", `nexus-key.${t.key}`] });
  assert.equal(keyed.protocol, "nexus.chat.v2");
  await keyed.frame("hello");
  keyed.close();

  const post = (body) =>
    t.gw.call("/ws/ticket", {
      method: "POST",
      headers: { ...bearer(t.key), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const answer = await post({});
  assert.equal(answer.status, 201);
  const { ticket, session_id, expires_in } = answer.json();
  assert.ok(expires_in <= 60 && !answer.text.includes(t.key));
  const first = await open("", { key: null, protocols: ["nexus.chat.v2", `nexus-ticket.${ticket}`] });
  assert.equal((await first.frame("hello")).session_id, session_id);
  first.close();
  await assert.rejects(
    open(`?ticket=${ticket}`, { key: null }),
    (error) => error.status === 401 && error.body.error.code === "ticket_used",
  );
  await assert.rejects(
    open("?ticket=nonsense", { key: null }),
    (error) => error.status === 401 && error.body.error.code === "invalid_ticket",
  );
  const second = (await post({ session_id })).json();
  await assert.rejects(open(`?ticket=${second.ticket}&session_id=other`, { key: null }), { status: 400 });
  const back = await open(`?ticket=${second.ticket}&v=2`, { key: null });
  await back.frame("hello");
  back.close();

  // Another key cannot access the session in any way.
  const other = (await t.gw.createKey({})).key;
  await assert.rejects(open(`?session_id=${session_id}`, { key: other }), { status: 404 });
});

test("a used ticket stays used when its session is deleted for good, also by an object that was evicted", async () => {
  const target = "/ws/ticket";
  const issued = await t.gw.call(target, { method: "POST", headers: bearer(t.key), body: "{}" });
  const { ticket, session_id } = issued.json();
  const unused = (
    await t.gw.call(target, { method: "POST", headers: bearer(t.key), body: JSON.stringify({ session_id }) })
  ).json();
  const refused = (error) => error.status === 401 && error.body.error.code === "ticket_used";
  const socket = await open(`?ticket=${ticket}&v=2`, { key: null });
  await socket.frame("hello");
  socket.send({ type: "ping" });
  await socket.frame("pong");
  const session = `/api/v1/sessions/${session_id}`;
  const deleted = await t.gw.call(`${session}?permanent=true`, { method: "DELETE", headers: bearer(t.key) });
  assert.equal(deleted.status, 200);
  await socket.frame("deleted");
  const closed = await within(3_000, socket.closed, "the close event");
  assert.deepEqual(closed, { code: 1000, reason: "the session was deleted" });
  await assert.rejects(open(`?ticket=${ticket}`, { key: null }), refused);
  await t.gw.evictRoom(t.key.split("-")[2], session_id);
  await assert.rejects(open(`?ticket=${ticket}`, { key: null }), refused);
  // Nothing was made for it on the way, and a ticket for a session that is gone opens none.
  assert.equal((await t.gw.call(session, { headers: bearer(t.key) })).status, 404);
  await assert.rejects(open(`?ticket=${unused.ticket}`, { key: null }), { status: 404 });
  // A session of the same name does not forget them either.
  const again = await t.gw.call("/api/v1/sessions", {
    method: "POST",
    headers: { ...bearer(t.key), "content-type": "application/json" },
    body: JSON.stringify({ id: session_id }),
  });
  assert.equal(again.status, 201);
  await assert.rejects(open(`?ticket=${ticket}`, { key: null }), refused);
});

test("cut at every frame, and resumed: nothing is missing, nothing comes twice, and the turn never noticed", async () => {
  const n = 6;
  for (let cut = 0; cut <= n; cut++) {
    const model = `cut-${cut}`;
    const steps = stepwise(model, n);
    await t.model(model, steps.behaviour);
    const socket = await open("?v=2");
    const { session_id } = await socket.frame("hello");
    socket.send({ type: "message", content: "Go", model });
    await socket.frame("turn");
    for (let i = 0; i < cut; i++) {
      steps.gates[i].open();
      await socket.frame((frame) => frame.type === "delta" && frame.content.includes(`w${i} `));
    }
    socket.cut();
    const seen = socket.numbered;
    steps.openAll();
    const back = await open(`?v=2&session_id=${session_id}&last_seq=${seen.at(-1).seq}`);
    const done = await back.frame("done");
    const all = [...seen, ...back.numbered];
    assert.ok(seqsAreWhole(all), `${cut}: ${JSON.stringify(all.map((frame) => frame.seq))}`);
    const told = all
      .filter((frame) => frame.type === "delta")
      .map((frame) => frame.content)
      .join("");
    assert.equal(told, words(n).join(""), `cut at ${cut}`);
    assert.equal(done.usage.completion_tokens, n);
    back.close();
    const found = await rowsOf(session_id, 1);
    assert.deepEqual(
      found.map((row) => row.outcome),
      ["completed"],
    );
    assert.equal(t.up.seen(model).length, 1);
  }
});

test("a client may also say by a frame what it saw last", async () => {
  await t.model("hello-back", talks("hello-back", 4));
  const socket = await open("?v=2");
  const { session_id } = await socket.frame("hello");
  socket.send({ type: "message", content: "Go", model: "hello-back" });
  await socket.frame("done");
  const back = await open(`?v=2&session_id=${session_id}`);
  await back.frame("hello");
  assert.equal(back.numbered.length, 0);
  back.send({ type: "hello", last_seq: 2 });
  await back.frame("done");
  assert.deepEqual(
    back.numbered.map((frame) => frame.seq),
    socket.numbered.slice(2).map((frame) => frame.seq),
  );
  // A number that was never assigned: the history instead.
  back.send({ type: "hello", last_seq: 9999 });
  const history = await back.frame("history");
  assert.deepEqual(
    history.messages.map((message) => message.role),
    ["user", "assistant"],
  );
  socket.close();
  back.close();
});

test("two watchers see the same, and a dropped asker changes nothing", async () => {
  const steps = stepwise("watched", 5);
  await t.model("watched", steps.behaviour);
  const asker = await open("?v=2");
  const { session_id } = await asker.frame("hello");
  const watchers = await Promise.all([
    open(`?v=2&session_id=${session_id}`),
    open(`?v=2&session_id=${session_id}`),
    open(`?v=1&session_id=${session_id}`),
  ]);
  asker.send({ type: "message", content: "Go", model: "watched" });
  steps.gates[0].open();
  await watchers[0].frame("delta");
  asker.cut();
  steps.openAll();
  const [a, b] = watchers;
  await Promise.all([a.frame("done"), b.frame("done"), watchers[2].frame("done")]);
  assert.deepEqual(a.numbered, b.numbered);
  assert.equal(a.text(), words(5).join(""));
  assert.equal(watchers[2].frames.filter((frame) => frame.type === "message").at(-1).content, words(5).join(""));
  for (const watcher of watchers) watcher.close();
  assert.equal((await rowsOf(session_id, 1)).length, 1);
});

test("stop closes the upstream at once and keeps what came", async () => {
  const steps = stepwise("stopped", 5);
  await t.model("stopped", steps.behaviour);
  const socket = await open("?v=2");
  const { session_id } = await socket.frame("hello");
  socket.send({ type: "stop", seq: 1 });
  assert.equal((await socket.frame("error")).code, "no_active_turn");
  socket.send({ type: "message", content: "Go", model: "stopped" });
  steps.gates[0].open();
  await socket.frame("delta");
  const asked = Date.now();
  socket.send({ type: "stop" });
  const done = await socket.frame("done");
  assert.equal(done.finish_reason, "stopped");
  await within(2_000, t.up.last("stopped").closed, "the upstream seeing the close");
  assert.ok(Date.now() - asked < 2_000);
  assert.ok(t.up.last("stopped").closedEarly);
  const [row] = await rowsOf(session_id, 1);
  assert.equal(row.outcome, "cancelled");
  assert.ok(row.completion_tokens > 0);
  // Before the upstream has sent anything.
  await t.model("silent", (x) => x.hang());
  socket.send({ type: "message", content: "Go", model: "silent" });
  const x = await within(
    5_000,
    eventually(() => t.up.last("silent")),
    "the request",
  );
  socket.send({ type: "stop" });
  await socket.frame((frame) => frame.type === "done" && frame.turn_id !== done.turn_id);
  await within(2_000, x.closed, "the upstream seeing the close");
  // The session goes on.
  await t.model("after-stop", talks("after-stop", 2));
  socket.send({ type: "message", content: "Again", model: "after-stop" });
  await socket.frame((frame) => frame.type === "done" && frame.model === "after-stop");
  const sent = t.up
    .last("after-stop")
    .json()
    .messages.map(({ content }) => content);
  assert.deepEqual(sent, ["Go", "w0 ", "Go", "Again"]);
  assert.deepEqual(
    (await rowsOf(session_id, 3)).map((row) => row.outcome),
    ["cancelled", "cancelled", "completed"],
  );
  socket.close();
});

test("a turn that waits can be stopped before it is begun", async () => {
  const steps = stepwise("queue", 1);
  await t.model("queue", steps.behaviour);
  const socket = await open("?v=2");
  await socket.frame("hello");
  socket.send({ type: "message", seq: 1, content: "One", model: "queue" });
  socket.send({ type: "message", seq: 2, content: "Two", model: "queue" });
  const { turn_id } = await socket.frame((frame) => frame.type === "ack" && frame.ref === 2);
  socket.send({ type: "stop", turn_id });
  assert.equal(
    (await socket.frame((frame) => frame.type === "error" && frame.turn_id === turn_id)).code,
    "turn_stopped",
  );
  steps.openAll();
  await socket.frame("done");
  assert.equal(t.up.seen("queue").length, 1);
  socket.close();
});

test("an upstream that fails ends the turn with its error, and the session goes on", async () => {
  await t.model("refuses", (x) =>
    x.reply(400, {
      error: { message: "No such thing.", type: "invalid_request_error", param: null, code: "bad_thing" },
    }),
  );
  await t.model("breaks", async (x) => {
    x.sse();
    for (const one of streamEvents("breaks", words(3)).slice(0, 3)) await x.write(one);
    await delay(100);
    x.cut();
  });
  await t.model("unstreamed", answersWith(completion("unstreamed", "All at once.")));
  const socket = await open("?v=2");
  const { session_id } = await socket.frame("hello");
  socket.send({ type: "message", content: "Go", model: "refuses" });
  const refused = await socket.frame("error");
  assert.deepEqual([refused.code, refused.status, refused.message], ["bad_thing", 400, "No such thing."]);
  socket.send({ type: "message", content: "Go", model: "breaks" });
  const broken = await socket.frame((frame) => frame.code === "upstream_stream_truncated");
  assert.ok(broken.seq > refused.seq);
  socket.send({ type: "message", content: "Go", model: "unstreamed" });
  await socket.frame("done");
  assert.equal(socket.text(socket.frames.at(-1).turn_id), "All at once.");
  assert.equal((await rowsOf(session_id, 3)).length, 3);
  socket.close();
});

test("tool calls come whole, results go back, and the history has both", async () => {
  const whole = completion(
    "tools",
    { role: "assistant", content: null, tool_calls: [toolCall("call_1", "weather", '{"city":"Bern"}')] },
    { finish: "tool_calls" },
  );
  let turn = 0;
  await t.model("tools", (x) => answersWith(turn++ === 0 ? whole : completion("tools", "Rain."))(x));
  const socket = await open("?v=2");
  await socket.frame("hello");
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object" } } }];
  socket.send({ type: "message", content: "Weather?", model: "tools", config: { tools } });
  const call = await socket.frame("tool_call");
  assert.deepEqual([call.id, call.name, call.arguments], ["call_1", "weather", '{"city":"Bern"}']);
  assert.equal((await socket.frame("done")).finish_reason, "tool_calls");
  socket.send({ type: "tool_result", seq: 5, results: [{ tool_call_id: "nonsense", content: "12" }] });
  assert.equal((await socket.frame((frame) => frame.ref === 5)).code, "unexpected_tool_result");
  socket.send({ type: "tool_result", results: [{ tool_call_id: "call_1", content: "12 degrees" }] });
  await socket.frame((frame) => frame.type === "done" && frame.finish_reason === "stop");
  const sent = t.up.last("tools").json();
  assert.deepEqual(
    sent.messages.map(({ role }) => role),
    ["user", "assistant", "tool"],
  );
  assert.equal(sent.messages[1].tool_calls[0].id, "call_1");
  assert.equal(sent.tools.length, 1);
  socket.close();
});

test("bad frames are refused one by one, with a code, and the connection stays", async () => {
  const bad = [
    "",
    "{",
    "hello",
    "[]",
    "null",
    "1",
    '"ping"',
    "{}",
    { type: 1 },
    { type: "shout" },
    { type: "ping", seq: "1" },
    { type: "ping", seq: -1 },
    { type: "ping", x: 1 },
    { type: "hello", last_seq: "7" },
    { type: "hello", last_seq: -7 },
    { type: "stop", turn_id: 7 },
    { type: "stop", turn_id: "" },
    { type: "message" },
    { type: "message", content: "" },
    { type: "message", content: 7 },
    { type: "message", content: [] },
    { type: "message", content: ["a"] },
    { type: "message", content: [{ text: "a" }] },
    { type: "message", content: "a", model: 7 },
    { type: "message", content: "a", id: "" },
    { type: "message", content: "a", provider_id: 0, model: "m" },
    { type: "message", content: "a", provider_id: 999, model: "m" },
    { type: "message", content: "a" },
    { type: "message", content: "a", config: { temperature: 9 } },
    { type: "message", content: "a", colour: "red" },
    { type: "tool_result" },
    { type: "tool_result", results: [] },
    { type: "tool_result", results: [{ tool_call_id: "x", content: "y" }], model: "m" },
    { type: "regenerate", content: "a" },
    { type: "regenerate", model: "m" },
    Buffer.from('{"type":"ping"}'),
    { type: "message", content: "x".repeat(300_000) },
  ];
  assert.ok(bad.length >= 30);
  const socket = await open("?v=2");
  const { session_id } = await socket.frame("hello");
  for (const [i, frame] of bad.entries()) {
    const before = socket.frames.length;
    socket.send(frame);
    const told = await socket.frame("error", { from: before });
    assert.match(told.code, /^[a-z_]+$/, `${i}: ${JSON.stringify(told)}`);
    assert.ok(told.message.length > 5 && told.seq === undefined);
    assert.equal(socket.frames.length, before + 1, `${i}`);
  }
  socket.send({ type: "ping" });
  await socket.frame("pong");
  assert.deepEqual(await rows(session_id), []);
  socket.close();
});

test("too many frames are refused, then the connection is closed; too many turns are refused", async () => {
  const steps = stepwise("crowd", 1);
  await t.model("crowd", steps.behaviour);
  const asker = await open("?v=2");
  await asker.frame("hello");
  for (let i = 0; i < 21; i++) asker.send({ type: "message", seq: i, content: `${i}`, model: "crowd" });
  const full = await asker.frame("error");
  assert.deepEqual([full.code, full.ref], ["queue_full", 20]);
  assert.deepEqual(
    asker.frames.filter((frame) => frame.type === "ack").map(({ ref }) => ref),
    Array.from({ length: 20 }, (_, i) => i),
  );
  steps.openAll();
  await eventually(() => asker.frames.filter((frame) => frame.type === "done").length === 20);
  asker.close();

  const socket = await open("?v=2");
  await socket.frame("hello");
  for (let i = 0; i < 125; i++) socket.send({ type: "ping" });
  assert.equal((await socket.frame("error")).code, "too_many_frames");
  for (let i = 0; i < 300; i++) socket.send({ type: "ping" });
  assert.equal((await within(10_000, socket.closed, "the close")).code, 1008);
});

test("frames sent faster than they are answered: each is answered once, in order, or refused at once", async () => {
  await t.model("burst", talks("burst", 1));
  const socket = await open("?v=2");
  const { limits } = await socket.frame("hello");
  assert.deepEqual([limits.waiting_frames, limits.waiting_bytes], [60, 1024 * 1024]);
  for (let seq = 0; seq < 110; seq++) socket.send({ type: "message", seq, content: `${seq}`, model: "burst" });
  const answers = () => socket.frames.filter(({ ref }) => ref !== undefined);
  await eventually(() => answers().length === 110, { what: "an answer to each frame" });
  assert.equal(new Set(answers().map(({ ref }) => ref)).size, 110);
  const waited = answers()
    .filter(({ code }) => code !== "inbox_full")
    .map(({ ref }) => ref);
  assert.deepEqual(
    waited,
    waited.toSorted((a, b) => a - b),
  );
  const codes = new Set(answers().map(({ code }) => code ?? "ack"));
  for (const code of codes) assert.ok(["ack", "queue_full", "rate_limited", "inbox_full"].includes(code), code);
  socket.close();
});

test(
  "500 connections on one object see twenty turns, one after the other, each of them whole",
  async () => {
    await t.model("hall", talks("hall", 10));
    const first = await open("?v=2");
    const { session_id } = await first.frame("hello");
    const sockets = [first];
    while (sockets.length < 500) {
      const more = Array.from({ length: 20 }, () => open(`?v=2&session_id=${session_id}`));
      sockets.push(...(await Promise.all(more)).slice(0, 500 - sockets.length));
    }
    const askers = sockets.slice(0, 20);
    for (const [i, socket] of askers.entries())
      socket.send({ type: "message", content: `Question ${i}`, model: "hall" });
    const turns = (socket) =>
      socket.frames.filter((frame) => frame.turn_id && ["done", "error"].includes(frame.type)).length;
    await eventually(() => sockets.every((socket) => turns(socket) === 20), {
      within: 60_000,
      every: 250,
      what: "twenty turns everywhere",
    });
    assert.deepEqual(
      first.frames.filter((frame) => frame.type === "error"),
      [],
    );
    const expected = JSON.stringify(first.numbered);
    for (const socket of sockets) assert.equal(JSON.stringify(socket.numbered), expected);
    assert.ok(seqsAreWhole(first.numbered));
    assert.equal((await rowsOf(session_id, 20)).length, 20);
    for (const socket of sockets) socket.cut();
  },
  { timeout: 240_000 },
);

test("twenty sessions stream at the same time", async () => {
  const all = gate();
  await t.model("parallel", async (x) => {
    const events = streamEvents("parallel", words(5), { reported: usage(1, 5) });
    x.sse();
    await x.write(events[0] + events[1]);
    await all.opened;
    for (const rest of events.slice(2)) await x.write(rest);
    x.end();
  });
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open("?v=2")));
  for (const socket of sockets) socket.send({ type: "message", content: "Go", model: "parallel" });
  await Promise.all(sockets.map((socket) => socket.frame("delta")));
  all.open();
  await Promise.all(sockets.map((socket) => socket.frame("done")));
  for (const socket of sockets) {
    assert.equal(socket.text(), words(5).join(""));
    socket.close();
  }
});

test("a session is active while a connection is open, also without a question", async () => {
  // Connections of other tests may still be closing: this one counts in a gateway of its own.
  const gw = await startGateway();
  try {
    const { key } = await gw.createKey({});
    const active = async (count, what) =>
      eventually(async () => (await gw.admin("GET", "/stats/total")).body.active_sessions === count, { what });
    const connected = () => connect(`${gw.url}/ws/chat?v=2`, { headers: bearer(key) });
    const [first, second] = [await connected(), await connected()];
    await active(2, "two active sessions");
    first.close();
    await active(1, "one active session");
    second.cut();
    await active(0, "no active session");
  } finally {
    await gw.stop();
  }
});

test("an idle session sleeps and wakes with its state", async () => {
  await t.model("sleepy", talks("sleepy", 3));
  const socket = await open("?v=2");
  const { session_id } = await socket.frame("hello");
  socket.send({ type: "message", content: "Before", model: "sleepy" });
  const before = await socket.frame("done");
  await rowsOf(session_id, 1);
  await delay(200);
  await t.gw.evictRoom(keyId(), session_id);
  socket.send({ type: "message", content: "After" });
  const after = await socket.frame((frame) => frame.type === "done" && frame.turn_id !== before.turn_id);
  assert.ok(after.seq > before.seq && seqsAreWhole(socket.numbered));
  assert.deepEqual(
    t.up
      .last("sleepy")
      .json()
      .messages.map(({ content }) => content),
    ["Before", words(3).join(""), "After"],
  );
  socket.close();
});

test("pages of other origins may not connect where origins are listed", async () => {
  const gw = await startGateway({ vars: { CORS_ALLOWED_ORIGINS: "https://app.example" } });
  try {
    const { key } = await gw.createKey({});
    const from = (origin) =>
      connect(`${gw.url}/ws/chat?v=2`, { headers: { ...bearer(key), ...(origin && { origin }) } });
    for (const origin of ["https://app.example", undefined]) {
      const socket = await from(origin);
      await socket.frame("hello");
      socket.close();
    }
    await assert.rejects(from("https://evil.example"), /403/);
  } finally {
    await gw.stop();
  }
});

test("a key that is revoked ends what its sessions may ask", async () => {
  const made = await t.gw.createKey({});
  await t.model("revoked", talks("revoked", 1));
  const socket = await open("?v=2", { key: made.key });
  socket.send({ type: "message", content: "Go", model: "revoked" });
  await socket.frame("done");
  await t.gw.admin("PUT", `/keys/${made.id}`, { enabled: false });
  socket.send({ type: "message", content: "Go", model: "revoked" });
  assert.equal((await socket.frame("error")).code, "api_key_disabled");
  assert.equal((await within(10_000, socket.closed, "the close")).code, 1008);
});

test("a session outlives the rotation of its owner's key; a connection opened with the old secret does not", async () => {
  const made = await t.gw.createKey({});
  await t.model("rotated", talks("rotated", 1));
  const old = await open("?v=2", { key: made.key });
  const { session_id } = await old.frame("hello");
  old.send({ type: "message", content: "Go", model: "rotated" });
  await old.frame("done");
  const { body: rotated } = await t.gw.admin("POST", `/keys/${made.id}/rotate`);
  old.send({ type: "message", content: "Go", model: "rotated" });
  assert.equal((await old.frame("error")).code, "api_key_expired");
  assert.equal((await within(10_000, old.closed, "the close")).code, 1008);
  const socket = await open(`?v=2&session_id=${session_id}`, { key: rotated.key });
  socket.send({ type: "message", content: "Go on", model: "rotated" });
  await socket.frame("done");
  const { data } = (
    await t.gw.call("/api/v1/chat", {
      method: "POST",
      headers: { ...bearer(rotated.key), "content-type": "application/json" },
      body: JSON.stringify({ session_id, message: "And on" }),
    })
  ).json();
  assert.equal(data.message.content, words(1).join(""));
  socket.close();
});

test("the example of the documentation runs", async () => {
  const page = await readFile(new URL("../../docs/websocket.md", import.meta.url), "utf8");
  const [, script] = page.match(/```js\n(.*?)```/s);
  const folder = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
  try {
    await mkdir(path.join(folder, ".dev"));
    await writeFile(
      path.join(folder, ".dev", "credentials.json"),
      JSON.stringify({ base_url: `${t.gw.url}/v1`, api_key: t.key }),
    );
    await writeFile(path.join(folder, "chat.mjs"), script);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["chat.mjs"], {
      cwd: folder,
      timeout: 20_000,
    });
    const whole = (
      await t.complete({ model: "demo/script", messages: [{ role: "user", content: "Tell me something." }] })
    ).json().choices[0].message.content;
    assert.ok(stdout.startsWith(whole), `${stdout} ${stderr}`);
    assert.match(stdout, /total_tokens: \d+/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
