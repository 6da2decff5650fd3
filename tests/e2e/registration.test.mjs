// Proves registration: each way in, places that are exact under a thousand tries at once, invitations, approval, answers that do not
// tell which addresses have accounts, and what is left of a user who is deleted.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { bearer, eventually } from "../support/util.mjs";

const MAIL_SECRET = "the-secret-of-the-mail-service";
const receiver = await startReceiver();
receiver.trust({ id: "mail", secret: MAIL_SECRET });
after(() => receiver.stop());
const t = suite({ vars: { MAIL_WEBHOOK: `${receiver.url}/mail?to=users`, MAIL_WEBHOOK_SECRET: MAIL_SECRET } });
const PASSWORD = "Tr4vel-Lamp";
const SLOW = { timeout: 300_000 };
const HOUR = 3_600_000;
let made = 0;

const address = (domain = "example.org") => `new-${++made}@${domain}`;
const post = (target, body, headers = {}) => t.gw.admin("POST", target, body, { headers });
const register = (fields = {}) => post("/auth/register", { email: address(), password: PASSWORD, ...fields });
const logIn = (email, password = PASSWORD) => post("/auth/login", { email, password });
const codeOf = ({ text }) => errorOf(text).code;
const outcome = (answer) => (answer.status < 400 ? answer.status : codeOf(answer));
const closed = { mode: "closed", domains: null, approval: false, verification: false, seats: null, windows: [] };
async function rules(fields) {
  const answer = await t.gw.admin("PUT", "/registration", { ...closed, roles: ["user"], ...fields });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}
const usersWith = async (email) => (await t.gw.admin("GET", `/users?email=${encodeURIComponent(email)}`)).body.users;
const mailTo = (email) => receiver.received.filter(({ text }) => JSON.parse(text).to === email);
const messageTo = (email, type) =>
  eventually(
    () =>
      mailTo(email)
        .map(({ text }) => JSON.parse(text))
        .find((message) => message.type === type),
    {
      what: `${type} to ${email}`,
    },
  );
const tokenOf = ({ link }) => new URL(link).hash.replace("#token=", "");

test("registration is closed until it is opened, and its rules are shown and changed by those who may", async () => {
  assert.equal(outcome(await register()), "registration_closed");
  const shown = (await t.gw.admin("GET", "/registration")).body;
  assert.deepEqual([shown.mode, shown.is_open, shown.roles], ["closed", false, ["user"]]);
  for (const [fields, param] of [
    [{ mode: "everyone" }, "mode"],
    [{ domains: ["not a domain"] }, "domains[0]"],
    [{ windows: [{ id: "w", opens_at: 2, closes_at: 1 }] }, "windows[0]"],
    [{ windows: [{ id: "w", opens_at: 1 }] }, "windows[0].closes_at"],
    [{ roles: ["root"] }, "roles"],
    [{ seats: -1 }, "seats"],
  ])
    assert.equal(errorOf((await t.gw.admin("PUT", "/registration", fields)).text).param, param, JSON.stringify(fields));
  const { key } = await t.gw.createKey({ permissions: ["manage_registration"] });
  const mighty = await t.gw.admin("PUT", "/registration", { roles: ["admin"] }, { headers: bearer(key) });
  assert.equal(codeOf(mighty), "permission_denied", "roles that the person does not have cannot be given");
  await rules({ mode: "open" });
  const [audited] = await eventually(async () => {
    const { entries } = (await t.gw.admin("GET", `/audit?operation=${encodeURIComponent("PUT /registration")}`)).body;
    return entries.filter(({ status }) => status === 200).length > 0 && entries.filter(({ status }) => status === 200);
  });
  assert.deepEqual([audited.changes[0].before.mode, audited.changes[0].after.mode], ["closed", "open"]);
});

test("an account that is made can sign in, with the roles of registration", async () => {
  await rules({ mode: "open", domains: ["Example.org"] });
  const email = address();
  const answer = await register({ email: ` ${email.toUpperCase()} `, name: "Ada" });
  assert.deepEqual(
    [answer.status, answer.body],
    [202, { accepted: true, needs_verification: false, needs_approval: false }],
  );
  const { body } = await logIn(email);
  assert.deepEqual([body.user.email, body.user.name, body.user.roles], [email, "Ada", ["user"]]);
  for (const domain of ["example.net", "sub.example.org", "notexample.org"])
    assert.equal(outcome(await register({ email: address(domain) })), "domain_not_allowed", domain);
  assert.equal(outcome(await register({ password: "short" })), "weak_password");
  assert.equal(outcome(await register({ roles: ["admin"] })), "unknown_parameter");
});

test("an address that has an account is answered as a new one, and its account stays as it is", async () => {
  await rules({ mode: "open", seats: null });
  const email = address();
  const first = await register({ email });
  const second = await register({ email, password: "An0ther-Lamp", name: "Eve" });
  assert.deepEqual(
    [second.status, second.text, Object.keys(second.headers)],
    [first.status, first.text, Object.keys(first.headers)],
  );
  assert.equal((await logIn(email, "An0ther-Lamp")).status, 401);
  assert.equal((await logIn(email)).body.user.name, "");
  assert.equal((await usersWith(email)).length, 1);
});

test(
  "of a thousand who try at once exactly as many get a place as there are",
  async () => {
    const { taken } = await rules({ mode: "open", seats: 0 });
    const { taken: before } = await rules({ mode: "open", seats: taken + 15 });
    const [{ n: users }] = await t.gw.db("SELECT count(*) AS n FROM users");
    const answers = [];
    const emails = Array.from({ length: 1_000 }, () => address());
    // A hundred connections at a time: what is tested is the count, not the machine.
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        for (let email = emails.pop(); email; email = emails.pop()) answers.push(outcome(await register({ email })));
      }),
    );
    assert.equal(answers.filter((one) => one === 202).length, 15);
    assert.equal(answers.filter((one) => one === "registration_full").length, 985);
    const [{ n: now }] = await t.gw.db("SELECT count(*) AS n FROM users");
    assert.equal(now - users, 15);
    const shown = (await t.gw.admin("GET", "/registration")).body;
    assert.equal(shown.taken - before, 15);
  },
  SLOW,
);

test("a place that an address with an account took is given back", async () => {
  const email = address();
  await rules({ mode: "open" });
  await register({ email });
  const { taken } = await rules({ mode: "open", seats: 1_000 });
  assert.equal((await register({ email })).status, 202);
  await eventually(async () => (await t.gw.admin("GET", "/registration")).body.taken === taken);
  await rules({ mode: "open", seats: taken });
  assert.equal(outcome(await register()), "registration_full");
});

test("windows open and close, each with its own places and approval", async () => {
  const now = Date.now();
  const window = (id, opens_at, closes_at, more = {}) => ({ id, opens_at, closes_at, ...more });
  await rules({ mode: "scheduled", windows: [window("later", now + HOUR, now + 2 * HOUR), window("past", 0, now)] });
  assert.equal(outcome(await register()), "registration_closed");
  const open = window("now", now - HOUR, now + HOUR, { seats: 1, approval: true });
  assert.equal((await rules({ mode: "scheduled", windows: [open] })).is_open, true);
  const email = address();
  assert.equal((await register({ email })).body.needs_approval, true);
  assert.equal(outcome(await register()), "registration_full");
  const { windows } = (await t.gw.admin("GET", "/registration")).body;
  assert.deepEqual([windows[0].id, windows[0].taken], ["now", 1]);
  assert.equal(outcome(await logIn(email)), "account_pending");
});

test("an account that waits is approved or rejected, and its owner is told", async () => {
  await rules({ mode: "open", approval: true });
  const [good, bad] = [address(), address()];
  for (const email of [good, bad]) assert.equal((await register({ email })).body.needs_approval, true);
  const [[first], [second]] = [await usersWith(good), await usersWith(bad)];
  const { key } = await t.gw.createKey({ permissions: ["view_users"] });
  const approve = (id, headers) => t.gw.admin("POST", `/users/${id}/approve`, undefined, headers && { headers });
  assert.equal(outcome(await approve(first.id, bearer(key))), "permission_denied");
  assert.equal((await approve(first.id)).body.status, "active");
  assert.equal(outcome(await approve(first.id)), "user_not_pending");
  assert.equal(outcome(await approve("unknown-id")), "user_not_found");
  assert.equal((await logIn(good)).status, 200);
  assert.equal((await t.gw.admin("POST", `/users/${second.id}/reject`)).status, 200);
  assert.deepEqual(await usersWith(bad), []);
  assert.equal(outcome(await logIn(bad)), "invalid_credentials");
  await messageTo(good, "mail.account_approved");
  await messageTo(bad, "mail.account_rejected");
});

test("an invitation is good for its places, its address and its time, and its code is shown once", async () => {
  await rules({ mode: "invite" });
  assert.equal(outcome(await register()), "invitation_required");
  const invite = async (fields) => (await t.gw.admin("POST", "/invitations", fields)).body;
  const two = await invite({ seats: 2, note: "for the workshop", roles: ["viewer"] });
  const email = address();
  assert.equal((await register({ email, invitation: two.code })).status, 202);
  assert.deepEqual((await logIn(email)).body.user.roles, ["viewer"]);
  assert.equal((await register({ invitation: two.code })).status, 202);
  assert.equal(outcome(await register({ invitation: two.code })), "registration_full");
  const guest = address("elsewhere.net");
  const forGuest = await invite({ email: guest.toUpperCase() });
  assert.equal(outcome(await register({ invitation: forGuest.code })), "invitation_required");
  assert.equal((await register({ email: guest, invitation: forGuest.code })).status, 202);
  const over = await invite({});
  await t.gw.db("UPDATE invitations SET expires_at = 1 WHERE id = ?", over.id);
  const revoked = await invite({});
  assert.equal((await t.gw.admin("DELETE", `/invitations/${revoked.id}`)).status, 200);
  const forged = `${two.id}.${"A".repeat(43)}`;
  for (const invitation of [over.code, revoked.code, forged, "x", two.code.toLowerCase()])
    assert.equal(outcome(await register({ invitation })), "invitation_required", invitation);
  const listed = await t.gw.admin("GET", "/invitations");
  const { taken, created_by, note } = listed.body.invitations.find(({ id }) => id === two.id);
  assert.deepEqual([taken, created_by, note], [2, "admin_token", "for the workshop"]);
  const stored = (await t.gw.dump()).map(({ text }) => text).join("\n");
  for (const { code } of [two, forGuest, over]) {
    assert.ok(!listed.text.includes(code.split(".")[1]));
    assert.ok(!stored.includes(code.split(".")[1]));
  }
  const { key } = await t.gw.createKey({ permissions: ["manage_registration"] });
  const mighty = await t.gw.admin("POST", "/invitations", { roles: ["operator"] }, { headers: bearer(key) });
  assert.equal(codeOf(mighty), "permission_denied");
  assert.equal(outcome(await t.gw.admin("DELETE", "/invitations/none")), "invitation_not_found");
});

test("an account that must be confirmed is closed until it is, and looks as if it did not exist", async () => {
  await rules({ mode: "open", verification: true, approval: true });
  const email = address();
  const first = await register({ email });
  assert.deepEqual([first.body.needs_verification, first.body.needs_approval], [true, true]);
  assert.equal(outcome(await logIn(email)), "invalid_credentials");
  const message = await messageTo(email, "mail.verify_email");
  const [delivered] = mailTo(email);
  assert.equal(delivered.fault, undefined, "the request is signed");
  assert.ok(message.link.startsWith(`${t.gw.url}/console/verify-email#token=`), message.link);
  const second = await register({ email, password: "An0ther-Lamp" });
  assert.equal(second.text, first.text);
  assert.equal((await messageTo(email, "mail.already_registered")).link, null);
  const verify = (token) => post("/auth/email/verify", { token });
  assert.equal(outcome(await verify(`${tokenOf(message)}A`)), "invalid_link");
  const tries = await Promise.all(Array.from({ length: 8 }, () => verify(tokenOf(message))));
  assert.deepEqual(
    tries.filter(({ status }) => status === 200).map(({ body }) => body),
    [{ verified: true, needs_approval: true }],
  );
  assert.equal(outcome(await logIn(email)), "account_pending");
  const [user] = await usersWith(email);
  assert.ok(user.email_verified_at > 0 && user.must_verify === false);
  await t.gw.admin("POST", `/users/${user.id}/approve`);
  assert.equal((await logIn(email)).status, 200);
});

test(
  "a user who is deleted is out at once, with their keys, and stays in the audit log",
  async () => {
    await rules({ mode: "open" });
    const made = [];
    for (const keys of ["disable", "delete"]) {
      const email = address();
      await register({ email, name: `name-${keys}` });
      const { body } = await logIn(email);
      const { key, id } = await t.gw.createKey({ owner: body.user.id });
      assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
      made.push({ email, ...body, key, keyId: id, keys });
    }
    const { key: clerk } = await t.gw.createKey({ permissions: ["manage_users"] });
    const target = ({ user, keys }) => `/users/${user.id}?keys=${keys}`;
    const clerks = await t.gw.admin("DELETE", target(made[0]), undefined, { headers: bearer(clerk) });
    assert.equal(codeOf(clerks), "permission_denied", "only those who have all permissions of a user delete one");
    assert.equal(codeOf(await t.gw.admin("DELETE", "/users/unknown-id")), "user_not_found");
    assert.equal(codeOf(await t.gw.admin("DELETE", `/users/${made[0].user.id}?keys=keep`)), "invalid_value");
    for (const one of made) {
      assert.deepEqual((await t.gw.admin("DELETE", target(one))).body, { id: one.user.id, deleted: true });
      const me = await t.gw.admin("GET", "/auth/me", undefined, { headers: bearer(one.access_token) });
      assert.equal(codeOf(me), "invalid_access_token");
      assert.equal(outcome(await post("/auth/refresh", { refresh_token: one.refresh_token })), "invalid_refresh_token");
      assert.equal(outcome(await logIn(one.email)), "invalid_credentials");
      await eventually(async () => (await t.gw.complete(one.key, ask("demo/echo"))).status === 401, { within: 60_000 });
      const key = await t.gw.admin("GET", `/keys/${one.keyId}`);
      assert.equal(one.keys === "delete" ? key.status : key.body.enabled, one.keys === "delete" ? 404 : false);
      for (const table of ["passwords", "sign_in_sessions"]) {
        const rows = await t.gw.db(`SELECT * FROM ${table} WHERE user_id = ?`, one.user.id);
        assert.deepEqual(rows, [], table);
      }
      const entries = await eventually(async () => {
        const { entries } = (await t.gw.admin("GET", `/audit?target=${one.user.id}`)).body;
        return entries.some(({ operation }) => operation === "DELETE /users/{id}") && entries;
      });
      const gone = entries.find(({ operation, status }) => operation === "DELETE /users/{id}" && status === 200);
      assert.deepEqual(gone.changes.find(({ field }) => field === "email")?.before, one.email);
    }
    assert.equal((await t.gw.admin("GET", "/audit/verify")).body.ok, true);
    // The address is free again, for another user.
    assert.equal((await register({ email: made[0].email })).status, 202);
    assert.notEqual((await logIn(made[0].email)).body.user.id, made[0].user.id);
  },
  SLOW,
);
