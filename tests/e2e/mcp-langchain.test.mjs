// LangChain's adapter of the Model Context Protocol for JavaScript as a client of `/mcp`: tools, calls and their errors, and resources.
// Its counterpart for Python is in tests/e2e/python/langchain_mcp.py.
import assert from "node:assert/strict";
import { after } from "node:test";
import { langchainAdapter } from "../support/mcp-programs/programs.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

let servers;
let adapter;
let key;
const t = suite({
  setUpWithin: 600_000,
  setUp: async () => {
    adapter = await langchainAdapter();
    servers = await startMcpServers();
    servers.tools.push({ name: "fail", inputSchema: { type: "object" } });
    key = (await t.gw.createKey({ allow_tools: ["*"], deny_tools: ["legacy/add"] })).key;
    for (const id of ["modern", "legacy"]) {
      const answer = await t.gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}` });
      assert.equal(answer.status, 201, answer.text);
    }
  },
});
after(() => servers?.stop());

/** Runs `use` with a client at a path, and the tools that it finds there by their names. */
async function withAdapter(path, use) {
  const nexus = { transport: "http", url: `${t.gw.url}${path}`, headers: bearer(key), automaticSSEFallback: false };
  const client = new adapter.MultiServerMCPClient({ mcpServers: { nexus } });
  try {
    return await use(client, Object.fromEntries((await client.getTools()).map((tool) => [tool.name, tool])));
  } finally {
    await client.close();
  }
}

const called = (name, args) => ({ type: "tool_call", id: "call_1", name, args });

test("tools are listed with their schemas, and a call gives what the tool says", () =>
  withAdapter("/mcp", async (_, tools) => {
    const echo = tools.modern__echo;
    assert.equal(echo.description, "Says it again.");
    assert.deepEqual(echo.schema.required, ["text"]);
    for (const name of ["modern__echo", "legacy__echo"]) {
      const message = await tools[name].invoke(called(name, { text: "Grüezi 😀" }));
      assert.equal(message.tool_call_id, "call_1");
      assert.match(message.content, /Grüezi 😀/);
    }
    assert.equal(tools.legacy__add, undefined, "not granted");
  }));

test("an error of a tool or of the gateway is an error of the call, and the next call is answered", async () => {
  await withAdapter("/mcp", async (client, tools) => {
    await assert.rejects(tools.modern__fail.invoke({}), /no tool fail/);
    const nexus = await client.getClient("nexus");
    await assert.rejects(nexus.callTool({ name: "modern__nothing" }), ({ data }) => data.code === "tool_not_found");
    const message = await tools.legacy__echo.invoke(called("legacy__echo", { text: "still here" }));
    assert.match(message.content, /still here/);
  });
  await withAdapter("/mcp/server/legacy", async (client, tools) => {
    assert.deepEqual(Object.keys(tools), ["echo"]);
    const nexus = await client.getClient("nexus");
    const refused = nexus.callTool({ name: "add", arguments: { a: 1, b: 2 } });
    await assert.rejects(refused, ({ data }) => data.code === "tool_not_allowed");
    assert.match(await tools.echo.invoke({ text: "still here" }), /still here/);
  });
});

test("a resource is read", () =>
  withAdapter("/mcp", async (client) => {
    const [contents] = await client.readResource("nexus", "nexus://modern/memo:shared");
    assert.equal(contents.text, "memo:shared of modern");
  }));
