// Proves whose agents may connect: tokens are in the audit log as they are made, replaced and deleted, and the connection of an agent
// ends, as does its token, when its owner is deactivated or deleted, or the key that it belongs to is no longer good.
import assert from "node:assert/strict";
import { codeOf, ScriptedAgent, tokenOf } from "../support/agent.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
let made = 0;

/** A user with a key. */
async function user() {
  const email = `owner-${++made}@example.com`;
  const { status, body } = await t.gw.admin("POST", "/users", { email, password: "a long password of a test" });
  assert.equal(status, 201, JSON.stringify(body));
  return { id: body.id, key: (await t.gw.createKey({ owner: body.id })).key };
}

async function connected(key) {
  const agentId = `agent-${++made}`;
  const one = new ScriptedAgent(t.gw, await tokenOf(t.gw, key, agentId), agentId);
  assert.equal((await one.connect()).t, "welcome");
  return one;
}

const ticket = (one) => t.gw.call("/bridge/ticket", { method: "POST", headers: bearer(one.token) });

/** The connection is closed, and no other is opened with this token, also after the owner is active again. */
async function hasEnded(one) {
  assert.equal((await one.socket.closed).code, 4401);
  const refused = await eventually(
    async () => {
      const answer = await ticket(one);
      return codeOf(answer) === "agent_token_expired" && answer;
    },
    { what: "the end of the token" },
  );
  assert.equal(refused.status, 401);
}

test("a token that is made, replaced and deleted is in the audit log, without it", async () => {
  const { key, id } = await t.gw.createKey();
  const publicId = id ?? key.split("-")[2];
  const token = await tokenOf(t.gw, key, "noted");
  await tokenOf(t.gw, key, "noted", { reset: true, label: "mine" });
  const gone = await t.gw.call("/v1/bridge/agents/noted", { method: "DELETE", headers: bearer(key) });
  assert.equal(gone.status, 200, gone.text);
  const entries = await eventually(
    async () => {
      const { body } = await t.gw.admin("GET", `/audit?actor=program:${publicId}`);
      return body.entries.length === 3 && body.entries.reverse();
    },
    { what: "three entries" },
  );
  assert.deepEqual(
    entries.map(({ operation, target, status }) => [operation, target, status]),
    [
      ["POST /v1/bridge/agent-token", "", 201],
      ["POST /v1/bridge/agent-token", "", 201],
      ["DELETE /v1/bridge/agents/{id}", "noted", 200],
    ],
  );
  const [first, second, last] = entries.map(({ changes }) => changes[0]);
  assert.deepEqual([first.field, first.before, first.after.token_version], ["agent noted", null, 1]);
  assert.deepEqual([second.before.token_version, second.after.token_version, second.after.label], [1, 2, "mine"]);
  assert.deepEqual([last.before.token_version, last.after], [2, null]);
  assert.ok(!JSON.stringify(entries).includes(token.split("-").at(-1)));
  const refused = await t.gw.call("/v1/bridge/agents/noted", { method: "DELETE", headers: bearer(key) });
  assert.equal(codeOf(refused), "agent_not_found");
  assert.equal((await t.gw.admin("GET", `/audit?actor=program:${publicId}`)).body.entries.length, 3);
});

test("the agents of a user who is deactivated end, and those of others stay", async () => {
  const [leaving, staying] = [await user(), await user()];
  const [one, other] = [await connected(leaving.key), await connected(staying.key)];
  const { status, text } = await t.gw.admin("PUT", `/users/${leaving.id}`, { status: "disabled" });
  assert.equal(status, 200, text);
  await hasEnded(one);
  assert.equal((await ticket(other)).status, 201);
  await t.gw.admin("PUT", `/users/${leaving.id}`, { status: "active" });
  await hasEnded(one);
  // A new token needs a key of the user that is good.
  const again = (await t.gw.createKey({ owner: leaving.id })).key;
  one.token = await tokenOf(t.gw, again, one.agentId);
  assert.equal((await one.connect()).t, "welcome");
});

test("the agents of a user who is deleted end", async () => {
  const leaving = await user();
  const one = await connected(leaving.key);
  const { status, text } = await t.gw.admin("DELETE", `/users/${leaving.id}`);
  assert.equal(status, 200, text);
  await hasEnded(one);
});

test("an agent that belongs to a key ends within a minute after the key is no longer good", async () => {
  const { key, id } = await t.gw.createKey();
  const one = await connected(key);
  const { status, text } = await t.gw.admin("PUT", `/keys/${id}`, { enabled: false });
  assert.equal(status, 200, text);
  // No ticket is given any more, and the next run of the cron ends the connection.
  const refused = await ticket(one);
  assert.deepEqual([refused.status, codeOf(refused)], [403, "agent_owner_inactive"]);
  await t.gw.scheduled();
  await hasEnded(one);
});

test("an agent whose owner is a team, or a name that keys have, stays until these are gone", async () => {
  const team = (await t.gw.admin("POST", "/teams", { name: "crew" })).body.id;
  const ofTeam = await connected((await t.gw.createKey({ owner: team })).key);
  const named = await t.gw.createKey({ owner: "a name" });
  const ofName = await connected(named.key);
  await t.gw.scheduled();
  for (const one of [ofTeam, ofName]) assert.equal((await ticket(one)).status, 201);
  await t.gw.admin("DELETE", `/teams/${team}`);
  await t.gw.admin("DELETE", `/keys/${named.id}`);
  await t.gw.scheduled();
  for (const one of [ofTeam, ofName]) await hasEnded(one);
});
