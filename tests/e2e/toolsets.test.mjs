// Sets of tools: clients of both lines at `/mcp/toolset/{name}`, requests that name a set or have that of their key, and what no key of
// another owner sees of one.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CATALOG, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { answersWith as anthropicAnswers, message } from "../support/anthropic.mjs";
import { dialectSuite } from "../support/dialects.mjs";
import { mcpClientsOf } from "../support/mcp-clients.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { test } from "../support/suite.mjs";
import { answersWith, completion, toolCall } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const PATIENCE = { within: 30_000, every: 200 };
const WORK = [
  { server: "modern", tool: "add" },
  { server: "modern", tool: "echo", name: "say", description: "Says what it is told." },
  { server: "legacy", tool: "e*" },
];
let servers;
let key;
const t = dialectSuite(["openai", "anthropic"], {
  setUp: async () => {
    servers = await startMcpServers();
    for (const id of ["modern", "legacy", "angry"])
      await admin("POST", "/mcp-servers", { id, url: `${servers.url}/${id}`, timeout_ms: 5000 }, 201);
    key = (await t.gw.createKey({ allow_tools: ["*"] })).key;
    await admin("POST", "/toolsets", { name: "work", description: "For work.", tools: WORK }, 201);
  },
});
after(() => servers?.stop());

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

const { withClient, post } = mcpClientsOf(t);
const ask = (path, of, method, params = {}) => post(path, of, { jsonrpc: "2.0", id: 1, method, params });
const names = async (path, of) => (await ask(path, of, "tools/list")).body.result.tools.map(({ name }) => name);
/** A program that may manage what belongs to an owner. */
const programOf = async (owner) => {
  const { key: of } = await t.gw.createKey({ owner, permissions: ["manage_own_api_keys"] });
  return async (method, target, body) => {
    const answer = await t.gw.call(target, {
      method,
      headers: { ...bearer(of), "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, body: answer.json() };
  };
};

test("clients of both lines find the tools of a set under its names and descriptions, and call them", async () => {
  for (const line of ["old", "legacy", "auto"])
    await withClient(line, "/mcp/toolset/work", key, async (client) => {
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map(({ name }) => name).sort(), ["legacy__echo", "modern__add", "say"]);
      const say = tools.find(({ name }) => name === "say");
      assert.equal(say.description, "Says what it is told.");
      assert.deepEqual(say._meta, { "example.com/x": { deep: [1, 2] } });
      for (const [name, given, expected] of [
        ["say", { text: "Grüße" }, "Grüße"],
        ["legacy__echo", { text: "old" }, "old"],
        ["modern__add", { a: 1, b: 2 }, "3"],
      ])
        assert.equal((await client.callTool({ name, arguments: given })).content[0].text, expected, `${line} ${name}`);
    });
  const asked = servers.requests.filter(({ path, body }) => path === "/modern" && body?.method === "tools/call");
  assert.ok(asked.every(({ body }) => ["echo", "add"].includes(body.params.name)));
});

test("a tool that is not in the set, or not under this name, is none of its tools", async () => {
  for (const name of ["modern__echo", "modern__ask", "legacy__add", "echo"]) {
    const { body } = await ask("/mcp/toolset/work", key, "tools/call", { name, arguments: {} });
    assert.equal(body.error.data.code, "tool_not_found", name);
  }
  for (const path of ["/mcp/toolset/none", "/mcp/toolset/Work"]) {
    const unknown = await ask(path, key, "tools/list");
    assert.deepEqual([unknown.status, unknown.body.error.code], [404, "toolset_not_found"]);
  }
});

test("a set gives no key what it is not granted, and a grant that is taken away is gone", async () => {
  const some = await t.gw.createKey({ allow_tools: ["modern/*"], deny_tools: ["*/add"] });
  assert.deepEqual(await names("/mcp/toolset/work", some.key), ["say"]);
  const denied = await ask("/mcp/toolset/work", some.key, "tools/call", { name: "modern__add", arguments: {} });
  assert.deepEqual([denied.status, denied.body.error.data.code], [200, "tool_not_allowed"]);
  const elsewhere = await ask("/mcp/toolset/work", some.key, "tools/call", { name: "legacy__echo", arguments: {} });
  assert.equal(elsewhere.body.error.data.code, "tool_not_found");
  await admin("PUT", `/keys/${some.id}`, { allow_tools: ["modern/add"] });
  const called = await ask("/mcp/toolset/work", some.key, "tools/call", { name: "say", arguments: { text: "x" } });
  assert.deepEqual([called.status, called.body.error.data.code], [200, "tool_not_allowed"]);
  await admin("PUT", `/keys/${some.id}`, { allow_tools: ["legacy/nothing*", "other/*"] });
  assert.deepEqual(await names("/mcp/toolset/work", some.key), []);
  await admin("PUT", `/keys/${some.id}`, { allow_tools: null });
  assert.equal((await ask("/mcp/toolset/work", some.key, "tools/list")).status, 404);
});

test("a server of a set that does not answer is named, and the others' tools are there", async () => {
  const tools = [{ server: "angry", tool: "*" }, { server: "nowhere", tool: "*" }, WORK[1]];
  await admin("POST", "/toolsets", { name: "half", tools }, 201);
  const { body } = await ask("/mcp/toolset/half", key, "tools/list");
  assert.deepEqual(
    body.result.tools.map(({ name }) => name),
    ["say"],
  );
  assert.deepEqual(body.result._meta["nexus/unavailable"], ["angry"]);
});

test("each owner has sets of their own, those of others do not exist", async () => {
  const [ada, bob] = [await programOf("ada"), await programOf("bob")];
  const tools = [{ server: "modern", tool: "add", name: "sum" }];
  const made = await ada("POST", "/toolsets", { name: "own", tools });
  assert.deepEqual([made.status, made.body.owner], [201, "ada"]);
  const shadow = await ada("POST", "/toolsets", { name: "work", tools });
  assert.equal(shadow.status, 201, "a set that is open to all does not take the name");
  const taken = await ada("POST", "/toolsets", { name: "own", tools });
  assert.deepEqual([taken.status, taken.body.error.code, taken.body.error.param], [409, "name_taken", "name"]);
  const path = `/toolsets/${made.body.id}`;
  for (const [method, body] of [["GET"], ["PUT", { tools: [] }], ["DELETE"]]) {
    const answer = await bob(method, path, body);
    assert.deepEqual([answer.status, answer.body.error.code], [404, "toolset_not_found"], method);
  }
  assert.deepEqual((await bob("GET", "/toolsets")).body.toolsets, []);
  assert.deepEqual(
    (await ada("GET", "/toolsets")).body.toolsets.map(({ name }) => name),
    ["own", "work"],
  );
  const foreign = await bob("POST", "/toolsets", { name: "x", owner: "ada", tools });
  assert.deepEqual([foreign.status, foreign.body.error.code], [403, "owner_not_allowed"]);
  assert.equal((await bob("POST", "/toolsets", { name: "own", tools: [] })).status, 201);

  const keyOf = async (owner) => (await t.gw.createKey({ owner, allow_tools: ["*"] })).key;
  const [keyOfAda, keyOfBob] = [await keyOf("ada"), await keyOf("bob")];
  assert.deepEqual(await names("/mcp/toolset/own", keyOfAda), ["sum"]);
  assert.deepEqual(await names("/mcp/toolset/work", keyOfAda), ["sum"], "one's own comes first");
  assert.ok((await names("/mcp/toolset/work", keyOfBob)).includes("say"));
  for (const of of [keyOfBob, key]) {
    const hidden = await ask("/mcp/toolset/own", of, "tools/list");
    assert.deepEqual([hidden.status, hidden.body.error.code], [404, "toolset_not_found"]);
    const named = await t.gw.complete(of, {
      model: "demo/echo",
      messages: [{ role: "user", content: "q" }],
      nexus: { tools: ["toolset/own"] },
    });
    assert.deepEqual([named.status, named.json().error.code], [404, "toolset_not_found"], named.text);
    assert.equal(named.json().error.param, "nexus.tools[0]");
  }
  const changed = await ada("PUT", path, { description: "Mine.", tools: [WORK[0]] });
  assert.deepEqual([changed.status, changed.body.description, changed.body.tools.length], [200, "Mine.", 1]);
  assert.deepEqual(await names("/mcp/toolset/own", keyOfAda), ["modern__add"]);
  for (const body of [{ name: "other" }, { owner: "bob" }, { owner: null }]) {
    const fixed = await ada("PUT", path, body);
    assert.deepEqual([fixed.status, fixed.body.error.param], [400, Object.keys(body)[0]]);
  }
  assert.equal((await ada("DELETE", path)).status, 200);
  assert.equal((await ask("/mcp/toolset/own", keyOfAda, "tools/list")).status, 404);
  const noted = async (operation) => {
    const { entries } = await admin("GET", `/audit?operation=${encodeURIComponent(operation)}&status=200`);
    return entries.find((entry) => entry.target === made.body.id);
  };
  for (const operation of ["PUT /toolsets/{id}", "DELETE /toolsets/{id}"]) {
    const entry = await eventually(() => noted(operation), { what: `${operation} in the audit log`, ...PATIENCE });
    assert.ok(JSON.stringify(entry.changes).includes("modern"), JSON.stringify(entry));
  }
});

test("a line that cannot be is refused with its place", async () => {
  for (const [tools, param] of [
    [[{ server: "modern", tool: "*", name: "x" }], "tools[0].name"],
    [[{ server: "modern", tool: "echo", name: "a__b" }], "tools[0].name"],
    [[WORK[0], WORK[0]], "tools[1].tool"],
    [[{ server: "a/b", tool: "x" }], "tools[0].server"],
    ["echo", "tools"],
  ]) {
    const answer = await t.gw.admin("POST", "/toolsets", { name: "odd", tools });
    assert.deepEqual([answer.status, answer.body.error.param], [400, param], answer.text);
  }
});

test("tools of an owner's agent stand in a set, for this owner only", async () => {
  const keyOf = async (owner) => (await t.gw.createKey({ owner, allow_tools: ["*"] })).key;
  const [own, other] = [await keyOf("of-agent"), await keyOf("of-none")];
  const tools = [{ server: "agent/laptop/files", tool: "echo", name: "local" }, WORK[0]];
  await admin("POST", "/toolsets", { name: "mixed", tools }, 201);
  const agent = new ScriptedAgent(t.gw, await tokenOf(t.gw, own, "laptop"), "laptop");
  agent.behaviour = (call) => ({ content: [{ type: "text", text: `laptop:${call.params.name}` }] });
  try {
    await agent.connect({ catalog: CATALOG });
    await eventually(async () => (await names("/mcp/toolset/mixed", own)).includes("local"), {
      what: "the agent's tool",
      ...PATIENCE,
    });
    assert.deepEqual((await names("/mcp/toolset/mixed", own)).sort(), ["local", "modern__add"]);
    const { body } = await ask("/mcp/toolset/mixed", own, "tools/call", { name: "local", arguments: {} });
    assert.equal(body.result.content[0].text, "laptop:echo");
    assert.deepEqual(await names("/mcp/toolset/mixed", other), ["modern__add"]);
    const hidden = await ask("/mcp/toolset/mixed", other, "tools/call", { name: "local", arguments: {} });
    assert.equal(hidden.body.error.data.code, "tool_not_found");
  } finally {
    agent.socket.close();
  }
});

const sdk = (of = key) => t.openai({ apiKey: of });
const rounds = (model) => t.up.seen(model).map((x) => x.json());
const functions = ({ tools }) => tools?.map(({ function: { name } }) => name);

/** A model of OpenAI's that calls a function first, and then says so. */
async function calling(name, call) {
  await t.on("openai", name, (x) => {
    const isFirst = !x.json().messages.some(({ role }) => role === "assistant");
    const isCalling = isFirst && x.json().tools?.length > 0;
    const said = { role: "assistant", content: null, refusal: null, tool_calls: [call] };
    const whole = completion(name, isCalling ? said : "Done.", { finish: isCalling ? "tool_calls" : "stop" });
    return answersWith(whole)(x);
  });
  return name;
}

test("responses: a request names a set, whole and streamed", async () => {
  const model = await calling("set-responses", toolCall("c1", "say", JSON.stringify({ text: "hello" })));
  const tool = { type: "mcp", server_label: "desk", server_url: "nexus:toolset/work", require_approval: "never" };
  const body = { model, input: "Say it.", tools: [tool] };
  const whole = await sdk().responses.create(body);
  const streamed = await sdk().responses.stream(body).finalResponse();
  for (const response of [whole, streamed]) {
    const call = response.output.find(({ type }) => type === "mcp_call");
    assert.deepEqual([call.server_label, call.name, call.output, call.error], ["desk", "say", "hello", null]);
    assert.equal(response.output_text, "Done.");
  }
  assert.deepEqual(functions(rounds(model)[0]).sort(), ["legacy__echo", "modern__add", "say"]);
  const only = { ...tool, allowed_tools: ["say"] };
  await sdk().responses.create({ ...body, tools: [only] });
  assert.deepEqual(functions(rounds(model).at(-1)), ["say"]);
  const asking = { ...body, tools: [{ ...tool, require_approval: "always" }] };
  const input = [{ role: "user", content: "Say it." }];
  const first = await sdk().responses.create({ ...asking, input });
  const request = first.output.find(({ type }) => type === "mcp_approval_request");
  assert.deepEqual([request.server_label, request.name], ["desk", "say"]);
  const agreed = { type: "mcp_approval_response", approval_request_id: request.id, approve: true };
  const second = await sdk().responses.create({ ...asking, input: [...input, ...first.output, agreed] });
  assert.equal(second.output.find(({ type }) => type === "mcp_call").output, "hello");
});

test("messages: a request names a set, whole and streamed", async () => {
  const name = "claude-set";
  await t.on("anthropic", name, (x) => {
    const isFirst = x.json().messages.length === 1;
    const use = { type: "tool_use", id: "toolu_1", name: "say", input: { text: "hello" } };
    return anthropicAnswers(isFirst ? message(name, [use], { stop: "tool_use" }) : message(name, "Done."))(x);
  });
  const body = {
    model: name,
    max_tokens: 100,
    messages: [{ role: "user", content: "Say it." }],
    mcp_servers: [{ type: "url", url: "nexus:toolset/work", name: "desk" }],
    tools: [{ type: "mcp_toolset", mcp_server_name: "desk", configs: { add: { enabled: false } } }],
    betas: ["mcp-client-2025-11-20"],
  };
  const client = t.anthropic({ apiKey: key });
  const whole = await client.beta.messages.create(body);
  const streamed = await client.beta.messages.stream(body).finalMessage();
  for (const { content } of [whole, streamed]) {
    assert.deepEqual(
      content.map(({ type }) => type),
      ["mcp_tool_use", "mcp_tool_result", "text"],
    );
    assert.deepEqual([content[0].server_name, content[0].name], ["desk", "say"]);
    assert.equal(content[1].content[0].text, "hello");
  }
  assert.deepEqual(
    rounds(name)[0]
      .tools.map((one) => one.name)
      .sort(),
    ["legacy__echo", "say"],
  );
});

test("two sets that give one name to two tools keep both apart", async () => {
  await admin("POST", "/toolsets", { name: "twin", tools: [{ server: "legacy", tool: "echo", name: "say" }] }, 201);
  const model = await calling("set-twins", toolCall("c1", "legacy__echo", JSON.stringify({ text: "twin" })));
  const before = servers.requests.length;
  const body = {
    model,
    messages: [{ role: "user", content: "q" }],
    nexus: { tools: ["toolset/work", "toolset/twin", "modern"] },
  };
  const answer = await t.gw.complete(key, body);
  assert.equal(answer.status, 200, answer.text);
  const offered = functions(rounds(model)[0]);
  assert.equal(new Set(offered).size, offered.length);
  assert.ok(
    ["say", "legacy__echo", "modern__echo", "modern__ask"].every((name) => offered.includes(name)),
    offered,
  );
  const calls = servers.requests.slice(before).filter(({ body: sent }) => sent?.method === "tools/call");
  assert.deepEqual(
    calls.map(({ path }) => path),
    ["/legacy"],
  );
});

test("requests of a key that has a set by default have its tools, unless they say that they want none", async () => {
  const messages = [{ role: "user", content: "q" }];
  const unknown = await t.gw.admin("POST", "/keys", { name: "x", default_toolset: "nowhere" });
  assert.deepEqual([unknown.status, unknown.body.error.param], [400, "default_toolset"]);
  const made = await admin("POST", "/toolsets", { name: "usual", tools: WORK }, 201);
  const own = await t.gw.createKey({ allow_tools: ["modern/*"], default_toolset: "usual" });
  assert.equal((await admin("GET", `/keys/${own.id}`)).default_toolset, "usual");
  const model = await calling("set-default", toolCall("c1", "say", JSON.stringify({ text: "hello" })));
  const first = await sdk(own.key).chat.completions.create({ model, messages });
  assert.equal(first.choices[0].message.content, "Done.");
  assert.deepEqual(functions(rounds(model)[0]).sort(), ["modern__add", "say"]);
  assert.equal(rounds(model).length, 2);

  for (const [of, rest] of [
    [own.key, { nexus: { tools: [] } }],
    [own.key, { n: 2 }],
    [key, {}],
  ]) {
    const answer = await t.gw.complete(of, { model, messages, ...rest });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(rounds(model).at(-1).tools, undefined, JSON.stringify(rest));
  }
  const named = await t.gw.complete(own.key, { model, messages, nexus: { tools: ["modern"] } });
  assert.equal(named.status, 200, named.text);
  assert.ok(!functions(rounds(model).at(-1)).includes("say"), "what the request names counts");

  await admin("DELETE", `/toolsets/${made.id}`);
  const without = await t.gw.complete(own.key, { model, messages });
  assert.equal(without.status, 200, without.text);
  assert.equal(rounds(model).at(-1).tools, undefined);
});
