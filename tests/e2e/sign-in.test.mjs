// Proves sign-in with a password: the first administrator, tokens that other libraries verify, rotation and reuse of
// refresh tokens, sessions, cookies and where they may come from, lock-out, and that what ends an account ends everything.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({ twin: true });
const PASSWORD = "Tr4vel-Lamp";
const SLOW = { timeout: 240_000 };
let made = 0;

const post = (target, body, { headers = {}, at = t.gw } = {}) => at.admin("POST", target, body, { headers });
const codeOf = ({ text }) => errorOf(text).code;
const logIn = (email, password = PASSWORD, headers = {}) => post("/auth/login", { email, password }, { headers });
const me = (token, headers = bearer(token)) => t.gw.admin("GET", "/auth/me", undefined, { headers });
const decode = (token) => token.split(".").map((part) => Buffer.from(part, "base64url"));
const claimsOf = (token) => JSON.parse(decode(token)[1]);

async function user(fields = {}) {
  const email = `user-${++made}@example.org`;
  const { status, body } = await t.gw.admin("POST", "/users", { email, password: PASSWORD, ...fields });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

async function signedIn(fields) {
  const account = await user(fields);
  const { status, body } = await logIn(account.email);
  assert.equal(status, 200, JSON.stringify(body));
  return { account, ...body };
}

test(
  "of a hundred who try at once one becomes the first administrator",
  async () => {
    const tries = Array.from({ length: 100 }, (_, i) =>
      t.gw.admin("POST", "/auth/setup", { email: `admin-${i}@example.org`, password: PASSWORD }),
    );
    const answers = await Promise.all(tries);
    const [first, ...more] = answers.filter(({ status }) => status === 201);
    assert.deepEqual([more.length, first.body.roles, first.body.status], [0, ["admin"], "active"]);
    for (const answer of answers.filter((one) => one.status !== 201))
      assert.deepEqual([answer.status, codeOf(answer)], [409, "already_set_up"]);
    assert.equal((await t.gw.db("SELECT count(*) AS n FROM users"))[0].n, 1);
    assert.equal(
      codeOf(await post("/auth/setup", { email: "x@example.org", password: PASSWORD })),
      "missing_admin_token",
    );
    assert.equal((await logIn(first.body.email)).status, 200);
  },
  SLOW,
);

test("a log-in gives tokens that a foreign library verifies with the published keys", async () => {
  const { account, access_token, refresh_token, expires_in, session_id } = await signedIn({
    name: "Ada",
    roles: ["user"],
  });
  assert.equal(expires_in, 1_800);
  assert.ok(!refresh_token.includes(account.id));
  const { keys } = (await t.gw.call("/.well-known/jwks.json")).json();
  const [header, claims] = decode(access_token).map((part, i) => (i < 2 ? JSON.parse(part) : part));
  assert.deepEqual([header.alg, header.typ], ["EdDSA", "at+jwt"]);
  assert.deepEqual([claims.sub, claims.sid, claims.exp - claims.iat], [account.id, session_id, 1_800]);
  const jwk = keys.find(({ kid }) => kid === header.kid);
  assert.deepEqual(Object.keys(jwk).sort(), ["alg", "crv", "kid", "kty", "use", "x"], "no private member");
  const [input, signature] = [access_token.slice(0, access_token.lastIndexOf(".")), decode(access_token)[2]];
  assert.ok(verify(null, Buffer.from(input), createPublicKey({ key: jwk, format: "jwk" }), signature));
  const { status, body } = await me(access_token);
  assert.deepEqual([status, body.email, body.roles], [200, account.email, ["user"]]);
});

test("access tokens that were changed, or are for something else, are refused", async () => {
  const { access_token, refresh_token } = await signedIn();
  const [header, payload, signature] = access_token.split(".");
  const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const { kid } = JSON.parse(decode(access_token)[0]);
  const root = encoded({ ...claimsOf(access_token), sub: "root" });
  for (const token of [
    `${header}.${root}.${signature}`,
    `${encoded({ alg: "none", typ: "at+jwt", kid })}.${payload}.`,
    `${encoded({ alg: "HS256", typ: "at+jwt", kid })}.${payload}.${signature}`,
    `${encoded({ alg: "EdDSA", typ: "at+jwt", kid: "../../etc/passwd" })}.${payload}.${signature}`,
    `${encoded({ alg: "EdDSA", typ: "at+jwt", kid, jku: "https://evil.example" })}.${payload}.${signature}`,
    `${header}.${payload}.`,
  ])
    assert.deepEqual(await me(token).then((answer) => [answer.status, codeOf(answer)]), [401, "invalid_access_token"]);
  assert.equal(codeOf(await me(refresh_token)), "not_signed_in");
  assert.equal(codeOf(await me(t.key)), "not_signed_in");
  assert.equal(codeOf(await me(undefined, {})), "not_signed_in");
});

test("a refresh token is good once, is given again for a lost answer, and its reuse ends the session", async () => {
  const { refresh_token: first, access_token } = await signedIn();
  const refresh = (refresh_token) => post("/auth/refresh", { refresh_token });
  const [one, two] = await Promise.all([refresh(first), refresh(first)]);
  assert.deepEqual([one.status, two.status], [200, 200]);
  assert.equal(one.body.refresh_token, two.body.refresh_token, "both of two at once get the one successor");
  assert.notEqual(one.body.refresh_token, first);
  const third = (await refresh(one.body.refresh_token)).body.refresh_token;
  assert.notEqual(third, first);
  // Older than the token before the last: two parties hold the family.
  assert.equal(codeOf(await refresh(first)), "invalid_refresh_token");
  assert.equal(codeOf(await refresh(third)), "invalid_refresh_token");
  assert.equal(codeOf(await me(access_token)), "invalid_access_token");
  for (const forged of [`${first}x`, first.replace(".0.", ".1."), "nxr.a.0.b", "x"])
    assert.equal(codeOf(await refresh(forged)), "invalid_refresh_token");
});

test("a refresh token after the grace is proof of theft", async () => {
  const { refresh_token: first, session_id } = await signedIn();
  const next = (await post("/auth/refresh", { refresh_token: first })).body.refresh_token;
  await t.gw.db("UPDATE sign_in_sessions SET rotated_at = rotated_at - 31000 WHERE id = ?", session_id);
  assert.equal((await post("/auth/refresh", { refresh_token: first })).status, 401);
  assert.equal((await post("/auth/refresh", { refresh_token: next })).status, 401);
});

test("sessions are listed, ended one by one and all together, and are of their user only", async () => {
  const account = await user();
  const tokens = [];
  for (const agent of ["one", "two", "three"])
    tokens.push((await logIn(account.email, PASSWORD, { "user-agent": agent })).body);
  const list = async (token) => (await t.gw.admin("GET", "/auth/sessions", undefined, { headers: bearer(token) })).body;
  const { sessions } = await list(tokens[0].access_token);
  assert.deepEqual(sessions.map(({ user_agent }) => user_agent).sort(), ["one", "three", "two"]);
  assert.deepEqual(
    sessions.filter(({ is_current }) => is_current).map(({ id }) => id),
    [tokens[0].session_id],
  );
  const other = await signedIn();
  const end = (id, token) => t.gw.admin("DELETE", `/auth/sessions/${id}`, undefined, { headers: bearer(token) });
  assert.equal((await end(tokens[1].session_id, other.access_token)).status, 404);
  assert.equal((await end(tokens[1].session_id, tokens[0].access_token)).status, 200);
  assert.equal((await me(tokens[1].access_token)).status, 401);
  assert.equal((await post("/auth/refresh", { refresh_token: tokens[1].refresh_token })).status, 401);
  const all = await post("/auth/logout-all", undefined, { headers: bearer(tokens[2].access_token) });
  assert.deepEqual([all.status, all.body.ended_sessions], [200, 2]);
  for (const { access_token } of tokens) assert.equal((await me(access_token)).status, 401);
  assert.equal((await me(other.access_token)).status, 200);
  assert.equal((await post("/auth/logout", undefined, { headers: bearer(other.access_token) })).body.ended_sessions, 1);
  assert.equal((await me(other.access_token)).status, 401);
});

test("a log-in makes a session of its own, whatever session it comes with", async () => {
  const victim = await user();
  const attacker = await signedIn();
  const cookie = `nexus_access=${attacker.access_token}; nexus_refresh=${attacker.refresh_token}`;
  const { body } = await logIn(victim.email, PASSWORD, { cookie });
  assert.notEqual(body.session_id, attacker.session_id);
  assert.equal((await me(attacker.access_token)).body.id, attacker.account.id);
});

test("cookies are out of reach of scripts, and good only for the gateway's own pages", async () => {
  const account = await user();
  const own = { origin: t.gw.url, "sec-fetch-site": "same-origin", "x-nexus-csrf": "1" };
  const credentials = { email: account.email, password: PASSWORD, cookies: true };
  assert.equal(codeOf(await post("/auth/login", credentials)), "cross_site_request");
  const answer = await post("/auth/login", credentials, { headers: own });
  assert.deepEqual([answer.body.access_token, answer.body.refresh_token], [null, null]);
  const set = [answer.headers["set-cookie"]].flat().join("\n");
  // Without TLS on this machine, where browsers take no prefix; crates/identity/src/cookie.rs has the names elsewhere.
  for (const name of ["nexus_access", "nexus_refresh"])
    assert.match(set, new RegExp(`^${name}=[^;]+; Path=/[a-z]*; Max-Age=\\d+; HttpOnly; SameSite=Strict$`, "m"));
  const cookie = [answer.headers["set-cookie"]]
    .flat()
    .map((line) => line.split(";")[0])
    .join("; ");
  assert.equal((await me(undefined, { cookie })).body.id, account.id);
  assert.equal(codeOf(await me(undefined, { cookie, "sec-fetch-site": "cross-site" })), "cross_site_request");
  assert.equal(codeOf(await me(undefined, { cookie: `${cookie}; ${cookie}` })), "not_signed_in");
  for (const forged of [
    { ...own, origin: "https://evil.example" },
    { ...own, "sec-fetch-site": "same-site" },
    { origin: own.origin, "sec-fetch-site": "same-origin" },
    { "x-nexus-csrf": "1" },
  ]) {
    assert.equal(
      codeOf(await post("/auth/logout-all", undefined, { headers: { cookie, ...forged } })),
      "cross_site_request",
    );
    assert.equal(
      codeOf(await post("/auth/refresh", undefined, { headers: { cookie, ...forged } })),
      "cross_site_request",
    );
  }
  assert.equal((await post("/auth/refresh", undefined, { headers: { cookie, ...own } })).status, 200);
  const out = await post("/auth/logout", undefined, { headers: { cookie, ...own } });
  assert.equal(out.status, 200);
  assert.match([out.headers["set-cookie"]].flat().join(), /nexus_access=; Path=\/; Max-Age=0/);
});

test(
  "an unknown address is answered as a wrong password is, and locks as one does",
  async () => {
    const { email } = await user();
    const shapes = [];
    for (const address of [email, "unknown@example.org"]) {
      const answers = [];
      const from = { "cf-connecting-ip": address === email ? "192.0.2.1" : "192.0.2.2" };
      for (let i = 0; i < 6; i++) answers.push(await logIn(address, "Wr0ng-Lamp", from));
      shapes.push(
        answers.map((one) => [one.status, one.text.replace(/\d+/g, "N"), Object.keys(one.headers).sort().join()]),
      );
    }
    assert.deepEqual(shapes[0], shapes[1]);
    assert.deepEqual(
      shapes[0].map(([status]) => status),
      [401, 401, 401, 401, 401, 429],
    );
    assert.equal((await logIn(email, PASSWORD, { "cf-connecting-ip": "192.0.2.1" })).status, 429, "the right one, too");
    assert.equal((await logIn(email, PASSWORD, { "cf-connecting-ip": "198.51.100.1" })).status, 200, "elsewhere");
  },
  SLOW,
);

test("weak passwords, second accounts and unknown fields are refused", async () => {
  const { email } = await user();
  for (const [fields, status, code] of [
    [{ email: "new@example.org", password: "short" }, 400, "weak_password"],
    [{ email: "new@example.org", password: "Password1" }, 400, "weak_password"],
    [{ email: email.toUpperCase(), password: PASSWORD }, 409, "name_taken"],
    [{ email: "not an address" }, 400, "invalid_value"],
    [{ email: "new@example.org", id: "x" }, 400, "unknown_parameter"],
    [{}, 400, "missing_required_parameter"],
  ]) {
    const answer = await t.gw.admin("POST", "/users", fields);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
  }
  assert.equal(codeOf(await t.gw.admin("GET", "/users/nothing")), "user_not_found");
});

test("users are listed in pages and found by address, and no list has a secret", async () => {
  const made = [await user(), await user(), await user()].reverse();
  const first = (await t.gw.admin("GET", "/users?limit=2")).body.users;
  assert.deepEqual(
    first.map(({ id }) => id),
    made.slice(0, 2).map(({ id }) => id),
  );
  const next = await t.gw.admin("GET", `/users?limit=1&after=${first[1].id}`);
  assert.deepEqual(
    next.body.users.map(({ id }) => id),
    [made[2].id],
  );
  const found = await t.gw.admin("GET", `/users?email=${made[0].email.toUpperCase()}`);
  assert.equal(found.body.users[0].id, made[0].id);
  assert.ok(!/argon2|hash/.test(next.text + found.text));
});

test("a changed password signs out other sessions and is the only one that works", async () => {
  const { account, access_token } = await signedIn();
  const other = (await logIn(account.email)).body;
  const change = (current_password, new_password) =>
    post("/auth/password/change", { current_password, new_password }, { headers: bearer(access_token) });
  assert.equal(codeOf(await change("Wr0ng-Lamp", "N3w-Travel-Lamp")), "invalid_credentials");
  assert.equal(codeOf(await change(PASSWORD, "short")), "weak_password");
  const { status, body } = await change(PASSWORD, "N3w-Travel-Lamp");
  assert.deepEqual([status, body.ended_sessions], [200, 1]);
  assert.equal((await me(access_token)).status, 200);
  assert.equal((await me(other.access_token)).status, 401);
  assert.equal((await logIn(account.email)).status, 401);
  assert.equal((await logIn(account.email, "N3w-Travel-Lamp")).status, 200);
});

test(
  "a user who is deactivated is out everywhere within a minute, with their keys",
  async () => {
    const { account, access_token, refresh_token } = await signedIn();
    const { key } = await t.gw.createKey({ owner: account.id });
    // The second isolate has its own memory of the session.
    const twin = (target, headers) => fetch(t.gw.twinUrl + target, { headers });
    assert.equal((await twin("/auth/me", bearer(access_token))).status, 200);
    assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
    const { body } = await t.gw.admin("PUT", `/users/${account.id}`, { status: "disabled" });
    assert.equal(body.status, "disabled");
    assert.equal((await me(access_token)).status, 401);
    assert.equal((await post("/auth/refresh", { refresh_token })).status, 401);
    assert.equal(codeOf(await logIn(account.email)), "account_disabled");
    assert.equal(codeOf(await logIn(account.email, "Wr0ng-Lamp")), "invalid_credentials", "said to the owner only");
    await eventually(async () => (await twin("/auth/me", bearer(access_token))).status === 401, {
      within: 60_000,
      what: "the other isolate's refusal",
    });
    await eventually(async () => (await t.gw.complete(key, ask("demo/echo"))).status === 401, {
      within: 60_000,
      what: "the key's end",
    });
    await t.gw.admin("PUT", `/users/${account.id}`, { status: "active" });
    assert.equal((await me(access_token)).status, 401, "ended sessions stay ended");
    assert.equal((await logIn(account.email)).status, 200);
  },
  SLOW,
);

test("users do in the admin API what their roles allow, and give no more than they have", async () => {
  const viewer = await signedIn({ roles: ["viewer"] });
  const admin = await signedIn({ roles: ["admin"] });
  const as = (token, method, target, body) => t.gw.admin(method, target, body, { headers: bearer(token) });
  assert.equal((await as(viewer.access_token, "GET", "/prices")).status, 200);
  assert.equal(codeOf(await as(viewer.access_token, "GET", "/users")), "permission_denied");
  assert.equal(codeOf(await as(viewer.access_token, "POST", "/keys", { name: "x" })), "permission_denied");
  assert.equal((await as(admin.access_token, "GET", "/users")).status, 200);
  const { key } = await t.gw.createKey({ permissions: ["manage_users", "view_users"] });
  for (const [method, target, body] of [
    ["POST", "/users", { email: "root@example.org", roles: ["admin"] }],
    ["PUT", `/users/${admin.account.id}`, { password: "Tak3-it-over" }],
    ["PUT", `/users/${admin.account.id}`, { roles: [] }],
    ["PUT", `/users/${viewer.account.id}`, { roles: ["operator"] }],
  ])
    assert.equal(codeOf(await as(key, method, target, body)), "permission_denied", `${method} ${target}`);
  assert.equal((await as(key, "POST", "/users", { email: "plain@example.org" })).status, 201);
  assert.equal(codeOf(await as(key, "POST", "/auth/setup", {})), "permission_denied");
  assert.equal(
    codeOf(await t.gw.admin("POST", "/users", { email: "r@example.org", roles: ["root"] })),
    "invalid_value",
  );
  const own = await signedIn({ roles: ["user"] });
  await t.gw.createKey({ owner: "somebody-else" });
  const made = await as(own.access_token, "POST", "/keys", { name: "mine" });
  assert.equal(made.body.owner, own.account.id);
  const { keys } = (await as(own.access_token, "GET", "/keys")).body;
  assert.deepEqual(
    keys.map(({ id }) => id),
    [made.body.id],
  );
});

test("nothing that is stored could be presented", async () => {
  const { access_token, refresh_token } = await signedIn();
  const stored = (await t.gw.dump()).map(({ text }) => text).join("\n");
  for (const secret of [PASSWORD, access_token, refresh_token, refresh_token.split(".")[3], access_token.split(".")[2]])
    assert.ok(!stored.includes(secret), secret);
  const hashes = await t.gw.db("SELECT hash FROM passwords");
  for (const { hash } of hashes) assert.match(hash, /^\$argon2id\$v=19\$m=12288,t=3,p=1,keyid=/);
  const logs = t.gw
    .logs()
    .map(({ message }) => message)
    .join("\n");
  assert.ok(!logs.includes(PASSWORD) && !logs.includes(refresh_token));
});

test("keys of sign-in are resealed with the master key", async () => {
  const { body } = await t.gw.admin("GET", "/system/secret-key");
  assert.deepEqual([body.left, body.unreadable], [0, []]);
  assert.ok(body.keys[0].values >= 3);
});

test(
  "how long an answer takes does not tell whether an account exists",
  async () => {
    // A comparison takes the time of a hash, some hundred milliseconds, and everything else a few: without the hash for an address that has no account
    // its answers would come many times faster. The middle of several, asked in turn, is compared with a wide margin.
    const tries = 7;
    const took = { known: [], unknown: [], withoutPassword: [] };
    const accounts = [];
    for (let i = 0; i < tries; i++) accounts.push((await user()).email);
    const open = (await t.gw.admin("POST", "/users", { email: `open-${++made}@example.org` })).body.email;
    const ask = async (kind, email, i) => {
      const began = performance.now();
      const answer = await logIn(email, "Wr0ng-Password", { "cf-connecting-ip": `198.51.100.${i}` });
      took[kind].push(performance.now() - began);
      assert.deepEqual([answer.status, codeOf(answer)], [401, "invalid_credentials"]);
    };
    for (const [i, email] of accounts.entries()) {
      await ask("known", email, i);
      await ask("unknown", `nobody-${i}-${made}@example.org`, i + 50);
      if (i < 4) await ask("withoutPassword", open, i + 100);
    }
    const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const [known, unknown, without] = [took.known, took.unknown, took.withoutPassword].map(middle);
    console.log(`middle of the answers: ${Math.round(known)}, ${Math.round(unknown)}, ${Math.round(without)} ms`);
    for (const other of [unknown, without])
      assert.ok(other > known / 5 && other < known * 5, `${known} and ${other} ms`);
  },
  SLOW,
);
