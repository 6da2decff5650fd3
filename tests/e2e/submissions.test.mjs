// The life of a provider that a user offers to all: submitted, checked by real requests, reviewed, public, withdrawn; and who is
// notified of each step.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, eventsOf, toolCall, usage } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const PASSWORD = "Tr4vel-Lamp-42";
const SECRET = "sk-submitted-upstream-0001";
const people = {};
let receiver;
const t = suite({
  vars: { OWN_PROVIDERS: "20" },
  setUp: async () => {
    receiver = await startReceiver();
    for (const [name, roles] of Object.entries({ ada: ["user"], eve: ["user"], rev: ["operator"] })) {
      const email = `${name}@example.org`;
      const user = (await t.gw.admin("POST", "/users", { email, roles, password: PASSWORD })).body;
      const login = await t.gw.call("/auth/login", {
        method: "POST",
        body: JSON.stringify({ email, password: PASSWORD }),
      });
      const key = (await t.gw.createKey({ owner: user.id })).key;
      people[name] = { id: user.id, token: login.json().access_token, key };
    }
  },
});
after(() => receiver?.stop());

const as = async (who, method, target, body) => {
  const answer = await t.gw.call(target, {
    method,
    headers: { ...bearer(people[who].token), "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const isError = answer.status >= 400;
  return { ...answer, body: JSON.parse(answer.text), code: isError ? errorOf(answer.text).code : undefined };
};
const done = async (status, ...call) => {
  const answer = await as(...call);
  assert.equal(answer.status, status, `${call[1]} ${call[2]}: ${answer.text}`);
  return answer.body;
};
/** Behaves as a model should; `lies` replaces what it says of its usage. */
const model =
  ({ lies } = {}) =>
  (x) => {
    const body = x.json();
    const prompt = JSON.stringify(body.messages).length;
    const reported = lies ?? usage(Math.round(prompt / 5), 3);
    const message = body.tools
      ? { role: "assistant", content: null, tool_calls: [toolCall("c1", "get_weather", '{"city":"Paris"}')] }
      : `ok, said ${SECRET}`;
    const answer = completion(x.model, message, { reported, ...(body.tools ? { finish: "tool_calls" } : {}) });
    return x.wantsStream ? x.stream(eventsOf(answer)) : x.reply(200, answer);
  };
const offer = async (name, behaviour = model(), fields = {}) => {
  const made = await done(201, "ada", "POST", "/providers", {
    name,
    server_url: `${t.up.url}/v1`,
    server_key: SECRET,
  });
  t.up.on(`${name}-model`, behaviour);
  const capabilities = ["tools", "vision"];
  const body = { provider_id: made.id, model_name: `${name}-model`, capabilities, ...fields };
  await done(201, "ada", "POST", "/provider_models", body);
  return made;
};
const submit = (provider, description = "It is fast.") =>
  done(201, "ada", "POST", `/providers/${provider.id}/submit`, { description });
const notified = async (who) => (await done(200, who, "GET", "/notifications?limit=200")).notifications;
const topicsOf = async (who, submission) =>
  (await notified(who))
    .filter(({ link }) => link === `/providers/submissions/${submission.id}`)
    .map(({ topic }) => topic);
const outcomes = ({ findings }) => Object.fromEntries(findings.map(({ check, outcome }) => [check, outcome]));
const status = async (who, name) => (await t.gw.complete(people[who].key, ask(name))).status;

test("submitted, checked by the cron, approved, public, and withdrawn", async () => {
  const webhook = await t.gw.admin("POST", "/webhooks", {
    name: "told",
    url: `${receiver.url}/told`,
    events: ["notification"],
  });
  receiver.trust(webhook.body);
  const provider = await offer("good");
  const made = await submit(provider);
  assert.deepEqual([made.state, made.report, made.owner], ["submitted", null, people.ada.id]);
  const locked = await as("ada", "PUT", `/providers/${provider.id}`, { server_url: "https://elsewhere.example" });
  assert.deepEqual([locked.status, locked.code], [409, "provider_in_review"]);
  const twice = await as("ada", "POST", `/providers/${provider.id}/submit`, {});
  assert.equal(twice.code, "provider_in_review");
  assert.equal(await status("eve", "good-model"), 404);

  await t.gw.scheduled();
  const tested = await done(200, "ada", "GET", `/providers/submissions/${made.id}`);
  assert.equal(tested.state, "tested");
  assert.deepEqual(outcomes(tested.report), {
    answer: "passed",
    streaming: "passed",
    tools: "passed",
    vision: "passed",
    usage: "passed",
    price: "skipped",
  });
  assert.equal(JSON.stringify(tested).includes(SECRET), false, "the evidence has no secret");

  const path = `/providers/submissions/${made.id}`;
  assert.equal((await as("ada", "POST", `${path}/approve`, {})).code, "permission_denied");
  const approved = await done(200, "rev", "POST", `${path}/approve`, { max_qps: 50, notes: "Welcome." });
  assert.deepEqual([approved.state, approved.limits.max_qps], ["approved_limited", 50]);
  assert.equal(await status("eve", "good-model"), 200);
  const shown = await done(200, "ada", "GET", `/providers/${provider.id}`);
  assert.deepEqual([shown.visibility, shown.in_review, shown.max_qps], ["public", false, 50]);
  const change = await as("ada", "PUT", `/providers/${provider.id}`, { server_url: "https://elsewhere.example" });
  assert.deepEqual([change.status, change.code], [403, "review_required"]);

  const ended = await done(200, "ada", "POST", `${path}/withdraw`);
  assert.deepEqual(
    ended.steps.map(({ action, from, to, by }) => [action, from, to, by]),
    [
      ["submit", null, "submitted", `user:${people.ada.id}`],
      ["tested", "submitted", "tested", "gateway"],
      ["approve", "tested", "approved_limited", `user:${people.rev.id}`],
      ["withdraw", "approved_limited", "withdrawn", `user:${people.ada.id}`],
    ],
  );
  assert.equal(await status("eve", "good-model"), 404);
  assert.equal(await status("ada", "good-model"), 200);
  assert.equal((await as("rev", "POST", `${path}/approve`, {})).code, "wrong_state");

  assert.deepEqual(await topicsOf("ada", made), ["submission.approved_limited", "submission.tested"]);
  assert.deepEqual(await topicsOf("rev", made), ["submission.withdrawn", "submission.tested", "submission.submitted"]);
  assert.deepEqual(await topicsOf("eve", made), []);
  const { entries } = (await t.gw.admin("GET", "/audit?operation=POST%20/providers/submissions/%7Bid%7D/approve")).body;
  const fields = entries
    .filter(({ status }) => status === 200)
    .flatMap(({ changes }) => changes.map(({ field }) => field));
  for (const field of ["state", "visibility", "max_qps"]) assert.ok(fields.includes(field), field);

  await t.gw.scheduled();
  const events = receiver.at("/told").map(({ text, fault }) => ({ fault, ...JSON.parse(text) }));
  assert.ok(events.length >= 5 && events.every(({ fault, type }) => fault === undefined && type === "notification"));
  assert.ok(events.some(({ notification }) => notification.topic === "submission.approved_limited"));
  await t.gw.admin("DELETE", `/webhooks/${webhook.body.id}`);
});

test("failed checks are told, hinder an approval, and can be run again", async () => {
  const provider = await offer("lying", model({ lies: usage(90_000, 3) }));
  const made = await submit(provider);
  const path = `/providers/submissions/${made.id}`;
  assert.equal((await as("rev", "POST", `${path}/approve`, {})).code, "wrong_state");
  const tested = await done(200, "rev", "POST", `${path}/test`);
  assert.deepEqual([outcomes(tested.report).usage, tested.report.passed], ["failed", false]);
  assert.equal((await as("rev", "POST", `${path}/approve`, {})).code, "checks_failed");
  t.up.on("lying-model", model());
  assert.equal((await done(200, "rev", "POST", `${path}/test`)).report.passed, true);
  assert.equal((await done(200, "rev", "POST", `${path}/approve`, {})).state, "approved");
  // A reviewer takes it back.
  const refused = await as("rev", "POST", `${path}/reject`, {});
  assert.deepEqual([refused.status, errorOf(refused.text).param], [400, "notes"]);
  await done(200, "rev", "POST", `${path}/reject`, { notes: "It lies again." });
  assert.equal(await status("eve", "lying-model"), 404);
  const told = (await notified("ada")).find(({ topic }) => topic === "submission.rejected");
  assert.equal(told.body, "It lies again.");
  // And its owner submits it once more.
  const again = await submit(provider);
  assert.notEqual(again.id, made.id);
  assert.equal((await as("ada", "POST", `${path}/withdraw`)).code, "wrong_state");
  await done(200, "ada", "POST", `/providers/submissions/${again.id}/withdraw`);
});

test("an upstream that does not answer fails its checks and nothing else", async () => {
  const provider = await offer("dead", (x) => x.reply(500, { error: { message: `no ${SECRET}` } }));
  const made = await submit(provider);
  await t.gw.scheduled();
  const tested = await done(200, "rev", "GET", `/providers/submissions/${made.id}`);
  assert.deepEqual([tested.state, tested.report.passed, outcomes(tested.report).answer], ["tested", false, "failed"]);
  assert.equal(JSON.stringify(tested).includes(SECRET), false);
  await done(200, "rev", "POST", `/providers/submissions/${made.id}/reject`, { notes: "It does not answer." });
});

test("owners see their own submissions, reviewers all, and others none", async () => {
  const provider = await offer("seen");
  const made = await submit(provider);
  const idsOf = async (who, query = "") =>
    (await done(200, who, "GET", `/providers/submissions${query}`)).submissions.map(({ id }) => id);
  assert.ok((await idsOf("ada")).includes(made.id));
  assert.ok((await idsOf("rev", "?state=submitted")).includes(made.id));
  assert.deepEqual(await idsOf("eve"), []);
  const first = await done(200, "rev", "GET", "/providers/submissions?limit=1");
  const second = await done(200, "rev", "GET", `/providers/submissions?limit=1&cursor=${first.next_cursor}`);
  assert.notEqual(first.submissions[0].id, second.submissions[0].id);
  for (const [method, target] of [
    ["GET", `/providers/submissions/${made.id}`],
    ["POST", `/providers/submissions/${made.id}/withdraw`],
    ["POST", `/providers/${provider.id}/submit`],
  ]) {
    const answer = await as("eve", method, target, method === "POST" ? {} : undefined);
    assert.equal(answer.status, 404, `${method} ${target}`);
  }
  await done(200, "ada", "POST", `/providers/submissions/${made.id}/withdraw`);
});

test("of parallel submissions one is made", async () => {
  const provider = await offer("once");
  const tries = await Promise.all(
    Array.from({ length: 6 }, () => as("ada", "POST", `/providers/${provider.id}/submit`, {})),
  );
  assert.deepEqual(tries.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409]);
  const rows = await t.gw.db("SELECT id FROM provider_submissions WHERE provider_id = ?", provider.id);
  assert.equal(rows.length, 1);
  await done(200, "ada", "POST", `/providers/submissions/${rows[0].id}/withdraw`);
});
