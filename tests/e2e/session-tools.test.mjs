// Tools of the gateway in sessions, over WebSocket and HTTP: a scripted model at a loopback upstream and real servers of tools. What is shown
// while calls run, who agrees to them, what the history keeps for the next turn, and how a turn ends in the middle of a call.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { startTalkingServers } from "../support/mcp-talking.mjs";
import { connect } from "../support/socket.mjs";
import { suite, test } from "../support/suite.mjs";
import { says, toolSessionsOf } from "../support/tool-sessions.mjs";
import { startUpstream, toolCall } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const SLOW = { within: 30_000, every: 100 };
let servers;
let talking;
const t = suite({
  vars: { CHAT_STREAM_PER_MINUTE: "100000", CHAT_PER_MINUTE: "100000", KEEP_ALIVE_MS: "150" },
  setUp: async () => {
    servers = await startMcpServers();
    talking = await startTalkingServers();
    for (const [id, url] of [
      ["modern", `${servers.url}/modern`],
      ["legacy", `${servers.url}/legacy`],
      ["talking", `${talking.url}/modern`],
    ])
      await admin("POST", "/mcp-servers", { id, url }, 201);
  },
});
after(() => Promise.all([servers?.stop(), talking?.stop()]));

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

const echo = (id, text, server = "modern") => toolCall(id, `${server}__echo`, JSON.stringify({ text }));

const { scripted, session } = toolSessionsOf(t);

/** The one row of a turn. */
const turnRow = (id) =>
  eventually(async () => (await t.gw.db("SELECT * FROM request_log WHERE id = ?", id))[0], { ...SLOW, what: id });

const calls = (from) => servers.requests.slice(from).filter(({ body }) => body?.method === "tools/call");
const shape = (frames) =>
  frames.filter(({ type }) => type !== "session").map((frame) => [frame.type, frame.content ?? frame.name ?? ""]);

test("a turn shows its calls, keeps them, and the next turn goes on from them", async () => {
  const model = await scripted("shown", ["I look.", [echo("c1", "one"), echo("c2", "two", "legacy")]], "It says so.");
  const s = await session({ model, mcp: { tools: ["modern", "legacy"] } });
  const socket = await s.open();
  socket.send({ type: "message", id: "1", content: "Say it." });
  const done = await socket.frame("done", { ms: 40_000 });
  const frames = socket.numbered.filter(({ type }) => type !== "session");
  // How many deltas a text has is a matter of time.
  const kinds = frames.map(({ type }) => type).filter((type, at, all) => type !== "delta" || all[at - 1] !== type);
  assert.deepEqual(kinds.slice(0, 2), ["turn", "delta"]);
  assert.deepEqual(kinds.slice(2, 6).sort(), ["tool_end", "tool_end", "tool_start", "tool_start"]);
  assert.deepEqual(kinds.slice(6), ["delta", "done"]);
  const [one] = frames.filter(({ type, id }) => type === "tool_start" && id === "c1");
  assert.deepEqual([one.server, one.name, one.turn_id], ["modern", "echo", done.turn_id]);
  assert.deepEqual(JSON.parse(one.arguments), { text: "one" });
  const ended = frames.find(({ type, id }) => type === "tool_end" && id === "c2");
  assert.deepEqual([ended.server, ended.name, ended.content, ended.is_error], ["legacy", "echo", "two", false]);
  assert.equal(socket.text(), "I look.\n\nIt says so.");
  assert.equal(done.finish_reason, "stop");

  const kept = await s.messages();
  assert.deepEqual(
    kept.map(({ role, content }) => [role, content]).filter(([role]) => role !== "tool"),
    [
      ["user", "Say it."],
      ["assistant", "I look."],
      ["assistant", "It says so."],
    ],
  );
  assert.deepEqual(
    kept[1].tool_calls.map(({ id, function: { name } }) => [id, name]),
    [
      ["c1", "modern__echo"],
      ["c2", "legacy__echo"],
    ],
  );
  const results = kept.filter(({ role }) => role === "tool").map((message) => [message.tool_call_id, message.content]);
  assert.deepEqual(results.sort(), [
    ["c1", "one"],
    ["c2", "two"],
  ]);

  const row = await turnRow(done.turn_id);
  assert.deepEqual([row.rounds, row.tool_calls, row.outcome, row.conversation_id], [2, 2, "completed", s.id]);
  const rows = await t.gw.db("SELECT id FROM request_log WHERE conversation_id = ?", s.id);
  assert.equal(rows.length, 1, "one usage event for the turn");
  const records = await eventually(async () => {
    const found = await t.gw.db("SELECT * FROM tool_calls WHERE conversation_id = ?", s.id);
    return found.length === 2 && found;
  }, SLOW);
  assert.deepEqual(records.map(({ server }) => server).sort(), ["legacy", "modern"]);

  // The same session over HTTP, whole and streamed.
  const whole = await s.call("POST", "/chat", { session_id: s.id, message: "And again." });
  assert.equal(whole.body?.data?.message.content, "I look.\n\nIt says so.", whole.text);
  const asked = t.up.seen(model).at(-2).json();
  assert.equal(asked.nexus, undefined);
  assert.deepEqual(
    asked.messages.map(({ role }) => role),
    ["user", "assistant", "tool", "tool", "assistant", "user"],
  );
  const streamed = await s.call("POST", "/chat/stream", { session_id: s.id, message: "Once more." });
  for (const type of ["tool_start", "tool_end", "delta", "done"])
    assert.ok(streamed.text.includes(`"type":"${type}"`), `${type}: ${streamed.text}`);

  // An answer is given anew from its question on, calls included.
  const before = (await s.messages()).length;
  const anew = await s.call("POST", "/chat/regenerate", { session_id: s.id });
  assert.equal(anew.status, 200, anew.text);
  assert.equal(t.up.seen(model).at(-2).json().messages.at(-1).role, "user");
  assert.equal((await s.messages()).length, before);
  socket.close();
});

test("a call that needs agreement waits for a person, who may answer from any connection", async () => {
  const model = await scripted("agreed", ["", [echo("c1", "please")]], "Fine.");
  const s = await session({ model, mcp: { tools: [{ server_url: "nexus:modern", require_approval: "always" }] } });
  const socket = await s.open();
  const begun = servers.requests.length;
  const turn = async (id, decide) => {
    const from = socket.frames.length;
    socket.send({ type: "message", id, content: "Say it." });
    if (decide) {
      const asked = await socket.frame("tool_approval", { from, ms: 40_000 });
      assert.deepEqual([asked.id, asked.server, asked.name], ["c1", "modern", "echo"]);
      await decide(asked);
    }
    await socket.frame("done", { from, ms: 40_000 });
    return shape(socket.frames.slice(from).filter(({ type }) => type.startsWith("tool_")));
  };
  const asksAndRuns = [
    ["tool_approval", "echo"],
    ["tool_start", "echo"],
    ["tool_end", "please"],
  ];

  const once = await turn("1", async () => {
    assert.equal(calls(begun).length, 0, "nothing runs before it was agreed to");
    socket.send({ type: "approve", seq: 7, call_id: "no-such-call", decision: "once" });
    const refused = await socket.frame(({ ref }) => ref === 7);
    assert.deepEqual([refused.type, refused.code, refused.param], ["error", "approval_not_found", "call_id"]);
    const other = await s.open();
    const hello = other.frames.find(({ type }) => type === "hello");
    assert.deepEqual(shape(hello.approvals), [["tool_approval", "echo"]]);
    other.send({ type: "approve", call_id: "c1", decision: "once" });
    await other.frame("done", { ms: 40_000 });
    other.close();
  });
  assert.deepEqual(once, asksAndRuns);
  assert.equal(calls(begun).length, 1);

  const denied = await turn("2", () => socket.send({ type: "approve", call_id: "c1", decision: "deny" }));
  assert.deepEqual(denied, [
    ["tool_approval", "echo"],
    ["tool_end", "The user did not agree to this call."],
  ]);
  assert.equal(calls(begun).length, 1, "refused");
  const records = await eventually(async () => {
    const found = await t.gw.db("SELECT * FROM tool_calls WHERE conversation_id = ? ORDER BY id", s.id);
    return found.length === 2 && found;
  }, SLOW);
  assert.equal(records[1].error_code, "not_agreed");

  const decision = { session_id: s.id, call_id: "c1", decision: "session" };
  const forSession = await turn("3", async () => {
    const answer = await s.call("POST", "/chat/approve", decision);
    assert.deepEqual(answer.body?.data, { call_id: "c1", decision: "session" }, answer.text);
  });
  assert.deepEqual(forSession, asksAndRuns);
  assert.deepEqual(await turn("4"), asksAndRuns.slice(1), "not asked again in this session");
  const late = await s.call("POST", "/chat/approve", decision);
  assert.deepEqual([late.status, late.body.error_code], [404, "APPROVAL_NOT_FOUND"]);
  socket.close();
});

test("where no person can be asked, the model is told so and the turn ends", async () => {
  const model = await scripted("alone", ["", [echo("c1", "please")]], "I cannot.");
  const s = await session({ model, mcp: { tools: [{ server_url: "nexus:modern", require_approval: "always" }] } });
  const begun = servers.requests.length;
  const answer = await s.call("POST", "/chat", { session_id: s.id, message: "Say it." });
  assert.equal(answer.body?.data?.message.content, "I cannot.", answer.text);
  assert.match(t.up.last(model).json().messages.at(-1).content, /cannot be asked here/);
  assert.equal(calls(begun).length, 0);
});

test("progress is shown, and stopping the turn ends the call that runs", async () => {
  const model = await scripted("stopped", ["I wait.", [toolCall("w1", "talking__wait", "{}")]], "Never mind.");
  const s = await session({ model, mcp: { tools: ["talking"] } });
  const socket = await s.open();
  socket.send({ type: "message", id: "1", content: "Wait." });
  const progress = await socket.frame("tool_progress", { ms: 40_000 });
  assert.deepEqual([progress.id, progress.progress, progress.total, progress.message], ["w1", 1, 3, "step 1"]);
  socket.send({ type: "stop" });
  const done = await socket.frame("done", { ms: 40_000 });
  assert.equal(done.finish_reason, "stopped");
  await eventually(() => talking.left.includes("wait"), SLOW);
  const kept = await s.messages();
  assert.deepEqual(
    kept.map(({ role, tool_call_id }) => [role, tool_call_id]),
    [
      ["user", undefined],
      ["assistant", undefined],
      ["tool", "w1"],
    ],
  );
  assert.match(kept[2].content, /ended before this call/);
  const row = await turnRow(done.turn_id);
  assert.equal(row.conversation_id, s.id);
  t.up.on(model, says(model, "Here I am."));
  const next = await s.call("POST", "/chat", { session_id: s.id, message: "Are you there?" });
  assert.equal(next.body?.data?.message.content, "Here I am.", next.text);
  socket.close();
});

test("a caller who leaves ends the call that runs for its whole answer", async () => {
  const model = await scripted("left", ["", [toolCall("w1", "talking__wait", "{}")]], "Too late.");
  const { key } = await t.gw.createKey({ allow_tools: ["*"] });
  const before = talking.left.length;
  const waits = () => talking.requests.filter(({ body }) => body?.params?.name === "wait").length;
  const begun = waits();
  const messages = [{ role: "user", content: "Wait." }];
  const { reply, abort } = t.gw.beginCompletion(key, { model, messages, nexus: { tools: ["talking"] } });
  await eventually(() => waits() > begun, SLOW);
  abort();
  await reply.catch(() => {});
  await eventually(() => talking.left.length > before, SLOW);
  const record = await eventually(async () => {
    const [found] = await t.gw.db("SELECT * FROM tool_calls WHERE tool = 'wait' AND key_id = ?", key.split("-")[2]);
    return found;
  }, SLOW);
  assert.equal(record.status, "cancelled");
  assert.equal(t.up.seen(model).length, 1, "the model is not asked again");
});

test("a call ends when it is silent for too long, and when it takes too long however much it says", async () => {
  for (const [tool, limits] of [
    ["wait", { call_idle_ms: 300 }],
    ["busy", { call_timeout_ms: 1500 }],
  ]) {
    const model = await scripted(
      `limits-${tool}`,
      ["", [toolCall("w1", `talking__${tool}`, "{}")]],
      "It took too long.",
    );
    const { key, id } = await t.gw.createKey({ allow_tools: ["*"] });
    const before = talking.left.filter((name) => name === tool).length;
    const answer = await t.gw.complete(key, {
      model,
      messages: [{ role: "user", content: "Go." }],
      nexus: { tools: ["talking"], ...limits },
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.json().choices[0].message.content, "It took too long.");
    assert.match(t.up.last(model).json().messages.at(-1).content, /did not answer within \d+ ms/);
    await eventually(() => talking.left.filter((name) => name === tool).length > before, SLOW);
    const record = await eventually(async () => {
      const [found] = await t.gw.db("SELECT * FROM tool_calls WHERE tool = ? AND key_id = ?", tool, id);
      return found;
    }, SLOW);
    assert.deepEqual([record.status, record.error_code], ["failed", "tool_timeout"]);
  }
  // The same in the parameters of a session.
  const model = await scripted("limits-session", ["", [toolCall("w1", "talking__wait", "{}")]], "Never mind.");
  const s = await session({ model, mcp: { tools: ["talking"], call_idle_ms: 300 } });
  const whole = await s.call("POST", "/chat", { session_id: s.id, message: "Go." });
  assert.equal(whole.body?.data?.message.content, "Never mind.", whole.text);
});

test("what a session says of tools is checked, and a key uses only what it is granted", async () => {
  const model = await scripted("checked", "Hello.");
  const s = await session({ model, mcp: undefined, keyFields: { allow_tools: ["legacy/*"] } });
  for (const [mcp, code, param] of [
    [["modern"], "INVALID_TYPE", "config.mcp"],
    [{ tools: "modern" }, "INVALID_TYPE", "config.mcp.tools"],
    [{ tools: ["agent/"] }, "INVALID_VALUE", "config.mcp.tools[0]"],
    [{ tools: ["modern"], max_rounds: 0 }, "INVALID_TYPE", "config.mcp.max_rounds"],
    [{ tools: ["modern"], call_idle_ms: 0 }, "INVALID_TYPE", "config.mcp.call_idle_ms"],
    [{ servers: [] }, "UNKNOWN_PARAMETER", "config.mcp.servers"],
  ]) {
    const answer = await s.call("PUT", `/sessions/${s.id}`, { config: { mcp } });
    assert.deepEqual([answer.status, answer.body.error_code, answer.body.param], [400, code, param], answer.text);
  }
  const denied = await s.call("POST", "/chat", {
    session_id: s.id,
    message: "Hello",
    config: { mcp: { tools: ["modern"] } },
  });
  assert.deepEqual([denied.status, denied.body.error_code], [404, "MCP_SERVER_NOT_FOUND"], denied.text);
  const none = await s.call("POST", "/chat", { session_id: s.id, message: "Hello", config: { mcp: { tools: [] } } });
  assert.equal(none.body?.data?.message.content, "Hello.", none.text);
});

test(
  "a turn that a restart ends while a call waits leaves a history that goes on",
  async () => {
    const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
    const up = await startUpstream();
    const vars = { MASTER_KEY: randomBytes(32).toString("base64") };
    up.on("held", says("held", ["I look.", [echo("c1", "x")]], "Fine."));
    let id;
    let key;
    try {
      for (const isFirst of [true, false]) {
        const gw = await startGateway({ vars, storage });
        const open = (query) => connect(`${gw.url}/ws/chat?v=2${query}`, { headers: bearer(key) });
        try {
          if (isFirst) {
            const provider = await gw.createProvider({ name: "loopback", server_url: `${up.url}/v1` });
            await gw.createModel({ provider_id: provider.id, model_name: "held" });
            assert.equal(
              (await gw.admin("POST", "/mcp-servers", { id: "modern", url: `${servers.url}/modern` })).status,
              201,
            );
            key = (await gw.createKey({ allow_tools: ["*"] })).key;
            const socket = await open("");
            id = (await socket.frame("hello")).session_id;
            const mcp = { tools: [{ server_url: "nexus:modern", require_approval: "always" }] };
            socket.send({ type: "message", id: "1", content: "Go", model: "held", config: { mcp } });
            await socket.frame("tool_approval", { ms: 40_000 });
          } else {
            const socket = await open(`&session_id=${id}&last_seq=0`);
            const failed = await socket.frame(({ type, turn_id }) => type === "error" && turn_id, { ms: 40_000 });
            assert.equal(failed.code, "turn_interrupted");
            const from = socket.frames.length;
            up.on("held", says("held", "Hello again."));
            socket.send({ type: "message", id: "2", content: "Hello", config: { mcp: null } });
            await socket.frame("done", { from, ms: 40_000 });
            const roles = up
              .last("held")
              .json()
              .messages.map(({ role, content }) => [role, content]);
            assert.deepEqual(
              [...roles.slice(0, 2), ...roles.slice(3)],
              [
                ["user", "Go"],
                ["assistant", "I look."],
                ["user", "Hello"],
              ],
            );
            assert.match(roles[2][1], /ended before this call/);
            socket.close();
          }
        } finally {
          await gw.stop();
        }
      }
    } finally {
      await up.stop();
      await rm(storage, { recursive: true, force: true });
    }
  },
  { timeout: 120_000 },
);
