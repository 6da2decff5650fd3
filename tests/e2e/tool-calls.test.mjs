// Calls of tools leave one record each, whether a client at `/mcp`, a request whose tools the gateway runs, or a caller of an agent makes
// them. Nothing of what a call says or returns is in it, and records of other owners are not seen.
import assert from "node:assert/strict";
import { after } from "node:test";
import { callsOf, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { dialectSuite } from "../support/dialects.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { test } from "../support/suite.mjs";
import { ulid } from "../support/ulid.mjs";
import { answersWith, completion, gate, toolCall } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const PATIENCE = { within: 30_000, every: 100 };
const DAY = 86_400_000;
const SECRET = "argument-that-no-record-may-have";
let servers;
const t = dialectSuite(["openai"], {
  setUp: async () => {
    servers = await startMcpServers();
    for (const id of ["modern", "angry"]) {
      const answer = await t.gw.admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}` });
      assert.equal(answer.status, 201, answer.text);
    }
  },
});
after(() => servers?.stop());

const { withClient, post } = mcpClientsOf(t);
const ask = (path, key, method, params = {}) => post(path, key, { jsonrpc: "2.0", id: 1, method, params });
const list = async (query) => {
  const answer = await t.gw.admin("GET", `/tool-calls?${query}`);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.tool_calls;
};
/** The records of a key, the oldest first, when there are so many. */
const recorded = async (id, count) => {
  const found = await eventually(
    async () => {
      const all = await list(`key=${id}`);
      return all.length >= count && all;
    },
    { what: `${count} records of ${id}`, ...PATIENCE },
  );
  assert.equal(found.length, count, JSON.stringify(found));
  return found.reverse();
};

test("each call of a client leaves one record, whatever its end", async () => {
  const { key, id } = await t.gw.createKey({ allow_tools: ["*"], deny_tools: ["modern/add"], owner: "ends" });
  const path = "/mcp/server/modern";
  await withClient("auto", path, key, async (client) => {
    await client.listTools();
    return client.callTool({ name: "echo", arguments: { text: SECRET } });
  });
  await withClient("old", "/mcp", key, async (client) => {
    await client.listTools();
    return client.callTool({ name: "modern__echo", arguments: { text: "é" } });
  });
  await ask(path, key, "tools/call", { name: "ask", arguments: {} });
  const denied = await ask(path, key, "tools/call", { name: "add", arguments: {} });
  assert.deepEqual([denied.status, denied.body.error.data.code], [200, "tool_not_allowed"]);
  await ask("/mcp/server/angry", key, "tools/call", { name: "any", arguments: {} });
  await ask("/mcp", key, "tools/call", { name: "no__tool", arguments: {} });
  const found = await recorded(id, 5);
  assert.deepEqual(
    found.map(({ server, tool, status, error_code }) => [server, tool, status, error_code]),
    [
      ["modern", "echo", "ok", null],
      ["modern", "echo", "ok", null],
      ["modern", "ask", "tool_error", "-32021"],
      ["modern", "add", "refused", "tool_not_allowed"],
      ["angry", "any", "failed", "mcp_server_unreachable"],
    ],
  );
  const [first, second] = found;
  assert.deepEqual([first.key_id, first.owner, first.caller, first.conversation_id], [id, "ends", "mcp", null]);
  assert.equal(first.bytes_in, JSON.stringify({ text: SECRET }).length);
  assert.equal(second.bytes_in, Buffer.byteLength('{"text":"é"}'));
  assert.ok(first.bytes_out > SECRET.length && first.duration_ms >= 0 && Math.abs(Date.now() - first.ts) < 120_000);
  const refused = found[3];
  assert.equal(refused.request_id, denied.headers.get("x-request-id"));
  const rows = await t.gw.db("SELECT * FROM tool_calls");
  assert.ok(!JSON.stringify(rows).includes(SECRET));
  assert.ok(!t.gw.logs().some(({ message }) => message.includes(SECRET)));
});

test("calls in a chat belong to its request and its conversation", async () => {
  const { key, id } = await t.gw.createKey({ allow_tools: ["*"] });
  await t.on("openai", "records", (x) => {
    const isFirst = !x.json().messages.some(({ role }) => role === "assistant");
    const calls = ["a", "b"].map((text) => toolCall(text, "modern__echo", JSON.stringify({ text })));
    const said = { role: "assistant", content: null, refusal: null, tool_calls: calls };
    return answersWith(completion("records", isFirst ? said : "Done.", { finish: isFirst ? "tool_calls" : "stop" }))(x);
  });
  for (const stream of [false, true]) {
    const body = { model: "records", messages: [{ role: "user", content: `q ${stream}` }], stream };
    const answer = await t.gw.complete(key, { ...body, nexus: { tools: ["modern"] } });
    assert.equal(answer.status, 200, answer.text);
    const request = answer.headers["x-request-id"];
    const row = await t.gw.row(request);
    const found = (await recorded(id, stream ? 4 : 2)).filter(({ request_id }) => request_id === request);
    assert.deepEqual(
      found.map(({ caller, server, tool, status }) => [caller, server, tool, status]),
      Array(2).fill(["chat", "modern", "echo", "ok"]),
    );
    assert.ok(found.every(({ conversation_id }) => conversation_id === row.conversation_id));
    assert.deepEqual((await list(`conversation=${row.conversation_id}`)).length, 2);
  }
});

test("a call whose caller leaves meanwhile is recorded as that", async () => {
  const { key, id } = await t.gw.createKey({ allow_tools: ["*"] });
  const said = { role: "assistant", content: null, refusal: null };
  const calls = [toolCall("c1", "modern__echo", JSON.stringify({ text: "held" }))];
  await t.on(
    "openai",
    "left",
    answersWith(completion("left", { ...said, tool_calls: calls }, { finish: "tool_calls" })),
  );
  const held = gate();
  servers.hold(held.opened);
  try {
    const before = servers.requests.length;
    const messages = [{ role: "user", content: "q" }];
    const body = { model: "left", messages, stream: true, nexus: { tools: ["modern"] } };
    const { reply, abort } = t.gw.beginCompletion(key, body);
    await reply;
    const isCalled = () => servers.requests.slice(before).some(({ body: sent }) => sent?.method === "tools/call");
    await eventually(isCalled, { what: "the call", ...PATIENCE });
    abort();
    const [left] = await recorded(id, 1);
    assert.deepEqual([left.tool, left.status, left.bytes_out], ["echo", "cancelled", 0]);
  } finally {
    held.open();
    servers.hold(undefined);
  }
});

test("calls with the agents' own API leave a record, whole and streamed", async () => {
  const { key, id } = await t.gw.createKey({ owner: "of-agent", deny_tools: ["agent/laptop/files/slow"] });
  const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, "laptop"), "laptop");
  agent.behaviour = ({ params }) => {
    if (params.name === "fail") return { error: { code: "tool_call_failed", message: "broken" } };
    return { content: [{ type: "text", text: "x".repeat(params.name === "large" ? 300_000 : 3) }] };
  };
  const { post: send } = callsOf(t);
  const invoke = (tool, rest = {}) =>
    send("/v1/bridge/invoke", { agent_id: "laptop", tool_name: `files__${tool}`, arguments: { a: 1 }, ...rest }, key);
  try {
    await agent.connect();
    await eventually(async () => (await invoke("echo", { req_id: "first" })).status === 200, {
      what: "the agent's tools",
      ...PATIENCE,
    });
    const answers = [
      await invoke("echo"),
      await invoke("large"),
      await invoke("large", { stream: true }),
      await invoke("fail"),
      await invoke("slow"),
      await invoke("none"),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 403, 403],
    );
    assert.ok(answers[2].text.includes("x".repeat(300_000)), "nothing of a stream is lost");
    const of = async ({ headers }) => (await list(`key=${id}&request_id=${headers["x-request-id"]}`))[0];
    const found = await eventually(
      async () => {
        const all = await Promise.all(answers.map(of));
        return all.every(Boolean) && all;
      },
      { what: "the records", ...PATIENCE },
    );
    assert.deepEqual(
      found.map(({ server, tool, status, error_code }) => [server, tool, status, error_code]),
      [
        ["agent/laptop", "files__echo", "ok", null],
        ["agent/laptop", "files__large", "ok", null],
        ["agent/laptop", "files__large", "ok", null],
        ["agent/laptop", "files__fail", "tool_error", null],
        ["agent/laptop", "files__slow", "refused", "tool_not_allowed"],
        ["agent/laptop", "files__none", "refused", "tool_not_allowed"],
      ],
    );
    assert.ok(found.every(({ caller, bytes_in }) => caller === "bridge" && bytes_in === 7));
    assert.ok(found[1].bytes_out > 300_000 && found[2].bytes_out > 300_000, JSON.stringify(found));
  } finally {
    agent.socket.close();
  }
  const offline = await eventually(
    async () => {
      const answer = await invoke("echo");
      return answer.status === 404 && answer.json().error.code === "agent_offline";
    },
    { what: "the agent to be offline", ...PATIENCE },
  );
  assert.ok(offline);
  await eventually(async () => (await list(`key=${id}&status=refused`))[0]?.error_code === "agent_offline", {
    what: "the record of a call of an agent that is offline",
    ...PATIENCE,
  });
});

const call = (ts, seed, fields) => ({
  id: ulid(ts, seed),
  ts,
  key_id: "k",
  owner: "list-ada",
  caller: "mcp",
  server: "s",
  tool: "t",
  request_id: "r",
  conversation_id: null,
  status: "ok",
  error_code: null,
  duration_ms: 5,
  bytes_in: 1,
  bytes_out: 2,
  ...fields,
});
const enqueue = (calls) => t.gw.enqueue(JSON.stringify({ tool_calls: calls }));
const present = (server, count) =>
  eventually(async () => (await list(`server=${server}&limit=500`)).length === count, {
    what: `${count} calls of ${server}`,
    ...PATIENCE,
  });

test("a message that is delivered twice is recorded once", async () => {
  const calls = [call(Date.now(), 1, { server: "twice" }), call(Date.now(), 2, { server: "twice" })];
  await enqueue(calls);
  await enqueue([...calls, call(Date.now(), 3, { server: "twice" })]);
  await present("twice", 3);
});

test("calls are found by what they are, in pages, and only by those who may see them", async () => {
  const now = Date.now();
  const calls = Array.from({ length: 30 }, (_, i) =>
    call(now - i * 1000, 100 + i, {
      server: "paged",
      tool: i % 2 ? "odd" : "even",
      key_id: `key-${i % 3}`,
      owner: i % 5 === 0 ? "list-bob" : "list-ada",
      status: i % 10 === 0 ? "failed" : "ok",
    }),
  );
  await enqueue(calls);
  await present("paged", 30);
  for (const [query, fits] of [
    ["tool=odd", ({ tool }) => tool === "odd"],
    ["key=key-1", ({ key_id }) => key_id === "key-1"],
    ["status=failed", ({ status }) => status === "failed"],
    ["owner=list-bob", ({ owner }) => owner === "list-bob"],
    [`from=${now - 5000}`, ({ ts }) => ts >= now - 5000],
    [`to=${now - 5000}&tool=even`, ({ ts, tool }) => ts < now - 5000 && tool === "even"],
    ["caller=chat", () => false],
  ]) {
    const found = await list(`server=paged&${query}&limit=500`);
    assert.deepEqual(
      found.map(({ id }) => id),
      calls.filter(fits).map(({ id }) => id),
      query,
    );
  }
  const seen = [];
  let cursor = "";
  do {
    const { body } = await t.gw.admin("GET", `/tool-calls?server=paged&limit=7${cursor && `&cursor=${cursor}`}`);
    seen.push(...body.tool_calls.map(({ id }) => id));
    cursor = body.next_cursor;
  } while (cursor);
  assert.deepEqual(
    seen,
    calls.map(({ id }) => id),
  );
  const { key } = await t.gw.createKey({ owner: "list-ada", permissions: ["view_own_requests"] });
  const own = async (query) =>
    (await t.gw.call(`/tool-calls?server=paged&limit=500${query}`, { headers: bearer(key) })).json().tool_calls;
  assert.deepEqual(
    (await own("")).map(({ id }) => id),
    calls.filter(({ owner }) => owner === "list-ada").map(({ id }) => id),
  );
  assert.deepEqual(await own("&owner=list-bob"), []);
  for (const [query, param] of [
    ["status=good", "status"],
    ["caller=me", "caller"],
    ["cursor=a'b", "cursor"],
    ["from=x", "from"],
    ["limit=0", "limit"],
  ]) {
    const wrong = await t.gw.admin("GET", `/tool-calls?${query}`);
    assert.deepEqual([wrong.status, wrong.body.error.param], [400, param], query);
  }
});

test("calls go with the rows of the request log", async () => {
  const now = Date.now();
  await enqueue([call(now - 40 * DAY, 900, { server: "aged" }), call(now - 20 * DAY, 901, { server: "aged" })]);
  await present("aged", 2);
  await t.gw.scheduled();
  await present("aged", 1);
});
