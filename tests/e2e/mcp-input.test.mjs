// Input that servers ask for in the middle of a call: what a server wants back is sealed for the key and the request, and a question of
// a server of an agent reaches the client that called.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { FORM, STATE, startTalkingServers } from "../support/mcp-talking.mjs";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

let servers;
let all;
const t = suite({
  setUp: async () => {
    servers = await startTalkingServers();
    all = (await t.gw.createKey({ allow_tools: ["*"] })).key;
    for (const id of ["modern", "twin"]) {
      const answer = await t.gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/modern` });
      assert.equal(answer.status, 201, answer.text);
    }
  },
});
const agents = [];
after(() => {
  for (const agent of agents) agent.socket?.close();
  servers?.stop();
});

const { withClient, post } = mcpClientsOf(t);
const CAN = { elicitation: { form: {} } };
const ADA = { name: { action: "accept", content: { name: "Ada" } } };

/** A call of the modern era by hand; `given` is the text of its arguments. */
async function call(path, name, params = {}, { key = all, capabilities = CAN, given = "{}" } = {}) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
  };
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {}, ...params, _meta } };
  const headers = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name };
  const text = JSON.stringify(body).replace('"arguments":{}', `"arguments":${given}`);
  return (await post(path, key, text, headers)).body;
}

test("what a server wants back is sealed, and goes back with the answers", async () => {
  for (const [path, name] of [
    ["/mcp/server/modern", "ask"],
    ["/mcp", "modern__ask"],
  ]) {
    const listed = await withClient("auto", path, all, (client) => client.listTools());
    assert.ok(listed.tools.some((tool) => tool.name === name));
    const { result } = await call(path, name);
    assert.equal(result.resultType, "input_required");
    assert.deepEqual(result.inputRequests.name, { method: "elicitation/create", params: FORM });
    assert.ok(!JSON.stringify(result).includes(STATE));
    const again = await call(path, name, { inputResponses: ADA, requestState: result.requestState });
    assert.equal(again.result.content[0].text, "hello Ada");
    const handled = await withClient(
      "auto",
      path,
      all,
      async (client) => {
        client.setRequestHandler("elicitation/create", () => ADA.name);
        return client.callTool({ name, arguments: {} });
      },
      { capabilities: CAN },
    );
    assert.equal(handled.content[0].text, "hello Ada");
  }
});

test("a sealed state is of no use for another key, server or request", async () => {
  const { requestState } = (await call("/mcp/server/modern", "ask")).result;
  const other = (await t.gw.createKey({ allow_tools: ["*"] })).key;
  const retry = { inputResponses: ADA, requestState };
  const before = servers.requests.length;
  for (const [path, params, options] of [
    ["/mcp/server/modern", retry, { key: other }],
    ["/mcp/server/twin", retry, {}],
    ["/mcp/server/modern", { ...retry, arguments: { a: 1 } }, {}],
    ["/mcp/server/modern", { ...retry, requestState: STATE }, {}],
    ["/mcp/server/modern", { ...retry, requestState: `${requestState.slice(0, -6)}AAAAA=` }, {}],
  ]) {
    const { error } = await call(path, "ask", params, options);
    assert.deepEqual([error?.code, error?.data.code], [-32602, "request_state_invalid"], path);
  }
  const asked = servers.requests.slice(before).filter(({ body }) => body?.method === "tools/call");
  assert.equal(asked.length, 0);
  assert.equal((await call("/mcp/server/modern", "ask", retry)).result.content[0].text, "hello Ada");
});

test("no state passes unsealed, in either direction", async () => {
  const calls = (from) => servers.requests.slice(from).filter(({ body }) => body?.method === "tools/call").length;
  // Neither has one meaning, so no state can be bound to it.
  for (const given of ['{"a":1e999}', '{"a":1,"a":2}']) {
    const asked = await call("/mcp/server/modern", "ask", {}, { given });
    assert.equal(asked.error?.code, -32603, given);
    assert.ok(!JSON.stringify(asked).includes(STATE));
    const before = servers.requests.length;
    const retry = { inputResponses: ADA, requestState: STATE };
    const { error } = await call("/mcp/server/modern", "ask", retry, { given });
    assert.deepEqual([error?.code, error?.data.code], [-32602, "request_state_invalid"], given);
    assert.equal(calls(before), 0);
  }
  const before = servers.requests.length;
  for (const requestState of [{ state: STATE }, [STATE], 1]) {
    const { error } = await call("/mcp/server/modern", "ask", { requestState });
    assert.deepEqual([error?.code, error?.data.code], [-32602, "request_state_invalid"]);
  }
  assert.equal(calls(before), 0);
  assert.equal((await call("/mcp/server/modern", "ask", { requestState: null })).result.resultType, "input_required");
});

test("a question of a server of an agent reaches the client, and the call goes on with the answer", async () => {
  const { key } = await t.gw.createKey({ owner: "asking-owner", allow_tools: ["*"] });
  const one = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, "laptop"), "laptop");
  agents.push(one);
  one.behaviour = async ({ id }, socket) => {
    const names = [];
    for (const ask of ["first", "second"]) {
      socket.send({
        t: "ask",
        id,
        ask: `${id}-${ask}`,
        kind: "input_required",
        body: { method: "elicitation/create", params: FORM },
      });
      const given = await socket.frame((frame) => frame?.t === "answer" && frame.ask === `${id}-${ask}`, {
        ms: 60_000,
      });
      names.push(given.body.response.content.name);
    }
    return { content: [{ type: "text", text: names.join(" and ") }] };
  };
  await one.connect();
  const path = "/mcp/agent/laptop/files";
  const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  await eventually(async () => (await post(path, key, list)).body.result?.tools.length === CATALOG.tools.length, {
    what: "the agent's tools",
    within: 60_000,
    every: 200,
  });
  let asked = 0;
  const handled = await withClient(
    "auto",
    path,
    key,
    async (client) => {
      client.setRequestHandler("elicitation/create", () => ({
        action: "accept",
        content: { name: `name ${++asked}` },
      }));
      return client.callTool({ name: "ask", arguments: {} });
    },
    { capabilities: CAN },
  );
  assert.equal(handled.content[0].text, "name 1 and name 2");
  assert.equal([...one.runs.values()].join(), "1");
  // A client that cannot be asked for a form is told so, and the call is cancelled.
  const body = { method: "elicitation/create", params: FORM };
  one.behaviour = ({ id }, socket) => socket.send({ t: "ask", id, ask: `${id}-ask`, kind: "input_required", body });
  const { error } = await call(path, "ask", {}, { key, capabilities: { elicitation: { url: {} } } });
  assert.equal(error.code, -32021);
  await one.socket.frame((frame) => frame?.t === "cancel", { ms: 60_000 });
});
