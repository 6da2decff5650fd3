// Who may call what: every operation of the admin API, by every kind of caller, and what a person may do with their own things.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
const { paths } = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => operation["x-permission"])
    .map(([method, operation]) => ({
      method: method.toUpperCase(),
      // Of something that does not exist.
      target: path.replace("{dimension}", "model").replaceAll(/\{[^}]+\}/g, "999999999"),
      all: operation["x-permission"],
      own: operation["x-permission-own"],
      // A stream without an end.
      isLive: Object.keys(operation.responses[200]?.content ?? {}).join() === "text/event-stream",
    })),
);
const codes = [...new Set(operations.flatMap(({ all, own }) => [all, own]))].filter(Boolean);

const as = async (key, { method, target, isLive }, body) => {
  const headers = { ...(key ? bearer(key) : {}), "content-type": "application/json" };
  if (isLive) {
    const { reply, abort } = t.gw.begin(target, { method, headers });
    const begun = await reply;
    if (begun.status === 200) {
      abort();
      return { status: 200, body: "" };
    }
    const text = await begun.text();
    return { status: begun.status, code: errorOf(text).code, body: text };
  }
  const sent = method === "GET" || method === "DELETE" ? undefined : JSON.stringify(body ?? { nothing: true });
  // A live stream does not end by itself.
  if (target.endsWith("/live")) {
    const stream = await fetch(t.gw.url + target, { headers });
    const body = stream.ok ? "" : await stream.text();
    if (stream.ok) await stream.body.cancel();
    return { status: stream.status, code: stream.ok ? undefined : errorOf(body).code, body };
  }
  const answer = await t.gw.call(target, { method, headers, body: sent });
  return {
    status: answer.status,
    code: answer.status < 400 ? undefined : errorOf(answer.text).code,
    body: answer.text,
  };
};
const program = async (permissions, more = {}) => (await t.gw.createKey({ permissions, ...more })).key;

test("every operation of the admin API is closed without its permission and open with it", async () => {
  assert.ok(operations.length >= 81, `${operations.length} operations`);
  const plain = (await t.gw.createKey()).key;
  const only = new Map();
  const without = new Map();
  for (const code of codes) {
    only.set(code, await program([code], { owner: "ada" }));
    without.set(code, await program(codes.filter((other) => other !== code)));
  }
  for (const operation of operations) {
    const name = `${operation.method} ${operation.target}`;
    const refused = async (key, status, code, why) => {
      const answer = await as(key, operation);
      assert.deepEqual([answer.status, answer.code], [status, code], `${name} ${why}`);
    };
    await refused(undefined, 401, "missing_admin_token", "without a credential");
    await refused(plain, 401, "invalid_admin_token", "with a key that has no permission");
    await refused(without.get(operation.all), 403, "permission_denied", `with all permissions but ${operation.all}`);
    for (const code of [operation.all, operation.own].filter(Boolean)) {
      const answer = await as(only.get(code), operation);
      // What would give more than one has is refused to all who have less than everything.
      const isOpen = ![401, 403].includes(answer.status) || answer.body.includes("yourself");
      assert.ok(isOpen, `${name} with ${code}: ${answer.status} ${answer.body}`);
      assert.ok(answer.status < 500 || answer.code, `${name} with ${code}: ${answer.status} ${answer.body}`);
    }
  }
});

test("own keys can be managed, those of others do not exist", async () => {
  const ada = await program(["manage_own_api_keys"], { owner: "ada" });
  const other = await t.gw.createKey({ owner: "bob", name: "of bob" });
  const call = (method, target, body) => as(ada, { method, target }, body);
  const made = JSON.parse((await call("POST", "/keys", { name: "mine" })).body);
  assert.equal(made.owner, "ada", "what is new is one's own");
  const listed = JSON.parse((await call("GET", "/keys")).body).keys;
  assert.ok(listed.length >= 2 && listed.every((key) => key.owner === "ada"), "only own keys are listed");
  assert.equal((await call("PUT", `/keys/${made.id}`, { name: "renamed" })).status, 200);
  for (const [method, target] of [
    ["GET", `/keys/${other.id}`],
    ["PUT", `/keys/${other.id}`],
    ["POST", `/keys/${other.id}/rotate`],
    ["DELETE", `/keys/${other.id}`],
  ]) {
    const answer = await call(method, target, method === "PUT" ? { name: "taken" } : {});
    assert.deepEqual([answer.status, answer.code], [404, "key_not_found"], `${method} ${target}`);
  }
  for (const body of [
    { name: "x", owner: "bob" },
    { name: "x", owner: "Ada" },
  ]) {
    const answer = await call("POST", "/keys", body);
    assert.deepEqual([answer.status, answer.code], [403, "owner_not_allowed"]);
  }
  const moved = await call("PUT", `/keys/${made.id}`, { owner: "bob" });
  assert.deepEqual([moved.status, moved.code], [403, "owner_not_allowed"]);
  assert.equal((await call("DELETE", `/keys/${made.id}`)).status, 200);
});

test("permissions are given only by those who have them, and keys that have more are out of reach", async () => {
  const clerk = await program(["manage_all_api_keys", "view_prices"]);
  const call = (method, target, body) => as(clerk, { method, target }, body);
  const given = await call("POST", "/keys", { name: "x", permissions: ["view_prices"] });
  assert.equal(given.status, 201);
  const more = await call("POST", "/keys", { name: "x", permissions: ["view_prices", "manage_prices"] });
  assert.deepEqual([more.status, more.code], [403, "permission_denied"]);
  assert.equal(JSON.parse(more.body).error.param, "permissions");
  const mighty = await t.gw.createKey({ permissions: ["manage_system"] });
  for (const [method, target] of [
    ["PUT", `/keys/${mighty.id}`],
    ["POST", `/keys/${mighty.id}/rotate`],
    ["DELETE", `/keys/${mighty.id}`],
  ]) {
    const answer = await call(method, target, method === "PUT" ? { name: "taken" } : {});
    assert.deepEqual([answer.status, answer.code], [403, "permission_denied"], `${method} ${target}`);
  }
  const unknown = await t.gw.admin("POST", "/keys", { name: "x", permissions: ["view_prices", "root"] });
  assert.equal(errorOf(unknown.text).param, "permissions[1]");
});

test("a program's key is checked as it is for calls of models", async () => {
  const body = { permissions: ["view_prices"] };
  const ended = await t.gw.createKey({ ...body, expires_at: Date.now() - 1000 });
  const elsewhere = await t.gw.createKey({ ...body, allowed_ips: ["10.0.0.0/8"] });
  const prices = { method: "GET", target: "/prices" };
  assert.equal((await as(ended.key, prices)).code, "api_key_expired");
  assert.equal((await as(elsewhere.key, prices)).code, "ip_not_allowed");
  const program = await t.gw.createKey(body);
  assert.equal((await as(program.key, prices)).status, 200);
  await t.gw.admin("PUT", `/keys/${program.id}`, { permissions: [] });
  assert.equal((await as(program.key, prices)).code, "invalid_admin_token");
});

test("limits, credits and statistics of one's own are seen, those of others do not exist", async () => {
  const own = ["view_own_limits", "view_own_credits", "view_own_statistics"];
  const ada = await program(own, { owner: "own-ada" });
  const used = await t.gw.createKey({ owner: "own-ada" });
  const other = await t.gw.createKey({ owner: "own-bob" });
  for (const owner of ["own-ada", "own-bob"]) {
    await t.gw.admin("PUT", `/limits/user:${owner}`, { limits: { requests_per_minute: 50 } });
    await t.gw.admin("POST", `/credits/accounts/${owner}/grant`, { amount: 5 });
  }
  for (const { key } of [used, other]) assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
  const read = async (target) => {
    const answer = await as(ada, { method: "GET", target });
    return { ...answer, json: JSON.parse(answer.body) };
  };

  assert.deepEqual(
    (await read("/limits")).json.limits.map((limit) => limit.subject),
    ["user:own-ada"],
  );
  assert.equal((await read("/limits/user:own-ada")).status, 200);
  assert.equal((await read(`/limits/key:${used.id}`)).status, 200);
  for (const subject of ["user:own-bob", `key:${other.id}`, "model:demo/echo"]) {
    assert.deepEqual([(await read(`/limits/${subject}`)).code], ["subject_not_found"], subject);
  }

  assert.deepEqual(
    (await read("/credits/accounts")).json.accounts.map((account) => account.account),
    ["own-ada"],
  );
  const below = ["", "/transactions", "/consumption/summary", "/consumption/providers", "/consumption/timeseries"];
  for (const view of below) {
    assert.equal((await read(`/credits/accounts/own-ada${view}`)).status, 200, view);
    assert.equal((await read(`/credits/accounts/own-bob${view}`)).code, "account_not_found", view);
  }
  assert.equal((await read("/credits/accounts/own-bob/auto-topup")).code, "account_not_found");

  const keys = await eventually(async () => {
    const { groups } = (await read("/stats/by/key?range=1h")).json;
    return groups.some((group) => group.name === used.id) && groups;
  });
  assert.deepEqual(
    keys.map((group) => group.name),
    [used.id],
  );
  for (const view of ["overview", "timeseries", "latency", "by/owner"]) {
    assert.equal((await read(`/stats/${view}?range=1h&owner=own-ada`)).status, 200, view);
    assert.equal((await read(`/stats/${view}?range=1h&owner=own-ada,own-bob`)).code, "owner_not_allowed", view);
    assert.equal((await read(`/stats/${view}?range=1h&owner=`)).code, "owner_not_allowed", view);
  }
  const bobs = (await read(`/stats/overview?range=1h&key=${other.id}`)).json;
  assert.equal(JSON.stringify(bobs).includes('"requests":1'), false, "another owner's key has no requests here");
});

test("requests and conversations of one's own keys are seen, those of others do not exist", async () => {
  const own = ["view_own_requests", "view_own_conversations", "manage_own_conversations"];
  const ada = await program(own, { owner: "log-ada" });
  const used = await t.gw.createKey({ owner: "log-ada" });
  const other = await t.gw.createKey({ owner: "log-bob" });
  const ids = {};
  for (const [name, { key }] of Object.entries({ used, other })) {
    ids[name] = (await t.gw.complete(key, ask("demo/echo"))).headers["x-request-id"];
    await t.gw.row(ids[name]);
  }
  const read = async (target, method = "GET") => {
    const answer = await as(ada, { method, target });
    return { ...answer, json: JSON.parse(answer.body) };
  };
  const keysOf = (answer) => [...new Set(answer.json.requests.map((request) => request.key_id))];
  for (const target of ["/requests", "/requests?owner=log-ada", "/stats/requests"]) {
    assert.deepEqual(keysOf(await read(target)), [used.id], target);
  }
  assert.deepEqual(
    keysOf(await read(`/requests?key=${other.id}`)),
    [],
    "a filter for another owner's key finds nothing",
  );
  const seen = (await read(`/requests/${ids.used}`)).json;
  assert.equal(seen.key_id, used.id);
  assert.ok(Array.isArray(seen.messages), "the messages of one's own request are seen");
  assert.equal((await read(`/requests/${ids.other}`)).code, "request_not_found");

  const conversations = (await read(`/conversations?key_id=${used.id}`)).json.conversations;
  assert.equal(conversations.length, 1);
  const { conversation_id: id } = conversations[0];
  assert.equal((await read(`/stats/conversation/${id}?key_id=${used.id}`)).status, 200);
  for (const [target, method] of [
    [`/conversations?key_id=${other.id}`],
    [`/stats/conversation/${id}?key_id=${other.id}`],
    [`/conversations/${id}?key_id=${other.id}`, "DELETE"],
  ]) {
    assert.equal((await read(target, method)).code, "key_not_found", target);
  }
  assert.equal((await read("/conversations")).code, "missing_required_parameter");
  assert.equal((await read(`/conversations/${id}?key_id=${used.id}`, "DELETE")).status, 200);
});
