// Proves the exact outcome of each fault between the gateway and an agent, in the real runtime: an agent that is lost before it has
// acknowledged a call, after that, and after it has run it; a hub that is lost while a call waits, and once its result is stored;
// results that come twice, out of order, and from an earlier connection; callers who leave and who read slowly; and that no call is run twice.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { callsOf, codeOf, connectedAgent, part } from "../support/agent.mjs";
import { entry, lose } from "../support/losing-hub.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({ entry });
const long = (name, work) => test(name, work, { timeout: 120_000 });
const PATIENCE = { within: 60_000, every: 50 };
let made = 0;

const { post, get } = callsOf(t);
const nameOf = (one) => `key:${t.key.split("-")[2]}/${one.agentId}`;
const result = (one, id) => get(`/v1/bridge/results/${id}?agent_id=${one.agentId}`);

const agent = () => connectedAgent(t, `faulty-${++made}`);

const body = (one, id, more = {}) => ({ agent_id: one.agentId, tool_name: "files__slow", req_id: id, ...more });
const invoke = (one, id, more) => post("/v1/bridge/invoke", body(one, id, more));
/** The call, once the agent was given it. */
const given = (one, id) =>
  eventually(() => one.calls.find((call) => call.id === id), { what: "the call", ...PATIENCE });

async function isLost(waiting, executed) {
  const answer = await waiting;
  assert.deepEqual([answer.status, codeOf(answer)], [502, "agent_lost"], answer.text);
  assert.match(answer.json().error.message, executed);
}

long("an agent that is lost before its acknowledgement, and has the call, goes on with it", async () => {
  const one = await agent();
  one.ignores = true;
  const waiting = invoke(one, "unacknowledged");
  const call = await given(one, "unacknowledged");
  one.socket.cut();
  const welcome = await one.connect({ resume: { running: ["unacknowledged"], done: [] } });
  assert.deepEqual([welcome.keep, welcome.drop], [["unacknowledged"], []]);
  await one.answer(one.socket, call, { went: "on" });
  assert.deepEqual((await waiting).json().result, { went: "on" });
  assert.equal(one.calls.length, 1);
});

long("an agent that is lost before its acknowledgement, and never got the call, has not executed it", async () => {
  const one = await agent();
  one.ignores = true;
  const waiting = invoke(one, "never-arrived");
  await given(one, "never-arrived");
  one.socket.cut();
  await one.connect();
  await isLost(waiting, /was not executed/);
});

long(
  "an agent that is killed after its acknowledgement, or after it has run the call, may have executed it",
  async () => {
    const one = await agent();
    one.behaviour = () => undefined;
    const waiting = invoke(one, "killed");
    await given(one, "killed");
    one.socket.cut();
    one.instance = "another-run";
    await one.connect();
    await isLost(waiting, /may have been executed/);
    // The call is not made again: neither on its own, nor when it is asked for again.
    await isLost(invoke(one, "killed"), /may have been executed/);
    assert.equal(one.calls.length, 1);
  },
);

long("an agent that does not come back is lost after twenty seconds", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const waiting = invoke(one, "gone");
  await given(one, "gone");
  const cut = Date.now();
  one.socket.cut();
  await isLost(waiting, /may have been executed/);
  assert.ok(Date.now() - cut >= 19_000, `${Date.now() - cut} ms`);
});

long("a hub that is lost while a call waits is asked again by the gateway, and by the agent", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const waiting = invoke(one, "waiting");
  const call = await given(one, "waiting");
  await lose(t.gw, nameOf(one));
  await one.socket.closed;
  const welcome = await one.connect({ resume: { running: ["waiting"], done: [] } });
  assert.deepEqual(welcome.keep, ["waiting"]);
  await one.answer(one.socket, call, { after: "the loss" });
  const answer = await waiting;
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json().result, { after: "the loss" });
  assert.equal(one.calls.length, 1);
});

long("a hub that is lost before it sends a call: the call is told as not executed, and never is", async () => {
  const one = await agent();
  await lose(t.gw, nameOf(one), { before: "call" });
  const waiting = invoke(one, "unsent");
  await one.socket.closed;
  await one.connect();
  const answer = await waiting;
  // A hub that had stored the call ends it; for one that had not, the gateway says that it was not made.
  if (answer.status === 503) assert.match(answer.json().error.message, /before the call was made/);
  else await isLost(answer, /was not executed/);
  assert.equal(one.calls.length, 0);
  assert.equal((await invoke(one, "next")).status, 200);
});

long("a hub that is lost between storing a result and acknowledging it has it from either", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const waiting = invoke(one, "unacknowledged-result");
  const call = await given(one, "unacknowledged-result");
  await lose(t.gw, nameOf(one), { before: "result_ack" });
  await one.answer(one.socket, call, { kept: true });
  await one.socket.closed;
  const welcome = await one.connect({ resume: { running: [], done: ["unacknowledged-result"] } });
  // A result that was not durable is asked for again; one that was is the agent's to forget.
  assert.equal(welcome.send.length + welcome.drop.length, 1);
  if (welcome.send.length === 1) await one.answer(one.socket, call, { kept: true });
  const answer = await waiting;
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(answer.json().result, { kept: true });
  assert.equal(one.calls.length, 1);
});

long("a result that the hub has acknowledged outlives it, and is not replaced by one that comes again", async () => {
  const one = await agent();
  const first = await invoke(one, "stored");
  assert.equal(first.status, 200, first.text);
  await lose(t.gw, nameOf(one));
  await one.socket.closed;
  const early = await invoke(one, "early");
  assert.deepEqual([early.status, codeOf(early)], [404, "agent_offline"], early.text);
  const welcome = await one.connect({ resume: { running: [], done: ["stored"] } });
  assert.deepEqual([welcome.send, welcome.drop], [[], ["stored"]]);
  await one.answer(one.socket, one.calls[0], { another: "result" });
  await one.socket.frame((frame) => frame?.t === "result_ack" && frame.ids.includes("stored"));
  assert.deepEqual((await result(one, "stored")).json().result, first.json().result);
  // What was refused while the agent was away was not made, and may be asked for again.
  assert.equal((await invoke(one, "early")).status, 200);
  assert.equal(one.runs.get("early"), 1);
});

long("a result counts once, in whatever order and over whichever connection it comes", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const both = ["a", "b"].map((id) => invoke(one, id));
  const [a, b] = await Promise.all([given(one, "a"), given(one, "b")]);
  // The second call ends first, and its result comes twice.
  await one.answer(one.socket, b, "first");
  await one.answer(one.socket, b, "second");
  assert.equal((await both[1]).json().result, "first");
  // The connection is replaced, and the result of the other call comes over the old one.
  const old = one.socket;
  const closed = old.closed;
  await one.connect({ resume: { running: ["a"], done: [] } });
  assert.equal((await closed).code, 4411);
  await one.answer(one.socket, a, "kept");
  assert.equal((await both[0]).json().result, "kept");
  const late = await get(`/v1/bridge/results/a?agent_id=${one.agentId}`);
  assert.equal(late.json().result, "kept");
});

long(
  "a result whose parts are damaged or out of order is asked for again, and ends the call at the fourth try",
  async () => {
    const one = await agent();
    one.behaviour = () => undefined;
    const waiting = invoke(one, "damaged");
    const call = await given(one, "damaged");
    const text = Buffer.from(JSON.stringify("x".repeat(100_000)));
    const sha256 = createHash("sha256").update(text).digest("hex");
    const pieces = [text.subarray(0, 65_536), text.subarray(65_536)];
    const end = { t: "result", id: call.id, n: call.n, ok: true, bytes: text.length, parts: 2, sha256 };
    const asks = () => one.socket.frames.filter((frame) => frame?.t === "send").length;
    const damaged = [
      [part(1, call.n, 1, pieces[1]), part(1, call.n, 0, pieces[0])],
      [part(1, call.n, 0, pieces[0])],
      [part(1, call.n, 0, pieces[1]), part(1, call.n, 1, pieces[0])],
    ];
    for (const [n, parts] of damaged.entries()) {
      for (const frame of parts) one.socket.send(frame);
      one.socket.send(end);
      await eventually(() => asks() === n + 1, { what: "that it is asked for again", ...PATIENCE });
    }
    one.socket.send(part(1, call.n, 0, pieces[0]));
    one.socket.send(part(1, call.n, 1, pieces[1]));
    one.socket.send(end);
    assert.equal((await waiting).json().result.length, 100_000);
    const hopeless = invoke(one, "hopeless");
    const other = await given(one, "hopeless");
    for (let i = 0; i < 4; i++) one.socket.send({ ...end, id: other.id, n: other.n });
    const answer = await hopeless;
    assert.deepEqual([answer.status, codeOf(answer)], [502, "tool_result_invalid"], answer.text);
    assert.match(answer.json().error.message, /was executed/);
  },
);

long("a call whose caller leaves is cancelled, streamed or not", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  for (const stream of [true, false]) {
    const id = `left-${stream}`;
    const caller = t.gw.begin("/v1/bridge/invoke", {
      method: "POST",
      headers: { ...bearer(t.key), "content-type": "application/json" },
      body: JSON.stringify(body(one, id, { stream })),
    });
    caller.reply.catch(() => {});
    await given(one, id);
    caller.abort();
    await one.socket.frame((frame) => frame?.t === "cancel" && frame.id === id, { ms: 60_000 });
    assert.equal((await result(one, id)).json().status, "call_canceled");
  }
});

long("a caller who reads a result of 16 MiB slowly gets it whole, and keeps no other call waiting", async () => {
  const one = await agent();
  const length = 16 * 1024 * 1024 - 100;
  one.behaviour = (call) => (call.id === "large" ? "x".repeat(length) : "small");
  const caller = t.gw.begin("/v1/bridge/invoke", {
    method: "POST",
    headers: { ...bearer(t.key), "content-type": "application/json" },
    body: JSON.stringify(body(one, "large")),
  });
  const reply = await caller.reply;
  assert.equal(reply.status, 200);
  let bytes = (await reply.read()).length;
  assert.equal((await invoke(one, "meanwhile")).json().result, "small");
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (let piece = await reply.read(); piece !== null; piece = await reply.read()) bytes += piece.length;
  assert.ok(bytes > length && bytes < length + 1_000, `${bytes} bytes`);
});

long("a connection whose heartbeat is lost is told by the next call", async () => {
  const one = await agent();
  one.ignores = true;
  // Nothing says that the machine is gone: the connection is open, and answers nothing.
  const answer = await invoke(one, "unheard");
  assert.deepEqual([answer.status, codeOf(answer)], [504, "agent_unresponsive"], answer.text);
  assert.match(answer.json().error.message, /may have been executed/);
  one.ignores = false;
  await one.connect({ resume: { running: [], done: [] } });
  assert.equal((await invoke(one, "heard")).status, 200);
});
