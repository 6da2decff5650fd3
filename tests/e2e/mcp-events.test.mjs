// Answers of `/mcp` as events: progress and log lines of servers of both eras and of agents before the result, keep-alives while nothing
// comes, and the end of a call whose caller has left.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startTalkingServers } from "../support/mcp-talking.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const SERVERS = ["modern", "legacy"];
const STEPS = [1, 2, 3].map((progress) => ({ progress, total: 3, message: `step ${progress}` }));
const PATIENCE = { within: 60_000, every: 100 };
let servers;
let all;
const t = suite({
  vars: { KEEP_ALIVE_MS: "1500" },
  setUp: async () => {
    servers = await startTalkingServers();
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

const { address, withClient } = mcpClientsOf(t);
const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** A call by hand, whose answer is not read: of the modern era with `meta`, of the legacy one without. */
function call(
  path,
  name,
  { key = all, meta, legacyMeta, accept = "application/json, text/event-stream", signal } = {},
) {
  const params = { name, arguments: {}, _meta: meta ? { ...MODERN, ...meta } : { ...legacyMeta } };
  return fetch(address(path), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept,
      ...bearer(key),
      ...(meta && { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name }),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params }),
    signal,
  });
}

/** The messages of an answer of events. */
const messages = (text) =>
  text
    .split("\n\n")
    .filter((event) => event.startsWith("data: "))
    .map((event) => JSON.parse(event.slice("data: ".length)));

test("clients of both lines hear of progress and log lines of servers of both eras", async () => {
  for (const line of ["old", "legacy", "auto"])
    for (const server of SERVERS)
      for (const [path, name] of [
        [`/mcp/server/${server}`, "count"],
        ["/mcp", `${server}__count`],
      ]) {
        const heard = [];
        const onprogress = (progress) => heard.push(progress);
        const result = await withClient(line, path, all, async (client) => {
          await client.listTools();
          const asked = { name, arguments: {} };
          return line === "old"
            ? client.callTool(asked, undefined, { onprogress })
            : client.callTool(asked, { onprogress });
        });
        assert.equal(result.content[0].text, "done");
        assert.deepEqual(heard, STEPS, `${line} ${path}`);
      }
});

test("what is told comes before the result, under the caller's token and from the level that was asked for", async () => {
  for (const server of SERVERS) {
    const meta = { progressToken: "mine", "io.modelcontextprotocol/logLevel": "error" };
    const answer = await call(`/mcp/server/${server}`, "count", { meta });
    assert.match(answer.headers.get("content-type"), /^text\/event-stream/);
    const text = await answer.text();
    const all = messages(text);
    assert.deepEqual(
      all.filter(({ method }) => method === "notifications/progress").map(({ params }) => params),
      STEPS.map((step) => ({ progressToken: "mine", ...step })),
    );
    const lines = all.filter(({ method }) => method === "notifications/message");
    assert.deepEqual(
      lines.map(({ params }) => params),
      [{ level: "error", data: { step: 3 } }],
    );
    assert.deepEqual([all.at(-1).id, all.at(-1).result.content[0].text], [7, "done"]);
    const asked = servers.requests.filter(({ path, body }) => path === `/${server}` && body?.method === "tools/call");
    const { progressToken } = asked.at(-1).body.params._meta;
    assert.ok(progressToken && progressToken !== "mine" && !text.includes(progressToken));
  }
});

test("an answer is one object where nothing but the result comes, and where no events are read", async () => {
  const meta = { progressToken: 1 };
  const plain = await call("/mcp/server/modern", "echo", { meta });
  assert.match(plain.headers.get("content-type"), /^application\/json/);
  assert.equal((await plain.json()).result.content[0].text, "done");
  const unread = await call("/mcp/server/modern", "count", { meta, accept: "application/json" });
  assert.equal((await unread.json()).result.content[0].text, "done");
  assert.equal(servers.requests.at(-1).body.params._meta.progressToken, undefined);
  const unasked = await call("/mcp/server/modern", "count", { meta: {} });
  assert.equal((await unasked.json()).result.content[0].text, "done");
  const refused = await call("/mcp/server/modern", "none", { meta });
  assert.deepEqual([refused.status, (await refused.json()).error.data.code], [400, "tool_not_found"]);
});

test("keep-alives come while nothing else does, and a caller who leaves ends the call", async () => {
  const gone = new AbortController();
  const answer = await call("/mcp/server/modern", "wait", { meta: { progressToken: 1 }, signal: gone.signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(": keep-alive\n\n")) text += (await reader.read()).value;
  assert.equal(messages(text)[0].params.progress, 1);
  const before = servers.left.length;
  gone.abort();
  await reader.read().catch(() => {});
  await eventually(() => servers.left.length > before, { what: "the end of the call", ...PATIENCE });
  // What says nothing at all is kept alive, too.
  const quiet = new AbortController();
  const silent = await call("/mcp/server/modern", "wait", { meta: {}, signal: quiet.signal });
  assert.match(silent.headers.get("content-type"), /^text\/event-stream/);
  quiet.abort();
  await eventually(() => servers.left.length > before + 1, { what: "the end of the quiet call", ...PATIENCE });
});

test("an agent's progress and log lines are told, and a call whose caller has left is cancelled there", async () => {
  const { key } = await t.gw.createKey({ owner: "talking-owner", allow_tools: ["*"] });
  const one = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, "laptop"), "laptop");
  agents.push(one);
  const note = (id, seq, kind, data) => ({ t: "note", id, seq, kind, data, dropped_bytes: 0, dropped_lines: 0 });
  one.behaviour = async ({ id, params }, socket) => {
    socket.send(note(id, 1, "progress", { progress: 1, total: null, message: "half" }));
    socket.send(note(id, 2, "log", { level: "warning", data: "careful" }));
    socket.send(note(id, 3, "stderr", "private"));
    return params.name === "slow" ? undefined : { content: [{ type: "text", text: "from the agent" }] };
  };
  await one.connect();
  const path = "/mcp/agent/laptop/files";
  const meta = { progressToken: 5, "io.modelcontextprotocol/logLevel": "info" };
  await eventually(async () => (await call(path, CATALOG.tools[0].name, { key, legacyMeta: {} })).status === 200, {
    what: "the agent's tools",
    ...PATIENCE,
  });
  const answer = await call(path, "echo", { key, meta });
  const told = messages(await answer.text());
  assert.deepEqual(
    told.slice(0, -1).map(({ method, params }) => [method, params]),
    [
      ["notifications/progress", { progressToken: 5, progress: 1, message: "half" }],
      ["notifications/message", { level: "warning", data: "careful" }],
    ],
  );
  assert.equal(told.at(-1).result.content[0].text, "from the agent");
  const gone = new AbortController();
  const slow = await call(path, "slow", { key, meta, signal: gone.signal });
  await slow.body.getReader().read();
  gone.abort();
  await one.socket.frame((frame) => frame?.t === "cancel", { ms: 60_000 });
});
