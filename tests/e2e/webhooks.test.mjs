// Webhooks against a receiver that misbehaves: what is delivered, tried again, given up and replayed, and that everything is
// signed. The clock of a retry is moved on in the database.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { startReceiver } from "../support/receiver.mjs";
import { errorOf, suite, test } from "../support/suite.mjs";

let receiver;
const t = suite({
  setUp: async () => {
    receiver = await startReceiver();
  },
});
after(() => receiver?.stop());

async function admin(method, target, body, status = 200) {
  const answer = await t.gw.admin(method, target, body);
  assert.equal(answer.status, status, answer.text);
  return answer.body;
}

async function webhook(name, fields = {}) {
  const made = await admin("POST", "/webhooks", { name, url: `${receiver.url}/${name}`, ...fields }, 201);
  receiver.trust(made);
  return made;
}

/** Makes an event for all webhooks: a rule that fires at once, and is deleted again. */
async function happen() {
  const { id } = await admin(
    "POST",
    "/alerts/rules",
    { name: "now", measure: "requests", threshold: 1, comparison: "below" },
    201,
  );
  await t.gw.scheduled();
  return async () => {
    await admin("DELETE", `/alerts/rules/${id}`);
    await t.gw.db("DELETE FROM alerts");
  };
}

const deliveriesTo = async ({ id }, query = "") =>
  (await admin("GET", `/webhooks/deliveries?webhook=${id}${query}`)).deliveries;

/** Lets the wait of a retry pass. */
async function later({ id }) {
  await t.gw.db("UPDATE webhook_deliveries SET next_at = 0 WHERE webhook_id = ? AND state = 'pending'", id);
  await t.gw.scheduled();
}

test("a secret is told once and stored sealed, and a test tells at once how it went", async () => {
  const made = await webhook("first", { url: `${receiver.url}/first?a=b&c` });
  assert.match(made.secret, /^whsec_[\w-]{43}$/);
  assert.equal((await admin("GET", `/webhooks/${made.id}`)).secret, undefined);
  assert.equal((await admin("GET", "/webhooks")).webhooks.find(({ id }) => id === made.id).secret, undefined);
  const [{ secret_sealed: sealed }] = await t.gw.db("SELECT secret_sealed FROM webhooks WHERE id = ?", made.id);
  assert.ok(!sealed.includes(made.secret));

  const tested = await admin("POST", `/webhooks/${made.id}/test`);
  assert.deepEqual([tested.state, tested.status, tested.error], ["delivered", 204, null]);
  const [request] = receiver.at("/first");
  assert.equal(request.fault, undefined);
  assert.deepEqual(JSON.parse(request.text).type, "test");
  assert.equal(request.headers["webhook-id"], tested.event_id);

  const own = `own-secret-${randomBytes(8).toString("hex")}`;
  const changed = await admin("PUT", `/webhooks/${made.id}`, { secret: own });
  assert.equal(changed.secret, own);
  await admin("POST", `/webhooks/${made.id}/test`);
  assert.match(receiver.at("/first")[1].fault, /^signature/, "the old secret is no longer good");
  receiver.trust(changed);
  await admin("POST", `/webhooks/${made.id}/test`);
  assert.equal(receiver.at("/first")[2].fault, undefined);
  await admin("DELETE", `/webhooks/${made.id}`);
  assert.equal((await t.gw.admin("GET", `/webhooks/${made.id}`)).status, 404);
});

test("a receiver that fails gets every event with the same id, until it has it", async () => {
  const flaky = await webhook("flaky");
  const answers = [500, 302, 429, 200];
  receiver.on("/flaky", (res) => res.writeHead(answers.shift(), { location: `${receiver.url}/elsewhere` }).end());
  const tidy = await happen();
  for (let run = 0; run < 3; run++) {
    await t.gw.scheduled();
    await later(flaky);
  }
  const requests = receiver.at("/flaky");
  assert.equal(requests.length, 4);
  assert.ok(requests.every(({ fault }) => fault === undefined));
  assert.equal(new Set(requests.map(({ headers }) => headers["webhook-id"])).size, 1);
  assert.equal(new Set(requests.map(({ text }) => text)).size, 1);
  assert.deepEqual(receiver.at("/elsewhere"), [], "a redirect is not followed");
  const [delivery] = await deliveriesTo(flaky);
  assert.deepEqual([delivery.state, delivery.attempts, delivery.status], ["delivered", 4, 200]);
  await tidy();
  await admin("DELETE", `/webhooks/${flaky.id}`);
});

test("waits grow, and a receiver that never answers is given up and can be replayed", async () => {
  const dead = await webhook("dead");
  let isAlive = false;
  receiver.on("/dead", (res) => (isAlive ? res.writeHead(200).end() : res.destroy()));
  const tidy = await happen();
  const waits = [];
  for (let attempt = 1; attempt < 10; attempt++) {
    const [{ state, attempts, next_at, updated_at, error }] = await deliveriesTo(dead);
    assert.deepEqual([state, attempts, error], ["pending", attempt, "It cannot be reached."]);
    waits.push(Math.round((next_at - updated_at) / 60_000));
    await later(dead);
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  const [{ id }] = await deliveriesTo(dead, "&state=dead");
  assert.equal((await admin("GET", `/webhooks/deliveries/${id}`)).attempts, 10);
  await later(dead);
  assert.equal(receiver.at("/dead").length, 10, "given up");

  isAlive = true;
  assert.equal((await admin("POST", `/webhooks/deliveries/${id}/replay`)).state, "pending");
  await t.gw.scheduled();
  const again = await admin("GET", `/webhooks/deliveries/${id}`);
  assert.deepEqual([again.state, again.attempts], ["delivered", 1]);
  const requests = receiver.at("/dead");
  assert.equal(requests.length, 11);
  assert.equal(requests[10].headers["webhook-id"], requests[0].headers["webhook-id"]);
  await tidy();
  await admin("DELETE", `/webhooks/${dead.id}`);
});

test(
  "a receiver that is too slow holds up no other",
  async () => {
    const slow = await webhook("slow");
    const quick = await webhook("quick");
    receiver.on("/slow", () => {});
    const tidy = await happen();
    const [late] = await deliveriesTo(slow);
    assert.deepEqual([late.state, late.attempts, late.status], ["pending", 1, null]);
    assert.match(late.error, /did not answer within/);
    assert.equal((await deliveriesTo(quick))[0].state, "delivered");
    await tidy();
    for (const { id } of [slow, quick]) await admin("DELETE", `/webhooks/${id}`);
  },
  { timeout: 120_000 },
);

test("two runs of the cron at once deliver once", async () => {
  const once = await webhook("once");
  receiver.on("/once", async (res) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    res.writeHead(200).end();
  });
  const { id } = await admin(
    "POST",
    "/alerts/rules",
    { name: "now", measure: "requests", threshold: 1, comparison: "below" },
    201,
  );
  await Promise.all([t.gw.scheduled(), t.gw.scheduled(), t.gw.scheduled()]);
  await t.gw.scheduled();
  assert.equal(receiver.at("/once").length, 1);
  assert.equal((await admin("GET", `/alerts?rule=${id}`)).alerts.length, 1);
  await admin("DELETE", `/alerts/rules/${id}`);
  await t.gw.db("DELETE FROM alerts");
  await admin("DELETE", `/webhooks/${once.id}`);
});

test("what is gone for good, deleted or disabled is not tried again", async () => {
  const gone = await webhook("gone");
  receiver.on("/gone", (res) => res.writeHead(410).end());
  const tidy = await happen();
  assert.deepEqual(
    (await deliveriesTo(gone)).map(({ state, status }) => [state, status]),
    [["dead", 410]],
  );
  await admin("PUT", `/webhooks/${gone.id}`, { enabled: false });
  const [{ id }] = await deliveriesTo(gone);
  await admin("POST", `/webhooks/deliveries/${id}/replay`);
  await t.gw.scheduled();
  const given = await admin("GET", `/webhooks/deliveries/${id}`);
  assert.deepEqual([given.state, given.error], ["dead", "The webhook is deleted or disabled."]);
  await tidy();
  await admin("DELETE", `/webhooks/${gone.id}`);
});

test("what makes no sense is refused by name, and only the operator may ask", async () => {
  const good = { name: "x", url: "https://example.com/hook" };
  for (const [fields, param] of [
    [{ ...good, url: "ftp://example.com" }, "url"],
    [{ ...good, url: "https://user:pass@example.com" }, "url"],
    [{ ...good, events: ["mood"] }, "events[0]"],
    [{ ...good, secret: "short" }, "secret"],
    [{ url: good.url }, "name"],
  ]) {
    const answer = await t.gw.admin("POST", "/webhooks", fields);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(errorOf(answer.text).param, param);
  }
  assert.equal((await t.gw.admin("GET", "/webhooks/deliveries?state=lost")).status, 400);
  assert.equal((await t.gw.admin("GET", "/webhooks/deliveries/none")).status, 404);
  assert.equal((await t.gw.admin("POST", "/webhooks/none/test")).status, 404);
  assert.equal((await t.gw.call("/webhooks")).status, 401);
});

test(
  "private addresses are refused where providers may not have them, also after they were entered",
  async () => {
    const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
    const master = randomBytes(32).toString("base64");
    const run = async (vars, act) => {
      const gw = await startGateway({ storage, vars: { MASTER_KEY: master, ...vars } });
      try {
        await act(gw);
      } finally {
        await gw.stop();
      }
    };
    const hook = { name: "inside", url: `${receiver.url}/inside` };
    let id;
    try {
      await run({}, async (gw) => {
        ({ id } = (await gw.admin("POST", "/webhooks", hook)).body);
      });
      await run({ ALLOW_PRIVATE_UPSTREAMS: "false" }, async (gw) => {
        const refused = await gw.admin("POST", "/webhooks", { ...hook, name: "other" });
        assert.deepEqual([refused.status, errorOf(refused.text).param], [400, "url"]);
        const tested = (await gw.admin("POST", `/webhooks/${id}/test`)).body;
        assert.equal(tested.state, "dead");
        assert.match(tested.error, /private/);
      });
      const next = randomBytes(32).toString("base64");
      await run({ MASTER_KEY: next, MASTER_KEY_PREVIOUS: master }, async (gw) => {
        const rotated = (await gw.admin("POST", "/system/secret-key/rotate")).body;
        assert.ok(rotated.resealed >= 1 && rotated.left === 0, JSON.stringify(rotated));
      });
      await run({ MASTER_KEY: next }, async (gw) => {
        assert.equal((await gw.admin("POST", `/webhooks/${id}/test`)).body.state, "delivered");
      });
      assert.equal(receiver.at("/inside").length, 1);
    } finally {
      await rm(storage, { recursive: true, force: true });
    }
  },
  { timeout: 180_000 },
);
