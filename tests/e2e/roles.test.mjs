// Roles of the deployment's own, direct grants that end, and teams: what they give, to whom, and that they give no more.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({ twin: true });
const PASSWORD = "Tr4vel-Lamp";
const SLOW = { timeout: 240_000 };
let made = 0;

const codeOf = ({ text }) => errorOf(text).code;

/** A signed-in user; `call` is the admin API as they use it. */
async function person(fields = {}) {
  const email = `roles-${++made}@example.org`;
  const { status, body, text } = await t.gw.admin("POST", "/users", { email, password: PASSWORD, ...fields });
  assert.equal(status, 201, text);
  const signedIn = await t.gw.admin("POST", "/auth/login", { email, password: PASSWORD }, { headers: {} });
  assert.equal(signedIn.status, 200, signedIn.text);
  const headers = bearer(signedIn.body.access_token);
  const call = (method, target, input) => t.gw.admin(method, target, input, { headers });
  return { id: body.id, headers, call, me: async () => (await call("GET", "/auth/me")).body };
}

const admin = async (method, target, body, expected = 200) => {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, expected, `${method} ${target}: ${answer.text}`);
  return answer.body;
};
const team = async (members) => {
  const { id } = await admin("POST", "/teams", { name: "Search" }, 201);
  for (const [user, role] of members) await admin("PUT", `/teams/${id}/members/${user.id}`, { role });
  return id;
};

test("a role gives its permissions, a change of it holds at once, and it is deleted when no user has it", async () => {
  await admin("POST", "/roles", { code: "pricing", name: "Keeps the prices", permissions: ["view_prices"] }, 201);
  const clerk = await person({ roles: ["guest", "pricing"] });
  assert.deepEqual((await clerk.me()).permissions, ["view_models", "view_prices"]);
  assert.equal((await clerk.call("GET", "/prices")).status, 200);
  const refused = await clerk.call("PUT", "/prices/model:x", { input: 1, output: 1 });
  assert.deepEqual([refused.status, codeOf(refused)], [403, "permission_denied"]);
  const changed = await admin("PUT", "/roles/pricing", { permissions: ["view_prices", "manage_prices"] });
  assert.deepEqual(changed.permissions, ["view_prices", "manage_prices"]);
  assert.equal((await clerk.call("PUT", "/prices/model:x", { input: 1, output: 1 })).status, 200);
  const busy = await t.gw.admin("DELETE", "/roles/pricing");
  assert.deepEqual([busy.status, codeOf(busy)], [409, "role_in_use"]);
  await admin("PUT", `/users/${clerk.id}`, { roles: ["guest"] });
  assert.equal((await clerk.call("GET", "/prices")).status, 403, "a role that was taken away gives nothing");
  await admin("DELETE", "/roles/pricing");
  assert.equal(codeOf(await t.gw.admin("GET", "/roles/pricing")), "role_not_found");
});

test("built-in roles are listed and fixed, and codes are checked", async () => {
  const { roles } = await admin("GET", "/roles");
  assert.deepEqual(
    roles.slice(0, 5).map(({ code, is_built_in }) => [code, is_built_in]),
    ["admin", "operator", "viewer", "user", "guest"].map((code) => [code, true]),
  );
  const { permissions } = await admin("GET", "/permissions");
  assert.deepEqual(
    roles[0].permissions,
    permissions.map(({ code }) => code),
  );
  for (const [method, target, body, status, code] of [
    ["PUT", "/roles/admin", { permissions: [] }, 409, "role_is_built_in"],
    ["DELETE", "/roles/guest", undefined, 409, "role_is_built_in"],
    ["POST", "/roles", { code: "user", name: "x" }, 409, "name_taken"],
    ["POST", "/roles", { code: "Big Boss", name: "x" }, 400, "invalid_value"],
    ["POST", "/roles", { code: "boss", name: "x", permissions: ["root"] }, 400, "invalid_value"],
    ["POST", "/roles", { code: "boss" }, 400, "missing_required_parameter"],
    ["PUT", "/roles/none", { name: "x" }, 404, "role_not_found"],
    ["DELETE", "/roles/none", undefined, 404, "role_not_found"],
    ["POST", "/users", { email: "of-none@example.org", roles: ["none"] }, 400, "invalid_value"],
    ["POST", "/users/none/grants", { permissions: ["view_audit"] }, 404, "user_not_found"],
    ["GET", "/users/none/grants", undefined, 404, "user_not_found"],
  ]) {
    const answer = await t.gw.admin(method, target, body);
    assert.deepEqual([answer.status, codeOf(answer)], [status, code], `${method} ${target}`);
  }
});

test("what one does not have oneself one cannot give, by no way", async () => {
  await admin("POST", "/roles", { code: "mighty", name: "x", permissions: ["manage_system", "view_users"] }, 201);
  await admin(
    "POST",
    "/roles",
    { code: "granter", name: "x", permissions: ["manage_user_permissions", "manage_users", "view_users"] },
    201,
  );
  const granter = await person({ roles: ["granter"] });
  const mighty = await person({ roles: ["mighty"] });
  const grant = await admin("POST", `/users/${mighty.id}/grants`, { permissions: ["view_audit"] }, 201);
  for (const [method, target, body] of [
    ["POST", "/roles", { code: "more", name: "x", permissions: ["view_audit"] }],
    ["PUT", "/roles/mighty", { name: "renamed" }],
    ["PUT", "/roles/mighty", { permissions: [] }],
    ["DELETE", "/roles/mighty"],
    ["PUT", "/roles/granter", { permissions: ["manage_user_permissions", "manage_system"] }],
    ["POST", "/users", { email: "accomplice@example.org", roles: ["mighty"] }],
    ["PUT", `/users/${granter.id}`, { roles: ["granter", "mighty"] }],
    ["PUT", `/users/${mighty.id}`, { password: "Tak3-it-over" }],
    ["POST", `/users/${mighty.id}/grants`, { permissions: ["manage_system"] }],
    ["DELETE", `/users/${mighty.id}/grants/${grant.id}`],
    ["POST", `/users/${granter.id}/grants`, { permissions: ["view_users"] }],
  ]) {
    const answer = await granter.call(method, target, body);
    assert.deepEqual([answer.status, codeOf(answer)], [403, "permission_denied"], `${method} ${target}`);
  }
  const other = await person();
  const given = await granter.call("POST", `/users/${other.id}/grants`, {
    permissions: ["view_users"],
    note: "for a day",
  });
  assert.deepEqual([given.status, given.body.granted_by], [201, `user:${granter.id}`]);
  assert.equal((await other.call("GET", "/users")).status, 200);
  assert.equal((await granter.call("DELETE", `/users/${other.id}/grants/${given.body.id}`)).status, 200);
  assert.equal((await other.call("GET", "/users")).status, 403, "at once in the isolate that took it back");
  assert.equal(codeOf(await granter.call("DELETE", `/users/${other.id}/grants/${given.body.id}`)), "grant_not_found");
});

test("a grant ends at its time, also for the keys of its user", async () => {
  const user = await person({ roles: ["user"] });
  const grants = `/users/${user.id}/grants`;
  await admin("POST", grants, { permissions: ["view_audit"] }, 201);
  const soon = await admin("POST", grants, { permissions: ["view_prices"], expires_in_seconds: 4 }, 201);
  const { body } = await user.call("POST", "/keys", { name: "program", permissions: ["view_prices"] });
  const program = () => t.gw.admin("GET", "/prices", undefined, { headers: bearer(body.key) });
  assert.equal((await program()).status, 200);
  const me = await user.me();
  assert.deepEqual(
    me.grants.map(({ permissions, expires_at }) => [permissions.join(), expires_at]).sort(),
    [
      ["view_audit", null],
      ["view_prices", soon.expires_at],
    ].sort(),
  );
  assert.deepEqual((await admin("GET", `/users/${user.id}`)).permissions, me.permissions);
  await eventually(async () => (await user.call("GET", "/prices")).status === 403);
  assert.ok(Date.now() >= soon.expires_at, "not before its time");
  const refused = await program();
  assert.deepEqual([refused.status, codeOf(refused)], [403, "permission_denied"], "and its user's key with it");
  assert.deepEqual(
    (await user.me()).grants.map(({ permissions }) => permissions.join()),
    ["view_audit"],
  );
  const listed = await admin("GET", grants);
  assert.equal(listed.grants.length, 2, "the list has what is over as well");
});

test("owners of a team manage its things, members look at them, and for others they do not exist", async () => {
  const [owner, member, stranger, joins] = [
    await person({ roles: ["user"] }),
    await person({ roles: ["user"] }),
    await person({ roles: ["user"] }),
    await person({ roles: ["user"] }),
  ];
  const id = await team([
    [owner, "owner"],
    [member, "member"],
  ]);
  const elsewhere = await team([[stranger, "owner"]]);
  const key = await owner.call("POST", "/keys", { name: "crawler", owner: id });
  assert.deepEqual([key.status, key.body.owner], [201, id]);
  assert.equal((await owner.call("POST", "/keys", { name: "mine" })).body.owner, owner.id, "not the team's by itself");
  assert.equal(codeOf(await owner.call("POST", "/keys", { name: "x", owner: elsewhere })), "owner_not_allowed");
  assert.equal(codeOf(await member.call("POST", "/keys", { name: "x", owner: id })), "owner_not_allowed");

  await admin("PUT", `/limits/user:${id}`, { limits: { requests_per_minute: 50 } });
  await admin("POST", `/credits/accounts/${id}/grant`, { amount: 5 }, 201);
  const { headers } = await t.gw.complete(key.body.key, ask("demo/echo"));
  const row = await t.gw.row(headers["x-request-id"]);
  assert.equal(row.owner, id);
  const things = [
    [`/teams/${id}`, "team_not_found"],
    [`/keys/${key.body.id}`, "key_not_found"],
    [`/limits/user:${id}`, "subject_not_found"],
    [`/limits/key:${key.body.id}`, "subject_not_found"],
    [`/credits/accounts/${id}`, "account_not_found"],
    [`/credits/accounts/${id}/transactions`, "account_not_found"],
    [`/requests/${headers["x-request-id"]}`, "request_not_found"],
    [`/conversations?key_id=${key.body.id}`, "key_not_found"],
    [`/stats/overview?range=1h&owner=${id}`, "owner_not_allowed"],
  ];
  for (const [target, code] of things) {
    for (const one of [owner, member]) assert.equal((await one.call("GET", target)).status, 200, target);
    assert.equal(codeOf(await stranger.call("GET", target)), code, target);
  }
  const lists = {
    "/teams": ({ teams }) => teams.map((one) => one.id),
    "/keys": ({ keys }) => keys.map((one) => one.id),
    "/limits": ({ limits }) => limits.map((one) => one.subject),
    "/credits/accounts": ({ accounts }) => accounts.map((one) => one.account),
    "/requests": ({ requests }) => requests.map((one) => one.key_id),
    "/stats/by/key?range=1h": ({ groups }) => groups.map((one) => one.name),
  };
  for (const [target, ids] of Object.entries(lists)) {
    const seen = async (one) => ids((await one.call("GET", target)).body).join();
    const own = [id, key.body.id].filter((name) => target !== "/teams" || name === id);
    const of = await eventually(() => seen(member));
    assert.ok(
      own.some((name) => of.includes(name)),
      `${target} for a member: ${of}`,
    );
    const others = await seen(stranger);
    assert.ok(!own.some((name) => others.includes(name)), `${target} for a stranger: ${others}`);
  }

  const change = (one, method, target, body) => one.call(method, target, body);
  for (const [method, target, body, code] of [
    ["PUT", `/keys/${key.body.id}`, { name: "renamed" }, "key_not_found"],
    ["POST", `/keys/${key.body.id}/rotate`, {}, "key_not_found"],
    ["PUT", `/teams/${id}`, { name: "renamed" }, "team_not_found"],
    ["PUT", `/teams/${id}/members/${joins.id}`, { role: "owner" }, "team_not_found"],
    ["DELETE", `/teams/${id}/members/${owner.id}`, undefined, "team_not_found"],
  ]) {
    for (const one of [member, stranger]) assert.equal(codeOf(await change(one, method, target, body)), code, target);
    if (!target.endsWith(owner.id)) assert.equal((await change(owner, method, target, body)).status, 200, target);
  }
  assert.equal(
    codeOf(await owner.call("DELETE", `/teams/${id}`)),
    "permission_denied",
    "teams are ended by those who run them",
  );
  assert.equal(codeOf(await owner.call("PUT", `/teams/${id}/members/none`, { role: "owner" })), "user_not_found");
  const { members } = (await member.call("GET", `/teams/${id}`)).body;
  assert.deepEqual(
    members.map(({ user_id, role }) => [user_id, role]).sort(),
    [
      [owner.id, "owner"],
      [member.id, "member"],
      [joins.id, "owner"],
    ].sort(),
  );
});

test(
  "who leaves a team sees it no more, at once and within a minute elsewhere; the end of a team ends its keys",
  async () => {
    const member = await person({ roles: ["user"] });
    const id = await team([[member, "member"]]);
    const elsewhere = async () => (await fetch(`${t.gw.twinUrl}/teams/${id}`, { headers: member.headers })).status;
    assert.equal((await member.call("GET", `/teams/${id}`)).status, 200);
    assert.equal(await elsewhere(), 200);
    await admin("DELETE", `/teams/${id}/members/${member.id}`);
    assert.equal((await member.call("GET", `/teams/${id}`)).status, 404);
    assert.deepEqual((await member.me()).teams, []);
    assert.equal(codeOf(await t.gw.admin("DELETE", `/teams/${id}/members/${member.id}`)), "member_not_found");
    await eventually(async () => (await elsewhere()) === 404, { within: 60_000, what: "the other isolate's refusal" });
    const { key } = await t.gw.createKey({ owner: id });
    assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
    await admin("DELETE", `/teams/${id}`);
    assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 401);
    assert.equal(codeOf(await t.gw.admin("GET", `/teams/${id}`)), "team_not_found");
  },
  SLOW,
);

test("a role that is given to users to come is in use", async () => {
  await admin("POST", "/roles", { code: "given", name: "Given", permissions: ["view_models"] }, 201);
  const refused = async (by) => {
    const answer = await t.gw.admin("DELETE", "/roles/given");
    assert.deepEqual([answer.status, codeOf(answer)], [409, "role_in_use"], answer.text);
    assert.ok(errorOf(answer.text).message.includes(by), answer.text);
  };
  await admin("PUT", "/registration", { roles: ["user", "given"] });
  await refused("registration");
  await admin("PUT", "/registration", { roles: ["user"] });
  const invitation = await admin("POST", "/invitations", { seats: 1, roles: ["given"] }, 201);
  await refused("invitation");
  await admin("DELETE", `/invitations/${invitation.id}`);
  const service = { id: "roles", preset: "github", client_id: "c", client_secret: "s" };
  await admin("POST", "/identity-providers", { ...service, role_map: [{ group: "g", roles: ["given"] }] }, 201);
  await refused("identity provider");
  await admin("PUT", "/identity-providers/roles", { role_map: [], roles: ["given"] });
  await refused("identity provider");
  await admin("DELETE", "/identity-providers/roles");
  const client = await admin(
    "POST",
    "/scim-clients",
    { name: "x", role_map: [{ group: "given", roles: ["given"] }] },
    201,
  );
  await refused("directory");
  // A group of that name is no role.
  await admin("PUT", `/scim-clients/${client.id}`, { role_map: [{ group: "given", roles: ["user"] }] });
  await admin("DELETE", "/roles/given");
});
