// Proves that credits are exact: requests in flight are reserved, every request is charged once at its real cost, the
// balance is the sum of the rows, repetitions change nothing, and callers without credits get 402.
import assert from "node:assert/strict";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, gate, streamEvents, toolCall, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite({
  vars: { ENABLE_CREDIT_CHECK: "true", INITIAL_CREDITS: "0" },
  async setUp() {
    // A thousand tokens of prompt cost a tenth of a cent, of answer two tenths.
    for (const name of ["paid", "paid-held", "paid-stream"]) {
      const model = await t.model(name, (x) =>
        x.reply(200, completion(x.model, "ok", { reported: usage(1000, 1000) })),
      );
      await t.gw.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
    }
  },
});

let made = 0;
/** A key with an owner of its own, and the view of its account. */
async function account(credits) {
  const owner = `owner-${++made}`;
  const { key } = await t.gw.createKey({ owner });
  const admin = (method, path, body) => t.gw.admin(method, `/credits/accounts/${owner}${path}`, body);
  if (credits)
    assert.equal((await admin("POST", "/topup", { amount: credits, description: "to begin with" })).status, 201);
  const me = async (path = "") => {
    const answer = await t.gw.call(`/v1/credits/me${path}`, { headers: bearer(key) });
    assert.equal(answer.status, 200, answer.text);
    return answer.json();
  };
  return { owner, key, admin, me };
}

const sumOf = (rows) => rows.reduce((sum, { amount }) => sum + Math.round(amount * 1e6), 0) / 1e6;
const settled = (me, balance) =>
  eventually(
    async () => {
      const standing = await me();
      return standing.balance === balance && standing.reserved === 0 && standing;
    },
    { what: `a balance of ${balance}` },
  );

test("without credits nothing passes, with them every request is charged once", async () => {
  const { key, owner, admin, me } = await account(0);
  const refused = await t.gw.complete(key, ask("paid", { max_tokens: 1000 }));
  assert.equal(refused.status, 402);
  assert.deepEqual(
    [errorOf(refused.text).code, errorOf(refused.text).type],
    ["insufficient_credits", "insufficient_quota"],
  );
  assert.equal((await admin("POST", "/topup", { amount: 1, idempotency_key: "first" })).body.balance, 1);
  const again = await admin("POST", "/topup", { amount: 1, idempotency_key: "first" });
  assert.deepEqual([again.status, again.body.applied, again.body.balance], [200, false, 1]);
  const answer = await t.gw.complete(key, ask("paid", { max_tokens: 1000 }));
  assert.equal(answer.status, 200);
  await settled(me, 0.997);
  const { transactions } = await me("/transactions");
  assert.deepEqual(
    transactions.map(({ kind }) => kind),
    ["charge", "top_up"],
  );
  const [charge] = transactions;
  assert.deepEqual(
    [charge.amount, charge.model, charge.tokens, charge.request_id, charge.provider_name],
    [-0.003, "paid", 2000, answer.headers["x-request-id"], "loopback"],
  );
  assert.equal(sumOf(transactions), 0.997);
  assert.equal((await t.gw.row(answer.headers["x-request-id"])).cost_micros, 3000);
  const { body } = await t.gw.admin("GET", "/credits/accounts");
  assert.ok(body.accounts.some(({ account }) => account === owner));
  assert.deepEqual((await admin("GET", "")).body, await me());
});

test("what is in flight is reserved, and a balance is not overdrawn", async () => {
  const { key, me } = await account(0.007);
  const opened = gate();
  t.up.on("paid-held", async (x) => {
    await opened.opened;
    x.reply(200, completion(x.model, "ok", { reported: usage(10, 10) }));
  });
  // A thousand tokens of answer are reserved at two tenths of a cent, and a little for the question.
  const answers = Array.from({ length: 8 }, () => t.gw.complete(key, ask("paid-held", { max_tokens: 1000 })));
  await eventually(() => t.up.seen("paid-held").length === 3);
  const during = await me();
  assert.equal(during.balance, 0.007);
  assert.ok(during.reserved > 0.006 && during.available < 0.001, JSON.stringify(during));
  opened.open();
  const codes = (await Promise.all(answers)).map(({ status }) => status);
  assert.deepEqual(
    [codes.filter((status) => status === 200).length, codes.filter((status) => status === 402).length],
    [3, 5],
  );
  await settled(me, 0.00691);
});

test("streams, also those that their caller leaves, are charged what was used", async () => {
  const { key, me } = await account(1);
  t.up.on("paid-stream", (x) => x.stream(streamEvents("paid-stream", ["a", "b"], { reported: usage(100, 50) })));
  assert.equal((await t.gw.complete(key, ask("paid-stream", { stream: true }))).status, 200);
  await settled(me, 0.9998);
  t.up.on("paid-stream", async (x) => {
    x.sse();
    for (const event of streamEvents("paid-stream", ["one two three four five six"]).slice(0, 2)) await x.write(event);
    await x.hang();
  });
  const caller = t.gw.beginCompletion(key, ask("paid-stream", { stream: true }));
  await (await caller.reply).readUntil("six");
  assert.ok((await me()).reserved > 0.002);
  caller.abort();
  const standing = await eventually(
    async () => {
      const now = await me();
      return now.reserved === 0 && now;
    },
    { what: "the reservation ending" },
  );
  assert.ok(standing.balance < 0.9998 && standing.balance > 0.9997, JSON.stringify(standing));
  const { transactions } = await me("/transactions?kind=charge");
  assert.equal(transactions.length, 2);
});

test("a failed request costs nothing", async () => {
  const { key, me } = await account(1);
  t.up.on("paid", (x) => x.reply(400, { error: { message: "no", type: "invalid_request_error" } }));
  assert.equal((await t.gw.complete(key, ask("paid"))).status, 400);
  await settled(me, 1);
  t.up.on("paid", (x) => x.reply(200, completion(x.model, "ok", { reported: usage(1000, 1000) })));
});

test("the ledger survives the eviction of the account", async () => {
  const { key, owner, me } = await account(1);
  await t.gw.complete(key, ask("paid", { max_tokens: 1000 }));
  await settled(me, 0.997);
  await t.gw.evict("Account", owner);
  assert.equal((await me()).balance, 0.997);
  assert.equal(sumOf((await me("/transactions")).transactions), 0.997);
});

test("grant tokens are for one use", async () => {
  const { body } = await t.gw.admin("POST", "/credits/grant-tokens", { amount: 2.5, description: "welcome" });
  const [one, other] = [await account(0), await account(0)];
  const redeem = (who, token) =>
    t.gw.call("/v1/credits/me/grant-token", {
      method: "POST",
      headers: { ...bearer(who.key), "content-type": "application/json" },
      body: JSON.stringify({ token }),
    });
  assert.equal((await redeem(one, body.token)).status, 201);
  const again = await redeem(one, body.token);
  assert.deepEqual([again.status, again.json().applied, again.json().balance], [200, false, 2.5]);
  assert.equal(errorOf((await redeem(other, body.token)).text).code, "grant_token_used");
  assert.equal(errorOf((await redeem(other, `${body.token}x`)).text).code, "invalid_grant_token");
  const bound = (await t.gw.admin("POST", "/credits/grant-tokens", { amount: 1, account: one.owner })).body;
  assert.equal(errorOf((await redeem(other, bound.token)).text).code, "grant_token_of_another");
  assert.equal((await redeem(one, bound.token)).json().balance, 3.5);
  assert.equal((await t.gw.admin("POST", "/credits/grant-tokens", { amount: 0 })).status, 400);
});

test("the daily rule fills an account up once", async () => {
  const { admin, me } = await account(1);
  assert.equal((await admin("GET", "/auto-topup")).status, 404);
  assert.equal(
    (await admin("PUT", "/auto-topup", { min_balance: 5, target_balance: 4 })).body.error.param,
    "target_balance",
  );
  assert.equal((await admin("PUT", "/auto-topup", { min_balance: 5, target_balance: 10 })).status, 200);
  await t.gw.scheduled();
  await t.gw.scheduled();
  assert.equal((await me()).balance, 10);
  assert.deepEqual(
    (await me("/transactions")).transactions.map(({ kind }) => kind),
    ["auto_top_up", "top_up"],
  );
  assert.equal((await admin("DELETE", "/auto-topup")).status, 200);
});

test("what was consumed, by provider and over time", async () => {
  const { key, me, admin } = await account(1);
  for (let i = 0; i < 3; i += 1) await t.gw.complete(key, ask("paid", { max_tokens: 1000 }));
  await settled(me, 0.991);
  const summary = await me("/consumption/summary?time_range=7d");
  assert.deepEqual([summary.spent, summary.spent_before, summary.transactions, summary.balance], [0.009, 0, 3, 0.991]);
  assert.equal(summary.projected_days_left, Math.floor((991_000 * 7) / 9_000));
  const { providers } = await me("/consumption/providers");
  assert.deepEqual(
    providers.map(({ provider_name, spent, transactions, percentage }) => [
      provider_name,
      spent,
      transactions,
      percentage,
    ]),
    [["loopback", 0.009, 3, 100]],
  );
  const { points } = await me("/consumption/timeseries?bucket=hour&time_range=all");
  assert.equal(
    points.reduce((sum, { transactions }) => sum + transactions, 0),
    3,
  );
  // Charges of one hour are one point, at its beginning. The hour may have ended between them.
  assert.ok(points.length <= 2, JSON.stringify(points));
  for (const { at } of points) assert.equal(at % 3_600_000, 0);
  const first = await me("/transactions?limit=2");
  const second = await me(`/transactions?limit=2&after=${encodeURIComponent(first.next)}`);
  assert.deepEqual([first.transactions.length, second.transactions.length], [2, 2]);
  assert.equal(new Set([...first.transactions, ...second.transactions].map(({ id }) => id)).size, 4);
  for (const bad of [
    "/transactions?kind=x",
    "/transactions?limit=0",
    "/consumption/summary?time_range=1y",
    "/consumption/timeseries?bucket=week",
  ]) {
    assert.equal((await admin("GET", bad)).status, 400, bad);
  }
});

test("a request that is answered in rounds reserves for all of them and is charged once", async () => {
  const servers = await startMcpServers();
  try {
    const tools = { id: "tools", url: `${servers.url}/modern` };
    assert.equal((await t.gw.admin("POST", "/mcp-servers", tools)).status, 201);
    const call = toolCall("c1", "tools__echo", '{"text":"x"}');
    const asking = { role: "assistant", content: null, refusal: null, tool_calls: [call] };
    const model = await t.model("paid-rounds", (x) => {
      const isFirst = x.json().messages.length === 1;
      const answer = isFirst ? asking : "ok";
      const finish = isFirst ? "tool_calls" : "stop";
      x.reply(200, completion(x.model, answer, { finish, reported: usage(1000, 1000) }));
    });
    await t.gw.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
    const owner = `owner-${++made}`;
    const { key } = await t.gw.createKey({ owner, allow_tools: ["*"] });
    const admin = (path, body) => t.gw.admin("POST", `/credits/accounts/${owner}${path}`, body);
    const me = async (path = "") => (await t.gw.call(`/v1/credits/me${path}`, { headers: bearer(key) })).json();
    // Enough for one question with its answer, and not for what comes after it.
    await admin("/topup", { amount: 0.0045, description: "to begin with" });
    const body = ask("paid-rounds", { max_tokens: 1000, nexus: { tools: ["tools"] } });
    const refused = await t.gw.complete(key, body);
    assert.deepEqual([refused.status, errorOf(refused.text).code], [402, "insufficient_credits"]);
    await settled(me, 0.0015);
    await admin("/topup", { amount: 1, description: "more" });
    const answer = await t.gw.complete(key, body);
    assert.equal(answer.status, 200, answer.text);
    await settled(me, 0.9955);
    const { transactions } = await me("/transactions");
    const charges = transactions.filter(({ kind }) => kind === "charge").map(({ amount, tokens }) => [amount, tokens]);
    assert.deepEqual(charges, [
      [-0.006, 4000],
      [-0.003, 2000],
    ]);
    assert.equal((await t.gw.row(answer.headers["x-request-id"])).cost_micros, 6000);
    assert.equal(answer.headers["x-nexus-cost"], "6000");
  } finally {
    await servers.stop();
  }
});
