// Prompts, resources, templates and completion at `/mcp`: clients of both lines at servers of both eras and at agents, one by one and
// beside each other; grants when something is listed and when it is asked for.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { contentAnswer, contentOf } from "../support/mcp-content.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

const SERVERS = ["modern", "legacy", "sessions"];
let servers;
let all;
const t = suite({
  setUp: async () => {
    servers = await startMcpServers();
    all = (await t.gw.createKey({ allow_tools: ["*"] })).key;
    for (const id of SERVERS) {
      const answer = await t.gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}` });
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

/** A request of the legacy era by hand. */
const ask = (path, key, method, params = {}) => post(path, key, { jsonrpc: "2.0", id: 1, method, params });
const LINES = ["old", "legacy", "auto"];
const texts = (read) => read.contents.map(({ text }) => text);

test("clients of both lines get prompts and read resources of one server as it wrote them", async () => {
  for (const line of LINES)
    for (const name of SERVERS) {
      const said = `${line} → ${name}`;
      await withClient(line, `/mcp/server/${name}`, all, async (client) => {
        const { prompts, resources, resourceTemplates } = contentOf(name);
        // A prompt that hides something is not shown.
        assert.deepEqual((await client.listPrompts()).prompts, prompts.slice(0, 1), said);
        assert.deepEqual((await client.listResources()).resources, resources, said);
        assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, resourceTemplates, said);
        const got = await client.getPrompt({ name: "greet", arguments: { who: "Ada" } });
        assert.equal(got.messages[0].content.text, `greet: hello Ada from ${name}`);
        assert.equal(got.messages[1].content.uri, `memo:${name}/own`);
        assert.deepEqual(texts(await client.readResource({ uri: "memo:shared" })), [`memo:shared of ${name}`]);
        const note = `memo:${name}/notes/7`;
        assert.deepEqual(texts(await client.readResource({ uri: note })), [`${note} of ${name}`]);
        const { completion } = await client.complete({
          ref: { type: "ref/prompt", name: "greet" },
          argument: { name: "who", value: "A" },
        });
        assert.deepEqual(completion.values, ["greet A!"]);
      });
    }
});

test("those of several servers stand beside each other and lead back to their server", async () => {
  for (const line of LINES)
    await withClient(line, "/mcp", all, async (client) => {
      assert.ok(client.getServerCapabilities().prompts && client.getServerCapabilities().completions);
      const { prompts } = await client.listPrompts();
      assert.deepEqual(prompts.map(({ name }) => name).sort(), ["legacy__greet", "modern__greet", "sessions__greet"]);
      assert.deepEqual(prompts[0]._meta, { "example.com/x": [1] });
      const { resources } = await client.listResources();
      const { resourceTemplates } = await client.listResourceTemplates();
      assert.equal(new Set(resources.map(({ uri }) => uri)).size, 2 * SERVERS.length);
      for (const name of SERVERS) {
        const got = await client.getPrompt({ name: `${name}__greet`, arguments: { who: "Bo" } });
        assert.equal(got.messages[0].content.text, `greet: hello Bo from ${name}`);
        // Where a prompt links to a resource, the link is an address of this endpoint.
        const linked = await client.readResource({ uri: got.messages[1].content.uri });
        assert.deepEqual(texts(linked), [`memo:${name}/own of ${name}`]);
        const { uriTemplate } = resourceTemplates.find((one) => one.uriTemplate.includes(`memo:${name}/`));
        const { completion } = await client.complete({
          ref: { type: "ref/resource", uri: uriTemplate },
          argument: { name: "id", value: "4" },
        });
        assert.deepEqual(completion.values, [`memo:${name}/notes/{id} 4!`]);
        const note = await client.readResource({ uri: uriTemplate.replace("{id}", "7") });
        assert.deepEqual(note.contents[0], {
          uri: uriTemplate.replace("{id}", "7"),
          mimeType: "text/plain",
          text: `memo:${name}/notes/7 of ${name}`,
        });
      }
      for (const { uri } of resources) {
        const [text] = texts(await client.readResource({ uri }));
        assert.match(text, new RegExp(`of (${SERVERS.join("|")})$`));
        assert.ok(uri.startsWith(`nexus://${text.split(" of ")[1]}/`), uri);
      }
    });
});

test("an address that one server has is understood, one that several have is not", async () => {
  const read = async (uri) => (await ask("/mcp", all, "resources/read", { uri })).body;
  assert.deepEqual(texts((await read("memo:legacy/own")).result), ["memo:legacy/own of legacy"]);
  assert.deepEqual(texts((await read("memo:modern/notes/1")).result), ["memo:modern/notes/1 of modern"]);
  assert.equal((await read("memo:shared")).error.data.code, "resource_ambiguous");
  const unknown = await read("memo:nothing");
  assert.deepEqual([unknown.error.code, unknown.error.data.code], [-32002, "resource_not_found"]);
  assert.equal((await read("nexus://nothing/memo:shared")).error.data.code, "resource_not_found");
});

test("grants hold when something is listed and when it is asked for", async () => {
  const some = (
    await t.gw.createKey({ allow_tools: ["modern/resources/memo:modern/*", "modern/echo", "legacy/prompts/*"] })
  ).key;
  const list = async (path, method, member, key) =>
    (await ask(path, some, method)).body.result[member].map((one) => one[key]);
  assert.deepEqual(await list("/mcp", "resources/list", "resources", "uri"), ["nexus://modern/memo:modern/own"]);
  assert.deepEqual(await list("/mcp", "resources/templates/list", "resourceTemplates", "uriTemplate"), [
    "nexus://modern/memo:modern/notes/{id}",
  ]);
  assert.deepEqual(await list("/mcp", "prompts/list", "prompts", "name"), ["legacy__greet"]);
  assert.deepEqual(await list("/mcp/server/modern", "prompts/list", "prompts", "name"), []);
  const code = async (path, method, params) => {
    const { status, body } = await ask(path, some, method, params);
    return [status, body.error.data.code];
  };
  const read = (path, uri) => code(path, "resources/read", { uri });
  const get = (path, name) => code(path, "prompts/get", { name, arguments: { who: "x" } });
  assert.deepEqual(await read("/mcp/server/modern", "memo:shared"), [200, "resource_not_allowed"]);
  assert.deepEqual(await read("/mcp", "nexus://modern/memo:shared"), [200, "resource_not_allowed"]);
  assert.deepEqual(await read("/mcp", "nexus://sessions/memo:shared"), [200, "resource_not_found"]);
  assert.deepEqual(await get("/mcp/server/modern", "greet"), [200, "prompt_not_allowed"]);
  assert.deepEqual(await get("/mcp", "sessions__greet"), [200, "prompt_not_found"]);
  assert.deepEqual(await get("/mcp/server/legacy", "hidden"), [200, "prompt_not_found"]);
  const completed = await code("/mcp/server/modern", "completion/complete", {
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "who", value: "" },
  });
  assert.deepEqual(completed, [200, "prompt_not_allowed"]);
  const completing = {
    ref: { type: "ref/resource", uri: "memo:modern/notes/{id}" },
    argument: { name: "id", value: "1" },
  };
  const template = await ask("/mcp/server/modern", some, "completion/complete", completing);
  assert.deepEqual(template.body.result.completion.values, ["memo:modern/notes/{id} 1!"]);
  // It is never asked again, so no state can have been given for it.
  const stated = { ...completing, requestState: "nexus-call:1:1" };
  assert.deepEqual(await code("/mcp/server/modern", "completion/complete", stated), [200, "request_state_invalid"]);
  for (const params of [{}, { ref: { type: "ref/tool", name: "x" } }])
    assert.equal((await ask("/mcp", all, "completion/complete", params)).body.error.code, -32602);
});

test("lists of a server are hidden and refused as its record says", async () => {
  const answer = await t.gw.admin("POST", "/mcp-servers", {
    id: "narrow",
    url: `${servers.url}/modern`,
    allow_tools: ["echo", "resources/*"],
    deny_tools: ["resources/memo:shared"],
  });
  assert.equal(answer.status, 201, answer.text);
  const path = "/mcp/server/narrow";
  assert.deepEqual((await ask(path, all, "prompts/list")).body.result.prompts, []);
  const { resources } = (await ask(path, all, "resources/list")).body.result;
  assert.deepEqual(
    resources.map(({ uri }) => uri),
    ["memo:modern/own"],
  );
  const closed = await ask(path, all, "resources/read", { uri: "memo:shared" });
  assert.deepEqual([closed.status, closed.body.error.data.code], [200, "resource_not_allowed"]);
  assert.equal((await t.gw.admin("DELETE", "/mcp-servers/narrow")).status, 200);
});

test("an agent's prompts and resources are got and read through the tunnel", async () => {
  const { key } = await t.gw.createKey({ owner: "content-owner", allow_tools: ["*"] });
  const one = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, "laptop"), "laptop");
  one.behaviour = ({ method, params }) => contentAnswer("laptop", method, params);
  agents.push(one);
  await one.connect({ catalog: { ...CATALOG, ...contentOf("laptop") } });
  await eventually(
    async () => (await ask("/mcp/agent/laptop/files", key, "prompts/list")).body.result?.prompts.length === 1,
    { what: "the agent's prompts", within: 60_000, every: 200 },
  );
  for (const line of LINES) {
    await withClient(line, "/mcp/agent/laptop/files", key, async (client) => {
      assert.deepEqual((await client.listResources()).resources, contentOf("laptop").resources);
      assert.deepEqual(texts(await client.readResource({ uri: "memo:shared" })), ["memo:shared of laptop"]);
    });
    await withClient(line, "/mcp", key, async (client) => {
      const named = (await client.listPrompts()).prompts.map(({ name }) => name);
      assert.ok(named.includes("files__greet"), named.join());
      const got = await client.getPrompt({ name: "files__greet", arguments: { who: "Cy" } });
      assert.equal(got.messages[0].content.text, "greet: hello Cy from laptop");
      assert.equal(got.messages[1].content.uri, "nexus://laptop.files/memo:laptop/own");
      const read = await client.readResource({ uri: got.messages[1].content.uri });
      assert.deepEqual(texts(read), ["memo:laptop/own of laptop"]);
    });
  }
  // Other owners reach nothing of it.
  const other = await ask("/mcp", all, "resources/read", { uri: "nexus://laptop.files/memo:laptop/own" });
  assert.equal(other.body.error.data.code, "resource_not_found");
  assert.ok(!JSON.stringify((await ask("/mcp", all, "resources/list")).body).includes("laptop"));
});

test("lists of several pages are read to their end, and are written page by page", async () => {
  const many = Array.from({ length: 450 }, (_, index) => ({ uri: `memo:many/${index}`, name: `n${index}` }));
  const { key } = await t.gw.createKey({ owner: "many-owner", allow_tools: ["*"] });
  const one = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, "stack"), "stack");
  agents.push(one);
  await one.connect({ catalog: { ...CATALOG, resources: many } });
  const path = "/mcp/agent/stack/files";
  await eventually(async () => (await ask(path, key, "resources/list")).body.result?.resources.length === 200, {
    what: "the first page",
    within: 60_000,
    every: 200,
  });
  const read = [];
  let cursor;
  do {
    const { result } = (await ask(path, key, "resources/list", cursor && { cursor })).body;
    read.push(...result.resources);
    cursor = result.nextCursor;
  } while (cursor);
  assert.deepEqual(read, many);
});
