// Every operation of the gateway, called by every kind of caller, with things of their own, of their team and of others where there are
// any. The operations come from docs/openapi.json, which is made from the declarations that the route table binds; a new one is in the
// matrix by itself, and one that reaches one's own things has to say here how these are named.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ask, suite, test } from "../support/suite.mjs";
import { signedHeaders } from "../support/signing.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const { paths } = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));
const PASSWORD = "Tr4vel-Lamp";
const AT_ONCE = 24;
const NOTHING = "999999999";

const audienceOf = (operation) => {
  const schemes = operation.security.map((one) => Object.keys(one)[0]);
  if (operation["x-permission"]) return "person";
  if (schemes.length === 0) return "public";
  if (schemes.includes("ApiKey")) return "caller";
  if (schemes.includes("ScimToken")) return "directory";
  return schemes.includes("MetricsToken") ? "scraper" : "signed in";
};
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    audience: audienceOf(operation),
    all: operation["x-permission"],
    own: operation["x-permission-own"],
    // A stream without an end.
    isLive: Object.keys(operation.responses[200]?.content ?? {}).join() === "text/event-stream",
  })),
);
const codes = [...new Set(operations.flatMap(({ all, own }) => [all, own]))].filter(Boolean);

/**
 * How things of an owner are named where an operation reaches one's own, and the code by which those of others are hidden. Operations
 * that change things get new ones where a change would be the end of them.
 */
const byKeyId = { target: (path, { key }) => `${path.replace("{id}", "none")}?key_id=${key}`, hidden: "key_not_found" };
const byKey = { target: (path, { key }) => path.replace("{id}", key), hidden: "key_not_found" };
const byTeam = { target: (path, { owner }) => path.replace("{id}", owner), hidden: "team_not_found", isOfTeams: true };
const byAccount = { target: (path, { owner }) => path.replace("{id}", owner), hidden: "account_not_found" };
const byOwner = {
  target: (path, { owner }) => `${path.replace("{dimension}", "model")}?range=1h&owner=${owner}`,
  hidden: "owner_not_allowed",
};
const byToolset = { target: (path, { toolset }) => path.replace("{id}", toolset), hidden: "toolset_not_found" };
const listed = { isList: true };
/** Named by numbers that only the gateway gives: tried with those of others in own-providers, submissions and probe-tasks. */
const PROVIDERS = [
  "GET /provider-presets",
  "GET /providers",
  "POST /providers",
  "GET /providers/available",
  "GET /providers/{id}",
  "PUT /providers/{id}",
  "DELETE /providers/{id}",
  "POST /providers/{id}/pause",
  "POST /providers/{id}/resume",
  "POST /providers/{id}/test",
  "POST /providers/{id}/validate-models",
  "POST /providers/{id}/discover",
  "POST /providers/{id}/submit",
  "GET /providers/{id}/health",
  "GET /providers/{id}/upstream-models",
  "GET /providers/{id}/keys",
  "POST /providers/{id}/keys",
  "GET /providers/{id}/keys/{key_id}",
  "PUT /providers/{id}/keys/{key_id}",
  "DELETE /providers/{id}/keys/{key_id}",
  "POST /provider_models",
  "PUT /provider_models/{id}",
  "DELETE /provider_models/{id}",
  "GET /providers/submissions",
  "GET /providers/submissions/{id}",
  "POST /providers/submissions/{id}/withdraw",
  "GET /probe-tasks",
  "POST /probe-tasks",
  "GET /probe-tasks/{id}",
  "PUT /probe-tasks/{id}",
  "DELETE /probe-tasks/{id}",
  "POST /probe-tasks/{id}/run",
  "GET /probe-tasks/{id}/runs",
];
const OWN = {
  ...Object.fromEntries(PROVIDERS.map((name) => [name, listed])),
  "GET /keys": listed,
  "POST /keys": { target: (path) => path, body: ({ owner }) => ({ name: "x", owner }), hidden: "owner_not_allowed" },
  "GET /keys/{id}": byKey,
  "PUT /keys/{id}": { ...byKey, body: () => ({ name: "x" }), isFresh: true },
  "DELETE /keys/{id}": { ...byKey, isFresh: true },
  "POST /keys/{id}/rotate": { ...byKey, body: () => ({}), isFresh: true },
  "POST /keys/{id}/signing-secret": { ...byKey, isFresh: true },
  "GET /toolsets": listed,
  "POST /toolsets": {
    target: (path) => path,
    body: ({ owner }) => ({ name: `new-${++known.sets}`, owner, tools: [] }),
    hidden: "owner_not_allowed",
  },
  "GET /toolsets/{id}": byToolset,
  "PUT /toolsets/{id}": { ...byToolset, body: () => ({ description: "x" }) },
  "DELETE /toolsets/{id}": { ...byToolset, isFreshSet: true },
  "GET /limits": listed,
  "GET /limits/{subject}": {
    target: (path, { owner }) => path.replace("{subject}", `user:${owner}`),
    hidden: "subject_not_found",
  },
  "GET /credits/accounts": listed,
  "GET /credits/accounts/{id}": byAccount,
  "GET /credits/accounts/{id}/auto-topup": byAccount,
  "GET /credits/accounts/{id}/transactions": byAccount,
  "GET /credits/accounts/{id}/consumption/summary": byAccount,
  "GET /credits/accounts/{id}/consumption/providers": byAccount,
  "GET /credits/accounts/{id}/consumption/timeseries": byAccount,
  "GET /stats/overview": byOwner,
  "GET /stats/timeseries": byOwner,
  "GET /stats/latency": byOwner,
  "GET /stats/by/{dimension}": byOwner,
  "GET /stats/live": byOwner,
  "GET /stats/requests": listed,
  "GET /requests": listed,
  "GET /tool-calls": listed,
  "GET /requests/live": listed,
  "GET /requests/{id}": {
    target: (path, { request }) => path.replace("{id}", request),
    hidden: "request_not_found",
  },
  "GET /conversations": byKeyId,
  "GET /conversations/{id}/export": byKeyId,
  "GET /stats/conversation/{id}": byKeyId,
  "DELETE /conversations/{id}": byKeyId,
  "GET /teams": listed,
  "GET /teams/{id}": byTeam,
  "PUT /teams/{id}": { ...byTeam, body: () => ({ name: "x" }) },
  "PUT /teams/{id}/members/{user}": {
    ...byTeam,
    target: (path, { owner }) => path.replace("{id}", owner).replace("{user}", "none"),
    body: () => ({ role: "member" }),
  },
  "DELETE /teams/{id}/members/{user}": {
    ...byTeam,
    target: (path, { owner }) => path.replace("{id}", owner).replace("{user}", "none"),
  },
};
/** What callers reach of their own: things of their key. */
const OF_KEY = {
  "/api/v1/sessions/{id}": "session",
  "/api/v1/sessions/{id}/messages": "session",
  "/api/v1/sessions/{id}/export": "session",
  "/v1/responses/{id}": "response",
  "/v1/responses/{id}/input_items": "response",
};
/** Answered before a credential is looked at. */
const BEFORE_CREDENTIALS = { "GET /api/v1/health": 200, "GET /ws/chat": 426 };
/** They end the session by which they are called. */
const SIGN_OUT = ["POST /auth/logout", "POST /auth/logout-all"];

const principals = [];
const things = {};
const known = { sets: 0 };

/** A user with a session; `again` signs in anew. */
async function user(name, roles) {
  const email = `matrix-${name.replaceAll(" ", "-")}@example.org`;
  const made = await t.gw.admin("POST", "/users", { email, password: PASSWORD, roles });
  assert.equal(made.status, 201, made.text);
  const { permissions } = (await t.gw.admin("GET", `/users/${made.body.id}`)).body;
  const one = { name, id: made.body.id, kind: "user", permissions, owners: { [made.body.id]: "owner" } };
  one.again = async () => {
    const { body, status, text } = await t.gw.admin(
      "POST",
      "/auth/login",
      { email, password: PASSWORD },
      { headers: {} },
    );
    assert.equal(status, 200, text);
    one.headers = bearer(body.access_token);
  };
  await one.again();
  return one;
}

/** A program with these permissions, whose key belongs to this owner. */
async function program(name, permissions, owner) {
  const { key } = await t.gw.createKey({ permissions, owner });
  return { name, kind: "key", permissions, owners: owner ? { [owner]: "owner" } : {}, headers: bearer(key) };
}

/** A new set of tools of an owner. */
async function toolsetOf(owner) {
  const name = `set-${++known.sets}`;
  const made = await t.gw.admin("POST", "/toolsets", { name, owner, tools: [{ server: "none", tool: "*" }] });
  assert.equal(made.status, 201, made.text);
  return made.body.id;
}

/** What an owner has: a key, a request, limits, an account of credits, and a set of tools. */
async function thingsOf(owner) {
  const { key, id } = await t.gw.createKey({ owner });
  const answer = await t.gw.complete(key, ask("demo/echo"));
  assert.equal(answer.status, 200, answer.text);
  await t.gw.row(answer.headers["x-request-id"]);
  await t.gw.admin("PUT", `/limits/user:${owner}`, { limits: { requests_per_minute: 5_000 } });
  await t.gw.admin("POST", `/credits/accounts/${owner}/grant`, { amount: 1 });
  const toolset = await toolsetOf(owner);
  things[owner] = { owner, key: id, request: answer.headers["x-request-id"], toolset };
}

/** A session and a stored response of a key. */
async function thingsOfKey(key) {
  const session = await t.gw.call("/api/v1/sessions", {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify({ provider: "demo", model: "echo" }),
  });
  const stored = await t.gw.complete(
    key,
    { model: "demo/echo", input: "Hello", store: true },
    { target: "/v1/responses" },
  );
  assert.equal(stored.status, 200, stored.text);
  const { data } = session.json();
  return { session: data.session_id ?? data.id, response: stored.json().id };
}

async function setUp() {
  const add = (...more) => principals.push(...more);
  add({ name: "no credential", kind: "none", headers: {} });
  add({ name: "a wrong token", kind: "wrong", headers: bearer("not-the-token-of-anything") });
  add({ name: "a key that is none", kind: "wrong", headers: bearer(`sk-nx-${"0".repeat(12)}-${"0".repeat(32)}`) });
  add({ name: "the admin token", kind: "admin token", headers: bearer(t.gw.adminToken), permissions: codes });
  const directory = await t.gw.admin("POST", "/scim-clients", { name: "Entra" });
  add({ name: "a directory", kind: "directory", headers: bearer(directory.body.token) });
  const plain = await t.gw.createKey();
  add({ name: "a key without permissions", kind: "key", headers: bearer(plain.key), permissions: [], key: plain });
  for (const role of ["guest", "user", "viewer", "operator", "admin"]) add(await user(`a ${role}`, [role]));
  const [owner, member] = [await user("an owner of a team", ["user"]), await user("a member of a team", ["user"])];
  known.team = (await t.gw.admin("POST", "/teams", { name: "Search" })).body.id;
  for (const [one, role] of [
    [owner, "owner"],
    [member, "member"],
  ]) {
    assert.equal((await t.gw.admin("PUT", `/teams/${known.team}/members/${one.id}`, { role })).status, 200);
    one.owners[known.team] = role;
  }
  add(
    owner,
    member,
    await program(
      "a program of a team",
      codes.filter((code) => code.includes("own")),
      known.team,
    ),
  );
  add(await program("a program that may do everything", codes, "matrix-ada"));
  const signing = await t.gw.createKey({ permissions: codes });
  const { body } = await t.gw.admin("POST", `/keys/${signing.id}/signing-secret`);
  assert.equal((await t.gw.admin("PUT", `/keys/${signing.id}`, { signature: "required" })).status, 200);
  const signer = { keyId: signing.id, secret: body.signing_secret };
  add({ name: "a signed request", kind: "key", permissions: codes, owners: {}, headers: {}, signer });
  add({ name: "a key that has to sign and does not", kind: "unsigned", headers: bearer(signing.key) });
  known.stranger = (await user("a stranger", ["user"])).id;
  for (const one of [known.team, known.stranger, "matrix-ada", owner.id, member.id]) await thingsOf(one);
  for (const one of principals.filter(({ name }) => name === "a user")) await thingsOf(one.id);
  known.ofPlain = await thingsOfKey(plain.key);
  known.ofOther = await thingsOfKey((await t.gw.createKey()).key);
  known.only = new Map();
  known.without = new Map();
  for (const code of codes) {
    known.only.set(code, await program(`a key with ${code}`, [code], "matrix-ada"));
    known.without.set(
      code,
      await program(
        `a key with all but ${code}`,
        codes.filter((other) => other !== code),
      ),
    );
  }
}

/** Who calls an operation: everyone, and keys with exactly the permission that it needs. */
function callersOf({ all, own }) {
  const exact = [all, own].filter(Boolean).map((code) => known.only.get(code));
  return [...principals, ...exact, ...(all ? [known.without.get(all)] : [])];
}

/** With which things: none, and where it reaches one's own, those of the caller, of the team, and of a stranger. */
function variantsOf(operation, principal) {
  if (operation.path in OF_KEY && principal.key) return ["nothing", "own", "other"];
  if (!operation.own || OWN[operation.name].isList) return ["nothing"];
  const own = Object.keys(principal.owners ?? {}).find((owner) => owner in things && owner !== known.team);
  const mine = own && !OWN[operation.name].isOfTeams ? [own] : [];
  return ["nothing", ...mine, known.team, ...(OWN[operation.name].isOfTeams ? [] : [known.stranger])];
}

async function requestOf(operation, variant) {
  const target = operation.path.replace("{dimension}", "model");
  const nothing = { target: target.replaceAll(/\{[^}]+\}/g, NOTHING), body: { nothing: true } };
  if (operation.path in OF_KEY && variant !== "nothing") {
    const of = variant === "own" ? known.ofPlain : known.ofOther;
    return { ...nothing, target: target.replace("{id}", of[OF_KEY[operation.path]]) };
  }
  if (variant === "nothing") return nothing;
  const { target: named, body, isFresh, isFreshSet } = OWN[operation.name];
  const thing = { ...things[variant] };
  if (isFreshSet) thing.toolset = await toolsetOf(variant);
  if (isFresh) thing.key = (await t.gw.createKey({ owner: variant })).id;
  return { target: named(operation.path, thing), body: body?.(thing) };
}

async function send({ method, isLive }, { headers, signer }, { target, body }) {
  const text = method === "GET" || method === "DELETE" || body === undefined ? undefined : JSON.stringify(body);
  const signed = signer ? signedHeaders(signer, method, t.gw.url + target, text) : {};
  const answer = await fetch(t.gw.url + target, {
    method,
    headers: { ...headers, ...signed, ...(text === undefined ? {} : { "content-type": "application/json" }) },
    body: text,
  });
  if (isLive && answer.ok) {
    await answer.body.cancel();
    return { status: answer.status, text: "" };
  }
  const read = await answer.text();
  const error = answer.status < 400 ? undefined : JSON.parse(read);
  const code = error?.error?.code ?? error?.error_code?.toLowerCase() ?? answer.headers.get("x-nexus-error-code");
  return { status: answer.status, code, text: read };
}

const REFUSED = {
  none: { person: "missing_admin_token", scraper: "missing_metrics_token", directory: "missing_scim_token" },
  wrong: { person: "invalid_admin_token", scraper: "invalid_metrics_token", directory: "invalid_scim_token" },
};
/** What a cell must be: a refusal `[status, code]`, `open`, `hidden` or `same` for what is the same for all. */
function expected(operation, principal, variant) {
  const { audience, all, own, method, name } = operation;
  const { permissions = [], owners = {} } = principal;
  if (audience === "public") return "same";
  if (audience === "directory" && principal.kind === "directory") return "open";
  // The token of a directory is good for nothing else.
  const kind = principal.kind === "directory" ? "wrong" : principal.kind;
  if (name in BEFORE_CREDENTIALS) return [BEFORE_CREDENTIALS[name]];
  if (audience === "caller") {
    if (kind !== "key") return [401];
    return variant === "other" ? "hidden" : "open";
  }
  if (audience === "signed in") return kind === "user" ? "open" : [401, "not_signed_in"];
  if (audience === "scraper" || audience === "directory") {
    if (audience === "scraper" && kind === "admin token") return "open";
    return [401, REFUSED[kind === "none" || principal.signer ? "none" : "wrong"][audience]];
  }
  if (kind === "unsigned") return [401, "signature_required"];
  if (kind === "none" || kind === "wrong") return [401, REFUSED[kind].person];
  if (kind === "key" && permissions.length === 0) return [401, "invalid_admin_token"];
  if (permissions.includes(all)) return "open";
  if (!own || !permissions.includes(own) || Object.keys(owners).length === 0) return [403, "permission_denied"];
  if (variant === "nothing") return "own";
  const role = owners[variant];
  return role === "owner" || (role && method === "GET") ? "open" : "hidden";
}

function check(operation, principal, variant, answer, same) {
  const what = `${operation.name} by ${principal.name} with ${variant}: ${answer.status} ${answer.text.slice(0, 200)}`;
  const verdict = expected(operation, principal, variant);
  const { status, code, text } = answer;
  assert.ok(status < 500 || code, what);
  if (Array.isArray(verdict)) {
    assert.equal(status, verdict[0], what);
    if (verdict[1]) assert.equal(code, verdict[1], what);
  } else if (verdict === "same") {
    assert.deepEqual([status, code], same, what);
  } else if (operation.audience === "caller") {
    if (verdict === "hidden") assert.equal(status, 404, what);
    else assert.ok(status !== 401 && code !== "permission_denied", what);
    if (variant === "own") assert.notEqual(status, 404, what);
  } else if (verdict === "hidden") {
    assert.equal(code, OWN[operation.name].hidden, what);
  } else {
    // What would give more than one has is refused to all who have less than everything.
    assert.ok(![401, 403].includes(status) || text.includes("yourself") || text.includes("Say in"), what);
    if (variant !== "nothing") assert.notEqual(code, OWN[operation.name]?.hidden, what);
    if (verdict !== "own") return;
    const { owner, key, request } = things[known.stranger];
    for (const word of [owner, key, request]) assert.ok(!text.includes(word), `${what}: it shows what is another's`);
  }
}

test(
  "every operation is open to those who may and closed to all others",
  async () => {
    const unnamed = operations.filter(({ own, name }) => own && !(name in OWN));
    assert.deepEqual(
      unnamed.map(({ name }) => name),
      [],
      "say in OWN how things of one's own are named",
    );
    await setUp();
    const began = Date.now();
    const cells = operations.flatMap((operation) =>
      callersOf(operation).flatMap((principal) =>
        variantsOf(operation, principal).map((variant) => ({ operation, principal, variant })),
      ),
    );
    const same = new Map();
    for (const operation of operations.filter(({ audience }) => audience === "public")) {
      const { status, code } = await send(operation, { headers: {} }, await requestOf(operation, "nothing"));
      same.set(operation.name, [status, code]);
    }
    const failures = [];
    let done = 0;
    const run = async ({ operation, principal, variant }) => {
      try {
        const answer = await send(operation, principal, await requestOf(operation, variant));
        check(operation, principal, variant, answer, same.get(operation.name));
      } catch (error) {
        failures.push(error.message.split("\n")[0]);
      }
      done++;
    };
    const isLast = ({ operation }) => SIGN_OUT.includes(operation.name);
    const waiting = cells.filter((cell) => !isLast(cell));
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let cell = waiting.pop(); cell; cell = waiting.pop()) await run(cell);
      }),
    );
    for (const cell of cells.filter(isLast)) {
      await cell.principal.again?.();
      await run(cell);
    }
    assert.deepEqual(failures, [], `${failures.length} of ${cells.length} cells`);
    assert.equal(done, cells.length, "no cell is missing");
    assert.ok(cells.length >= 2_000, `${cells.length} cells`);
    assert.ok(operations.every((one) => cells.some(({ operation }) => operation === one)));
    console.log(`${cells.length} cells of ${operations.length} operations in ${Date.now() - began} ms`);
  },
  { timeout: 300_000 },
);
