// Tools that ask a person in the middle of a call, in sessions: a modern server, legacy servers over both transports, a server of an agent, and
// an agent whose own policy asks. Who is asked, who may answer, what an answer must be, and how a question ends without one.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startOlderServers } from "../support/mcp-older.mjs";
import { FORM, startTalkingServers } from "../support/mcp-talking.mjs";
import { suite, test } from "../support/suite.mjs";
import { toolSessionsOf } from "../support/tool-sessions.mjs";
import { toolCall } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const LONG = { timeout: 300_000 };
const SOON = { ms: 60_000 };
const PATIENCE = { within: 60_000, every: 100 };
let talking;
let older;
const agents = [];
const t = suite({
  vars: { CHAT_STREAM_PER_MINUTE: "100000", CHAT_PER_MINUTE: "100000", KEEP_ALIVE_MS: "500" },
  setUp: async () => {
    [talking, older] = await Promise.all([startTalkingServers(), startOlderServers()]);
    for (const [id, url] of [
      ["modern", `${talking.url}/modern`],
      ["sse", `${older.url}/sse`],
      ["sessions", `${older.url}/sessions`],
    ]) {
      const answer = await t.gw.admin("POST", "/mcp-servers", { id, url });
      assert.equal(answer.status, 201, answer.text);
    }
  },
});
after(() => {
  for (const agent of agents) agent.socket?.close();
  return Promise.all([talking?.stop(), older?.stop()]);
});

const { post } = mcpClientsOf(t);
const { scripted, session } = toolSessionsOf(t);
const ADA = { action: "accept", content: { name: "Ada" } };

/** A call of the one tool that has this name, under the name that the model is told. */
const calls = (tool) => (asked) => {
  const { name } = asked.tools.map((one) => one.function).find((one) => one.name.endsWith(`__${tool}`));
  return ["I ask.", [toolCall("c1", name, "{}")]];
};
const kinds = (frames) => frames.map(({ type }) => type).filter((type) => type.startsWith("tool_"));
const ASKED = ["tool_start", "tool_input", "tool_answered", "tool_end"];

/** A turn that asks: the frames from its question on, and the question. */
async function asks(socket, id, type = "tool_input") {
  const from = socket.frames.length;
  socket.send({ type: "message", id, content: "Ask me." });
  const question = await socket.frame(type, { from, ...SOON });
  return { from, question };
}

test(
  "a question of a server reaches the people of the session, any of whom answers it with what fits the form",
  async () => {
    const model = await scripted("asking", calls("ask"), "Done.");
    const s = await session({ model, mcp: { tools: ["modern"] } });
    const socket = await s.open();
    const { question } = await asks(socket, "1");
    assert.deepEqual(
      [question.id, question.server, question.name, question.message, question.mode],
      ["c1", "modern", "ask", "Who?", "form"],
    );
    assert.deepEqual(question.requested_schema, FORM.requestedSchema);

    // What does not fit is refused with the field, by frame and over HTTP, and the call waits on.
    for (const [content, code, param, sessionCode] of [
      [undefined, "missing_required_parameter", "content.name", "MISSING_FIELDS"],
      [{ name: 1 }, "invalid_type", "content.name", "INVALID_TYPE"],
      [{ name: "Ada", age: 36 }, "unknown_parameter", "content.age", "UNKNOWN_PARAMETER"],
    ]) {
      const answer = { call_id: "c1", action: "accept", content };
      const seen = socket.frames.length;
      socket.send({ type: "answer", seq: 7, ...answer });
      const refused = await socket.frame(({ ref }) => ref === 7, { from: seen, ...SOON });
      assert.deepEqual([refused.type, refused.code, refused.param], ["error", code, param]);
      const overHttp = await s.call("POST", "/chat/answer", { session_id: s.id, ...answer });
      assert.deepEqual([overHttp.status, overHttp.body.error_code, overHttp.body.param], [400, sessionCode, param]);
    }
    const wrongKind = await s.call("POST", "/chat/approve", { session_id: s.id, call_id: "c1", decision: "once" });
    assert.deepEqual([wrongKind.status, wrongKind.body.error_code], [404, "APPROVAL_NOT_FOUND"]);

    // The connection is cut and another one comes: it finds the question in its greeting, and in the frames that it missed.
    socket.close();
    await socket.closed;
    const other = await s.open(`&last_seq=${question.seq - 1}`);
    const hello = other.frames.find(({ type }) => type === "hello");
    assert.deepEqual(
      hello.inputs.map(({ type, id }) => [type, id]),
      [["tool_input", "c1"]],
    );
    assert.equal(hello.approvals, undefined);
    await other.frame(({ type, seq }) => type === "tool_input" && seq === question.seq, SOON);
    other.send({ type: "answer", call_id: "c1", ...ADA });
    const ended = await other.frame("tool_end", SOON);
    assert.deepEqual([ended.content, ended.is_error], ["hello Ada", false]);
    await other.frame("done", SOON);
    assert.deepEqual(kinds(other.numbered).slice(-2), ASKED.slice(2));

    const late = await s.call("POST", "/chat/answer", { session_id: s.id, call_id: "c1", ...ADA });
    assert.deepEqual([late.status, late.body.error_code], [404, "INPUT_NOT_FOUND"]);
    // Over HTTP, and refused by the person.
    const again = await asks(other, "2");
    const declined = await s.call("POST", "/chat/answer", { session_id: s.id, call_id: "c1", action: "decline" });
    assert.deepEqual(declined.body?.data, { call_id: "c1", action: "decline" }, declined.text);
    await other.frame("done", { from: again.from, ...SOON });
    assert.deepEqual(kinds(other.frames.slice(again.from)), ASKED);
    assert.match(t.up.last(model).json().messages.at(-1).content, /hello decline/);
    other.close();
  },
  LONG,
);

test(
  "servers of the legacy era ask over both transports, and their calls wait for the answer",
  async () => {
    for (const server of ["sse", "sessions"]) {
      const model = await scripted(`asking-${server}`, calls("ask"), "Done.");
      const s = await session({ model, mcp: { tools: [server] } });
      const socket = await s.open();
      const { from, question } = await asks(socket, "1");
      assert.deepEqual([question.server, question.mode, question.message], [server, "form", "Who?"]);
      socket.send({ type: "answer", seq: 1, call_id: "c1", action: "accept", content: { name: "A" } });
      const refused = await socket.frame(({ ref }) => ref === 1, SOON);
      assert.deepEqual([refused.code, refused.param], ["invalid_value", "content.name"], server);
      socket.send({ type: "answer", call_id: "c1", ...ADA });
      const ended = await socket.frame("tool_end", { from, ...SOON });
      assert.deepEqual(JSON.parse(ended.content), ADA, server);
      await socket.frame("done", { from, ...SOON });
      assert.deepEqual(kinds(socket.frames.slice(from)), ASKED);
      socket.close();
    }
    await eventually(() => older.open() === 0, { what: "the end of all streams", ...PATIENCE });
  },
  LONG,
);

test(
  "a server that asks for more than it may asks nothing",
  async () => {
    const model = await scripted("pestered", calls("pester"), "Done.");
    const s = await session({ model, mcp: { tools: ["modern"] } });
    const socket = await s.open();
    const from = socket.frames.length;
    socket.send({ type: "message", id: "1", content: "Ask me." });
    await socket.frame("done", { from, ...SOON });
    assert.deepEqual(kinds(socket.frames.slice(from)), ["tool_start", "tool_end"]);
    assert.match(t.up.last(model).json().messages.at(-1).content, /elicitation|needs input/);
    socket.close();
  },
  LONG,
);

test(
  "stopping the turn ends its question, and the server is told that the call is not waited for",
  async () => {
    const model = await scripted("stopping", calls("ask"), "Done.");
    const s = await session({ model, mcp: { tools: ["sessions"] } });
    const socket = await s.open();
    const before = older.requests.length;
    const { from } = await asks(socket, "1");
    socket.send({ type: "stop" });
    const done = await socket.frame("done", { from, ...SOON });
    assert.equal(done.finish_reason, "stopped");
    assert.deepEqual(kinds(socket.frames.slice(from)), ASKED.slice(0, 3));
    const late = await s.call("POST", "/chat/answer", { session_id: s.id, call_id: "c1", ...ADA });
    assert.equal(late.body.error_code, "INPUT_NOT_FOUND");
    await eventually(
      () => older.requests.slice(before).some(({ body }) => body?.method === "notifications/cancelled"),
      { what: "the cancellation", ...PATIENCE },
    );
    socket.close();
  },
  LONG,
);

test(
  "where no person can be asked, the model is told what the tool needs",
  async () => {
    const model = await scripted("unasked", calls("ask"), "I cannot.");
    const modern = await session({ model, mcp: { tools: ["modern"] } });
    const answer = await modern.call("POST", "/chat", { session_id: modern.id, message: "Ask me." });
    assert.equal(answer.body?.data?.message.content, "I ask.\n\nI cannot.", answer.text);
    assert.match(t.up.last(model).json().messages.at(-1).content, /elicitation|needs input/);
    const legacy = await session({ model, mcp: { tools: ["sessions"] } });
    const told = await legacy.call("POST", "/chat", { session_id: legacy.id, message: "Ask me." });
    assert.equal(told.status, 200, told.text);
    assert.match(t.up.last(model).json().messages.at(-1).content, /refused -32601/);
  },
  LONG,
);

test(
  "a server of an agent, and the agent's own policy, ask in the session that made the call",
  async () => {
    const model = await scripted("agent-asks", calls("ask"), "Done.");
    const keyFields = { owner: "session-asking-owner", allow_tools: ["*"] };
    const s = await session({ model, mcp: { tools: ["agent/desk"] }, keyFields });
    const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, s.key, "desk"), "desk");
    agents.push(agent);
    await agent.connect();
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    await eventually(
      async () => (await post("/mcp/agent/desk/files", s.key, list)).body.result?.tools.length === CATALOG.tools.length,
      { what: "the agent's tools", ...PATIENCE },
    );
    /** The agent asks, and says what it was answered. */
    const asksWith = (kind, body) => {
      agent.behaviour = async ({ id }, link) => {
        link.send({ t: "ask", id, ask: `${id}-q`, kind, body });
        const given = await link.frame((frame) => frame?.t === "answer" && frame.ask === `${id}-q`, SOON);
        return { content: [{ type: "text", text: JSON.stringify(given.body) }] };
      };
    };
    const socket = await s.open();
    const answered = async (from) => {
      const ended = await socket.frame("tool_end", { from, ...SOON });
      await socket.frame("done", { from, ...SOON });
      return JSON.parse(ended.content);
    };

    asksWith("input_required", { method: "elicitation/create", params: FORM });
    const input = await asks(socket, "1");
    assert.deepEqual([input.question.server, input.question.message], ["agent/desk/files", "Who?"]);
    socket.send({ type: "answer", call_id: "c1", ...ADA });
    assert.deepEqual(await answered(input.from), { response: ADA });
    assert.deepEqual(kinds(socket.frames.slice(input.from)), ASKED);

    const APPROVED = ["tool_start", "tool_approval", "tool_answered", "tool_end"];
    asksWith("approval", { server: "files", tool: "ask", arguments: {} });
    const denied = await asks(socket, "2", "tool_approval");
    assert.deepEqual([denied.question.server, denied.question.name], ["agent/desk/files", "ask"]);
    socket.send({ type: "approve", call_id: "c1", decision: "deny" });
    assert.deepEqual(await answered(denied.from), { decision: "deny" });
    assert.deepEqual(kinds(socket.frames.slice(denied.from)), APPROVED);

    // Agreement elsewhere ends the question here.
    const elsewhere = await asks(socket, "3", "tool_approval");
    const { id } = agent.calls.at(-1);
    const given = await t.gw.call(`/v1/bridge/approvals/${encodeURIComponent(`${id}-q`)}`, {
      method: "POST",
      headers: { ...bearer(s.key), "content-type": "application/json" },
      body: JSON.stringify({ agent_id: "desk", decision: "always" }),
    });
    assert.equal(given.status, 200, given.text);
    assert.deepEqual(await answered(elsewhere.from), { decision: "always" });
    assert.deepEqual(kinds(socket.frames.slice(elsewhere.from)).toSorted(), APPROVED.toSorted());

    // Agreement at the agent's machine is not said: that the call asks for input shows it.
    let agree;
    agent.behaviour = async ({ id }, link) => {
      const body = { server: "files", tool: "ask", arguments: {} };
      link.send({ t: "ask", id, ask: `${id}-q`, kind: "approval", body });
      await new Promise((resolve) => {
        agree = resolve;
      });
      const question = { method: "elicitation/create", params: FORM };
      link.send({ t: "ask", id, ask: `${id}-i`, kind: "input_required", body: question });
      const given = await link.frame((frame) => frame?.t === "answer" && frame.ask === `${id}-i`, SOON);
      return { content: [{ type: "text", text: JSON.stringify(given.body) }] };
    };
    const atMachine = await asks(socket, "at-machine", "tool_approval");
    agree();
    await socket.frame("tool_input", { from: atMachine.from, ...SOON });
    socket.send({ type: "answer", call_id: "c1", ...ADA });
    assert.deepEqual(await answered(atMachine.from), { response: ADA });
    assert.deepEqual(
      kinds(socket.frames.slice(atMachine.from)).toSorted(),
      [...APPROVED, "tool_answered", "tool_input"].toSorted(),
    );

    // An agreement for the session is held by the session: the agent, which has other callers, is told `once`.
    asksWith("approval", { server: "files", tool: "ask", arguments: {} });
    const forSession = await asks(socket, "4", "tool_approval");
    socket.send({ type: "approve", call_id: "c1", decision: "session" });
    assert.deepEqual(await answered(forSession.from), { decision: "once" });
    const from = socket.frames.length;
    socket.send({ type: "message", id: "5", content: "Ask me." });
    assert.deepEqual(await answered(from), { decision: "once" });
    assert.deepEqual(kinds(socket.frames.slice(from)), ["tool_start", "tool_end"]);
    socket.close();
  },
  LONG,
);
