// Tools of agents in sessions as clients of the predecessor name them (`bridge_agent_id`, `bridge_agent_ids`, `bridge_tool_selections`): in
// the parameters of a session and in a turn, over HTTP and WebSocket, with the grants of every other way.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { connect } from "../support/socket.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, toolCall } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const PATIENCE = { within: 60_000, every: 100 };
const TOOLS = CATALOG.tools.map(({ name }) => name);
let owners = 0;
const t = suite({ vars: { CHAT_STREAM_PER_MINUTE: "100000", CHAT_PER_MINUTE: "100000" } });
const { post } = mcpClientsOf(t);
const agents = [];
after(() => {
  for (const agent of agents) agent.socket?.close();
});

/** Keys of one owner, who has agents of these names; each of them says who was called. */
async function ownerOf(...ids) {
  const owner = `owner-${++owners}`;
  const keyOf = async (fields) => (await t.gw.createKey({ owner, ...fields })).key;
  const key = await keyOf({ allow_tools: ["*"] });
  for (const id of ids) {
    const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, id), id);
    agent.behaviour = ({ params }) => ({ content: [{ type: "text", text: `${id}:${params.name}` }] });
    agents.push(agent);
    await agent.connect();
  }
  const listed = async () => {
    const { body } = await post("/mcp", key, { jsonrpc: "2.0", id: 1, method: "tools/list" });
    return body.result.tools.length === ids.length * TOOLS.length;
  };
  await eventually(listed, { what: "the tools of the agents", ...PATIENCE });
  return { key, keyOf };
}

/** A model that calls the tool that is offered first, and then says what came back. */
async function caller(name) {
  await t.model(name, (x) => {
    const { messages, tools } = x.json();
    const last = messages.at(-1);
    if (last.role === "tool") return answersWith(completion(name, `It says ${last.content}.`, { finish: "stop" }))(x);
    if (!tools) return answersWith(completion(name, "I have no tools.", { finish: "stop" }))(x);
    const call = toolCall("c1", tools[0].function.name, "{}");
    const message = { role: "assistant", refusal: null, content: "", tool_calls: [call] };
    return answersWith(completion(name, message, { finish: "tool_calls" }))(x);
  });
  return name;
}

const offered = (model) =>
  t.up
    .seen(model)
    .at(-1)
    .json()
    .tools?.map(({ function: { name } }) => name);

async function session(key, model, config = {}) {
  const call = async (method, target, body) => {
    const answer = await t.gw.call(`/api/v1${target}`, {
      method,
      headers: { ...bearer(key), "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, text: answer.text, body: answer.json() };
  };
  const made = await call("POST", "/sessions", { model, config });
  assert.equal(made.status, 201, made.text);
  const { id } = made.body.data;
  const ask = (fields) => call("POST", "/chat", { session_id: id, message: "Call it.", ...fields });
  const said = async (fields) => {
    const answer = await ask(fields);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.data.message.content.trim();
  };
  return { id, call, ask, said, config: made.body.data.config };
}

test("agents of the session and of a turn offer their tools, all of them or those that are selected", async () => {
  const model = await caller("by-agents");
  const { key } = await ownerOf("laptop", "desk");
  const s = await session(key, model, { bridge_agent_id: "laptop" });
  assert.equal(s.config.bridge_agent_id, "laptop");
  assert.equal(await s.said(), "It says laptop:echo.");
  assert.deepEqual(
    offered(model),
    TOOLS.map((name) => `files__${name}`),
  );

  // A turn's own agents count for it alone.
  assert.equal(await s.said({ bridge_agent_ids: ["desk"] }), "It says desk:echo.");
  assert.equal(await s.said(), "It says laptop:echo.");
  assert.equal(await s.said({ bridge_agent_ids: [] }), "I have no tools.");
  const selections = (...tool_names) => ({ bridge_tool_selections: [{ agent_id: "desk", tool_names }] });
  for (const name of ["files__slow", "slow", "bridge__desk__files__slow__0123456789"]) {
    assert.equal(await s.said(selections(name)), "It says desk:slow.", name);
    assert.deepEqual(offered(model), ["files__slow"]);
  }
  assert.equal(await s.said(selections("files__none")), "I have no tools.");
  const both = { bridge_agent_ids: ["laptop"], ...selections("files__fail") };
  assert.equal(await s.said(both), "It says laptop:echo.");
  assert.equal(offered(model).length, TOOLS.length + 1);

  // In a frame, and changed for the session.
  const socket = await connect(`${t.gw.url}/ws/chat?v=2&session_id=${s.id}`, { headers: bearer(key) });
  await socket.frame("hello");
  socket.send({ type: "message", id: "1", content: "Call it.", ...selections("files__large") });
  const ended = await socket.frame("tool_end", { ms: 40_000 });
  assert.deepEqual([ended.name, ended.content], ["large", "desk:large"]);
  await socket.frame("done", { ms: 40_000 });
  socket.send({ type: "message", seq: 5, content: "Call it.", bridge_agent_ids: ["desk", 7] });
  const refused = await socket.frame(({ ref }) => ref === 5);
  assert.deepEqual([refused.type, refused.code, refused.param], ["error", "invalid_type", "bridge_agent_ids[1]"]);
  socket.close();
  assert.equal(await s.said({ config: { bridge_agent_id: null, ...selections("files__fail") } }), "It says desk:fail.");
  assert.equal(await s.said(), "It says desk:fail.");
  const shown = await s.call("PUT", `/sessions/${s.id}`, { config: { bridge_tool_selections: null } });
  assert.deepEqual(shown.body.data.config, {});
  assert.equal(await s.said(), "I have no tools.");
});

test("a key reaches through them what it is granted, and no agent of another owner", async () => {
  const model = await caller("by-grants");
  const { key, keyOf } = await ownerOf("laptop");
  const some = await session(await keyOf({ allow_tools: ["agent/laptop/files/s*"] }), model);
  assert.equal(await some.said({ bridge_agent_id: "laptop" }), "It says laptop:slow.");
  assert.deepEqual(offered(model), ["files__slow"]);
  const selected = { bridge_tool_selections: [{ agent_id: "laptop", tool_names: ["files__echo"] }] };
  assert.equal(await some.said(selected), "I have no tools.");
  const { key: foreign } = await ownerOf();
  for (const [its, id] of [
    [foreign, "laptop"],
    [key, "none"],
    [await keyOf({}), "laptop"],
  ]) {
    const denied = await (await session(its, model)).ask({ bridge_agent_id: id });
    assert.deepEqual([denied.status, denied.body.error_code], [404, "MCP_SERVER_NOT_FOUND"], denied.text);
  }
  await tokenOf(t.gw, key, "away");
  const offline = await (await session(key, model)).ask({ bridge_agent_ids: ["away"] });
  assert.deepEqual([offline.status, offline.body.error_code], [404, "AGENT_OFFLINE"], offline.text);
});

test("a field that does not say what it should is named, and nothing is changed", async () => {
  const model = await caller("by-faults");
  const { key } = await ownerOf();
  const s = await session(key, model);
  const many = Array.from({ length: 31 }, (_, at) => `name-${at}`);
  for (const [fields, code, param] of [
    [{ bridge_agent_id: 7 }, "INVALID_TYPE", "bridge_agent_id"],
    [{ bridge_agent_id: "agent/laptop" }, "INVALID_VALUE", "bridge_agent_id"],
    [{ bridge_agent_ids: many.slice(0, 6) }, "INVALID_VALUE", "bridge_agent_ids"],
    [{ bridge_agent_id: "x", bridge_agent_ids: many.slice(0, 5) }, "INVALID_VALUE", "bridge_agent_ids"],
    [{ bridge_tool_selections: ["x"] }, "INVALID_TYPE", "bridge_tool_selections[0]"],
    [
      { bridge_tool_selections: [{ agent_id: "x", tool_names: many }] },
      "INVALID_VALUE",
      "bridge_tool_selections[0].tool_names",
    ],
    [{ bridge_tool_selections: [{ tool_names: [] }] }, "MISSING_FIELDS", "bridge_tool_selections[0].agent_id"],
  ]) {
    const inTurn = await s.ask(fields);
    assert.deepEqual([inTurn.status, inTurn.body.error_code, inTurn.body.param], [400, code, param], inTurn.text);
    const inConfig = await s.call("PUT", `/sessions/${s.id}`, { config: { temperature: 1, ...fields } });
    assert.deepEqual([inConfig.status, inConfig.body.param], [400, `config.${param}`], inConfig.text);
  }
  const shown = await s.call("PUT", `/sessions/${s.id}`, { title: "Unchanged" });
  assert.deepEqual(shown.body.data.config, {});
});
