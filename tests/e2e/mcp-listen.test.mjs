// `subscriptions/listen` at `/mcp` and below it: clients of the modern era hear that a list has changed, and the request ends with the key.
import assert from "node:assert/strict";
import { after } from "node:test";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually, within } from "../support/util.mjs";

const PATIENCE = { within: 90_000, every: 200 };
const LONG = { timeout: 240_000 };
let servers;
const t = suite({
  vars: { KEEP_ALIVE_MS: "1500" },
  setUp: async () => {
    servers = await startMcpServers();
    await admin("POST", "/mcp-servers", { id: "modern", url: `${servers.url}/modern` }, 201);
    await admin("POST", "/toolsets", { name: "work", tools: [{ server: "modern", tool: "*" }] }, 201);
  },
});
const clients = [];
after(async () => {
  for (const client of clients) await client.close();
  await servers?.stop();
});

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

const { address } = mcpClientsOf(t);

/** A client that listens at a path: `heard` is what it was told. */
async function listen(path, key, filter) {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "auto" } });
  const heard = [];
  for (const of of ["tools", "prompts", "resources"])
    client.setNotificationHandler(`notifications/${of}/list_changed`, () => void heard.push(of));
  await client.connect(new StreamableHTTPClientTransport(address(path), { requestInit: { headers: bearer(key) } }));
  clients.push(client);
  return { client, heard, subscription: await client.listen(filter) };
}

/** `subscriptions/listen` by hand, of the modern era unless it is said otherwise: the messages of the answer. */
async function ask(key, params, { accept = "application/json, text/event-stream", version = "2026-07-28" } = {}) {
  const modern = version === "2026-07-28";
  const meta = {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const answer = await fetch(address("/mcp"), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept,
      "mcp-protocol-version": version,
      ...(modern && { "mcp-method": "subscriptions/listen" }),
      ...bearer(key),
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: "mine",
      method: "subscriptions/listen",
      params: { ...params, ...(modern && { _meta: meta }) },
    }),
  });
  const text = await answer.text();
  if (!answer.headers.get("content-type").startsWith("text/event-stream")) return [JSON.parse(text)];
  const events = text.split("\n\n").filter((event) => event.startsWith("data: "));
  return events.map((event) => JSON.parse(event.slice("data: ".length)));
}

test(
  "a client hears of a list that has changed, and of no other",
  async () => {
    const { key } = await t.gw.createKey({ allow_tools: ["*"] });
    const wanted = { toolsListChanged: true, promptsListChanged: true, resourceSubscriptions: ["file:///a"] };
    const all = await Promise.all(
      ["/mcp", "/mcp/server/modern", "/mcp/toolset/work"].map((at) => listen(at, key, wanted)),
    );
    assert.deepEqual(
      all.map(({ subscription }) => subscription.honoredFilter),
      [
        { toolsListChanged: true, promptsListChanged: true },
        { toolsListChanged: true, promptsListChanged: true },
        { toolsListChanged: true },
      ],
    );
    assert.deepEqual(all[0].client.getServerCapabilities().tools, { listChanged: true });
    await admin("PUT", "/mcp-servers/modern", { deny_tools: ["add"] });
    for (const { heard } of all) await eventually(() => heard.length > 0, { what: "the notification", ...PATIENCE });
    assert.deepEqual(
      all.map(({ heard }) => heard),
      [["tools"], ["tools"], ["tools"]],
    );
    const { tools } = await all[1].client.listTools();
    assert.ok(!tools.some(({ name }) => name === "add"));
    for (const { subscription } of all) {
      await subscription.close();
      assert.equal(await subscription.closed, "local");
    }
  },
  LONG,
);

test(
  "it ends when the key is not good any more",
  async () => {
    const { key, id } = await t.gw.createKey({ allow_tools: ["*"] });
    const { subscription } = await listen("/mcp", key, { toolsListChanged: true });
    await admin("PUT", `/keys/${id}`, { enabled: false });
    assert.equal(await within(PATIENCE.within, subscription.closed, "the end"), "graceful");
  },
  LONG,
);

test("what cannot be listened to is said", async () => {
  const { key } = await t.gw.createKey({ allow_tools: ["*"] });
  const wanted = { notifications: { toolsListChanged: true } };
  const codeOf = async (...asked) => (await ask(key, ...asked))[0].error.code;
  assert.equal(await codeOf(wanted, { accept: "application/json" }), -32600);
  assert.equal(await codeOf({}), -32602);
  assert.equal(await codeOf(wanted, { version: "2025-11-25" }), -32601);
  // Changes of one resource are not told of: nothing is agreed to, and it ends.
  const said = await ask(key, { notifications: { resourceSubscriptions: ["file:///a"] } });
  assert.deepEqual(
    said.map(({ method, id, params }) => [method ?? id, params?.notifications]),
    [
      ["notifications/subscriptions/acknowledged", {}],
      ["mine", undefined],
    ],
  );
  for (const { params, result } of said)
    assert.equal((params ?? result)._meta["io.modelcontextprotocol/subscriptionId"], "mine");
});
