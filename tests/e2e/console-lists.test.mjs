// Proves the lists and questions that the console asks: each page is one request, of what the person may see, and what it says is what
// happened.
import assert from "node:assert/strict";
import { answersWith, completion } from "../support/upstream.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({ setUp: () => t.model("well", answersWith(completion("well", "Hello."))) });
const get = async (target, key) => {
  const answer = await t.gw.admin("GET", target, undefined, key ? { headers: bearer(key) } : {});
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
};
const codeOf = ({ text }) => errorOf(text).code;

test("keys come in pages without gaps or repeats, searched and filtered", async () => {
  const made = [];
  for (let i = 0; i < 7; i++) made.push(await t.gw.createKey({ name: `Paged ${i}`, owner: i % 2 ? "odd" : "even" }));
  await t.gw.admin("PUT", `/keys/${made[3].id}`, { enabled: false });
  const seen = [];
  let cursor;
  do {
    const page = await get(`/keys?search=pAgEd&limit=3${cursor ? `&cursor=${cursor}` : ""}`);
    assert.ok(page.keys.length <= 3);
    seen.push(...page.keys.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.equal(seen.length, 7);
  assert.deepEqual(new Set(seen), new Set(made.map(({ id }) => id)));
  const names = async (query) => (await get(`/keys?${query}`)).keys.map(({ name }) => name).sort();
  assert.deepEqual(await names("owner=odd"), ["Paged 1", "Paged 3", "Paged 5"]);
  assert.deepEqual(await names("owner=odd&enabled=false"), ["Paged 3"]);
  assert.deepEqual(await names(`search=${made[2].id}`), ["Paged 2"]);
  assert.deepEqual(await names("search=%25"), [], "a pattern is a text");
  for (const query of ["cursor=x", "limit=0", "with=everything", "enabled=maybe"])
    assert.equal(codeOf(await t.gw.admin("GET", `/keys?${query}`)), "invalid_value", query);
  const ada = (await t.gw.createKey({ owner: "odd", permissions: ["manage_own_api_keys"] })).key;
  const own = (await get("/keys?limit=50", ada)).keys;
  assert.ok(own.length === 4 && own.every(({ owner }) => owner === "odd"));
  assert.deepEqual((await get("/keys?owner=even", ada)).keys, []);
});

test("keys have what they were used for, and those without the permission do not see it", async () => {
  const key = await t.gw.createKey({ name: "Used", owner: "used" });
  for (let i = 0; i < 3; i++) assert.equal((await t.gw.complete(key.key, ask("well"))).status, 200);
  assert.equal((await t.gw.complete(key.key, ask("no-such-model"))).status, 404);
  const usage = await eventually(
    async () => {
      const [{ usage }] = (await get("/keys?search=used&with=usage")).keys;
      return usage.requests >= 4 && usage;
    },
    { what: "the usage of the key" },
  );
  assert.deepEqual([usage.requests, usage.errors, usage.days.length], [4, 1, 7]);
  assert.ok(usage.tokens > 0);
  assert.equal(
    usage.days.reduce((sum, { requests }) => sum + requests, 0),
    usage.requests,
  );
  assert.equal(usage.days.at(-1).start % 86_400_000, 0);
  const [unused] = (await get("/keys?search=suite&with=usage")).keys;
  assert.deepEqual([unused.usage.requests, unused.usage.days.length], [0, 7]);
  const blind = (await t.gw.createKey({ owner: "used", permissions: ["manage_own_api_keys"] })).key;
  const refused = await t.gw.admin("GET", "/keys?with=usage", undefined, { headers: bearer(blind) });
  assert.equal(codeOf(refused), "permission_denied");
});

test("providers come with their state, and a circuit is closed by hand", async () => {
  const broken = await t.gw.createProvider({ server_url: `${t.up.url}/v1`, server_key: "sk-of-the-broken-one" });
  await t.model("broken", (x) => x.reply(500, { error: { message: "broken" } }), { provider_id: broken.id });
  const stateOf = async (id) => (await get("/providers?with=state")).providers.find((one) => one.id === id).state;
  assert.deepEqual((await stateOf(broken.id)).live.circuit, { state: "closed" });
  for (let i = 0; i < 8; i++) await t.complete(ask("broken"));
  const state = await eventually(async () => {
    const state = await stateOf(broken.id);
    const isOpen = state.live.circuit.state !== "closed" || state.live.resting_models.length > 0;
    return isOpen && state.last_hour.requests >= 8 && state;
  });
  assert.deepEqual([state.models, state.keys, state.health], [1, 0, "unknown"]);
  assert.ok(state.last_hour.server_errors >= 1);
  const reset = await t.gw.admin("POST", `/providers/${broken.id}/circuit/reset`);
  assert.equal(reset.status, 200, reset.text);
  assert.deepEqual([reset.body.live.circuit.state, reset.body.live.resting_models], ["closed", []]);
  const after = await stateOf(broken.id);
  assert.deepEqual([after.live.circuit.state, after.live.resting_models], ["closed", []]);
  assert.equal(codeOf(await t.gw.admin("POST", "/providers/99999/circuit/reset")), "provider_not_found");
  const plain = (await get("/providers")).providers;
  assert.ok(plain.every((one) => !("state" in one)));
  const well = await stateOf(t.provider.id);
  assert.equal(well.live.circuit.state, "closed");
});

test("limits come with their usage, keys among them, and of others nothing", async () => {
  const key = await t.gw.createKey({ name: "Limited", owner: "lim-ada", limits: { requests_per_day: 4 } });
  await t.gw.admin("PUT", "/limits/user:lim-ada", { limits: { requests_per_day: 1000 } });
  await t.gw.admin("PUT", "/limits/model:lim-model", { budget: { amount: 5, period: "month" } });
  for (let i = 0; i < 3; i++) assert.equal((await t.gw.complete(key.key, ask("well"))).status, 200);
  const { limits, next_cursor } = await eventually(async () => {
    const page = await get("/limits?with=usage");
    return page.limits.find(({ subject }) => subject === `key:${key.id}`)?.usage?.[0]?.used === 3 && page;
  });
  assert.equal(next_cursor, null);
  assert.equal(limits[0].subject, `key:${key.id}`, "the nearest to its end");
  assert.deepEqual([limits[0].name, limits[0].nearest], ["Limited", 0.75]);
  const subjects = limits.map(({ subject }) => subject);
  assert.ok(subjects.includes("user:lim-ada") && subjects.includes("model:lim-model"));
  assert.ok(!subjects.includes(`key:${t.key.split("-")[2]}`), "keys without limits are not in it");
  const seen = [];
  let cursor;
  do {
    const page = await get(`/limits?with=usage&limit=1${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    assert.equal(page.limits.length, 1);
    seen.push(page.limits[0].subject);
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(seen.toSorted(), subjects.toSorted());
  const ada = (await t.gw.createKey({ owner: "lim-ada", permissions: ["view_own_limits"] })).key;
  const own = (await get("/limits?with=usage", ada)).limits.map(({ subject }) => subject);
  assert.deepEqual(own.toSorted(), [`key:${key.id}`, "user:lim-ada"]);
});

test("a decision is for a key and what a request needs, and a simulation follows the weights", async () => {
  const other = await t.gw.createProvider({ server_url: `${t.up.url}/v1`, server_key: "sk-of-the-other-one" });
  for (const [provider_id, weight, capabilities] of [
    [t.provider.id, 75, ["tools"]],
    [other.id, 25, ["tools", "vision"]],
  ])
    await t.gw.createModel({ provider_id, model_name: "shared", weight, capabilities });
  const decide = async (body) => {
    const answer = await t.gw.admin("POST", "/routing/decide", { logical_model: "shared", ...body });
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  };
  const all = await decide({ strategy: "weighted", simulate: 2000 });
  assert.equal(all.all_candidates.filter(({ kept }) => kept).length, 2);
  const share = all.simulated.find(({ provider_id }) => provider_id === t.provider.id).share;
  assert.ok(share > 0.65 && share < 0.85, `${share}`);
  assert.equal(
    all.simulated.reduce((sum, { count }) => sum + count, 0),
    2000,
  );
  const seeing = await decide({ vision: true });
  assert.deepEqual([seeing.selected_upstream.provider_id, "simulated" in seeing], [other.id, false]);
  assert.ok(seeing.all_candidates.some(({ kept, reason }) => !kept && reason));
  const key = await t.gw.createKey({ allowed_providers: [t.provider.id] });
  const limited = await decide({ key_id: key.id });
  assert.deepEqual([limited.selected_upstream.provider_id, limited.alternative_upstreams.length], [t.provider.id, 0]);
  const refused = (body) => t.gw.admin("POST", "/routing/decide", { logical_model: "shared", ...body });
  assert.equal(codeOf(await refused({ key_id: "none" })), "key_not_found");
  assert.equal(codeOf(await refused({ session_id: "s" })), "missing_required_parameter");
  assert.equal(codeOf(await refused({ simulate: 10_001 })), "invalid_value");
});

test("a conversation is exported alone, in the formats of exports, to those who may read it", async () => {
  const key = await t.gw.createKey({ owner: "exp-ada" });
  for (const id of ["told", "other"]) {
    const headers = { "x-session-id": id };
    assert.equal((await t.gw.complete(key.key, ask("well"), { headers })).status, 200);
  }
  const target = `/conversations/told/export?key_id=${key.id}`;
  const lines = await eventually(async () => {
    const answer = await t.gw.call(target, { headers: bearer(t.gw.adminToken) });
    const lines =
      answer.status === 200 &&
      answer.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    return lines && lines.length >= 3 && lines;
  });
  assert.deepEqual(lines.pop().export.rows, 2, "it says at its end that it is whole");
  assert.ok(
    lines.every(({ conversation_id }) => conversation_id === "told"),
    JSON.stringify(lines),
  );
  assert.deepEqual(
    lines.map(({ role, content }) => [role, content]),
    [
      ["user", "Say something."],
      ["assistant", "Hello."],
    ],
  );
  const csv = await t.gw.call(`${target}&format=csv`, { headers: bearer(t.gw.adminToken) });
  assert.match(csv.headers["content-type"], /^text\/csv/);
  assert.match(csv.headers["content-disposition"], /^attachment; filename="/);
  const missing = `/conversations/none/export?key_id=${key.id}`;
  assert.equal(codeOf(await t.gw.call(missing, { headers: bearer(t.gw.adminToken) })), "conversation_not_found");
  const bob = (await t.gw.createKey({ owner: "exp-bob", permissions: ["view_own_conversations"] })).key;
  assert.equal(codeOf(await t.gw.call(target, { headers: bearer(bob) })), "key_not_found");
});

test("the checks say what is there, and what is still to be done", async () => {
  const outcomes = async () =>
    Object.fromEntries((await get("/setup/checks")).checks.map((one) => [one.subject, one.outcome]));
  await t.gw.db("DELETE FROM heartbeats");
  const before = await outcomes();
  assert.deepEqual(
    ["settings", "database", "kv", "bucket", "queue", "provider", "key"].map((subject) => before[subject]),
    Array(7).fill("ok"),
  );
  assert.equal(before.cron, "missing");
  await t.gw.scheduled();
  assert.equal((await t.complete(ask("well"))).status, 200);
  const after = await eventually(async () => {
    const after = await outcomes();
    return after.request === "ok" && after;
  });
  assert.equal(after.cron, "ok");
  const { checks } = await get("/setup/checks");
  assert.ok(checks.find(({ subject }) => subject === "cron").at > Date.now() - 60_000);
  await t.gw.db("UPDATE heartbeats SET at = at - 700000");
  assert.equal((await outcomes()).cron, "missing");
});
