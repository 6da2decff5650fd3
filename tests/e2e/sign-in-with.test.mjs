// Proves sign-in with other services: OpenID Connect with keys of three algorithms, an API of OAuth 2.0 alone, Cloudflare Access; who
// gets which account and which roles; and that state, nonce, issuer, algorithm and code of another flow are refused.
import assert from "node:assert/strict";
import { after } from "node:test";
import { CLIENT, makeKey, signed, startIdentityProvider } from "../support/identity-provider.mjs";
import { startGateway } from "../support/gateway.mjs";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const providers = {};
for (const alg of ["RS256", "ES256", "EdDSA"]) providers[alg] = await startIdentityProvider({ alg });
providers.silent = await startIdentityProvider({ alg: "ES256", saysIssuer: false });
after(() => Promise.all(Object.values(providers).map((provider) => provider.stop())));
const t = suite();
const PASSWORD = "Tr4vel-Lamp";
let made = 0;

const codeOf = ({ text }) => errorOf(text).code;
const outcome = (answer) => (answer.status < 400 ? answer.status : codeOf(answer));
const as = (token, method, target, body) => t.gw.admin(method, target, body, { headers: bearer(token) });
const cookiesOf = (answer) => [answer.headers["set-cookie"] ?? []].flat();
const cookieNamed = (answer, name) =>
  cookiesOf(answer)
    .map((line) => line.split(";")[0])
    .find((pair) => pair.includes(name));

/** Adds a service under a new name. */
async function add(provider, fields = {}) {
  const id = `idp-${++made}`;
  const answer = await t.gw.admin("POST", "/identity-providers", {
    id,
    kind: "oidc",
    issuer: provider.issuer,
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
    makes_accounts: true,
    ...fields,
  });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
}
const begin = (id, query = "", headers = {}) => t.gw.call(`/auth/with/${id}${query}`, { headers });
const comeBack = (id, back, cookie) =>
  t.gw.call(`/auth/with/${id}/callback?${back}`, { headers: cookie ? { cookie } : {} });

/** The whole way of a browser; `change` alters what it brings back. */
async function signIn(service, provider, { subject, change = (back) => back, cookie } = {}) {
  const begun = await begin(service.id);
  assert.equal(begun.status, 303, begun.text);
  const back = change(provider.authorize(begun.headers.location, subject));
  return comeBack(service.id, back, cookie ?? cookieNamed(begun, "nexus_flow"));
}
/** The user whose cookies an answer sets. */
async function userOf(answer) {
  assert.equal(answer.status, 303, answer.text);
  const cookie = cookieNamed(answer, "nexus_access");
  const { status, body } = await t.gw.admin("GET", "/auth/me", undefined, { headers: { cookie } });
  assert.equal(status, 200);
  return body;
}
async function passwordUser(email = `user-${++made}@example.org`) {
  await t.gw.admin("POST", "/users", { email, password: PASSWORD });
  const { body } = await t.gw.admin("POST", "/auth/login", { email, password: PASSWORD }, { headers: {} });
  return body;
}
const subject = () => `subject-${++made}`;

test("users sign in with services whose keys are of RS256, ES256 and EdDSA, and come back to their page", async () => {
  for (const alg of ["RS256", "ES256", "EdDSA"]) {
    const provider = providers[alg];
    const service = await add(provider);
    assert.equal(service.redirect_uri, `${t.gw.url}/auth/with/${service.id}/callback`);
    provider.claims = { email: `${alg}@Example.org`, email_verified: true, name: alg };
    const begun = await begin(service.id, "?return_to=/console/keys");
    const location = new URL(begun.headers.location);
    assert.equal(location.origin, provider.issuer);
    assert.equal(location.searchParams.get("code_challenge_method"), "S256");
    assert.equal(location.searchParams.get("redirect_uri"), service.redirect_uri);
    const [flow] = cookiesOf(begun);
    assert.match(flow, /^nexus_flow=v1\.[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
    for (const name of ["state", "nonce"]) assert.ok(!flow.includes(location.searchParams.get(name)), "it is sealed");
    const who = subject();
    const answer = await comeBack(service.id, provider.authorize(location, who), flow.split(";")[0]);
    assert.deepEqual([answer.status, answer.headers.location, answer.text], [303, "/console/keys", ""]);
    assert.ok(cookiesOf(answer).some((line) => line.startsWith("nexus_flow=; Path=/; Max-Age=0")));
    const user = await userOf(answer);
    assert.deepEqual([user.email, user.name, user.roles], [`${alg.toLowerCase()}@example.org`, alg, ["user"]]);
    assert.ok(user.email_verified_at > 0);
    // The next time it is the same user, whatever the address is by now.
    provider.claims = { email: `other-${alg}@example.org`, email_verified: true };
    assert.equal((await userOf(await signIn(service, provider, { subject: who }))).id, user.id);
    provider.claims = {};
    assert.equal((await userOf(await signIn(service, provider, { subject: who }))).id, user.id);
    // Without a verified address the account has one to which no mail is delivered.
    provider.claims = { email: "ada@example.org", email_verified: false };
    assert.match(
      (await userOf(await signIn(service, provider, { subject: subject() }))).email,
      /^[0-9a-f]{32}@idp-\d+\.invalid$/,
    );
    provider.claims = {};
  }
});

test("answers that are not of the flow are refused", async () => {
  const provider = providers.RS256;
  const service = await add(provider);
  const other = await add(providers.ES256);
  const who = subject();
  const wrong = {
    "without a cookie": { cookie: "x=1" },
    "with a forged cookie": { cookie: "nexus_flow=v1.abc.AAAA" },
    "without a state": { change: (back) => (back.delete("state"), back) },
    "with another state": { change: (back) => (back.set("state", "x".repeat(43)), back) },
    "with the issuer of another": { change: (back) => (back.set("iss", "https://evil.example"), back) },
    "without an issuer, which it always says": { change: (back) => (back.delete("iss"), back) },
    "with an error": { change: (back) => (back.set("error", "access_denied"), back) },
    "without a code": { change: (back) => (back.delete("code"), back) },
    "with another code": { change: (back) => (back.set("code", "x"), back) },
  };
  for (const [why, options] of Object.entries(wrong))
    assert.equal(outcome(await signIn(service, provider, { subject: who, ...options })), "identity_refused", why);
  // Mix-up: the answer to a flow with one service comes to the address of the other.
  const begun = await begin(service.id);
  const back = provider.authorize(begun.headers.location, who);
  assert.equal(outcome(await comeBack(other.id, back, cookieNamed(begun, "nexus_flow"))), "identity_refused");
  // Two browsers: the answer of one in the other is a way to sign a victim in to the attacker's account.
  const [mine, theirs] = [await begin(service.id), await begin(service.id)];
  const stolen = provider.authorize(theirs.headers.location, who);
  assert.equal(outcome(await comeBack(service.id, stolen, cookieNamed(mine, "nexus_flow"))), "identity_refused");
  // Replay: a code works once.
  const once = provider.authorize(mine.headers.location, who);
  assert.equal((await comeBack(service.id, once, cookieNamed(mine, "nexus_flow"))).status, 303);
  assert.equal(outcome(await comeBack(service.id, once, cookieNamed(mine, "nexus_flow"))), "identity_refused");
  assert.equal(outcome(await begin("nothing")), "identity_provider_not_found");
});

test("ID tokens that are not of the flow, or not signed as their key signs, are refused", async () => {
  const provider = providers.RS256;
  const service = await add(provider);
  const normal = provider.token;
  const stranger = makeKey("RS256", provider.keys[0].kid);
  const now = Math.floor(Date.now() / 1000);
  const unsigned = (header, claims) =>
    `${[header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".")}.`;
  const [key] = provider.keys;
  const tokens = {
    "with another nonce": (claims) => normal({ ...claims, nonce: "x" }),
    "without a nonce": ({ nonce: _, ...claims }) => normal(claims),
    "of another issuer": (claims) => normal({ ...claims, iss: "https://evil.example" }),
    "for another client": (claims) => normal({ ...claims, aud: "another" }),
    "asked for by another client": (claims) => normal({ ...claims, azp: "another" }),
    "that is over": (claims) => normal({ ...claims, exp: now - 120 }),
    "without an end": ({ exp: _, ...claims }) => normal(claims),
    "without a subject": ({ sub: _, ...claims }) => normal(claims),
    "with a number as the subject": (claims) => normal({ ...claims, sub: 7 }),
    "of a key that only has the name": (claims) => signed(stranger, claims),
    "without a signature": (claims) => unsigned({ alg: "none", typ: "JWT", kid: key.kid }, claims),
    "with the algorithm of no key": (claims) => signed(key, claims, { alg: "HS256" }),
    "of an unknown key": (claims) => signed(key, claims, { kid: "another" }),
    "without a key": (claims) => signed(key, claims, { kid: undefined }),
    "with a key of its own": (claims) => signed(stranger, claims, { kid: "own", jwk: stranger.jwk }),
    "that is missing": () => undefined,
  };
  for (const [why, token] of Object.entries(tokens)) {
    provider.token = token;
    assert.equal(outcome(await signIn(service, provider, { subject: subject() })), "identity_refused", why);
  }
  provider.token = normal;
  assert.equal((await signIn(service, provider, { subject: subject() })).status, 303);
});

test("keys that a service has changed are found, and looked for at most once a minute", async () => {
  const provider = await startIdentityProvider({ alg: "EdDSA" });
  try {
    const service = await add(provider);
    assert.equal((await signIn(service, provider)).status, 303);
    const looks = () => provider.asked.filter(({ path }) => path === "/keys").length;
    assert.equal(looks(), 1);
    assert.equal((await signIn(service, provider)).status, 303);
    assert.equal(looks(), 1, "they are kept");
    provider.token = (claims) => signed(provider.keys[0], claims, { kid: "unknown" });
    for (let i = 0; i < 3; i++) assert.equal(outcome(await signIn(service, provider)), "identity_refused");
    assert.equal(looks(), 1, "a look within the last minute counts");
  } finally {
    await provider.stop();
  }
});

test("a service that says no issuer is accepted without one, but not with another's", async () => {
  const provider = providers.silent;
  const service = await add(provider);
  assert.equal((await signIn(service, provider, { subject: subject() })).status, 303);
  const change = (back) => (back.set("iss", "https://evil.example"), back);
  assert.equal(outcome(await signIn(service, provider, { subject: subject(), change })), "identity_refused");
});

test("a mail address leads to no account; a user who is signed in links the service", async () => {
  const provider = providers.ES256;
  const service = await add(provider);
  const session = await passwordUser();
  const who = subject();
  provider.claims = { email: session.user.email, email_verified: true };
  assert.equal(outcome(await signIn(service, provider, { subject: who })), "account_exists");
  assert.equal(outcome(await begin(service.id, "?link=true")), "not_signed_in");
  const begun = await begin(service.id, "?link=true", bearer(session.access_token));
  const linked = await comeBack(
    service.id,
    provider.authorize(begun.headers.location, who),
    cookieNamed(begun, "nexus_flow"),
  );
  assert.equal(linked.status, 303, linked.text);
  assert.equal(cookieNamed(linked, "nexus_access"), undefined, "to link is not to sign in");
  assert.equal((await userOf(await signIn(service, provider, { subject: who }))).id, session.user.id);
  const { identities } = (await as(session.access_token, "GET", "/auth/identities")).body;
  assert.deepEqual(
    identities.map(({ provider_id, issuer, subject }) => [provider_id, issuer, subject]),
    [[service.id, provider.issuer, who]],
  );
  // Another user cannot take it over.
  const other = await passwordUser();
  const again = await begin(service.id, "?link=true", bearer(other.access_token));
  const taken = await comeBack(
    service.id,
    provider.authorize(again.headers.location, who),
    cookieNamed(again, "nexus_flow"),
  );
  assert.equal(outcome(taken), "identity_taken");
  assert.equal((await as(session.access_token, "DELETE", `/auth/identities/${service.id}`)).status, 200);
  assert.equal(
    outcome(await as(session.access_token, "DELETE", `/auth/identities/${service.id}`)),
    "identity_not_found",
  );
  assert.equal(outcome(await signIn(service, provider, { subject: who })), "account_exists");
  // The only way to sign in stays.
  provider.claims = {};
  const alone = await signIn(service, provider, { subject: subject() });
  const cookie = cookieNamed(alone, "nexus_access");
  const headers = { cookie, origin: t.gw.url, "sec-fetch-site": "same-origin", "x-nexus-csrf": "1" };
  const unlinked = await t.gw.admin("DELETE", `/auth/identities/${service.id}`, undefined, { headers });
  assert.equal(outcome(unlinked), "last_way_to_sign_in");
});

test("roles come from mapped groups only, and what is said of no groups changes nothing", async () => {
  const provider = providers.EdDSA;
  const service = await add(provider, {
    roles: ["guest"],
    role_map: [
      { group: "ops", roles: ["operator"] },
      { group: "staff", roles: ["user", "viewer"] },
    ],
  });
  const who = subject();
  const roles = async (claims) => {
    provider.claims = claims;
    return (await userOf(await signIn(service, provider, { subject: who }))).roles;
  };
  assert.deepEqual(await roles({ groups: ["staff", "admin", "operator"] }), ["guest", "user", "viewer"]);
  assert.deepEqual(await roles({}), ["guest", "user", "viewer"]);
  assert.deepEqual(await roles({ groups: "ops" }), ["guest", "operator"]);
  assert.deepEqual(await roles({ groups: [] }), ["guest"]);
  provider.claims = {};
});

test("a service that makes no accounts lets in only those who are known, and disabled users stay out", async () => {
  const provider = providers.RS256;
  const closed = await add(provider, { makes_accounts: false });
  const open = await add(provider);
  const who = subject();
  assert.equal(outcome(await signIn(closed, provider, { subject: who })), "account_unknown");
  const user = await userOf(await signIn(open, provider, { subject: who }));
  assert.equal(
    (await userOf(await signIn(closed, provider, { subject: who }))).id,
    user.id,
    "an issuer is one service",
  );
  await t.gw.admin("PUT", `/users/${user.id}`, { status: "disabled" });
  assert.equal(outcome(await signIn(open, provider, { subject: who })), "account_disabled");
  await t.gw.admin("PUT", `/identity-providers/${open.id}`, { enabled: false });
  assert.equal(outcome(await begin(open.id)), "identity_provider_not_found");
});

test("an API of OAuth 2.0 alone says who a user is, by the names of its fields", async () => {
  const provider = await startIdentityProvider({ saysIssuer: false });
  try {
    const service = await add(provider, {
      preset: "github",
      id: "hub",
      authorization_endpoint: `${provider.issuer}/authorize`,
      token_endpoint: `${provider.issuer}/token`,
      user_endpoint: `${provider.issuer}/user`,
      emails_endpoint: `${provider.issuer}/emails`,
    });
    assert.deepEqual([service.kind, service.scope], ["oauth2", "read:user user:email"]);
    provider.user = { id: 583_231, login: "octocat", name: null, email: "shown@example.org" };
    provider.emails = [
      { email: "other@example.org", primary: false, verified: true },
      { email: "Octocat@example.org", primary: true, verified: true },
    ];
    const user = await userOf(await signIn(service, provider));
    assert.deepEqual([user.email, user.name], ["octocat@example.org", "octocat"]);
    provider.user = { ...provider.user, login: "renamed" };
    assert.equal((await userOf(await signIn(service, provider))).id, user.id, "the number is the user");
    provider.user = { id: 1, login: "octocat" };
    provider.emails = [{ email: "victim@example.org", primary: true, verified: false }];
    assert.match((await userOf(await signIn(service, provider))).email, /@hub\.invalid$/);
    provider.user = { login: "without-a-number" };
    assert.equal(outcome(await signIn(service, provider)), "identity_refused");
    const token = provider.asked.find(({ path }) => path === "/user").headers.authorization;
    assert.equal(token, "Bearer an-access-token");
  } finally {
    await provider.stop();
  }
});

test("an assertion of Cloudflare Access is a sign-in", async () => {
  const provider = providers.RS256;
  const service = await add(provider, {
    preset: "cloudflare_access",
    kind: undefined,
    client_id: "the-audience",
    client_secret: undefined,
  });
  assert.equal(service.kind, "access");
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: provider.issuer,
    aud: ["the-audience"],
    sub: subject(),
    email: "access@example.org",
    exp: now + 60,
  };
  const post = (assertion) =>
    t.gw.admin("POST", `/auth/with/${service.id}/assertion`, undefined, {
      headers: assertion ? { "cf-access-jwt-assertion": assertion } : {},
    });
  const answer = await post(signed(provider.keys[0], claims));
  assert.deepEqual([answer.status, answer.body.user?.email], [200, "access@example.org"], answer.text);
  assert.equal((await as(answer.body.access_token, "GET", "/auth/me")).status, 200);
  for (const wrong of [
    undefined,
    "x",
    signed(provider.keys[0], { ...claims, aud: ["another"] }),
    signed(provider.keys[0], { ...claims, iss: "https://evil.example" }),
    signed(provider.keys[0], { ...claims, exp: now - 120 }),
    signed(provider.keys[0], { ...claims, sub: "" }),
    signed(makeKey("RS256", provider.keys[0].kid), claims),
  ])
    assert.equal(outcome(await post(wrong)), "identity_refused");
  assert.equal(outcome(await begin(service.id)), "identity_provider_not_found", "it is no service to be sent to");
});

test("services are managed by those who have all permissions, at addresses that may be asked, and keep their secrets", async () => {
  const { key } = await t.gw.createKey({ permissions: ["manage_identity_providers", "manage_users"] });
  const body = { id: "x", kind: "oidc", issuer: "https://id.example", client_id: "c" };
  assert.equal(outcome(await as(key, "POST", "/identity-providers", body)), "permission_denied");
  for (const [fields, param] of [
    [{ id: "Not an id" }, "id"],
    [{ id: undefined }, "id"],
    [{ kind: undefined }, "kind"],
    [{ preset: "myspace" }, "preset"],
    [{ issuer: undefined }, "issuer"],
    [{ issuer: "ftp://id.example" }, "issuer"],
    [{ issuer: "https://u:p@id.example" }, "issuer"],
    [{ kind: "oauth2" }, "authorization_endpoint"],
    [{ client_id: undefined }, "client_id"],
    [{ role_map: [{ group: "g", roles: ["root"] }] }, "role_map"],
  ]) {
    const answer = await t.gw.admin("POST", "/identity-providers", { ...body, ...fields });
    assert.equal(errorOf(answer.text).param, param, JSON.stringify(fields));
  }
  const service = await add(providers.RS256);
  assert.equal(
    outcome(await t.gw.admin("PUT", `/identity-providers/${service.id}`, { kind: "oauth2" })),
    "invalid_value",
  );
  const listed = await t.gw.admin("GET", "/identity-providers");
  assert.ok(!listed.text.includes(CLIENT.secret) && listed.text.includes('"has_client_secret":true'));
  const stored = (await t.gw.dump()).map(({ text }) => text).join("\n");
  assert.ok(!stored.includes(CLIENT.secret), "the secret is sealed");
  const sealed = await t.gw.admin("GET", "/system/secret-key");
  assert.deepEqual([sealed.body.left, sealed.body.unreadable], [0, []]);
  const options = (await t.gw.call("/auth/options")).json();
  assert.ok(options.services.some(({ id }) => id === service.id));
  assert.equal((await t.gw.admin("DELETE", `/identity-providers/${service.id}`)).status, 200);
  assert.equal(outcome(await t.gw.admin("GET", `/identity-providers/${service.id}`)), "identity_provider_not_found");
});

test("where private addresses are not allowed, no address of a service is one, and each has TLS", async () => {
  const gw = await startGateway({ vars: { ALLOW_PRIVATE_UPSTREAMS: "false" } });
  try {
    const good = { id: "x", kind: "oidc", issuer: "https://id.example", client_id: "c" };
    const create = (fields) => gw.admin("POST", "/identity-providers", { ...good, ...fields });
    for (const host of [
      "http://id.example",
      "https://127.0.0.1",
      "https://169.254.169.254",
      "https://[::1]",
      "https://localhost",
    ]) {
      assert.equal(errorOf((await create({ issuer: host })).text).param, "issuer", host);
      const endpoints = { authorization_endpoint: "https://id.example/a", token_endpoint: "https://id.example/t" };
      const api = { kind: "oauth2", ...endpoints, user_endpoint: `${host}/user` };
      assert.equal(errorOf((await create(api)).text).param, "user_endpoint", host);
    }
    assert.equal((await create({})).status, 201);
  } finally {
    await gw.stop();
  }
});

test("a service that cannot be reached, redirects or describes another issuer is not believed", async () => {
  const provider = await startIdentityProvider();
  const { issuer } = provider;
  try {
    for (const discovery of [
      { issuer: "https://evil.example" },
      { issuer: `${issuer}/` },
      { token_endpoint: "ftp://id.example/token" },
      { authorization_endpoint: undefined },
      { jwks_uri: `${issuer}/redirect` },
    ]) {
      provider.discovery = discovery;
      // Documents are kept by address: each has one of its own.
      const other = await startIdentityProvider();
      other.discovery = Object.fromEntries(
        Object.entries(discovery).map(([name, value]) => [name, value?.replace(issuer, other.issuer)]),
      );
      const service = await add(other);
      const begun = await begin(service.id);
      const answer =
        begun.status === 303
          ? await comeBack(service.id, other.authorize(begun.headers.location), cookieNamed(begun, "nexus_flow"))
          : begun;
      assert.equal(outcome(answer), "identity_provider_unreachable", JSON.stringify(discovery));
      await other.stop();
    }
    const gone = await add(provider, { issuer: "http://127.0.0.1:9" });
    assert.equal(outcome(await begin(gone.id)), "identity_provider_unreachable");
  } finally {
    await provider.stop();
  }
});

test("a sign-in with a service is in the audit log, and what is linked goes with the user", async () => {
  const provider = providers.RS256;
  const service = await add(provider);
  const user = await userOf(await signIn(service, provider, { subject: subject() }));
  const operation = encodeURIComponent("GET /auth/with/{id}/callback");
  await eventually(async () => {
    const { entries } = (await t.gw.admin("GET", `/audit?actor=user:${user.id}&operation=${operation}`)).body;
    return entries.some(({ changes }) =>
      changes.some(({ field, after }) => field === "signed_in_with" && after === service.id),
    );
  });
  await t.gw.admin("DELETE", `/users/${user.id}`);
  assert.deepEqual(await t.gw.db("SELECT * FROM identities WHERE user_id = ?", user.id), []);
});

test("a browser is sent back to the console with what went wrong, and a program is told", async () => {
  const provider = providers.ES256;
  const service = await add(provider, { makes_accounts: false });
  provider.claims = {};
  const begun = await begin(service.id);
  const back = provider.authorize(begun.headers.location, subject());
  const cookie = cookieNamed(begun, "nexus_flow");
  const call = (target, accept) => t.gw.call(target, { headers: { ...(accept && { accept }), cookie } });
  const target = `/auth/with/${service.id}/callback?${back}`;
  const page = await call(target, "text/html,application/xhtml+xml,*/*;q=0.8");
  assert.equal(page.status, 303, page.text);
  const expected = `${t.gw.url}/console/sign-in?failed=account_unknown&service=${service.id}`;
  assert.equal(page.headers.location, expected);
  assert.ok(
    cookiesOf(page).some((line) => line.startsWith("nexus_flow=;")),
    "the flow is over",
  );
  assert.ok(!cookiesOf(page).some((line) => line.includes("nexus_access")));
  const told = await call(target.replace(/state=[^&]*/, "state=x"));
  assert.deepEqual([told.status, codeOf(told)], [403, "identity_refused"]);
  const unknown = await call("/auth/with/none", "text/html");
  assert.equal(unknown.headers.location, `${t.gw.url}/console/sign-in?failed=identity_provider_not_found&service=none`);
  const odd = await call("/auth/with/a%0d%0ab%26c=d", "text/html");
  assert.ok(odd.headers.location.endsWith("&service=a%0D%0Ab%26c%3Dd"), odd.headers.location);
});
