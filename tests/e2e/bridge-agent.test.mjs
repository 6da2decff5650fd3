// Proves the Bridge end to end: the real program with a real MCP server, connected to the real gateway. It is listed with its tools, a
// call comes back with the server's result, and large ones whole; a call is cancelled; a program that is killed is lost and comes back.
import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { real } from "../bridge/support/agent.mjs";
import { callsOf, codeOf, tokenOf } from "../support/agent.mjs";
import { buildAgent, PATIENCE, realAgents } from "../support/real-agent.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion, toolCall } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const t = suite({ setUp: buildAgent, setUpWithin: 600_000 });
const { post, get } = callsOf(t);
const { bridge, listed, tools, connected, invoke } = realAgents(t);

/** A call of the tool that takes its time and says how far it is. */
const slow = (one, id, more = {}) =>
  invoke(one, "trigger-long-running-operation", { req_id: id, arguments: { duration: 20, steps: 40 }, ...more });
const runs = async (one, id) => {
  await eventually(
    async () => {
      const answer = await get(`/v1/bridge/results/${id}?agent_id=${one.agentId}`);
      return answer.status === 200 && (await listed(one)).hub.servers.length > 0;
    },
    { what: "the call", ...PATIENCE },
  );
};

const long = (name, work) => test(name, work, { timeout: 240_000 });

long("the agent is listed with its tools, and a tool's result comes back", async () => {
  const one = await bridge("laptop");
  await connected(one);
  const names = (await tools(one)).map(({ name }) => name);
  assert.ok(names.includes("everything__echo"), names.join());
  const answer = await invoke(one, "echo", { arguments: { message: "over the tunnel" } });
  assert.equal(answer.status, 200, answer.text);
  const body = answer.json();
  assert.deepEqual([body.ok, body.executed, body.status], [true, "yes", "done"]);
  assert.match(body.result.content[0].text, /over the tunnel/);
  const large = await invoke(one, "echo", { arguments: { message: "x".repeat(700_000) } });
  assert.equal(large.status, 200, large.text.slice(0, 300));
  assert.ok(large.json().result.content[0].text.length >= 700_000);
  const status = await one.place.run("agent", "status");
  assert.match(status.stdout, /gateway: ws:\S+, connected/);
  const secret = one.token.split("-").at(-1);
  assert.ok(!one.output.includes(secret) && !status.stdout.includes(secret), "the token is in the log");
  // One that leaves is offline at once.
  assert.equal(await one.kill("SIGTERM"), 0, one.output);
  await eventually(async () => (await listed(one)).status === "offline", { what: "the end", ...PATIENCE });
  const offline = await invoke(one, "echo", { arguments: { message: "late" } });
  assert.deepEqual([offline.status, codeOf(offline)], [404, "agent_offline"]);
});

long("a streamed call tells its progress, and a call is cancelled", async () => {
  const one = await bridge("streaming");
  await connected(one);
  const streamed = await invoke(one, "trigger-long-running-operation", {
    arguments: { duration: 2, steps: 4 },
    stream: true,
  });
  assert.match(streamed.text, /event: tool_log\ndata: .*"progress"/);
  assert.match(streamed.text, /event: tool_result\n/);
  const waiting = slow(one, "to-cancel");
  await runs(one, "to-cancel");
  const done = await post("/v1/bridge/cancel", { agent_id: one.agentId, req_id: "to-cancel" });
  assert.deepEqual([done.status, done.json()], [200, { canceled: true }]);
  assert.deepEqual([(await waiting).status, codeOf(await waiting)], [409, "call_canceled"]);
  const next = await invoke(one, "echo", { arguments: { message: "still there" } });
  assert.equal(next.status, 200, next.text);
});

long("a killed agent is lost and offline, and comes back when it is started again", async () => {
  const one = await bridge("killed");
  await connected(one);
  const waiting = slow(one, "lost");
  await eventually(() => one.output.includes("everything"), { what: "the log", ...PATIENCE });
  await runs(one, "lost");
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await one.kill("SIGKILL");
  const offline = await eventually(
    async () => {
      const answer = await invoke(one, "echo", { arguments: { message: "late" }, timeout_ms: 1_000 });
      return answer.status === 404 && answer;
    },
    { what: "the agent to be offline", ...PATIENCE },
  );
  assert.equal(codeOf(offline), "agent_offline");
  one.start();
  await connected(one);
  const lost = await waiting;
  assert.deepEqual([lost.status, codeOf(lost)], [502, "agent_lost"], lost.text);
  assert.match(lost.json().error.message, /may have been executed/);
  const again = await invoke(one, "echo", { arguments: { message: "back" } });
  assert.equal(again.status, 200, again.text);
});

long("a token that is not valid, or is reset, ends the agent with 3", async () => {
  const token = await tokenOf(t.gw, t.key, "refused");
  const wrong = await bridge("refused", { token: `${token.slice(0, -4)}AAAA` });
  assert.equal(await wrong.closed, 3, wrong.output);
  assert.match(wrong.output, /refused the agent's token/);
  const one = await bridge("reset");
  await connected(one);
  await tokenOf(t.gw, t.key, "reset", { reset: true });
  assert.equal(await one.closed, 3, one.output);
});

long("a second agent of the same name ends with 4, and one that takes over ends the first", async () => {
  const one = await bridge("shared");
  await connected(one);
  const second = await bridge("shared", { token: one.token });
  assert.equal(await second.closed, 4, second.output);
  assert.match(second.output, /connected from elsewhere/);
  const third = await bridge("shared", { token: one.token, options: ["--takeover"] });
  assert.equal(await one.closed, 4, one.output);
  assert.match(one.output, /another instance has taken over/);
  await connected(third);
  const answer = await invoke(third, "echo", { arguments: { message: "from the third" } });
  assert.equal(answer.status, 200, answer.text);
});

/** The question that a call waits for. */
const asked = (one, id) =>
  eventually(
    async () => {
      const answer = await get(`/v1/bridge/results/${id}?agent_id=${one.agentId}`);
      return answer.status === 200 && answer.json().approvals?.[0];
    },
    { what: "the question", ...PATIENCE },
  );
const decide = (one, question, body) =>
  post(`/v1/bridge/approvals/${question.ask}`, { agent_id: one.agentId, ...body });

long("a call that the agent asks about waits for the answer that the gateway is given", async () => {
  const one = await bridge("asking", { policy: { default: "ask", confirm: "remote" } });
  await connected(one);
  const call = (id) => invoke(one, "echo", { req_id: id, arguments: { message: id } });
  const refusedCall = call("refused");
  const question = await asked(one, "refused");
  assert.deepEqual(
    [question.kind, question.body.server, question.body.tool, question.body.arguments],
    ["approval", "everything", "echo", { message: "refused" }],
  );
  assert.equal((await decide(one, question, { decision: "deny" })).status, 200);
  const refused = (await refusedCall).json();
  assert.deepEqual([refused.ok, refused.error.code], [false, "tool_not_allowed"]);
  // What is allowed once is asked about again, and what is allowed for the session is not.
  for (const decision of ["once", "session"]) {
    const waiting = call(decision);
    assert.equal((await decide(one, await asked(one, decision), { decision })).status, 200);
    assert.match((await waiting).text, new RegExp(`Echo: ${decision}`));
  }
  assert.match((await call("remembered")).text, /Echo: remembered/);
});

long("what a server asks its user is answered through the gateway", async () => {
  const one = await bridge("input");
  await connected(one);
  const waiting = invoke(one, "trigger-elicitation-request", { req_id: "input" });
  const question = await asked(one, "input");
  assert.deepEqual([question.kind, question.body.method], ["input_required", "elicitation/create"]);
  assert.ok(question.body.params.requestedSchema.properties.name);
  const response = { action: "accept", content: { name: "Ada" } };
  assert.equal((await decide(one, question, { response })).status, 200);
  const answer = await waiting;
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /Ada/);
});

long("a filesystem server on this machine answers the call of a model", async () => {
  const own = { gw: t.gw, key: (await t.gw.createKey({ owner: "reader", allow_tools: ["*"] })).key };
  const there = realAgents(own);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "notes-")));
  writeFileSync(join(folder, "list.txt"), "milk, bread\n");
  const one = await there.bridge("reader", { servers: [real("filesystem", [folder], { name: "notes" })] });
  await there.connected(one);
  const model = "reader-of-files";
  await t.model(model, (x) => {
    const found = x.json().messages.find(({ role }) => role === "tool");
    const call = toolCall("c1", "notes__read_text_file", JSON.stringify({ path: join(folder, "list.txt") }));
    const message = found
      ? { role: "assistant", content: `It says: ${JSON.stringify(found.content)}` }
      : { role: "assistant", content: null, tool_calls: [call] };
    return answersWith(completion(model, message, { finish: found ? "stop" : "tool_calls" }))(x);
  });
  const answer = await t.gw.complete(own.key, {
    model,
    messages: [{ role: "user", content: "What is on my list?" }],
    tools: [{ type: "mcp", server_label: "laptop", server_url: "nexus:agent/reader", require_approval: "never" }],
  });
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.json().choices[0].message.content, /milk, bread/);
  await one.end();
  rmSync(folder, { recursive: true });
});
