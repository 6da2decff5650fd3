// Probe tasks: who may have which, when the cron runs them, their budget of a day, what is kept, and who is notified.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { answersWith, completion } from "../support/upstream.mjs";
import { bearer } from "../support/util.mjs";

const SECRET = "sk-of-ada-upstream-0001";
const people = {};
let provider;
const t = suite({
  setUp: async () => {
    for (const owner of ["ada", "eve"]) {
      const permissions = ["manage_own_providers", "view_models"];
      people[owner] = (await t.gw.createKey({ owner, permissions })).key;
    }
    provider = await t.gw.createProvider({
      name: "watched",
      server_url: `${t.up.url}/v1`,
      server_key: SECRET,
      owner: "ada",
    });
    await t.model("watched-model", answersWith(completion("watched-model", `fine ${SECRET}`)), {
      provider_id: provider.id,
    });
  },
});
const as = (who, method, target, body) =>
  t.gw.admin(method, target, body, { headers: bearer(people[who] ?? t.gw.adminToken) });
const make = async (name, fields = {}) => {
  const answer = await as("ada", "POST", "/probe-tasks", { provider_id: provider.id, name, ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const runsOf = async (task) => (await as("ada", "GET", `/probe-tasks/${task.id}/runs`)).body.runs;
const later = (task) => t.gw.db("UPDATE probe_tasks SET next_at = 1 WHERE id = ?", task.id);

test("a task asks what it says, at its interval, and keeps what came of it", async () => {
  const task = await make("sums", {
    model: "watched-model",
    prompt: "1+1?",
    max_tokens: 7,
    interval_s: 300,
    stream: true,
  });
  assert.deepEqual([task.owner, task.daily_runs, task.last_ok], ["ada", 96, null]);
  const seen = t.up.seen("watched-model").length;
  await t.gw.scheduled();
  await t.gw.scheduled();
  const asked = t.up.seen("watched-model").slice(seen);
  assert.equal(asked.length, 1, "not again before its interval has passed");
  const body = asked[0].json();
  assert.deepEqual([body.messages[0].content, body.stream], ["1+1?", true]);
  assert.equal(body.max_tokens ?? body.max_completion_tokens, 7);
  const [run] = await runsOf(task);
  assert.deepEqual([run.ok, run.status, run.model, run.error], [true, 200, "watched-model", null]);
  assert.match(run.reply, /^fine/);
  assert.equal(JSON.stringify(run).includes(SECRET), false, "what is kept has no secret");
  assert.ok(run.first_token_ms !== null && run.prompt_tokens > 0);
  await later(task);
  await t.gw.scheduled();
  assert.equal((await runsOf(task)).length, 2);
  assert.equal((await as("ada", "GET", `/probe-tasks/${task.id}`)).body.last_ok, true);
  assert.equal((await as("ada", "DELETE", `/probe-tasks/${task.id}`)).status, 200);
  assert.equal((await t.gw.db("SELECT id FROM probe_runs WHERE task_id = ?", task.id)).length, 0);
});

test("the runs of a day are a budget, and runs by hand are not part of it", async () => {
  const task = await make("budget", { daily_runs: 2 });
  for (let n = 0; n < 4; n++) {
    await later(task);
    await t.gw.scheduled();
  }
  assert.equal((await runsOf(task)).length, 2);
  const { next_at } = (await as("ada", "GET", `/probe-tasks/${task.id}`)).body;
  assert.ok(next_at > Date.now() && next_at % 86_400_000 === 0, "due on the next day");
  const run = await as("ada", "POST", `/probe-tasks/${task.id}/run`);
  assert.deepEqual([run.status, run.body.ok], [200, true]);
  await t.gw.db("UPDATE probe_tasks SET day = day - 1, next_at = 1 WHERE id = ?", task.id);
  await t.gw.scheduled();
  assert.equal((await runsOf(task)).length, 4);
  const page = (await as("ada", "GET", `/probe-tasks/${task.id}/runs?limit=3`)).body;
  const rest = (await as("ada", "GET", `/probe-tasks/${task.id}/runs?limit=3&cursor=${page.next_cursor}`)).body;
  assert.deepEqual([page.runs.length, rest.runs.length, rest.next_cursor], [3, 1, null]);
  await as("ada", "DELETE", `/probe-tasks/${task.id}`);
});

test("the last 50 runs are kept", async () => {
  const task = await make("long");
  const rows = Array.from({ length: 55 }, (_, n) => ({ id: `01AAAAAAAAAAAAAAAAAAAAAA${10 + n}` }));
  await t.gw.db(
    "INSERT INTO probe_runs (task_id, id, ts, ok, latency_ms, model) SELECT ?, value ->> 'id', 1, 1, 1, 'm' FROM json_each(?)",
    task.id,
    JSON.stringify(rows),
  );
  await as("ada", "POST", `/probe-tasks/${task.id}/run`);
  assert.equal((await t.gw.db("SELECT id FROM probe_runs WHERE task_id = ?", task.id)).length, 50);
  await as("ada", "DELETE", `/probe-tasks/${task.id}`);
});

test("a change of fortune is told, once", async () => {
  const task = await make("fortune");
  const told = async () =>
    (await t.gw.db("SELECT topic, level FROM notifications WHERE link = ? ORDER BY id", `/probe-tasks/${task.id}`)).map(
      ({ topic, level }) => `${topic} ${level}`,
    );
  const run = async (behaviour) => {
    t.up.on("watched-model", behaviour);
    await later(task);
    await t.gw.scheduled();
  };
  const fine = answersWith(completion("watched-model", "fine"));
  const broken = (x) => x.reply(500, { error: { message: "broken" } });
  await run(fine);
  assert.deepEqual(await told(), []);
  await run(broken);
  await run(broken);
  assert.deepEqual(await told(), ["probe.failed warning"]);
  assert.match((await runsOf(task))[0].error, /broken/);
  await run(fine);
  assert.deepEqual(await told(), ["probe.failed warning", "probe.recovered info"]);
  await as("ada", "DELETE", `/probe-tasks/${task.id}`);
});

test("tasks are for one's own providers, up to ten, and exist for no other user", async () => {
  const foreign = await as("eve", "POST", "/probe-tasks", { provider_id: provider.id, name: "spy" });
  assert.deepEqual([foreign.status, errorOf(foreign.text).code], [404, "provider_not_found"]);
  const tries = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      as("ada", "POST", "/probe-tasks", { provider_id: provider.id, name: `t${n}`, enabled: false }),
    ),
  );
  assert.equal(tries.filter(({ status }) => status === 201).length, 10);
  assert.ok(tries.every(({ status, text }) => status === 201 || errorOf(text).code === "too_many_probe_tasks"));
  const { tasks } = (await as("ada", "GET", "/probe-tasks")).body;
  assert.equal(tasks.length, 10);
  assert.deepEqual((await as("eve", "GET", "/probe-tasks")).body.tasks, []);
  for (const [method, path, body] of [
    ["GET", ""],
    ["PUT", "", { name: "taken" }],
    ["DELETE", ""],
    ["POST", "/run"],
    ["GET", "/runs"],
  ]) {
    const answer = await as("eve", method, `/probe-tasks/${tasks[0].id}${path}`, body);
    assert.deepEqual([answer.status, errorOf(answer.text).code], [404, "probe_task_not_found"], `${method} ${path}`);
  }
  const moved = await as("ada", "PUT", `/probe-tasks/${tasks[0].id}`, { provider_id: 999 });
  assert.equal(errorOf(moved.text).param, "provider_id");
  assert.equal((await as("ada", "PUT", `/probe-tasks/${tasks[0].id}`, { interval_s: 600 })).body.interval_s, 600);
  // A task does not follow a provider to another owner.
  await as("admin", "PUT", `/providers/${provider.id}`, { owner: "eve" });
  const lost = await as("ada", "POST", `/probe-tasks/${tasks[0].id}/run`);
  assert.deepEqual([lost.body.ok, lost.body.error], [false, "The provider is gone, or belongs to another owner."]);
  await as("admin", "PUT", `/providers/${provider.id}`, { owner: "ada" });
  await as("admin", "DELETE", `/providers/${provider.id}`);
  assert.deepEqual((await as("ada", "GET", "/probe-tasks")).body.tasks, [], "they go with the provider");
});
