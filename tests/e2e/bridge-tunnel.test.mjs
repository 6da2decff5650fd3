// Proves the tunnel end to end with an agent by script: tickets and tokens, calls whole and streamed, large results, cancelling,
// approvals, two instances, lost connections, evictions of the hub between calls, and that nothing is run twice and nothing is shared between owners.
import assert from "node:assert/strict";
import { callsOf, codeOf, connectedAgent, openTunnel, ScriptedAgent, ticketOf, tokenOf } from "../support/agent.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
let made = 0;

const { post, get } = callsOf(t);
const keyId = () => t.key.split("-")[2];
const evict = (agent, webSockets = "hibernate") =>
  t.gw.evict("AgentHub", `key:${keyId()}/${agent.agentId}`, webSockets);

const agent = (options) => connectedAgent(t, `agent-${++made}`, options);

const invoke = (one, tool, more = {}, key) =>
  post("/v1/bridge/invoke", { agent_id: one.agentId, tool_name: `files__${tool}`, ...more }, key);

test("an agent is listed with its tools, and a call comes back with its result", async () => {
  const one = await agent();
  const { agents } = (await get("/v1/bridge/agents")).json();
  const listed = agents.find(({ agent_id }) => agent_id === one.agentId);
  assert.equal(listed.status, "online");
  assert.deepEqual(
    listed.hub.servers.map(({ name, state }) => [name, state]),
    [["files", "ready"]],
  );
  const { tools } = (await get(`/v1/bridge/agents/${one.agentId}/tools`)).json();
  assert.deepEqual(tools[0], {
    name: "files__echo",
    server: "files",
    tool: "echo",
    definition: { name: "echo", inputSchema: { type: "object" } },
  });
  const answer = await invoke(one, "echo", { arguments: { a: 1 } });
  assert.equal(answer.status, 200, answer.text);
  const body = answer.json();
  assert.deepEqual(body.result, { echoed: { name: "echo", arguments: { a: 1 } } });
  assert.deepEqual([body.ok, body.executed, body.status], [true, "yes", "done"]);
  const call = one.calls[0];
  assert.deepEqual([call.server, call.method, call.deadline_ms], ["files", "tools/call", 60_000]);
  assert.equal(call.principal.key, keyId());
});

test("an agent is renamed, and its connection stays", async () => {
  const one = await agent();
  const rename = (id, body, key) =>
    t.gw.call(`/v1/bridge/agents/${id}`, {
      method: "PUT",
      headers: { ...bearer(key ?? t.key), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const renamed = await rename(one.agentId, { label: "Desk" });
  assert.equal(renamed.status, 200, renamed.text);
  assert.deepEqual([renamed.json().label, renamed.json().status, renamed.json().token_version], ["Desk", "online", 1]);
  assert.equal((await invoke(one, "echo")).status, 200);
  assert.equal(codeOf(await rename("no-such-agent", { label: "x" })), "agent_not_found");
  assert.equal(codeOf(await rename(one.agentId, { label: 1 })), "invalid_type");
  const { key } = await t.gw.createKey();
  assert.equal(codeOf(await rename(one.agentId, { label: "Mine" }, key)), "agent_not_found");
});

test("an error of a tool is an answer", async () => {
  const one = await agent();
  one.behaviour = () => ({ error: { code: "tool_call_failed", message: "no" } });
  const answer = await invoke(one, "fail");
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.json().ok, answer.json().error.code], [false, "tool_call_failed"]);
});

test("what cannot be called is refused with its reason", async () => {
  const one = await agent();
  assert.equal(codeOf(await invoke(one, "nothing")), "tool_not_found");
  assert.equal(codeOf(await invoke({ agentId: "no-such-agent" }, "echo")), "agent_not_found");
  assert.equal(codeOf(await invoke(one, "echo", { arguments: [1] })), "invalid_type");
  assert.equal(codeOf(await invoke(one, "echo", { timeout_ms: 0 })), "invalid_value");
  assert.equal(codeOf(await invoke(one, "echo", { more: 1 })), "unknown_parameter");
  assert.equal(codeOf(await invoke(one, "echo", { req_id: "a b" })), "invalid_value");
  const late = await invoke(one, "echo", { req_id: "same", arguments: { a: 1 } });
  assert.equal(late.status, 200, late.text);
  assert.equal(codeOf(await invoke(one, "echo", { req_id: "same", arguments: { a: 2 } })), "req_id_reused");
  one.socket.close();
  await one.socket.closed;
  const offline = await eventually(
    async () => {
      const answer = await invoke(one, "echo");
      return answer.status !== 200 && answer;
    },
    { what: "the agent to be offline" },
  );
  assert.deepEqual([offline.status, codeOf(offline)], [404, "agent_offline"]);
});

test("a call that is asked for again is not made again", async () => {
  const one = await agent();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => invoke(one, "echo", { req_id: "once", arguments: { x: 1 } })),
  );
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  assert.equal(one.runs.get("once"), 1);
  const kept = (await get(`/v1/bridge/results/once?agent_id=${one.agentId}`)).json();
  assert.deepEqual(kept.result, answers[0].json().result);
  assert.equal(codeOf(await get(`/v1/bridge/results/other?agent_id=${one.agentId}`)), "call_not_found");
});

test("a streamed call tells what happens, and its result last", async () => {
  const one = await agent();
  one.behaviour = async (call, socket) => {
    socket.send({ t: "note", id: call.id, seq: 1, kind: "progress", data: { progress: 1 } });
    socket.send({ t: "ask", id: call.id, ask: "question-1", kind: "approval", body: { tool: "ask" } });
    const answer = await socket.frame((frame) => frame?.t === "answer");
    return { decided: answer.body };
  };
  const streaming = invoke(one, "ask", { stream: true, req_id: "streamed" });
  const open = await eventually(
    async () => {
      const shown = (await get(`/v1/bridge/results/streamed?agent_id=${one.agentId}`)).json();
      return shown.approvals?.length === 1 && shown;
    },
    { what: "the question" },
  );
  assert.equal(open.status, "running");
  const { agents } = (await get("/v1/bridge/agents")).json();
  const { hub } = agents.find(({ agent_id }) => agent_id === one.agentId);
  assert.deepEqual(hub.questions, [
    { id: "streamed", tool_name: "files__ask", ask: "question-1", kind: "approval", body: { tool: "ask" } },
  ]);
  const passed = await post("/v1/bridge/approvals/question-1", { agent_id: one.agentId, decision: "once" });
  assert.equal(passed.status, 200, passed.text);
  const answer = await streaming;
  const events = answer.text
    .trim()
    .split("\n\n")
    .map((event) => event.split("\n").map((line) => line.replace(/^(event|data): /, "")));
  assert.deepEqual(
    events.map(([name]) => name).filter((name) => name !== "tool_status"),
    ["tool_log", "tool_approval", "tool_result"],
  );
  const result = JSON.parse(events.at(-1)[1]);
  assert.deepEqual(result.result, { decided: { decision: "once" } });
  assert.equal(
    codeOf(await post("/v1/bridge/approvals/question-1", { agent_id: one.agentId, decision: "once" })),
    "approval_not_found",
  );
});

test("results of 64 kB and 16 MiB arrive whole", async (context) => {
  const one = await agent();
  for (const length of [64_000, 1_000_000, 16 * 1024 * 1024 - 100]) {
    one.behaviour = () => ({ text: "x".repeat(length) });
    const began = performance.now();
    const answer = await invoke(one, "large");
    assert.equal(answer.status, 200, answer.text.slice(0, 300));
    assert.equal(answer.json().result.text.length, length);
    context.diagnostic(`${length} bytes: ${Math.round(performance.now() - began)} ms`);
  }
});

test("a call is cancelled, and one that takes too long ends", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const waiting = invoke(one, "slow", { req_id: "to-cancel" });
  await eventually(() => one.runs.get("to-cancel") === 1, { what: "the call" });
  const done = await post("/v1/bridge/cancel", { agent_id: one.agentId, req_id: "to-cancel" });
  assert.deepEqual([done.status, done.json()], [200, { canceled: true }]);
  assert.deepEqual([(await waiting).status, codeOf(await waiting)], [409, "call_canceled"]);
  assert.ok(one.socket.frames.some((frame) => frame?.t === "cancel" && frame.id === "to-cancel"));
  const late = await invoke(one, "slow", { timeout_ms: 300 });
  assert.deepEqual([late.status, codeOf(late)], [504, "tool_timeout"]);
});

test("an agent that does not acknowledge is cut off, and may come back", async () => {
  const one = await agent();
  one.ignores = true;
  const answer = await invoke(one, "echo");
  assert.deepEqual([answer.status, codeOf(answer)], [504, "agent_unresponsive"]);
  assert.equal((await one.socket.closed).code, 4408);
  one.ignores = false;
  assert.equal((await one.connect()).t, "welcome");
  assert.equal((await invoke(one, "echo")).status, 200);
});

test("a ticket opens one connection, and a reset of the token ends it", async () => {
  const agentId = `agent-${++made}`;
  const token = await tokenOf(t.gw, t.key, agentId);
  const ticket = await ticketOf(t.gw, token);
  const socket = await openTunnel(t.gw, ticket);
  assert.equal(socket.protocol, "nexus.bridge.v2");
  await assert.rejects(openTunnel(t.gw, ticket), (error) => error.body.error.code === "ticket_used");
  await assert.rejects(openTunnel(t.gw, `${ticket}x`), (error) => error.body.error.code === "invalid_ticket");
  const unused = await ticketOf(t.gw, token);
  const again = await post("/v1/bridge/agent-token", { agent_id: agentId });
  assert.deepEqual([again.status, codeOf(again)], [409, "agent_token_exists"]);
  const reset = await post("/v1/bridge/agent-token", { agent_id: agentId, reset: true });
  assert.deepEqual([reset.json().version, reset.json().reset], [2, true]);
  assert.equal((await socket.closed).code, 4401);
  await assert.rejects(openTunnel(t.gw, unused), (error) => error.body.error.code === "agent_token_revoked");
  const old = await t.gw.call("/bridge/ticket", { method: "POST", headers: bearer(token) });
  assert.deepEqual([old.status, codeOf(old)], [401, "invalid_agent_token"]);
  const stored = await t.gw.db("SELECT * FROM bridge_agents WHERE agent_id = ?", agentId);
  assert.ok(!JSON.stringify(stored).includes(reset.json().token.split("-").at(-1)));
});

test("another instance is kept away, unless it takes over", async () => {
  const one = await agent();
  const other = new ScriptedAgent(t.gw, one.token, one.agentId, { instance: "second" });
  assert.equal((await other.connect()).code, 4409);
  assert.equal((await other.connect({ takeover: true })).t, "welcome");
  assert.equal((await one.socket.closed).code, 4410);
  assert.equal((await invoke(other, "echo")).status, 200);
  assert.equal(one.calls.length, 0);
});

test("a lost connection: the result comes with the next one, or the call ends as lost", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const kept = invoke(one, "slow", { req_id: "resumed" });
  const forgotten = invoke(one, "slow", { req_id: "forgotten" });
  await eventually(() => one.calls.length === 2, { what: "both calls" });
  const call = one.calls.find(({ id }) => id === "resumed");
  one.socket.cut();
  const welcome = await one.connect({ resume: { running: [], done: ["resumed", "unheard-of"] } });
  assert.deepEqual([welcome.send, welcome.drop], [["resumed"], ["unheard-of"]]);
  await one.answer(one.socket, call, { late: true });
  assert.deepEqual((await kept).json().result, { late: true });
  const lost = await forgotten;
  assert.deepEqual([lost.status, codeOf(lost)], [502, "agent_lost"]);
  assert.match(lost.json().error.message, /was not executed/);
  // A result that comes twice changes nothing, and is acknowledged again.
  const before = one.socket.frames.length;
  await one.answer(one.socket, call, { late: false });
  await one.socket.frame((frame) => frame?.t === "result_ack", { from: before });
  const stored = (await get(`/v1/bridge/results/resumed?agent_id=${one.agentId}`)).json();
  assert.deepEqual(stored.result, { late: true });
});

test("a restarted agent ends what the one before was given", async () => {
  const one = await agent();
  one.behaviour = () => undefined;
  const waiting = invoke(one, "slow");
  await eventually(() => one.calls.length === 1, { what: "the call" });
  one.socket.cut();
  one.instance = "restarted";
  await one.connect();
  const lost = await waiting;
  assert.deepEqual([lost.status, codeOf(lost)], [502, "agent_lost"]);
  assert.match(lost.json().error.message, /may have been executed/);
});

test("an evicted hub knows its agent and its results, whether its connections sleep or are closed", async () => {
  const one = await agent();
  for (const webSockets of ["hibernate", "close"]) {
    const id = `before-${webSockets}`;
    const first = await invoke(one, "echo", { req_id: id, arguments: { webSockets } });
    await evict(one, webSockets);
    if (webSockets === "close") {
      await one.socket.closed;
      assert.equal((await one.connect()).epoch, 2);
    }
    const kept = (await get(`/v1/bridge/results/${id}?agent_id=${one.agentId}`)).json();
    assert.deepEqual(kept.result, first.json().result);
    assert.equal((await invoke(one, "echo", { req_id: id, arguments: { webSockets } })).status, 200);
    assert.equal(one.runs.get(id), 1);
    assert.equal((await invoke(one, "echo")).status, 200);
  }
});

test("pings are answered without building the object", async () => {
  const one = await agent();
  await evict(one);
  const before = one.socket.frames.length;
  one.socket.send("ping");
  await eventually(() => one.socket.frames.slice(before).includes("pong"), { what: "the pong" });
  assert.equal((await invoke(one, "echo")).status, 200);
});

/** The events of an agent until `isEnough` of their text, after the event `after`. */
async function watched(one, isEnough, { after, meanwhile = () => {} } = {}) {
  const headers = { ...bearer(t.key), ...(after === undefined ? {} : { "last-event-id": after }) };
  const watching = t.gw.begin(`/v1/bridge/events?agent_id=${one.agentId}`, { headers });
  const reply = await watching.reply;
  let text = (await reply.read()).toString();
  await meanwhile();
  while (!isEnough(text)) text += (await reply.read()).toString();
  watching.leave();
  const blocks = text.split("\n\n").filter((block) => block.includes("event: "));
  return blocks.map((block) => ({
    id: /^id: (.*)$/m.exec(block)?.[1],
    event: /^event: (.*)$/m.exec(block)[1],
    data: JSON.parse(/^data: (.*)$/m.exec(block)[1]),
  }));
}

test(
  "a watcher who connects again is told what came meanwhile, or that it is not known any more",
  async () => {
    const one = await agent();
    const ended = (count) => (text) => text.split("event: tool_result").length > count && text.endsWith("\n\n");
    let round = 0;
    // A hub that nothing asks for ten seconds is lost with its events, so on a slow machine it may take another try.
    await eventually(
      async () => {
        round += 1;
        const call = (n) => invoke(one, "echo", { req_id: `watched-${round}-${n}` });
        const first = await watched(one, ended(1), { meanwhile: () => call(1) });
        assert.deepEqual([first[0].event, first[0].data, first[0].id], ["ready", { missed: false }, undefined]);
        const last = first.findLast(({ event }) => event === "tool_result");
        assert.equal(last.data.req_id, `watched-${round}-1`);
        for (const n of [2, 3]) assert.equal((await call(n)).status, 200);
        const again = await watched(one, ended(2), { after: last.id });
        if (again[0].data.missed) return false;
        const results = again.filter(({ event }) => event === "tool_result").map(({ data }) => data.req_id);
        assert.deepEqual(
          results,
          [2, 3].map((n) => `watched-${round}-${n}`),
        );
        assert.equal(new Set(again.slice(1).map(({ id }) => id)).size, again.length - 1);
        return true;
      },
      { what: "a hub that was not lost in between", within: 60_000 },
    );
    for (const after of ["1-1", "nonsense"]) {
      const [ready] = await watched(one, (text) => text.includes("ready"), { after });
      assert.deepEqual([ready.event, ready.data], ["ready", { missed: true }]);
    }
  },
  { timeout: 120_000 },
);

test("agents of others do not exist", async () => {
  const one = await agent();
  const other = (await t.gw.createKey()).key;
  assert.deepEqual((await get("/v1/bridge/agents", other)).json(), { agents: [] });
  const body = { agent_id: one.agentId };
  for (const answer of [
    await invoke(one, "echo", {}, other),
    await get(`/v1/bridge/agents/${one.agentId}/tools`, other),
    await get(`/v1/bridge/results/x?agent_id=${one.agentId}`, other),
    await get(`/v1/bridge/events?agent_id=${one.agentId}`, other),
    await get(`/v1/bridge/tool-events?agent_id=${one.agentId}`, other),
    await post("/v1/bridge/cancel", { ...body, req_id: "x" }, other),
    await post("/v1/bridge/approvals/x", { ...body, decision: "once" }, other),
    await t.gw.call(`/v1/bridge/agents/${one.agentId}`, { method: "DELETE", headers: bearer(other) }),
  ])
    assert.deepEqual([answer.status, codeOf(answer)], [404, "agent_not_found"]);
  // The same id is another agent for another owner.
  const twin = new ScriptedAgent(t.gw, await tokenOf(t.gw, other, one.agentId), one.agentId);
  await twin.connect();
  assert.equal((await invoke(one, "echo")).status, 200);
  assert.deepEqual([one.calls.length, twin.calls.length], [1, 0]);
  assert.equal(
    codeOf(await post("/v1/bridge/invoke", { ...body, tool_name: "files__echo" }, "sk-none")),
    "invalid_api_key",
  );
});

test("a deleted agent is gone with its connection and its calls", async () => {
  const one = await agent();
  assert.equal((await invoke(one, "echo", { req_id: "gone" })).status, 200);
  const deleted = await t.gw.call(`/v1/bridge/agents/${one.agentId}`, { method: "DELETE", headers: bearer(t.key) });
  assert.equal(deleted.status, 200, deleted.text);
  assert.equal((await one.socket.closed).code, 4401);
  assert.equal(codeOf(await get(`/v1/bridge/results/gone?agent_id=${one.agentId}`)), "agent_not_found");
  one.token = await tokenOf(t.gw, t.key, one.agentId);
  await one.connect();
  assert.equal(codeOf(await get(`/v1/bridge/results/gone?agent_id=${one.agentId}`)), "call_not_found");
});

test("the latency of a call", async (context) => {
  const one = await agent();
  const times = [];
  for (let i = 0; i < 60; i++) {
    const began = performance.now();
    assert.equal((await invoke(one, "echo", { arguments: { i } })).status, 200);
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  context.diagnostic(`p50 ${times[30].toFixed(1)} ms, p95 ${times[57].toFixed(1)} ms`);
});
