// What holds for calls of tools besides grants: how many a key may make in a day, which of them a person must agree to, what is noted of those
// who accept tools, and the headers that a server is sent.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, callsOf, codeOf, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { dialectSuite } from "../support/dialects.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, toolCall } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const PATIENCE = { within: 30_000, every: 200 };
let servers;
const t = dialectSuite(["openai"], {
  setUp: async () => {
    servers = await startMcpServers();
    for (const id of ["modern", "strict", "some"])
      await admin("POST", "/mcp-servers", { id, url: `${servers.url}/modern` }, 201);
    await admin("PUT", "/mcp-servers/strict", { tool_approval: "always" });
    await admin("PUT", "/mcp-servers/some", { ask_tools: ["ad?"] });
  },
});
after(() => servers?.stop());

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

const { post } = mcpClientsOf(t);
const call = (key, name, given) =>
  post("/mcp/server/modern", key, {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name, arguments: given },
  });

/** A model that calls these functions, and then says so. */
async function calling(name, ...calls) {
  await t.on("openai", name, (x) => {
    const isFirst = !x.json().messages.some(({ role }) => role === "assistant");
    const said = { role: "assistant", content: null, refusal: null, tool_calls: calls };
    return answersWith(completion(name, isFirst ? said : "Done.", { finish: isFirst ? "tool_calls" : "stop" }))(x);
  });
  return name;
}
const echo = (server) => toolCall("c1", `${server}__echo`, JSON.stringify({ text: "x" }));
const add = (server) => toolCall("c2", `${server}__add`, JSON.stringify({ a: 1, b: 2 }));

test("a key makes as many calls in a day as it may, wherever it makes them", async () => {
  const limited = await t.gw.createKey({ allow_tools: ["*"], max_tool_calls_per_day: 2 });
  assert.equal((await admin("GET", `/keys/${limited.id}`)).max_tool_calls_per_day, 2);
  for (let i = 0; i < 2; i++) {
    const answer = await call(limited.key, "echo", { text: "x" });
    assert.equal(answer.body.result?.content[0].text, "x", answer.text);
  }
  const over = await call(limited.key, "echo", { text: "x" });
  assert.deepEqual([over.status, over.body.error.data.code], [200, "tool_calls_per_day_exceeded"], over.text);
  assert.ok(over.body.error.data.retry_after > 0);
  const before = servers.requests.length;
  const model = await calling("day", echo("modern"));
  const messages = [{ role: "user", content: "q" }];
  const answer = await t.gw.complete(limited.key, { model, messages, nexus: { tools: ["modern"] } });
  assert.equal(answer.status, 200, answer.text);
  assert.match(t.up.last("day").json().messages.at(-1).content, /At most 2 calls of tools a day/);
  assert.ok(!servers.requests.slice(before).some(({ body }) => body?.method === "tools/call"));
  await admin("PUT", `/keys/${limited.id}`, { max_tool_calls_per_day: null });
  await eventually(async () => (await call(limited.key, "echo", { text: "x" })).body.result, {
    what: "a call without the limit",
    ...PATIENCE,
  });
  const none = await t.gw.createKey({ owner: "of-none", max_tool_calls_per_day: 0 });
  await tokenOf(t.gw, none.key, "desk");
  const invoked = await callsOf(t).post("/v1/bridge/invoke", { agent_id: "desk", tool_name: "files__echo" }, none.key);
  assert.deepEqual([invoked.status, codeOf(invoked)], [429, "tool_calls_per_day_exceeded"], invoked.text);
});

test("the strictest of key, server, tool and request says which calls a person must agree to", async () => {
  const keys = {};
  for (const rule of ["never", "rules", "always"])
    keys[rule] = (await t.gw.createKey({ allow_tools: ["*"], tool_approval: rule })).key;
  let tried = 0;
  /** The types of items of an answer that calls `what` of a server. */
  const items = async (key, server, what, request) => {
    const model = await calling(`approval-${++tried}`, what(server));
    const tool = { type: "mcp", server_label: "s", server_url: `nexus:${server}`, require_approval: request };
    const { output } = await t.openai({ apiKey: key }).responses.create({ model, input: "q", tools: [tool] });
    return output.map(({ type }) => type).filter((type) => type !== "mcp_list_tools");
  };
  const runs = ["mcp_call", "message"];
  const asks = ["mcp_approval_request"];
  for (const [rule, server, what, request, expected] of [
    ["never", "modern", echo, "never", runs],
    ["never", "modern", echo, "always", asks],
    // Its annotation says that it only reads; a server could lie.
    ["rules", "modern", echo, "never", asks],
    ["always", "modern", echo, "never", asks],
    ["never", "strict", echo, "never", asks],
    ["never", "some", echo, "never", runs],
    ["never", "some", add, "never", asks],
  ])
    assert.deepEqual(
      await items(keys[rule], server, what, request),
      expected,
      `${rule} ${server} ${what.name} ${request}`,
    );
  const model = await calling("approval-chat", echo("modern"));
  const body = { model, messages: [{ role: "user", content: "q" }], nexus: { tools: ["modern"] } };
  const chat = (await t.gw.complete(keys.always, body)).json();
  assert.equal(chat.choices[0].message.tool_calls[0].function.name, "modern__echo", "it is the caller's to run");
  const wrong = await t.gw.admin("POST", "/keys", { name: "x", tool_approval: "sometimes" });
  assert.deepEqual([wrong.status, wrong.body.error.param], [400, "tool_approval"]);
});

test("who accepts an agent's tools is in the audit log", async () => {
  const own = await t.gw.createKey({ owner: "accepts", allow_tools: ["*"] });
  const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, own.key, "laptop"), "laptop");
  const target = "/v1/bridge/agents/laptop/servers/files/tools";
  const { get, post: send } = callsOf(t);
  try {
    // What hides something is not accepted when it is first seen.
    const odd = { name: "odd", title: "a\u200bb", inputSchema: { type: "object" } };
    await agent.connect({ catalog: { tools: [...CATALOG.tools, odd] } });
    await eventually(async () => (await get(target, own.key)).status === 200, { what: "the tools", ...PATIENCE });
    const accepted = await send(`${target}/accept`, { tools: ["odd"] }, own.key);
    assert.equal(accepted.status, 200, accepted.text);
  } finally {
    agent.socket.close();
  }
  const entry = await eventually(
    async () => {
      const operation = encodeURIComponent("POST /v1/bridge/agents/{id}/servers/{server}/tools/accept");
      return (await admin("GET", `/audit?operation=${operation}`)).entries[0];
    },
    { what: "the entry", ...PATIENCE },
  );
  assert.ok(JSON.stringify(entry).includes(own.id), "the key that did it");
  assert.ok(JSON.stringify(entry.changes).includes("agent/laptop/files/tools"), JSON.stringify(entry.changes));
});

test("a server is sent its headers, and they are not shown", async () => {
  const SECRET = "header-credential-of-a-server-01";
  const headers = { "X-Api-Key": SECRET, Accept: "text/html" };
  const url = `${servers.url}/leaky`;
  const refused = await t.gw.admin("POST", "/mcp-servers", { id: "headed", url, headers: { Host: "x" } });
  assert.deepEqual([refused.status, refused.body.error.param], [400, "headers.Host"]);
  const made = await admin("POST", "/mcp-servers", { id: "headed", url, headers }, 201);
  assert.ok(made.headers["X-Api-Key"] && !JSON.stringify(made).includes(SECRET));
  const before = servers.requests.length;
  await admin("POST", "/mcp-servers/headed/test");
  const sent = servers.requests.slice(before);
  assert.ok(sent.length > 0 && sent.every((request) => request.headers["x-api-key"] === SECRET));
  assert.ok(
    sent.every((request) => request.headers.accept.includes("application/json")),
    "what the protocol needs stays",
  );
  const moved = await t.gw.admin("PUT", "/mcp-servers/headed", { url: `${servers.url}/modern` });
  assert.deepEqual([moved.status, moved.body.error.param], [400, "headers"]);
  const { body: state } = await t.gw.admin("GET", "/system/secret-key");
  assert.equal(state.unreadable?.length ?? 0, 0, JSON.stringify(state));
  assert.deepEqual((await admin("PUT", "/mcp-servers/headed", { headers: null })).headers, {});
  const rows = await t.gw.db("SELECT * FROM mcp_servers");
  assert.ok(!JSON.stringify(rows).includes(SECRET) && !t.gw.logs().some(({ message }) => message.includes(SECRET)));
});
