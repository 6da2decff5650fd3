// Proves sign-in to the console with the admin token, what its cookie is good for and what ends it, what has to be confirmed, and
// that a page uses an API key that it never has.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startGateway } from "../support/gateway.mjs";
import { connect } from "../support/socket.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";

const t = suite();
const PASSWORD = "Tr4vel-Lamp";
const HOUR = 3_600_000;
let made = 0;

const codeOf = ({ text }) => errorOf(text).code;
const page = (gw = t.gw) => ({ origin: gw.url, "sec-fetch-site": "same-origin", "x-nexus-csrf": "1" });
const cookieOf = ({ headers }) =>
  [headers["set-cookie"]]
    .flat()
    .map((line) => line.split(";")[0])
    .join("; ");
const call = (method, target, { body, cookie, headers = page(), gw = t.gw } = {}) =>
  gw.call(target, {
    method,
    headers: { ...headers, ...(cookie ? { cookie } : {}), ...(body ? { "content-type": "application/json" } : {}) },
    body: body && JSON.stringify(body),
  });
const begin = (admin_token = t.gw.adminToken, more) =>
  call("POST", "/console/session", { body: { admin_token }, ...more });
const visitor = async (cookie, more) => (await call("GET", "/console/session", { cookie, ...more })).json();

async function signIn(gw = t.gw) {
  const answer = await begin(gw.adminToken, { gw, headers: page(gw) });
  assert.equal(answer.status, 200, answer.text);
  return { cookie: cookieOf(answer), answer };
}

async function user(roles) {
  const email = `user-${++made}@example.org`;
  const account = (await t.gw.admin("POST", "/users", { email, password: PASSWORD, roles })).body;
  const credentials = { email, password: PASSWORD, cookies: true };
  const answer = await call("POST", "/auth/login", { body: credentials });
  return { account, credentials, cookie: cookieOf(answer) };
}

test("the admin token opens a session whose cookie does what the token does", async () => {
  const { answer, cookie } = await signIn();
  assert.match(
    [answer.headers["set-cookie"]].flat().join(),
    /^nexus_console=nxc\.[^;]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  );
  assert.ok(!answer.text.includes(t.gw.adminToken));
  const { kind, user, permissions, version, users } = answer.json();
  assert.deepEqual([kind, user, version, typeof users], ["admin_token", null, "0.1.0", "boolean"]);
  assert.ok(permissions.includes("manage_users") && permissions.includes("view_audit"));
  assert.equal((await call("GET", "/providers", { cookie })).status, 200);
  const created = await call("POST", "/keys", { cookie, body: { name: "by the page" } });
  assert.equal(created.status, 201);
  assert.deepEqual((await visitor(cookie)).kind, "admin_token");
  const signedOut = await visitor();
  assert.deepEqual([signedOut.kind, signedOut.permissions, signedOut.confirmed_at], [null, [], null]);
});

test("a cookie counts only from the gateway's own pages", async () => {
  const { cookie } = await signIn();
  const own = page();
  for (const headers of [
    { ...own, origin: "https://evil.example" },
    { ...own, "sec-fetch-site": "cross-site" },
    { ...own, "sec-fetch-site": "none" },
    { origin: own.origin, "sec-fetch-site": "same-origin" },
    { "x-nexus-csrf": "1" },
  ]) {
    for (const target of ["/keys", "/console/session"]) {
      const forged = await call("POST", target, { cookie, headers, body: { admin_token: t.gw.adminToken } });
      assert.deepEqual([forged.status, codeOf(forged)], [403, "cross_site_request"], JSON.stringify(headers));
    }
  }
  const read = await call("GET", "/providers", { cookie, headers: { "sec-fetch-site": "cross-site" } });
  assert.equal(codeOf(read), "cross_site_request");
  // Another credential of the request goes before the cookie.
  const wrong = await call("GET", "/providers", { cookie, headers: { ...own, authorization: "Bearer wrong" } });
  assert.equal(codeOf(wrong), "invalid_admin_token");
});

test("what is not a session, or no longer one, is nothing", async () => {
  const { cookie } = await signIn();
  const [name, token] = cookie.split("=");
  const [, id, secret] = token.split(".");
  for (const forged of [
    `${name}=${token}x`,
    `${name}=nxc.${id}.${"A".repeat(secret.length)}`,
    `${name}=nxc.01ARZ3NDEKTSV4RRFFQ69G5FAV.${secret}`,
    `__Host-${cookie}`,
    `${cookie}; ${cookie}`,
  ])
    assert.equal((await call("GET", "/providers", { cookie: forged })).status, 401, forged);
  for (const [column, age] of [
    ["last_used_at", 2 * HOUR + 1],
    ["created_at", 12 * HOUR + 1],
  ]) {
    const old = await signIn();
    const [, of] = old.cookie.split(".");
    await t.gw.db(`UPDATE console_sessions SET ${column} = ${column} - ? WHERE id = ?`, age, of);
    assert.equal((await call("GET", "/providers", { cookie: old.cookie })).status, 401, column);
  }
});

test("sessions are listed and ended, one's own as well", async () => {
  const [one, two] = [await signIn(), await signIn()];
  const { sessions } = (await call("GET", "/console/sessions", { cookie: one.cookie })).json();
  const [current] = sessions.filter(({ is_current }) => is_current);
  assert.ok(sessions.length >= 2 && one.cookie.includes(current.id));
  const ended = await call("DELETE", `/console/sessions/${two.cookie.split(".")[1]}`, { cookie: one.cookie });
  assert.equal(ended.status, 200, ended.text);
  assert.equal((await visitor(two.cookie)).kind, null);
  assert.equal((await call("DELETE", "/console/sessions/none", { cookie: one.cookie })).status, 404);
  const out = await call("DELETE", "/console/session", { cookie: one.cookie });
  assert.equal(out.status, 204);
  assert.match([out.headers["set-cookie"]].flat().join(), /nexus_console=; Path=\/; Max-Age=0/);
  assert.equal((await visitor(one.cookie)).kind, null);
  for (let i = 0; i < 25; i++) await signIn();
  assert.equal((await t.gw.db("SELECT count(*) AS n FROM console_sessions"))[0].n, 20);
});

test("another admin token ends the sessions, and a copy of the database opens nothing", async () => {
  const storage = mkdtempSync(path.join(tmpdir(), "nexus-console-"));
  const first = await startGateway({ storage });
  const { cookie } = await signIn(first);
  assert.ok(!JSON.stringify(await first.db("SELECT * FROM console_sessions")).includes(cookie.split(".")[2]));
  await first.stop();
  const vars = { MASTER_KEY: first.masterKey };
  const same = await startGateway({ storage, vars: { ...vars, ADMIN_TOKEN: first.adminToken } });
  const of = (gw) => visitor(cookie, { gw, headers: page(gw) });
  assert.equal((await of(same)).kind, "admin_token");
  await same.stop();
  const other = await startGateway({ storage, vars });
  assert.equal((await of(other)).kind, null);
  await other.stop();
  rmSync(storage, { recursive: true });
});

test("wrong admin tokens are counted by address, and then not compared", async () => {
  const headers = { ...page(), "cf-connecting-ip": "203.0.113.77" };
  const codes = [];
  for (let i = 0; i < 12; i++) codes.push(codeOf(await begin("wrong", { headers })));
  assert.equal(codes[0], "invalid_admin_token");
  assert.equal(codes.at(-1), "too_many_attempts");
  const right = await begin(t.gw.adminToken, { headers });
  assert.deepEqual([right.status, codeOf(right)], [429, "too_many_attempts"]);
  assert.ok(Number(right.headers["retry-after"]) > 0);
  assert.equal((await begin()).status, 200, "elsewhere");
});

test("what cannot be undone is asked for again after a quarter of an hour", async () => {
  const { cookie } = await signIn();
  const [, id] = cookie.split(".");
  await t.gw.db("UPDATE console_sessions SET confirmed_at = confirmed_at - 900001 WHERE id = ?", id);
  const provider = await t.gw.createProvider({ server_url: "http://127.0.0.1:9/v1" });
  const remove = () => call("DELETE", `/providers/${provider.id}`, { cookie });
  const asked = await remove();
  assert.deepEqual([asked.status, codeOf(asked)], [403, "confirmation_required"]);
  assert.equal((await call("PUT", `/providers/${provider.id}`, { cookie, body: { description: "x" } })).status, 200);
  for (const [method, target, body] of [
    ["PUT", "/registration", { mode: "closed" }],
    ["POST", "/invitations", { seats: 1 }],
    ["POST", "/scim-clients", { name: "x" }],
    ["DELETE", "/identity-providers/x", undefined],
  ]) {
    const answer = await call(method, target, { cookie, body });
    assert.deepEqual([answer.status, codeOf(answer)], [403, "confirmation_required"], target);
  }
  const confirmed = await begin(t.gw.adminToken, { cookie });
  assert.equal(confirmed.status, 200);
  assert.equal(confirmed.headers["set-cookie"], undefined, "the session stays");
  assert.equal((await remove()).status, 200);
  // Users sign in once more.
  const admin = await user(["admin"]);
  await t.gw.db("UPDATE sign_in_sessions SET created_at = created_at - 900001 WHERE user_id = ?", admin.account.id);
  const change = (cookie) => call("PUT", `/users/${admin.account.id}`, { cookie, body: { name: "Ada" } });
  assert.equal(codeOf(await change(admin.cookie)), "confirmation_required");
  const again = cookieOf(await call("POST", "/auth/login", { body: admin.credentials, cookie: admin.cookie }));
  assert.equal((await change(again)).status, 200);
});

test("users are visitors by the cookies of their sign-in, and sign out here as well", async () => {
  const { account, cookie } = await user(["viewer"]);
  const seen = await visitor(cookie);
  assert.deepEqual([seen.kind, seen.user.id, seen.users], ["user", account.id, true]);
  assert.ok(seen.permissions.includes("view_prices") && !seen.permissions.includes("manage_prices"));
  assert.equal((await call("DELETE", "/console/session", { cookie })).status, 204);
  assert.equal((await call("GET", "/console/session", { cookie })).status, 401);
});

test("a page acts as a key that it does not have, and everything is the key's", async () => {
  const { cookie } = await signIn();
  const key = await t.gw.createKey({ limits: { requests_per_minute: 1 }, tags: { team: "page" } });
  const headers = { ...page(), "x-nexus-key-id": key.id };
  const complete = () => call("POST", "/v1/chat/completions", { cookie, headers, body: ask("demo/echo") });
  const answered = await complete();
  assert.equal(answered.status, 200, answered.text);
  const row = await t.gw.row(answered.headers["x-request-id"]);
  assert.deepEqual([row.key_id, row.outcome], [key.id, "completed"]);
  assert.equal((await complete()).status, 429, "the limit is the key's");
  assert.equal((await call("GET", "/v1/models", { cookie, headers })).status, 200);
  const { origin, ...rest } = headers;
  assert.equal((await call("GET", "/v1/models", { cookie, headers: rest })).status, 200, "reading has no origin");
  for (const forged of [
    { ...headers, origin: "https://evil.example" },
    { ...headers, "sec-fetch-site": "cross-site" },
    { "x-nexus-key-id": key.id, origin, "sec-fetch-site": "same-origin" },
  ]) {
    const read = await call("GET", "/v1/models", { cookie, headers: forged });
    assert.deepEqual([read.status, codeOf(read)], [403, "cross_site_request"], JSON.stringify(forged));
  }
  assert.equal(codeOf(await call("GET", "/v1/models", { headers })), "not_signed_in");
  assert.equal(codeOf(await call("GET", "/v1/models", { cookie })), "missing_api_key");
  const none = { ...headers, "x-nexus-key-id": "none" };
  assert.equal(codeOf(await call("GET", "/v1/models", { cookie, headers: none })), "key_not_found");
  await t.gw.admin("PUT", `/keys/${key.id}`, { enabled: false });
  assert.equal(codeOf(await call("GET", "/v1/models", { cookie, headers })), "api_key_disabled");
});

test("users act as their own keys only, and those who may have none as none", async () => {
  const [ada, viewer] = [await user(["user"]), await user(["viewer"])];
  const own = await t.gw.createKey({ owner: ada.account.id });
  const other = await t.gw.createKey({ owner: "bob" });
  const models = (cookie, { id }) =>
    call("GET", "/v1/models", { cookie, headers: { ...page(), "x-nexus-key-id": id } });
  assert.equal((await models(ada.cookie, own)).status, 200);
  assert.deepEqual(codeOf(await models(ada.cookie, other)), "key_not_found");
  assert.deepEqual(codeOf(await models(viewer.cookie, own)), "permission_denied");
});

test("a ticket of a page opens a chat as the key", async () => {
  const { cookie } = await signIn();
  const key = await t.gw.createKey();
  const headers = { ...page(), "x-nexus-key-id": key.id };
  const issued = await call("POST", "/ws/ticket", { cookie, headers, body: {} });
  assert.equal(issued.status, 201, issued.text);
  const { ticket } = issued.json();
  const socket = await connect(`${t.gw.url}/ws/chat?v=2&ticket=${ticket}`);
  socket.send({ type: "message", seq: 1, content: "Say something.", model: "demo/echo" });
  await socket.frame("done");
  await t.gw.admin("PUT", `/keys/${key.id}`, { enabled: false });
  socket.send({ type: "message", seq: 2, content: "And now?", model: "demo/echo" });
  assert.equal((await socket.frame("error")).code, "api_key_disabled");
  socket.close();
});
