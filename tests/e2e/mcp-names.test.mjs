// The names of `/mcp` and of sets of tools are good for clients that never list: for one that has them from elsewhere, at a gateway that
// was asked for no list before. Each test has servers of its own.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

const PATIENCE = { within: 30_000, every: 200 };
let servers;
const t = suite({
  setUp: async () => {
    servers = await startMcpServers();
  },
});
after(() => servers?.stop());
const { post } = mcpClientsOf(t);

async function server(id, path) {
  const answer = await t.gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/${path}`, timeout_ms: 5000 });
  assert.equal(answer.status, 201, answer.text);
}
const keyWith = async (fields) => (await t.gw.createKey(fields)).key;
const ask = (path, key, method, params) => post(path, key, { jsonrpc: "2.0", id: 1, method, params });
const call = (path, key, name, given = {}) => ask(path, key, "tools/call", { name, arguments: given });
const said = ({ body, text }) => body.result?.content[0].text ?? text;
const refused = ({ status, body }) => [status, body.error?.data?.code];

test("a tool of /mcp is called by its name before anything was listed, and stays under it", async () => {
  await server("first", "modern");
  const key = await keyWith({ allow_tools: ["first/*"] });
  assert.equal(said(await call("/mcp", key, "first__echo", { text: "at once" })), "at once");
  const { body } = await ask("/mcp", key, "tools/list");
  assert.ok(body.result.tools.some(({ name }) => name === "first__echo"));
  const stored = await t.gw.db("SELECT alias FROM tool_aliases WHERE server = ?", "first");
  assert.ok(stored.some(({ alias }) => alias === "first__add"));
});

test("a tool of a set without a name of its own is called before anything was listed", async () => {
  await server("second", "legacy");
  await server("beside", "modern");
  const key = await keyWith({ allow_tools: ["second/*", "beside/*"] });
  const tools = [
    { server: "second", tool: "e*" },
    { server: "beside", tool: "add", name: "sum" },
  ];
  const made = await t.gw.admin("POST", "/toolsets", { name: "fresh", tools });
  assert.equal(made.status, 201, made.text);
  const path = "/mcp/toolset/fresh";
  assert.equal(said(await call(path, key, "second__echo", { text: "from a set" })), "from a set");
  assert.equal(said(await call(path, key, "sum", { a: 1, b: 2 })), "3");
  for (const name of ["second__add", "beside__add", "beside__echo"])
    assert.equal(refused(await call(path, key, name))[1], "tool_not_found", name);
});

test("a prompt is got by its name before anything was listed", async () => {
  await server("third", "modern");
  const key = await keyWith({ allow_tools: ["third/*"] });
  const { body } = await ask("/mcp", key, "prompts/get", { name: "third__greet", arguments: { who: "Ada" } });
  assert.match(body.result.messages[0].content.text, /^greet: hello Ada/);
});

test("a tool of an agent is called by its name, by the twin's and by the old one", async () => {
  const own = await keyWith({ owner: "names", allow_tools: ["agent/*"] });
  const other = await keyWith({ owner: "others", allow_tools: ["agent/*"] });
  const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, own, "desk"), "desk");
  agent.behaviour = (request) => ({ content: [{ type: "text", text: `desk:${request.params.name}` }] });
  try {
    await agent.connect({ catalog: CATALOG });
    await eventually(async () => said(await call("/mcp", own, "files__echo")) === "desk:echo", {
      what: "the agent's tool",
      ...PATIENCE,
    });
    assert.equal(said(await call("/mcp", own, "bridge__desk__files__echo__0123456789")), "desk:echo");
    assert.equal(refused(await call("/mcp", other, "files__echo"))[1], "tool_not_found");
  } finally {
    agent.socket.close();
  }
});

test("a name that stands for nothing that the key is granted is unknown, and asks no other server", async () => {
  await server("fourth", "modern");
  await server("apart", "legacy");
  await server("broken", "angry");
  const some = await keyWith({ allow_tools: ["fourth/echo", "apart/*"] });
  const before = servers.requests.length;
  for (const name of ["fourth__add", "fourth__nothing", "nowhere__echo", "fourth", "fourth_echo"])
    assert.deepEqual(refused(await call("/mcp", some, name)), [200, "tool_not_found"], name);
  assert.ok(servers.requests.slice(before).every(({ path }) => path === "/modern"));
  const broken = await keyWith({ allow_tools: ["*"] });
  assert.equal(refused(await call("/mcp", broken, "broken__echo"))[1], "mcp_server_unreachable");
});
