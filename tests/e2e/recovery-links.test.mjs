// Proves links that are sent by mail: single use, their time, answers that are the same for every address, the signature of the
// request to the mail service, and that no token of a link is stored or logged.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startReceiver } from "../support/receiver.mjs";
import { errorOf, suite, test } from "../support/suite.mjs";
import { startGateway } from "../support/gateway.mjs";
import { bearer, eventually } from "../support/util.mjs";

const MAIL_SECRET = "the-secret-of-the-mail-service";
const receiver = await startReceiver();
receiver.trust({ id: "mail", secret: MAIL_SECRET });
after(() => receiver.stop());
const t = suite({
  vars: {
    MAIL_WEBHOOK: `${receiver.url}/mail`,
    MAIL_WEBHOOK_SECRET: MAIL_SECRET,
    PUBLIC_URL: "https://gateway.example/",
  },
});
const PASSWORD = "Tr4vel-Lamp";
const NEW = "N3w-Travel-Lamp";
let made = 0;

const post = (target, body, headers = {}, gw = t.gw) => gw.admin("POST", target, body, { headers });
const codeOf = ({ text }) => errorOf(text).code;
const outcome = (answer) => (answer.status < 400 ? answer.status : codeOf(answer));
const logIn = (email, password = PASSWORD) => post("/auth/login", { email, password });
const reset = (token, password = NEW) => post("/auth/password/reset", { token, password });
const messagesTo = (email) =>
  receiver.received.map((request) => ({ ...request, ...JSON.parse(request.text) })).filter(({ to }) => to === email);
const nthTo = (email, n) => eventually(() => messagesTo(email)[n - 1], { what: `message ${n} to ${email}` });
const tokenOf = ({ link }) => new URL(link).hash.replace("#token=", "");

async function user(fields = {}) {
  const email = `user-${++made}@example.org`;
  const { status, body } = await t.gw.admin("POST", "/users", { email, password: PASSWORD, ...fields });
  assert.equal(status, 201);
  return body;
}

async function forgotten(fields) {
  const account = await user(fields);
  const asked = await post("/auth/password/forgot", { email: account.email });
  assert.deepEqual([asked.status, asked.body], [202, { accepted: true }]);
  return { account, message: await nthTo(account.email, 1) };
}

test("a new password is chosen by a link, once, and ends all sessions", async () => {
  const { account, message } = await forgotten();
  assert.equal(message.fault, undefined, "the request is signed as a webhook's is");
  assert.ok(message.link.startsWith("https://gateway.example/console/reset-password#token="), message.link);
  assert.equal(message.type, "mail.reset_password");
  const { body: session } = await logIn(account.email);
  const token = tokenOf(message);
  assert.equal(outcome(await reset(token, "short")), "weak_password");
  assert.equal(outcome(await reset(token, account.email.toUpperCase())), "weak_password");
  const tries = await Promise.all(Array.from({ length: 6 }, () => reset(token)));
  const good = tries.filter(({ status }) => status === 200);
  assert.deepEqual(
    good.map(({ body }) => body),
    [{ ended_sessions: 1 }],
  );
  assert.equal(outcome(await reset(token)), "invalid_link");
  const me = await t.gw.admin("GET", "/auth/me", undefined, { headers: bearer(session.access_token) });
  assert.equal(me.status, 401);
  assert.equal((await logIn(account.email)).status, 401);
  const { body } = await logIn(account.email, NEW);
  assert.ok(body.user.email_verified_at > 0, "who has the mailbox has shown that it is theirs");
});

test("every address is answered alike, and only one with an account is written to", async () => {
  const { email } = await user();
  const disabled = await user({ status: "disabled" });
  const shapes = [];
  for (const address of [email, disabled.email, "unknown@example.org"])
    for (const target of ["/auth/password/forgot", "/auth/email/verification"]) {
      const answer = await post(target, { email: address });
      shapes.push([answer.status, answer.text, Object.keys(answer.headers).sort().join()].join("|"));
    }
  assert.equal(new Set(shapes).size, 1, JSON.stringify(shapes));
  await nthTo(email, 2);
  assert.deepEqual([messagesTo(disabled.email), messagesTo("unknown@example.org")], [[], []]);
});

test("a mailbox is not filled: at most three links of a kind in an hour", async () => {
  const { email } = await user();
  for (let i = 0; i < 6; i++) assert.equal((await post("/auth/password/forgot", { email })).status, 202);
  await nthTo(email, 3);
  const { email: last } = await user();
  await post("/auth/password/forgot", { email: last });
  await nthTo(last, 1);
  assert.equal(messagesTo(email).length, 3);
  // All three are good until one is used.
  const [first, second] = messagesTo(email).map(tokenOf);
  assert.equal((await reset(second)).status, 200);
  assert.equal(outcome(await reset(first)), "invalid_link");
});

test("links are good for their account, their purpose and their secret only", async () => {
  const { account, message } = await forgotten();
  const other = await user();
  const [, secret] = tokenOf(message).split(".");
  for (const token of [
    `${other.id}.${secret}`,
    `${account.id}.${"A".repeat(43)}`,
    `${account.id}.`,
    "x",
    `${account.id}.${secret}.${secret}`,
    `' OR 1=1 --.${secret}`,
  ])
    assert.equal(outcome(await reset(token)), "invalid_link", token);
  assert.equal(outcome(await post("/auth/email/verify", { token: tokenOf(message) })), "invalid_link");
  // With another address the link, which was sent to the old one, is worth nothing.
  await t.gw.admin("PUT", `/users/${account.id}`, { email: `moved-${account.email}` });
  assert.equal(outcome(await reset(tokenOf(message))), "invalid_link");
});

test("an address is confirmed by a link, and another address is not", async () => {
  const account = await user();
  await post("/auth/email/verification", { email: account.email });
  const message = await nthTo(account.email, 1);
  const verified = await post("/auth/email/verify", { token: tokenOf(message) });
  assert.deepEqual(verified.body, { verified: true, needs_approval: false });
  const get = async () => (await t.gw.admin("GET", `/users/${account.id}`)).body;
  assert.ok((await get()).email_verified_at > 0);
  await post("/auth/email/verification", { email: account.email });
  await t.gw.admin("PUT", `/users/${account.id}`, { email: `other-${account.email}` });
  assert.equal((await get()).email_verified_at, null);
  assert.equal(messagesTo(account.email).length, 1, "an address that is confirmed needs no link");
});

test("a mail service that fails is asked again, and no token is stored or logged", async () => {
  let failures = 2;
  receiver.on("/mail", (res) => res.writeHead(failures-- > 0 ? 500 : 204).end());
  const { email } = await user();
  await post("/auth/password/forgot", { email });
  const sent = await nthTo(email, 3);
  assert.equal(new Set(messagesTo(email).map(({ id }) => id)).size, 1, "the same message each time");
  const [, secret] = tokenOf(sent).split(".");
  const stored = (await t.gw.dump()).map(({ text }) => text).join("\n");
  const logs = t.gw
    .logs()
    .map(({ message }) => message)
    .join("\n");
  assert.ok(!stored.includes(secret) && !logs.includes(secret) && !logs.includes(MAIL_SECRET));
});

test("in development the link is a line of the log, and without mail nothing is promised", async () => {
  const gw = await startGateway({ vars: { MAIL_WEBHOOK: "log" } });
  const silent = await startGateway();
  try {
    await gw.admin("POST", "/users", { email: "ada@example.org", password: PASSWORD });
    await post("/auth/password/forgot", { email: "ada@example.org" }, {}, gw);
    const line = await eventually(() =>
      gw.logs().find(({ message }) => message.includes("/console/reset-password#token=")),
    );
    const [, token] = /#token=([\w.-]+)/.exec(line.message);
    assert.equal((await post("/auth/password/reset", { token, password: NEW }, {}, gw)).status, 200);
    for (const target of ["/auth/password/forgot", "/auth/email/verification"])
      assert.equal(codeOf(await post(target, { email: "ada@example.org" }, {}, silent)), "mail_not_configured");
    const answer = await silent.admin("PUT", "/registration", { verification: true });
    assert.equal(codeOf(answer), "mail_not_configured");
  } finally {
    await gw.stop();
    await silent.stop();
  }
});
