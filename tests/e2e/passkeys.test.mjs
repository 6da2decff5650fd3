// Proves passkeys with a software authenticator: both algorithms, what belongs to another ceremony, user, origin or counter, challenges
// that work once, and what a user can do with their own.
import assert from "node:assert/strict";
import { Authenticator } from "../support/authenticator.mjs";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

const t = suite();
const PASSWORD = "Tr4vel-Lamp";
let made = 0;

const codeOf = ({ text }) => errorOf(text).code;
const outcome = (answer) => (answer.status < 400 ? answer.status : codeOf(answer));
const as = (token, method, target, body) => t.gw.admin(method, target, body, { headers: token ? bearer(token) : {} });
const own = () => ({ origin: t.gw.url });

async function user() {
  const email = `user-${++made}@example.org`;
  await t.gw.admin("POST", "/users", { email, password: PASSWORD, name: "Ada" });
  return (await as(undefined, "POST", "/auth/login", { email, password: PASSWORD })).body;
}
const creation = async (token) => (await as(token, "POST", "/auth/passkeys/options")).body;
const request = async () => (await as(undefined, "POST", "/auth/passkeys/sign-in/options")).body;
const add = (token, body) => as(token, "POST", "/auth/passkeys", body);
const signIn = (body) => as(undefined, "POST", "/auth/passkeys/sign-in", body);

async function withPasskey(options) {
  const session = await user();
  const authenticator = new Authenticator(options);
  const added = await add(session.access_token, authenticator.create(await creation(session.access_token), own()));
  assert.equal(added.status, 201, added.text);
  return { session, authenticator, added: added.body };
}

test("a passkey of either algorithm is added and signs its user in", async () => {
  for (const options of [{ alg: "ES256" }, { alg: "EdDSA" }, { alg: "ES256", counts: false }]) {
    const { session, authenticator, added } = await withPasskey(options);
    assert.equal(added.id, authenticator.id.toString("base64url"));
    for (let i = 0; i < 2; i++) {
      const answer = await signIn(authenticator.get(await request(), own()));
      assert.deepEqual([answer.status, answer.body.user?.id], [200, session.user.id], answer.text);
      assert.equal((await as(answer.body.access_token, "GET", "/auth/me")).status, 200);
    }
    const { passkeys } = (await as(session.access_token, "GET", "/auth/passkeys")).body;
    assert.ok(passkeys[0].last_used_at > 0 && passkeys[0].name === "Passkey");
  }
});

test("options name the user's passkeys to the user, and none to others", async () => {
  const { session, added } = await withPasskey();
  const options = await creation(session.access_token);
  assert.deepEqual(
    [options.rp.id, options.user.name, options.user.displayName],
    ["127.0.0.1", session.user.email, "Ada"],
  );
  assert.deepEqual(options.excludeCredentials, [{ type: "public-key", id: added.id }]);
  assert.deepEqual(
    options.pubKeyCredParams.map(({ alg }) => alg),
    [-7, -8],
  );
  const asked = await request();
  assert.deepEqual(Object.keys(asked).sort(), ["challenge", "rpId", "timeout", "userVerification"]);
  assert.notEqual(asked.challenge, (await request()).challenge);
});

test("a creation that belongs elsewhere, or was used, is refused", async () => {
  const session = await user();
  const other = await user();
  const options = await creation(session.access_token);
  const authenticator = new Authenticator();
  const bodies = {
    "at another origin": authenticator.create(options, { origin: "https://evil.example" }),
    "inside of another's page": authenticator.create(options, { ...own(), crossOrigin: true }),
    "for another host": authenticator.create(options, { ...own(), rpId: "evil.example" }),
    "of a sign-in": authenticator.create(options, { ...own(), type: "webauthn.get" }),
    "for another user": authenticator.create(await creation(other.access_token), own()),
    "for a sign-in's challenge": authenticator.create(options, { ...own(), challenge: (await request()).challenge }),
    "for a challenge of its own": authenticator.create(options, { ...own(), challenge: "A".repeat(75) }),
    "without verification": new Authenticator({ verifies: false }).create(options, own()),
    malformed: { client_data: "e30", attestation_object: "oA" },
    "not in base64url": { client_data: "{}", attestation_object: "++" },
  };
  for (const [why, body] of Object.entries(bodies))
    assert.equal(outcome(await add(session.access_token, body)), "passkey_refused", why);
  assert.equal(outcome(await add(undefined, bodies.malformed)), "not_signed_in");
  const good = authenticator.create(options, { ...own() });
  const tries = await Promise.all(Array.from({ length: 6 }, () => add(session.access_token, good)));
  assert.equal(tries.filter(({ status }) => status === 201).length, 1, "a challenge works once");
  const again = authenticator.create(await creation(other.access_token), own());
  assert.equal(outcome(await add(other.access_token, again)), "passkey_exists", "a credential is one user's");
});

test("a sign-in that belongs elsewhere, was used, or is of a copy, is refused", async () => {
  const { authenticator } = await withPasskey();
  const { authenticator: another, session } = await withPasskey();
  const options = await request();
  const stranger = new Authenticator();
  const body = (change) => ({ ...authenticator.get(options, own()), ...change });
  const bodies = {
    "at another origin": authenticator.get(options, { origin: "https://evil.example" }),
    "inside of another's page": authenticator.get(options, { ...own(), crossOrigin: true }),
    "for another host": authenticator.get(options, { ...own(), rpId: "evil.example" }),
    "of a creation": authenticator.get(options, { ...own(), type: "webauthn.create" }),
    "with the challenge of a creation": authenticator.get(options, {
      ...own(),
      challenge: (await creation(session.access_token)).challenge,
    }),
    "by an unknown credential": stranger.get(options, own()),
    "in the name of another": stranger.get(options, { ...own(), id: another.id.toString("base64url") }),
    "with the signature of another": body({ signature: another.get(options, own()).signature }),
    "with altered data": body({ authenticator_data: another.get(options, own()).authenticator_data }),
    "without a signature": body({ signature: "AA" }),
  };
  for (const [why, one] of Object.entries(bodies)) assert.equal(outcome(await signIn(one)), "passkey_refused", why);
  authenticator.verifies = false;
  assert.equal(outcome(await signIn(authenticator.get(options, own()))), "passkey_refused", "without verification");
  authenticator.verifies = true;
  const good = authenticator.get(options, own());
  const tries = await Promise.all(Array.from({ length: 6 }, () => signIn(good)));
  assert.equal(tries.filter(({ status }) => status === 200).length, 1, "a challenge works once");
  const copy = Object.assign(new Authenticator(), authenticator, { counter: 0 });
  assert.equal(
    outcome(await signIn(copy.get(await request(), own()))),
    "passkey_refused",
    "a copy counts from where it was",
  );
  assert.equal((await signIn(authenticator.get(await request(), own()))).status, 200);
});

test("passkeys are their user's: listed, deleted, gone with the user, and never the last way in", async () => {
  const { session, added, authenticator } = await withPasskey();
  const { session: other } = await withPasskey();
  assert.equal(outcome(await as(other.access_token, "DELETE", `/auth/passkeys/${added.id}`)), "passkey_not_found");
  await t.gw.db("DELETE FROM passwords WHERE user_id = ?", session.user.id);
  assert.equal(outcome(await as(session.access_token, "DELETE", `/auth/passkeys/${added.id}`)), "last_way_to_sign_in");
  const second = new Authenticator({ alg: "EdDSA" });
  const body = { ...second.create(await creation(session.access_token), own()), name: "Key ring" };
  assert.equal((await add(session.access_token, body)).body.name, "Key ring");
  assert.equal((await as(session.access_token, "DELETE", `/auth/passkeys/${added.id}`)).status, 200);
  assert.equal(outcome(await signIn(authenticator.get(await request(), own()))), "passkey_refused");
  await t.gw.admin("PUT", `/users/${session.user.id}`, { status: "disabled" });
  assert.equal(outcome(await signIn(second.get(await request(), own()))), "account_disabled");
  await t.gw.admin("DELETE", `/users/${session.user.id}`);
  assert.deepEqual(await t.gw.db("SELECT * FROM passkeys WHERE user_id = ?", session.user.id), []);
  assert.equal(outcome(await signIn(second.get(await request(), own()))), "passkey_refused");
});

test("a page of the gateway's own gets the tokens as cookies, and one of another site nothing", async () => {
  const { authenticator } = await withPasskey();
  const options = await request();
  const body = { ...authenticator.get(options, own()), cookies: true };
  assert.equal(outcome(await signIn(body)), "cross_site_request");
  const headers = { origin: t.gw.url, "sec-fetch-site": "same-origin", "x-nexus-csrf": "1" };
  const answer = await t.gw.admin("POST", "/auth/passkeys/sign-in", body, { headers });
  assert.deepEqual([answer.status, answer.body.access_token], [200, null]);
  assert.match([answer.headers["set-cookie"]].flat().join(), /nexus_access=/);
});
