// Servers of the transport HTTP+SSE (2024-11-05) behind `/mcp`, sets of tools and chat requests: found out and remembered, with all that
// they say before a result, and told when a caller leaves. What misbehaves ends in an error, within limits.
import assert from "node:assert/strict";
import { after } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { dialectSuite } from "../support/dialects.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startOlderServers } from "../support/mcp-older.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, toolCall } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const PATIENCE = { within: 60_000, every: 100 };
const LONG = { timeout: 300_000 };
let servers;
let key;
const t = dialectSuite(["openai"], {
  vars: { KEEP_ALIVE_MS: "1500" },
  setUp: async () => {
    servers = await startOlderServers();
    key = (await t.gw.createKey({ allow_tools: ["*"] })).key;
    for (const id of ["sse", "sessions"]) await admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}` }, 201);
  },
});
after(() => servers?.stop());

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

const { send, post, withClient } = mcpClientsOf(t);
const AS_EVENTS = { accept: "application/json, text/event-stream" };
const postsTo = (path) => servers.requests.filter((one) => one.method === "POST" && one.path === path).length;

test("clients of both lines call tools, hear of progress and get prompts of a server of HTTP+SSE", async () => {
  for (const line of ["old", "legacy", "auto"]) {
    const heard = [];
    await withClient(line, "/mcp/server/sse", key, async (client) => {
      const { tools } = await client.listTools();
      assert.deepEqual(
        tools.map(({ name }) => name),
        ["echo", "count", "wait", "hush", "ask"],
      );
      const asked = { name: "count", arguments: {} };
      const onprogress = (progress) => heard.push(progress.progress);
      const result =
        line === "old"
          ? await client.callTool(asked, undefined, { onprogress })
          : await client.callTool(asked, { onprogress });
      assert.equal(result.content[0].text, "done");
      assert.deepEqual(heard, [1, 2, 3], line);
      const prompt = await client.getPrompt({ name: "greet" });
      assert.equal(prompt.messages[0].content.text, "Hello");
    });
    const text = await withClient(line, "/mcp", key, async (client) => {
      await client.listTools();
      return client.callTool({ name: "sse__echo", arguments: { text: line } });
    });
    assert.equal(text.content[0].text, line);
  }
  await eventually(() => servers.open() === 0, { what: "the end of all streams", ...PATIENCE });
});

test("the transport is found out once and remembered, or said", async () => {
  const tested = await admin("POST", "/mcp-servers/sse/test");
  assert.deepEqual([tested.transport, tested.era, tested.tools], ["sse", "legacy", 5]);
  const before = postsTo("/sse");
  await withClient("old", "/mcp/server/sse", key, (client) =>
    client.callTool({ name: "echo", arguments: { text: "a" } }),
  );
  assert.equal((await admin("POST", "/mcp-servers/sessions/test")).transport, "streamable");
  await admin("POST", "/mcp-servers", { id: "said", url: `${servers.url}/sse?said`, transport: "sse" }, 201);
  assert.equal((await admin("POST", "/mcp-servers/said/test")).transport, "sse");
  assert.equal(postsTo("/sse"), before, "streamable HTTP was not tried again");
  // Another address is found out anew.
  await admin("PUT", "/mcp-servers/said", { url: `${servers.url}/sessions`, transport: "auto" });
  assert.equal((await admin("POST", "/mcp-servers/said/test")).transport, "streamable");
  await admin("PUT", "/mcp-servers/said", { url: `${servers.url}/sse`, transport: "streamable" });
  const refused = await t.gw.admin("POST", "/mcp-servers/said/test");
  assert.deepEqual([refused.status, refused.body.error.code], [502, "mcp_server_unreachable"]);
  const none = await t.gw.admin("PUT", "/mcp-servers/said", { transport: "sse", era: "modern" });
  assert.deepEqual([none.status, none.body.error.param], [400, "transport"]);
  await admin("DELETE", "/mcp-servers/said");
});

test("sets of tools and chat requests have its tools", async () => {
  await admin("POST", "/toolsets", { name: "older", tools: [{ server: "sse", tool: "echo", name: "say" }] }, 201);
  const result = await withClient("auto", "/mcp/toolset/older", key, (client) =>
    client.callTool({ name: "say", arguments: { text: "by a set" } }),
  );
  assert.equal(result.content[0].text, "by a set");
  const calls = [toolCall("c1", "sse__echo", JSON.stringify({ text: "in a chat" }))];
  await t.on("openai", "older-chat", (x) => {
    const answers = x.json().messages.filter(({ role }) => role === "tool");
    const message = { role: "assistant", content: answers.at(-1)?.content ?? null, refusal: null };
    const whole = answers.length
      ? completion("older-chat", message, { finish: "stop" })
      : completion("older-chat", { ...message, tool_calls: calls }, { finish: "tool_calls" });
    return answersWith(whole)(x);
  });
  const answer = await t.openai({ apiKey: key }).chat.completions.create({
    model: "older-chat",
    messages: [{ role: "user", content: "Say it." }],
    tools: [{ type: "mcp", server_label: "older", server_url: "nexus:sse", require_approval: "never" }],
  });
  assert.match(answer.choices[0].message.content, /in a chat/);
});

/** A call by hand that is left: after the first event, or before anything has come. */
async function leave(server, name) {
  const gone = new AbortController();
  const before = servers.requests.length;
  const params = { name, arguments: {}, _meta: { progressToken: "p" } };
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params };
  const asked = send(`/mcp/server/${server}`, key, body, AS_EVENTS, gone.signal);
  const since = () => servers.requests.slice(before).map(({ body }) => body);
  if (name === "wait") await (await asked).body.getReader().read();
  const call = await eventually(() => since().find((body) => body?.method === "tools/call"), {
    what: "the call",
    ...PATIENCE,
  });
  gone.abort();
  await asked.catch(() => {});
  const told = await eventually(() => since().find((body) => body?.method === "notifications/cancelled"), {
    what: `the notification of ${server}`,
    ...PATIENCE,
  });
  assert.equal(told.params.requestId, call.id);
}

test(
  "a legacy server is told when a caller has left, over both transports, and stops",
  async () => {
    for (const server of ["sse", "sessions"])
      for (const name of ["wait", "hush"]) {
        const before = servers.stopped.length;
        await leave(server, name);
        const stopped = await eventually(() => servers.stopped[before], { what: "the end of the call", ...PATIENCE });
        assert.equal(stopped.name, name);
        assert.match(stopped.reason, /not waited for any more/, `${server} ${name}`);
      }
    await eventually(() => servers.open() === 0, { what: "the end of all streams", ...PATIENCE });
  },
  LONG,
);

test("a server that asks a client which cannot be asked is refused at once", async () => {
  for (const server of ["sse", "sessions"]) {
    const result = await withClient("auto", `/mcp/server/${server}`, key, (client) =>
      client.callTool({ name: "ask", arguments: {} }),
    );
    assert.equal(result.content[0].text, "refused -32601", server);
  }
});

const CAN = { elicitation: { form: {} } };
const ADA = { action: "accept", content: { name: "Ada" } };

/** The message of a call of the modern era, and its headers. */
function modern(name, params = {}, { capabilities = CAN, meta = {} } = {}) {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    ...meta,
  };
  const body = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {}, ...params, _meta } };
  return [body, { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name }];
}

/** What comes of such a call by hand. */
const call = async (server, name, params, as = key, options = {}) =>
  (await post(`/mcp/server/${server}`, as, ...modern(name, params, options))).body;

/** The parameters of the same call with the answers to what a result asks for. */
const retried = ({ inputRequests, requestState }, params = {}) => ({
  ...params,
  requestState,
  inputResponses: Object.fromEntries(Object.keys(inputRequests).map((name) => [name, ADA])),
});

test(
  "a legacy server asks a modern client, and its call is held for the answers",
  async () => {
    for (const server of ["sse", "sessions"])
      for (const [path, prefix] of [
        [`/mcp/server/${server}`, ""],
        ["/mcp", `${server}__`],
      ]) {
        let asked = 0;
        const heard = [];
        const texts = await withClient(
          "auto",
          path,
          key,
          async (client) => {
            client.setRequestHandler("elicitation/create", ({ params }) => {
              assert.equal(params.message, "Who?");
              asked += 1;
              return ADA;
            });
            const answered = await client.callTool({ name: `${prefix}ask`, arguments: { times: 2 } });
            const counted = await client.callTool(
              { name: `${prefix}count`, arguments: {} },
              { onprogress: ({ progress }) => heard.push(progress) },
            );
            return [answered, counted].map(({ content }) => content[0].text);
          },
          { capabilities: CAN },
        );
        assert.deepEqual(texts, [`${JSON.stringify(ADA)} ${JSON.stringify(ADA)}`, "done"], path);
        assert.deepEqual([asked, heard], [2, [1, 2, 3]], path);
      }
    await eventually(() => servers.open() === 0, { what: "the end of all streams", ...PATIENCE });
  },
  LONG,
);

test(
  "a held call is gone on with by its key and for its request alone, and asked again without an answer",
  async () => {
    for (const server of ["sse", "sessions"]) {
      const { result } = await call(server, "ask");
      assert.equal(result.resultType, "input_required");
      const [[name, request]] = Object.entries(result.inputRequests);
      assert.deepEqual([request.method, request.params.message], ["elicitation/create", "Who?"]);
      const retry = { requestState: result.requestState, inputResponses: { [name]: ADA } };
      const other = (await t.gw.createKey({ allow_tools: ["*"] })).key;
      for (const [params, as] of [
        [retry, other],
        [{ ...retry, arguments: { times: 3 } }, key],
      ]) {
        const { error } = await call(server, "ask", params, as);
        assert.deepEqual([error?.code, error?.data.code], [-32602, "request_state_invalid"], server);
      }
      const again = (await call(server, "ask", { requestState: result.requestState })).result;
      assert.deepEqual(again.inputRequests, result.inputRequests, server);
      const ended = await call(server, "ask", { ...retry, requestState: again.requestState });
      assert.deepEqual(JSON.parse(ended.result.content[0].text), ADA, server);
      const { error } = await call(server, "ask", retry);
      assert.equal(error?.data.code, "request_state_invalid", "the call has ended");
    }
  },
  LONG,
);

test(
  "the time for which a legacy server waits for an answer is not its silence",
  async () => {
    const params = { arguments: { works_ms: 8_000 } };
    await Promise.all(
      ["sse", "sessions"].map(async (server) => {
        const id = `slow-${server}`;
        await admin("POST", "/mcp-servers", { id, url: `${servers.url}/${server}`, timeout_ms: 20_000 }, 201);
        const { result } = await call(id, "ask", params);
        // With the work that follows, more than its time-out after it was called.
        await pause(14_000);
        const ended = await call(id, "ask", retried(result, params));
        assert.deepEqual(JSON.parse(ended.result?.content[0].text ?? "null"), ADA, JSON.stringify(ended));
      }),
    );
  },
  LONG,
);

test(
  "a call that its server ends while the client is asked is told once, and not made again",
  async () => {
    const params = { arguments: { may_be_left: true } };
    for (const server of ["sse", "sessions"]) {
      const before = servers.requests.length;
      const { result } = await call(server, "ask", params);
      servers.giveUp();
      // So that the end comes before the answer, as far as the test is concerned: either must do.
      await pause(1_000);
      const ended = await call(server, "ask", retried(result, params));
      assert.equal(ended.result?.content[0].text, "refused -32001", JSON.stringify(ended));
      const { error } = await call(server, "ask", retried(result, params));
      assert.equal(error?.data.code, "request_state_invalid", server);
      const made = servers.requests.slice(before).filter(({ body }) => body?.method === "tools/call");
      assert.equal(made.length, 1, server);
    }
    await eventually(() => servers.open() === 0, { what: "the end of all streams", ...PATIENCE });
  },
  LONG,
);

test("what is said after an answer is told to the request that brought it, as that one asks", async () => {
  const params = { arguments: { tells: true } };
  const heard = async (asked, meta) => {
    const [body, headers] = modern("ask", asked, { meta });
    const answer = await send("/mcp/server/sse", key, body, { ...AS_EVENTS, ...headers });
    const text = await answer.text();
    if (answer.headers.get("content-type").startsWith("application/json")) return [JSON.parse(text)];
    const lines = text.split("\n").filter((line) => line.startsWith("data:"));
    return lines.map((line) => JSON.parse(line.slice(5)));
  };
  const notes = (messages) => messages.filter(({ method }) => method).map((one) => [one.method, one.params]);
  for (const [meta, expected] of [
    [
      { progressToken: "second", "io.modelcontextprotocol/logLevel": "info" },
      [
        ["notifications/progress", { progressToken: "second", progress: 1, total: 3 }],
        ["notifications/message", { level: "info", data: { progress: 1 } }],
      ],
    ],
    [{}, []],
  ]) {
    const [asked] = await heard(params, { progressToken: "first" });
    const messages = await heard(retried(asked.result, params), meta);
    assert.deepEqual(JSON.parse(messages.at(-1).result.content[0].text), ADA);
    assert.deepEqual(notes(messages), expected);
  }
});

test("a session is shared by clients that can be asked in the same ways", async () => {
  await admin("POST", "/mcp-servers", { id: "modes", url: `${servers.url}/sessions` }, 201);
  const before = servers.requests.length;
  for (const [capabilities, given] of [
    [{ elicitation: { form: {} } }, {}],
    [{ elicitation: { url: {} } }, { mode: "url" }],
    [{ elicitation: {} }, {}],
  ]) {
    const params = { arguments: given };
    const { result } = await call("modes", "ask", params, key, { capabilities });
    const ended = await call("modes", "ask", retried(result, params), key, { capabilities });
    assert.equal(JSON.parse(ended.result.content[0].text).action, "accept");
  }
  const begun = servers.requests.slice(before).filter(({ body }) => body?.method === "initialize");
  const told = begun.map(({ body }) => body.params.capabilities.elicitation).filter(Boolean);
  assert.deepEqual(told, [{ form: {} }, { url: {} }]);
});

test(
  "a held call ends when its client cannot be asked in that way, and when it leaves",
  async () => {
    for (const server of ["sse", "sessions"]) {
      const before = servers.requests.length;
      const cancelled = () =>
        servers.requests.slice(before).filter(({ body }) => body?.method === "notifications/cancelled").length;
      const { error } = await call(server, "ask", { arguments: { mode: "url" } });
      assert.equal(error?.code, -32021, server);
      await eventually(() => cancelled() === 1, { what: "the end of the call", ...PATIENCE });
      const gone = new AbortController();
      const [body, headers] = modern("hush");
      const asked = send(`/mcp/server/${server}`, key, body, { ...AS_EVENTS, ...headers }, gone.signal);
      const isCalled = ({ body: one }) => one?.method === "tools/call" && one.params.name === "hush";
      await eventually(() => servers.requests.slice(before).some(isCalled), { what: "the call", ...PATIENCE });
      gone.abort();
      await asked.catch(() => {});
      await eventually(() => cancelled() === 2, { what: "the end of the call that was left", ...PATIENCE });
    }
    await eventually(() => servers.open() === 0, { what: "the end of all streams", ...PATIENCE });
  },
  LONG,
);

test(
  "what misbehaves over HTTP+SSE ends in an error that says how, and reaches no other origin",
  async () => {
    const says = {
      elsewhere: /another origin/,
      nowhere: /no usable address/,
      wordy: /where messages are posted/,
      mute: /in time/,
      short: /closed the connection/,
      flooding: /closed the connection/,
      refusing: /status 500/,
    };
    for (const id of servers.hostile) {
      await admin(
        "POST",
        "/mcp-servers",
        { id, url: `${servers.url}/${id}`, transport: "sse", timeout_ms: 20_000 },
        201,
      );
      const answer = await t.gw.admin("POST", `/mcp-servers/${id}/test`);
      if (id === "strange") {
        assert.equal(answer.status, 200, answer.text);
        const { tools } = await admin("GET", "/mcp-servers/strange/tools");
        assert.deepEqual(
          tools.map(({ name }) => name),
          ["echo"],
        );
        continue;
      }
      assert.deepEqual([answer.status, answer.body.error.code], [502, "mcp_server_unreachable"], answer.text);
      assert.match(answer.body.error.message, says[id], id);
      assert.ok(!answer.text.includes("secret"));
    }
    assert.equal(servers.strangers(), 0);
  },
  LONG,
);
