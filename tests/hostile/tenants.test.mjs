// One tenant asks for everything that belongs to another, in every way that docs/openapi.json knows to name it. The answers
// are the same as for what never existed, and contain nothing of the other tenant's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "../support/socket.mjs";
import { suite, test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const NEEDLE = "the plan of the first tenant";
const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));

/** Everything that the first tenant owns: what a path parameter may name. */
const owned = { id: [] };
let other;

const t = suite({
  setUp: async () => {
    await t.model("talker", answersWith(completion("talker", NEEDLE)));
    other = (await t.gw.createKey({ name: "other" })).key;
    const post = async (target, body) => {
      const answer = await t.gw.complete(t.key, body, { target });
      assert.ok(answer.status < 300, `${target}: ${answer.text}`);
      return answer;
    };
    const response = await post("/v1/responses", { model: "talker", input: NEEDLE });
    await post("/api/v1/sessions", { id: "plan", title: NEEDLE, model: "talker" });
    await post("/api/v1/chat", { session_id: "plan", message: NEEDLE });
    const chat = await post("/v1/chat/completions", { model: "talker", messages: [{ role: "user", content: NEEDLE }] });
    owned.id.push(response.json().id, "plan", chat.headers["x-conversation-id"]);
    await eventually(async () => (await t.gw.admin("GET", "/conversations")).body.conversations.length >= 2);
  },
});

/** Every operation, with the parameters of its path filled in. */
function* operations() {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { security }] of Object.entries(methods)) {
      if (!["get", "post", "put", "delete"].includes(method)) continue;
      const isAdmin = security?.some((scheme) => "AdminToken" in scheme) ?? false;
      const names = path.includes("{") ? owned.id : [undefined];
      for (const name of names)
        yield { method: method.toUpperCase(), target: path.replace(/\{\w+\}/g, name ?? ""), path, isAdmin, name };
    }
  }
}

/** A body that names the other tenant's things wherever a request can. */
const bodyFor = (name) => ({
  model: "talker",
  session_id: name,
  message: "hi",
  input: "hi",
  prompt: "hi",
  messages: [{ role: "user", content: "hi" }],
  max_tokens: 5,
  previous_response_id: name,
  turn_id: name,
});

test("callers' operations answer as for what never existed", async () => {
  for (const { method, target, isAdmin, name } of operations()) {
    if (isAdmin || name === undefined) continue;
    const asked = async (target, name) =>
      t.gw.call(target, {
        method,
        headers: { ...bearer(other), "content-type": "application/json" },
        body: method === "GET" ? undefined : JSON.stringify(bodyFor(name)),
      });
    const theirs = await asked(target, name);
    const never = await asked(target.replaceAll(name, "never-was"), "never-was");
    const about = `${method} ${target}: ${theirs.status} ${theirs.text}; of nothing: ${never.status} ${never.text}`;
    assert.ok(!theirs.text.includes(NEEDLE), about);
    assert.equal(theirs.status, never.status, about);
  }
});

test("bodies and headers that name another tenant's things", async () => {
  for (const name of owned.id) {
    for (const target of [
      "/v1/responses",
      "/api/v1/chat",
      "/api/v1/chat/stream",
      "/api/v1/chat/regenerate",
      "/api/v1/chat/approve",
      "/api/v1/chat/answer",
      "/api/v1/chat/stop",
    ]) {
      const answer = await t.gw.complete(other, bodyFor(name), { target });
      assert.ok(answer.status >= 400 && answer.status < 500, `${target} of ${name}: ${answer.status} ${answer.text}`);
      assert.ok(!answer.text.includes(NEEDLE), answer.text);
    }
    // A name that two tenants use is two conversations.
    const headers = { "x-conversation-id": name, "x-session-id": name };
    const answer = await t.gw.complete(
      other,
      { model: "demo/echo", messages: [{ role: "user", content: "mine" }] },
      { headers },
    );
    assert.equal(answer.status, 200, answer.text);
    assert.ok(!answer.text.includes(NEEDLE));
    await assert.rejects(connect(`${t.gw.url}/ws/chat?v=2&session_id=${name}`, { headers: bearer(other) }), {
      status: 404,
    });
  }
  const lists = ["/api/v1/sessions", "/api/v1/sessions?search=plan", "/v1/credits/me/transactions"];
  for (const target of lists) {
    const answer = await t.gw.call(target, { headers: bearer(other) });
    assert.ok(!answer.text.includes(NEEDLE), `${target}: ${answer.text}`);
  }
});

test("operations of administrators refuse every other credential", async () => {
  const credentials = [
    {},
    bearer(t.key),
    bearer(other),
    bearer("adm-guess"),
    { "x-admin-token": "adm-guess" },
    bearer(""),
  ];
  for (const { method, target, path, isAdmin } of operations()) {
    if (!isAdmin) continue;
    for (const headers of credentials) {
      const answer = await t.gw.call(target, {
        method,
        headers: { ...headers, "content-type": "application/json" },
        body: method === "GET" ? undefined : "{}",
      });
      assert.ok(
        [401, 403, 429].includes(answer.status),
        `${method} ${path} with ${JSON.stringify(headers)}: ${answer.status} ${answer.text}`,
      );
    }
  }
});

test("the first tenant still has everything", async () => {
  const messages = await t.gw.call("/api/v1/sessions/plan/messages", { headers: bearer(t.key) });
  assert.ok(messages.text.includes(NEEDLE), messages.text);
  const kept = await t.gw.call(`/v1/responses/${owned.id[0]}`, { headers: bearer(t.key) });
  assert.ok(kept.text.includes(NEEDLE), kept.text);
});
