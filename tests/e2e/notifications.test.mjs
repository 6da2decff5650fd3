// Notifications: who gets which, what is read, pages, and how long they are kept.
import assert from "node:assert/strict";
import { errorOf, suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

const PASSWORD = "Tr4vel-Lamp-42";
const people = {};
const join = async (name, roles) => {
  const email = `${name}@example.org`;
  const user = (await t.gw.admin("POST", "/users", { email, roles, password: PASSWORD })).body;
  const login = await t.gw.call("/auth/login", { method: "POST", body: JSON.stringify({ email, password: PASSWORD }) });
  people[name] = { id: user.id, token: login.json().access_token };
};
const t = suite({
  setUp: async () => {
    await join("ada", ["user"]);
    await join("vic", ["viewer"]);
  },
});
const as = (who, method, target, body) =>
  t.gw.admin(method, target, body, { headers: bearer(people[who]?.token ?? who) });
const send = async (recipients, title, fields = {}) => {
  const answer = await t.gw.admin("POST", "/notifications", { recipients, title, ...fields });
  assert.equal(answer.status, 201, answer.text);
  return answer.body;
};
const titles = async (who, query = "") =>
  (await as(who, "GET", `/notifications?${query}`)).body.notifications.map(({ title }) => title);

test("each user gets what is for them, their role, their permissions and all", async () => {
  await send("all", "for all");
  await send(`user:${people.ada.id}`, "for Ada");
  await send("role:viewer", "for viewers");
  await send("permission:view_alerts", "for those who see alerts", { level: "critical", link: "/alerts" });
  await send("user:unknown", "for no user");
  assert.deepEqual(await titles("ada"), ["for Ada", "for all"]);
  assert.deepEqual(await titles("vic"), ["for those who see alerts", "for viewers", "for all"]);
  await join("late", ["user"]);
  assert.deepEqual(await titles("late"), [], "what was said before the account was made");
  const sent = (await t.gw.admin("GET", "/notifications/sent?limit=2")).body;
  assert.deepEqual(
    sent.notifications.map(({ title }) => title),
    ["for no user", "for those who see alerts"],
  );
  assert.equal(
    (await t.gw.admin("GET", `/notifications/sent?cursor=${sent.next_cursor}`)).body.notifications.length,
    3,
  );
});

test("what is read is read for its reader alone", async () => {
  const listed = async (who) => (await as(who, "GET", "/notifications")).body;
  const before = await listed("vic");
  assert.equal(before.unread, 3);
  const [first] = before.notifications;
  for (const _ of [1, 2]) {
    assert.equal((await as("vic", "POST", `/notifications/${first.id}/read`)).body.unread, 2, "twice is once");
  }
  const after = await listed("vic");
  assert.deepEqual(
    after.notifications.map(({ read }) => read),
    [true, false, false],
  );
  assert.equal((await titles("vic", "unread=true")).length, 2);
  assert.equal((await listed("ada")).unread, 2);
  const foreign = await as("ada", "POST", `/notifications/${first.id}/read`);
  assert.deepEqual([foreign.status, errorOf(foreign.text).code], [404, "notification_not_found"]);
  assert.equal((await as("vic", "POST", "/notifications/read-all")).body.unread, 0);
  assert.deepEqual(await titles("vic", "unread=true"), []);
  await send("all", "later");
  assert.deepEqual(await titles("vic", "unread=true"), ["later"]);
  assert.equal((await t.gw.db("SELECT * FROM notification_reads WHERE user_id = ?", people.vic.id)).length, 0);
});

test("pages follow each other without gaps", async () => {
  for (let n = 0; n < 7; n++) await send(n % 2 ? "all" : `user:${people.ada.id}`, `page ${n}`);
  const seen = [];
  let cursor = "";
  do {
    const page = (await as("ada", "GET", `/notifications?limit=2${cursor && `&cursor=${cursor}`}`)).body;
    seen.push(...page.notifications.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(seen, [...seen].sort().reverse());
  assert.equal(new Set(seen).size, (await as("ada", "GET", "/notifications?limit=200")).body.notifications.length);
});

test("a notification can be taken back, and ends by itself", async () => {
  const taken = await send("all", "taken back");
  assert.equal((await t.gw.admin("DELETE", `/notifications/${taken.id}`)).status, 200);
  assert.equal((await t.gw.admin("DELETE", `/notifications/${taken.id}`)).status, 404);
  const old = await send("all", "old");
  await as("ada", "POST", `/notifications/${old.id}/read`);
  await t.gw.db("UPDATE notifications SET expires_at = 1 WHERE id = ?", old.id);
  assert.equal((await titles("ada", "limit=200")).includes("old"), false);
  await t.gw.scheduled();
  assert.equal((await t.gw.db("SELECT * FROM notifications WHERE id = ?", old.id)).length, 0);
  assert.equal((await t.gw.db("SELECT * FROM notification_reads WHERE notification_id = ?", old.id)).length, 0);
});

test("who may not send, and what cannot be sent", async () => {
  const refused = await as("ada", "POST", "/notifications", { recipients: "all", title: "x" });
  assert.deepEqual([refused.status, errorOf(refused.text).code], [403, "permission_denied"]);
  assert.equal((await as("ada", "GET", "/notifications/sent")).status, 403);
  const program = await t.gw.createKey({ permissions: ["manage_notifications"] });
  const noReader = await as(program.key, "GET", "/notifications");
  assert.deepEqual([noReader.status, errorOf(noReader.text).code], [401, "not_signed_in"]);
  for (const [body, param] of [
    [{ recipients: "world", title: "x" }, "recipients"],
    [{ recipients: "all", title: "x", link: "javascript:alert(1)" }, "link"],
  ]) {
    const answer = await t.gw.admin("POST", "/notifications", body);
    assert.deepEqual([answer.status, errorOf(answer.text).param], [400, param]);
  }
});

test("an alert notifies those who see alerts", async () => {
  const rule = { name: "quiet", measure: "requests", threshold: 1, comparison: "below" };
  const made = (await t.gw.admin("POST", "/alerts/rules", rule)).body;
  await t.gw.scheduled();
  const [newest] = (await as("vic", "GET", "/notifications")).body.notifications;
  assert.deepEqual([newest.topic, newest.title], ["alert.firing", "The alert quiet fires."]);
  assert.match(newest.link, /^\/alerts\//);
  assert.equal((await titles("ada")).includes(newest.title), false);
  await t.gw.admin("DELETE", `/alerts/rules/${made.id}`);
});
