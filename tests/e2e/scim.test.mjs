// Proves SCIM 2.0 with requests in the form in which Entra ID and Okta send them: users and groups are made, found, changed and
// ended; roles follow from groups; what ends a user ends their sessions and keys everywhere within a minute; and a directory's token
// reaches nothing else.
import assert from "node:assert/strict";
import { after } from "node:test";
import { ask, suite, test } from "../support/suite.mjs";
import { CLIENT, startIdentityProvider } from "../support/identity-provider.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

const okta = await startIdentityProvider({ alg: "RS256" });
after(() => okta.stop());
const t = suite({ twin: true });
const PASSWORD = "Tr4vel-Lamp";
const USER = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";
let made = 0;

async function client(fields = {}) {
  const { status, body, text } = await t.gw.admin("POST", "/scim-clients", { name: "Entra ID", ...fields });
  assert.equal(status, 201, text);
  return body;
}
/** Sends a request of SCIM; `headers` besides those of every client. */
async function scim(token, method, target, body, headers = {}, at = t.gw.url) {
  const answer = await send(`${at}/scim/v2${target}`, {
    method,
    headers: { ...bearer(token), "content-type": "application/scim+json", ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (answer.text !== "") assert.match(answer.headers["content-type"], /^application\/scim\+json/);
  return { ...answer, body: answer.text === "" ? undefined : JSON.parse(answer.text) };
}
const ok = (answer, status = 200) => {
  assert.equal(answer.status, status, answer.text);
  return answer.body;
};
const patch = (token, target, ...Operations) => scim(token, "PATCH", target, { schemas: [PATCH], Operations });
const refusal = ({ status, body }) => {
  assert.deepEqual([body.schemas, body.status], [[ERROR], String(status)]);
  return [status, body.scimType ?? null];
};
const search = (filter) => `filter=${encodeURIComponent(filter)}`;
/** A user as Entra ID makes one. */
const entraUser = (fields = {}) => {
  const name = `entra-${++made}`;
  return {
    schemas: [USER, ENTERPRISE],
    externalId: `object-${name}`,
    userName: `${name}@Example.org`,
    active: true,
    displayName: `Entra ${made}`,
    emails: [{ primary: true, type: "work", value: `${name}@example.org` }],
    meta: { resourceType: "User" },
    name: { formatted: "given family", familyName: "family", givenName: "given" },
    [ENTERPRISE]: { department: "Engines" },
    ...fields,
  };
};

test("a directory learns what there is", async () => {
  const { token, url } = await client();
  assert.equal(url, `${t.gw.url}/scim/v2`);
  const config = ok(await scim(token, "GET", "/ServiceProviderConfig"));
  assert.deepEqual([config.patch.supported, config.filter.supported, config.bulk.supported], [true, true, false]);
  const types = ok(await scim(token, "GET", "/ResourceTypes"));
  assert.deepEqual(
    types.Resources.map(({ endpoint }) => endpoint),
    ["/Users", "/Groups"],
  );
  assert.equal(ok(await scim(token, "GET", "/ResourceTypes/Group")).schema, GROUP);
  const schemas = ok(await scim(token, "GET", "/Schemas"));
  assert.deepEqual(
    schemas.Resources.map(({ id }) => id),
    [USER, ENTERPRISE, GROUP],
  );
  assert.equal(ok(await scim(token, "GET", `/Schemas/${USER}`)).name, "User");
  assert.deepEqual(refusal(await scim(token, "GET", "/Schemas/none")), [404, null]);
  assert.deepEqual(refusal(await scim(token, "GET", "/Nothing")), [404, null]);
  assert.deepEqual(refusal(await scim(token, "PUT", "/Users")), [405, null]);
});

test("Entra ID makes, finds, changes and ends a user", async () => {
  const { token } = await client();
  // What the button "Test connection" sends.
  const none = ok(await scim(token, "GET", `/Users?${search(`userName eq "${crypto.randomUUID()}"`)}`));
  assert.deepEqual(none, { schemas: [LIST], totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] });
  const given = entraUser();
  const answer = await scim(token, "POST", "/Users", given);
  const user = ok(answer, 201);
  assert.equal(answer.headers.location, `${t.gw.url}/scim/v2/Users/${user.id}`);
  assert.equal(answer.headers.etag, user.meta.version);
  for (const name of ["externalId", "userName", "active", "displayName", "name", ENTERPRISE])
    assert.deepEqual(user[name], given[name], name);
  assert.deepEqual([user.meta.resourceType, user.roles], ["User", [{ value: "user" }]]);
  const account = (await t.gw.admin("GET", `/users/${user.id}`)).body;
  const email = given.userName.toLowerCase();
  assert.deepEqual([account.email, account.name, account.status], [email, given.displayName, "active"]);

  const again = await scim(token, "POST", "/Users", given);
  assert.deepEqual(refusal(again), [409, "uniqueness"]);
  for (const filter of [
    `userName eq "${given.userName.toUpperCase()}"`,
    `externalId eq "${given.externalId}"`,
    `emails[type eq "work"].value eq "${given.userName}"`,
    `userName sw "${given.userName}" and active eq true`,
  ]) {
    const found = ok(await scim(token, "GET", `/Users?${search(filter)}`));
    assert.deepEqual([found.totalResults, found.Resources[0]?.id], [1, user.id], filter);
  }

  const changed = ok(
    await patch(
      token,
      `/Users/${user.id}`,
      { op: "Replace", path: "displayName", value: "Ada King" },
      { op: "Add", path: 'phoneNumbers[type eq "mobile"].value', value: "+44 1" },
      { op: "Replace", path: `${ENTERPRISE}:department`, value: "Looms" },
      {
        op: "Replace",
        value: { "name.familyName": "King", 'emails[type eq "work"].value': `king-${made}@example.org` },
      },
    ),
  );
  assert.equal(changed.name.familyName, "King");
  assert.deepEqual(
    [changed.phoneNumbers, changed[ENTERPRISE]],
    [[{ type: "mobile", value: "+44 1" }], { department: "Looms" }],
  );
  const renamed = (await t.gw.admin("GET", `/users/${user.id}`)).body;
  assert.deepEqual([renamed.name, renamed.email], ["Ada King", `king-${made}@example.org`]);

  const ended = ok(await patch(token, `/Users/${user.id}`, { op: "Replace", path: "active", value: "False" }));
  assert.equal(ended.active, false);
  assert.equal((await t.gw.admin("GET", `/users/${user.id}`)).body.status, "disabled");
  const back = ok(await patch(token, `/Users/${user.id}`, { op: "Replace", path: "active", value: "True" }));
  assert.equal(back.active, true);
  assert.equal((await scim(token, "DELETE", `/Users/${user.id}`)).status, 204);
  assert.deepEqual(refusal(await scim(token, "GET", `/Users/${user.id}`)), [404, null]);
  assert.equal((await t.gw.admin("GET", `/users/${user.id}`)).status, 404);
  assert.equal((await t.gw.db("SELECT count(*) AS n FROM scim_users WHERE user_id = ?", user.id))[0].n, 0);
});

test("Okta makes, replaces and ends a user", async () => {
  const { token } = await client({ name: "Okta", roles: ["guest"] });
  const email = `okta-${++made}@example.org`;
  const given = {
    schemas: [USER],
    userName: email,
    name: { givenName: "Test", familyName: "User" },
    emails: [{ primary: true, value: email, type: "work" }],
    displayName: "Test User",
    locale: "en-US",
    externalId: "00ujl29u0le5T6Aj10h7",
    groups: [],
    password: "1mz050nq",
    active: true,
  };
  const user = ok(await scim(token, "POST", "/Users", given), 201);
  assert.deepEqual([user.password, user.locale, user.roles], [undefined, "en-US", [{ value: "guest" }]]);
  const { password, externalId, ...rest } = given;
  const put = { ...rest, id: user.id, name: { givenName: "Another", familyName: "User" }, active: false };
  const replaced = ok(await scim(token, "PUT", `/Users/${user.id}`, put));
  assert.deepEqual([replaced.active, replaced.name.givenName, replaced.externalId], [false, "Another", undefined]);
  const { active, ...withoutActive } = put;
  assert.equal(ok(await scim(token, "PUT", `/Users/${user.id}`, withoutActive)).active, false, "it stays closed");
  const opened = ok(await patch(token, `/Users/${user.id}`, { op: "replace", value: { active: true } }));
  assert.equal(opened.active, true);
});

test("groups are teams, and roles follow from them", async () => {
  const { token } = await client({
    role_map: [
      { group: "Operators", roles: ["operator"] },
      { group: "object-eng", roles: ["viewer"] },
    ],
  });
  const users = [];
  for (let i = 0; i < 3; i++) users.push(ok(await scim(token, "POST", "/Users", entraUser()), 201).id);
  const [ada, bob, eve] = users;
  const rolesOf = async (id) => (await t.gw.admin("GET", `/users/${id}`)).body.roles;
  const group = ok(
    await scim(token, "POST", "/Groups", { schemas: [GROUP], externalId: "object-eng", displayName: "Engines" }),
    201,
  );
  assert.equal(group.members, undefined);
  const added = ok(
    await patch(token, `/Groups/${group.id}`, { op: "Add", path: "members", value: [{ value: ada }, { value: bob }] }),
  );
  assert.deepEqual(
    added.members.map(({ value }) => value),
    [ada, bob].sort(),
  );
  assert.deepEqual([await rolesOf(ada), await rolesOf(eve)], [["user", "viewer"], ["user"]]);
  const team = (await t.gw.admin("GET", `/teams/${group.id}`)).body;
  assert.deepEqual([team.name, team.members.map(({ role }) => role)], ["Engines", ["member", "member"]]);
  assert.deepEqual(ok(await scim(token, "GET", `/Users/${ada}`)).groups, [
    { value: group.id, display: "Engines", $ref: `${t.gw.url}/scim/v2/Groups/${group.id}`, type: "direct" },
  ]);

  // Okta renames a group with its id, and names members one by one.
  ok(await patch(token, `/Groups/${group.id}`, { op: "replace", value: { id: group.id, displayName: "Operators" } }));
  assert.deepEqual(await rolesOf(bob), ["operator", "user", "viewer"]);
  ok(await patch(token, `/Groups/${group.id}`, { op: "remove", path: `members[value eq "${bob}"]` }));
  assert.deepEqual(await rolesOf(bob), ["user"]);
  ok(
    await patch(token, `/Groups/${group.id}`, {
      op: "replace",
      path: "members",
      value: [{ value: eve, display: "eve" }],
    }),
  );
  assert.deepEqual([await rolesOf(ada), await rolesOf(eve)], [["user"], ["operator", "user", "viewer"]]);

  const found = ok(
    await scim(token, "GET", `/Groups?excludedAttributes=members&${search('displayName eq "OPERATORS"')}`),
  );
  assert.deepEqual([found.totalResults, found.Resources[0].id, found.Resources[0].members], [1, group.id, undefined]);
  const whole = ok(await scim(token, "GET", `/Groups?${search(`members.value eq "${eve}"`)}`));
  assert.deepEqual(
    whole.Resources[0].members.map(({ value }) => value),
    [eve],
  );
  const twice = await scim(token, "POST", "/Groups", { schemas: [GROUP], displayName: "operators" });
  assert.deepEqual(refusal(twice), [409, "uniqueness"]);
  const stranger = await patch(token, `/Groups/${group.id}`, {
    op: "add",
    path: "members",
    value: [{ value: "none" }],
  });
  assert.deepEqual(refusal(stranger), [400, "invalidValue"]);
  assert.equal((await scim(token, "DELETE", `/Groups/${group.id}`)).status, 204);
  assert.deepEqual([await rolesOf(eve), (await t.gw.admin("GET", `/teams/${group.id}`)).status], [["user"], 404]);
});

test(
  "a deactivation ends sessions and keys in every isolate within a minute",
  async () => {
    const { token } = await client();
    const given = entraUser();
    const user = ok(await scim(token, "POST", "/Users", given), 201);
    assert.equal((await t.gw.admin("PUT", `/users/${user.id}`, { password: PASSWORD })).status, 200);
    const email = given.userName.toLowerCase();
    const session = await t.gw.admin("POST", "/auth/login", { email, password: PASSWORD }, { headers: {} });
    const { key } = await t.gw.createKey({ owner: user.id });
    const body = JSON.stringify(ask("demo/echo"));
    const withKey = (at) =>
      send(`${at}/v1/chat/completions`, {
        method: "POST",
        headers: { ...bearer(key), "content-type": "application/json" },
        body,
      });
    const signedIn = (at) => send(`${at}/auth/me`, { headers: bearer(session.body.access_token) });
    const everywhere = [t.gw.url, t.gw.twinUrl];
    await eventually(async () => (await withKey(t.gw.twinUrl)).status === 200, {
      what: "the key in the other isolate",
    });
    for (const at of everywhere)
      assert.deepEqual([(await withKey(at)).status, (await signedIn(at)).status], [200, 200], at);
    const began = Date.now();
    ok(await patch(token, `/Users/${user.id}`, { op: "Replace", path: "active", value: "False" }));
    assert.deepEqual([(await withKey(t.gw.url)).status, (await signedIn(t.gw.url)).status], [401, 401], "here at once");
    const took = {};
    await eventually(async () => (await withKey(t.gw.twinUrl)).status === 401, {
      within: 60_000,
      every: 200,
      what: "the end of the key",
    });
    took.key = Date.now() - began;
    await eventually(async () => (await signedIn(t.gw.twinUrl)).status === 401, {
      within: 60_000,
      every: 500,
      what: "the end of the session",
    });
    took.session = Date.now() - began;
    console.log(`in the other isolate the key ended after ${took.key} ms and the session after ${took.session} ms`);
    const refresh = await t.gw.admin(
      "POST",
      "/auth/refresh",
      { refresh_token: session.body.refresh_token },
      { headers: {} },
    );
    assert.equal(refresh.status, 401);
  },
  { timeout: 240_000 },
);

test("lists have pages, versions are checked, and what is wrong is said in the words of the standard", async () => {
  const { token } = await client();
  for (let i = 0; i < 3; i++) ok(await scim(token, "POST", "/Users", entraUser({ title: "paged" })), 201);
  const page = async (query) => ok(await scim(token, "GET", `/Users?${search('title eq "paged"')}&${query}`));
  const all = await page("");
  assert.equal(all.totalResults, 3);
  const second = await page("startIndex=2&count=1");
  assert.deepEqual(
    [second.totalResults, second.startIndex, second.itemsPerPage, second.Resources[0].id],
    [3, 2, 1, all.Resources[1].id],
  );
  assert.deepEqual((await page("count=0")).Resources, []);
  const unfiltered = ok(await scim(token, "GET", "/Users?startIndex=2&count=2&attributes=userName"));
  assert.deepEqual(
    [unfiltered.itemsPerPage, Object.keys(unfiltered.Resources[0]).sort()],
    [2, ["id", "schemas", "userName"]],
  );

  const { id, meta } = all.Resources[0];
  assert.equal((await scim(token, "GET", `/Users/${id}`, undefined, { "if-none-match": meta.version })).status, 304);
  const change = { schemas: [PATCH], Operations: [{ op: "replace", path: "title", value: "changed" }] };
  ok(await scim(token, "PATCH", `/Users/${id}`, change, { "if-match": meta.version }));
  assert.deepEqual(refusal(await scim(token, "PATCH", `/Users/${id}`, change, { "if-match": meta.version })), [
    412,
    null,
  ]);
  assert.deepEqual(refusal(await scim(token, "DELETE", `/Users/${id}`, undefined, { "if-match": meta.version })), [
    412,
    null,
  ]);

  for (const [method, target, body, expected] of [
    ["GET", `/Users?${search("userName eq")}`, undefined, [400, "invalidFilter"]],
    ["GET", `/Users?${search("salary gt 5")}`, undefined, [400, "invalidFilter"]],
    ["GET", "/Users?startIndex=x", undefined, [400, "invalidValue"]],
    ["POST", "/Users", { schemas: [USER], userName: "x", emails: [{ value: "nowhere" }] }, [400, "invalidValue"]],
    ["POST", "/Users", [], [400, "invalidSyntax"]],
    ["PATCH", `/Users/${id}`, { Operations: [{ op: "replace", path: "id", value: "x" }] }, [400, "mutability"]],
    ["PATCH", `/Users/${id}`, { Operations: [{ op: "replace", path: "salary", value: 5 }] }, [400, "invalidPath"]],
    ["PATCH", `/Users/${id}`, { Operations: [{ op: "remove" }] }, [400, "noTarget"]],
    ["PATCH", `/Users/${id}`, { Operations: [{ op: "remove", path: "userName" }] }, [400, "invalidValue"]],
    ["PUT", "/Users/none", { userName: "a@b.example" }, [404, null]],
  ])
    assert.deepEqual(refusal(await scim(token, method, target, body)), expected, `${method} ${target}`);
});

test("a token is good for SCIM alone, is replaced with an overlap, and is kept as a hash", async () => {
  const { id, token } = await client();
  assert.equal((await t.gw.call("/users", { headers: bearer(token) })).status, 401);
  assert.equal((await t.gw.complete(token, ask("demo/echo"))).status, 401);
  for (const wrong of [token.slice(0, -1), `${token}A`, "scim_x.y", t.gw.adminToken])
    assert.deepEqual(refusal(await scim(wrong, "GET", "/Users")), [401, null], wrong);
  const { token: second } = (await t.gw.admin("POST", `/scim-clients/${id}/token`, { overlap_hours: 1 })).body;
  for (const one of [token, second]) ok(await scim(one, "GET", "/Users?count=0"));
  const { token: third } = (await t.gw.admin("POST", `/scim-clients/${id}/token`)).body;
  for (const one of [token, second]) assert.equal((await scim(one, "GET", "/Users")).status, 401);
  ok(await scim(third, "GET", "/Users?count=0"));
  await eventually(async () => (await t.gw.admin("GET", `/scim-clients/${id}`)).body.last_used_at > 0, {
    what: "the use",
  });
  assert.ok(!JSON.stringify(await t.gw.db("SELECT * FROM scim_clients")).includes(third.split(".")[1]));
  await t.gw.admin("PUT", `/scim-clients/${id}`, { enabled: false });
  assert.equal((await scim(third, "GET", "/Users")).status, 401);
  const log = (await t.gw.admin("GET", "/audit?limit=500")).text;
  assert.ok(log.includes("POST /scim-clients/{id}/token"));
  assert.ok(![token, second, third].some((one) => log.includes(one.split(".")[1])));
});

test("an administrator who was made here is ended by a directory, and neither renamed nor deleted", async () => {
  const { token } = await client();
  const email = `root-${++made}@example.org`;
  const { id } = (await t.gw.admin("POST", "/users", { email, password: PASSWORD, roles: ["admin"] })).body;
  const found = ok(await scim(token, "GET", `/Users?${search(`userName eq "${email}"`)}`));
  assert.equal(found.Resources[0].id, id, "an account that is there already is found by its address");
  const renamed = await patch(token, `/Users/${id}`, {
    op: "replace",
    path: "emails",
    value: [{ value: "eve@example.org" }],
  });
  assert.deepEqual(refusal(renamed), [403, null]);
  assert.deepEqual(refusal(await scim(token, "DELETE", `/Users/${id}`)), [403, null]);
  ok(await patch(token, `/Users/${id}`, { op: "replace", path: "externalId", value: `root-${made}` }));
  ok(await patch(token, `/Users/${id}`, { op: "replace", path: "active", value: false }));
  const audit = (await t.gw.admin("GET", `/audit?target=${id}`)).body.entries.map(
    ({ entry, ...rest }) => entry ?? rest,
  );
  assert.ok(
    audit.some(({ actor, operation }) => actor.startsWith("scim:") && operation === "PATCH /scim/v2/Users/{id}"),
  );
  const few = await t.gw.createKey({ permissions: ["manage_identity_providers"] });
  const refused = await t.gw.admin("POST", "/scim-clients", { name: "x" }, { headers: bearer(few.key) });
  assert.equal(refused.status, 403, "who gives directories has all permissions");
});

test("a user whom the directory has made signs in with its service for the first time", async () => {
  const service = {
    id: "okta-scim",
    kind: "oidc",
    issuer: okta.issuer,
    client_id: CLIENT.id,
    client_secret: CLIENT.secret,
    makes_accounts: false,
  };
  assert.equal((await t.gw.admin("POST", "/identity-providers", service)).status, 201);
  const { token } = await client({ identity_provider: service.id });
  const other = await client();
  const bySubject = ok(await scim(token, "POST", "/Users", entraUser({ externalId: "okta-subject-1" })), 201);
  const mail = entraUser();
  const byAddress = ok(await scim(token, "POST", "/Users", mail), 201);
  const foreign = entraUser();
  ok(await scim(other.token, "POST", "/Users", foreign), 201);
  const signIn = async (subject, claims) => {
    okta.claims = claims;
    const begun = await t.gw.call(`/auth/with/${service.id}`);
    const back = okta.authorize(begun.headers.location, subject);
    const cookie = [begun.headers["set-cookie"]]
      .flat()
      .map((line) => line.split(";")[0])
      .join("; ");
    const answer = await t.gw.call(`/auth/with/${service.id}/callback?${back}`, { headers: { cookie } });
    const access = [answer.headers["set-cookie"] ?? []]
      .flat()
      .map((line) => line.split(";")[0])
      .find((pair) => pair.includes("nexus_access="));
    if (!access) return undefined;
    return (await t.gw.admin("GET", "/auth/me", undefined, { headers: { cookie: access } })).body.id;
  };
  assert.equal(await signIn("okta-subject-1", {}), bySubject.id);
  assert.equal(await signIn("okta-subject-2", { email: mail.userName, email_verified: true }), byAddress.id);
  assert.equal(
    await signIn("okta-subject-3", { email: mail.userName, email_verified: true }),
    undefined,
    "it is linked already",
  );
  assert.equal(
    await signIn("okta-subject-4", { email: foreign.userName, email_verified: true }),
    undefined,
    "another directory's",
  );
  assert.equal(await signIn("okta-subject-5", { email: foreign.userName }), undefined);
  assert.equal(await signIn("okta-subject-1", {}), bySubject.id, "and again");
});
