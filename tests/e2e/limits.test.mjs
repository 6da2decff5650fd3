// Proves that limits are exact and nearly free: over two isolates, through eviction of the authority, with tokens
// known only afterwards, and that a key without limits never asks an authority.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, delay, gate, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

const t = suite({ twin: true });
const ok = (x) => x.reply(200, completion(x.model, "ok"));

const elsewhere = (key, body) =>
  send(`${t.gw.twinUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const limited = (limits, rest = {}) => t.gw.createKey({ limits, ...rest });
const state = async (subject) => (await t.gw.admin("GET", `/limits/${subject}`)).body;
const statuses = (answers) => Object.groupBy(answers, ({ status }) => status);

test("of two hundred at once, in two places, a key of a hundred a minute gets exactly a hundred", async () => {
  const { id, key } = await limited({ requests_per_minute: 100 });
  await eventually(async () => (await send(`${t.gw.twinUrl}/v1/models`, { headers: bearer(key) })).status === 200);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) =>
      i % 2 ? elsewhere(key, ask("demo/echo")) : t.gw.complete(key, ask("demo/echo")),
    ),
  );
  const { 200: passed = [], 429: held = [] } = statuses(answers);
  assert.equal(passed.length + held.length, 200);
  assert.equal(passed.length, 100);
  for (const { text, headers } of held) {
    assert.equal(errorOf(text).code, "requests_per_minute_exceeded");
    const wait = Number(headers["retry-after"]);
    assert.ok(wait >= 1 && wait <= 63, `retry-after ${wait}`);
    assert.equal(headers["x-ratelimit-limit-requests"], "100");
    assert.equal(headers["x-ratelimit-remaining-requests"], "0");
    assert.match(headers["x-ratelimit-reset-requests"], /^(\d+ms|(\d+m)?\d+s)$/);
  }
  const remaining = passed.map(({ headers }) => Number(headers["x-ratelimit-remaining-requests"]));
  assert.ok(Math.max(...remaining) <= 99 && remaining.includes(0));
  const [meter] = (await state(`key:${id}`)).usage;
  assert.deepEqual([meter.limit, meter.max, meter.used, meter.remaining], ["requests_per_minute", 100, 100, 0]);
});

test("an authority that is evicted in the middle goes on where it stopped", async () => {
  const { id, key } = await limited({ requests_per_minute: 10, concurrency: 5 });
  for (let i = 0; i < 6; i += 1) assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
  await t.gw.evict("Quota", `key:${id}`);
  const answers = [];
  for (let i = 0; i < 20; i += 1) answers.push(await t.gw.complete(key, ask("demo/echo")));
  assert.equal(answers.filter(({ status }) => status === 200).length, 4);
});

test(
  "a key without limits asks no authority",
  async () => {
    const { key } = await t.gw.createKey();
    const objects = (await t.gw.objects("Quota")).length;
    for (let i = 0; i < 20; i += 1) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => t.gw.complete(key, ask("demo/echo"))));
      assert.ok(
        answers.every(({ status, headers }) => status === 200 && headers["x-ratelimit-limit-requests"] === undefined),
      );
    }
    assert.equal((await t.gw.objects("Quota")).length, objects);
  },
  { timeout: 120_000 },
);

test("far from its limit a key asks at most once for ten requests", async () => {
  const { id, key } = await limited({
    requests_per_minute: 100_000,
    requests_per_day: 10_000_000,
    tokens_per_minute: 100_000_000,
  });
  const steadily = async (requests) => {
    const answers = [];
    for (let i = 0; i < requests; i += 1) {
      answers.push(t.gw.complete(key, ask("demo/echo")));
      await delay(25);
    }
    return Promise.all(answers);
  };
  await steadily(80);
  const before = (await state(`key:${id}`)).authority_calls;
  const answers = await steadily(160);
  assert.ok(answers.every(({ status }) => status === 200));
  const calls = (await state(`key:${id}`)).authority_calls - before;
  assert.ok(calls * 10 <= 160, `${calls} calls for 160 requests`);
});

test("tokens are reserved, refused and corrected", async () => {
  const { id, key } = await limited({ tokens_per_minute: 1000 });
  const opened = gate();
  await t.model("held", async (x) => {
    await opened.opened;
    return ok(x);
  });
  const first = t.gw.complete(key, ask("held", { max_tokens: 700 }));
  await eventually(() => t.up.seen("held").length === 1);
  const second = await t.gw.complete(key, ask("held", { max_tokens: 700 }));
  assert.equal(second.status, 429);
  assert.equal(errorOf(second.text).code, "tokens_per_minute_exceeded");
  assert.equal(second.headers["x-ratelimit-limit-tokens"], "1000");
  opened.open();
  assert.equal((await first).status, 200);
  // 13 tokens were used; the rest is available again at once.
  const third = await t.gw.complete(key, ask("held", { max_tokens: 900 }));
  assert.equal(third.status, 200, third.text);
  await eventually(async () => (await state(`key:${id}`)).usage[0].used === 26, { what: "the correction" });
});

test("a stream is corrected at its end, also when its caller left", async () => {
  const { id, key } = await limited({ tokens_per_minute: 5000 });
  await t.model("streaming", async (x) => x.stream(streamEvents("streaming", ["a", "b"], { reported: usage(30, 70) })));
  const whole = await t.gw.complete(key, ask("streaming", { stream: true, max_tokens: 2000 }));
  assert.equal(whole.status, 200);
  await eventually(async () => (await state(`key:${id}`)).usage[0].used === 100, {
    what: "the correction of the whole one",
  });
  const opened = gate();
  await t.model("endless", async (x) => {
    x.sse();
    const [first, second] = streamEvents("endless", ["one two three ", "four"]);
    await x.write(first);
    await x.write(second);
    await opened.opened;
    await x.hang();
  });
  const caller = t.gw.beginCompletion(key, ask("endless", { stream: true, max_tokens: 3000 }));
  const reply = await caller.reply;
  await reply.readUntil("three");
  const during = (await state(`key:${id}`)).usage[0].used;
  assert.ok(during > 3000, `${during} are reserved`);
  caller.abort();
  opened.open();
  await eventually(async () => (await state(`key:${id}`)).usage[0].used < 200, {
    what: "the correction of the one that was left",
  });
});

test("requests at once", async () => {
  const { id, key } = await limited({ concurrency: 2 });
  const opened = gate();
  await t.model("at-once", async (x) => {
    await opened.opened;
    return ok(x);
  });
  const running = [t.gw.complete(key, ask("at-once")), elsewhereWhenKnown(key, ask("at-once"))];
  await eventually(() => t.up.seen("at-once").length === 2);
  const third = await t.gw.complete(key, ask("at-once"));
  assert.equal(third.status, 429);
  assert.equal(errorOf(third.text).code, "concurrency_exceeded");
  assert.equal((await state(`key:${id}`)).running, 2);
  opened.open();
  for (const { status } of await Promise.all(running)) assert.equal(status, 200);
  await eventually(async () => (await t.gw.complete(key, ask("at-once"))).status === 200);
  await eventually(async () => (await state(`key:${id}`)).running === 0, { what: "the slots coming free" });
});

async function elsewhereWhenKnown(key, body) {
  await eventually(
    async () => (await send(`${t.gw.twinUrl}/v1/models/${body.model}`, { headers: bearer(key) })).status === 200,
  );
  return elsewhere(key, body);
}

test("a changed limit holds at once", async () => {
  const { id, key } = await limited({ requests_per_minute: 1 });
  assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
  assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 429);
  const { body } = await t.gw.admin("PUT", `/keys/${id}`, { limits: { requests_per_minute: 3 } });
  assert.deepEqual(body.limits, { requests_per_minute: 3 });
  const answers = [];
  for (let i = 0; i < 4; i += 1) answers.push((await t.gw.complete(key, ask("demo/echo"))).status);
  assert.deepEqual(answers, [200, 200, 429, 429]);
  await t.gw.admin("PUT", `/keys/${id}`, { limits: null });
  assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
});

test("the error has the shape of the caller’s dialect", async () => {
  const { key } = await limited({ requests_per_minute: 0 });
  const headers = { ...bearer(key), "content-type": "application/json" };
  const anthropic = await t.gw.call("/v1/messages", {
    method: "POST",
    headers: { ...headers, "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model: "demo/echo", max_tokens: 5, messages: [{ role: "user", content: "x" }] }),
  });
  assert.equal(anthropic.status, 429);
  assert.equal(anthropic.json().error.type, "rate_limit_error");
  const gemini = await t.gw.call("/v1beta/models/demo%2Fecho:generateContent", {
    method: "POST",
    headers,
    body: JSON.stringify({ contents: [{ role: "user", parts: [{ text: "x" }] }] }),
  });
  assert.equal(gemini.status, 429);
  assert.equal(gemini.json().error.status, "RESOURCE_EXHAUSTED");
  assert.equal(gemini.headers["retry-after"], undefined, "a limit of zero is never free");
});

test("limits of an owner and of a model hold for all keys together", async () => {
  await t.model("shared", ok);
  const keys = [
    await t.gw.createKey({ owner: "alice" }),
    await t.gw.createKey({ owner: "alice" }),
    await t.gw.createKey(),
  ];
  assert.equal((await t.gw.admin("PUT", "/limits/user:alice", { limits: { requests_per_minute: 3 } })).status, 200);
  assert.equal((await t.gw.admin("PUT", "/limits/model:shared", { limits: { requests_per_minute: 4 } })).status, 200);
  const codes = [];
  for (const key of [0, 1, 0, 1, 2, 2, 2]) {
    const { status, text } = await t.gw.complete(keys[key].key, ask("shared"));
    codes.push(status === 200 ? 200 : errorOf(text).message.split(" is ")[0]);
  }
  assert.deepEqual(codes, [
    200,
    200,
    200,
    "The owner of this API key",
    200,
    "The model `shared`",
    "The model `shared`",
  ]);
  // A request that the owner's limit refused does not count for the model.
  assert.equal((await state("model:shared")).usage[0].used, 4);
  assert.equal((await t.gw.admin("DELETE", "/limits/model:shared")).status, 200);
  assert.equal((await t.gw.complete(keys[2].key, ask("shared"))).status, 200);
  assert.equal((await t.gw.admin("GET", "/limits/model:shared")).status, 404);
  assert.equal((await t.gw.admin("PUT", "/limits/key:x", { limits: {} })).status, 400);
});

test("an exhausted day is known everywhere without asking", async () => {
  const { id, key } = await limited({ requests_per_day: 1 });
  assert.equal((await t.gw.complete(key, ask("demo/echo"))).status, 200);
  const held = await t.gw.complete(key, ask("demo/echo"));
  assert.equal(errorOf(held.text).code, "requests_per_day_exceeded");
  const wait = Number(held.headers["retry-after"]);
  assert.ok(wait > 86_000 && wait < 86_800, `${wait}`);
  const kv = await t.gw.kv();
  await eventually(async () => (await kv.list({ prefix: `limit:key:${id}:` })).keys.length === 1, {
    what: "the marker",
  });
  const calls = (await state(`key:${id}`)).authority_calls;
  await eventually(async () => (await elsewhere(key, ask("demo/echo"))).status !== 401);
  assert.equal((await elsewhere(key, ask("demo/echo"))).status, 429);
  assert.equal((await state(`key:${id}`)).authority_calls, calls, "the other isolate did not ask");
});

test("other operations count, too", async () => {
  const { key } = await limited({ requests_per_minute: 1 });
  await t.model("embedding", (x) =>
    x.reply(200, { object: "list", data: [], model: "embedding", usage: { prompt_tokens: 3, total_tokens: 3 } }),
  );
  const embed = () =>
    t.gw.call("/v1/embeddings", {
      method: "POST",
      headers: { ...bearer(key), "content-type": "application/json" },
      body: JSON.stringify({ model: "embedding", input: "x" }),
    });
  assert.equal((await embed()).status, 200);
  assert.equal((await embed()).status, 429);
});

test("bad limits are refused and name their field", async () => {
  for (const [fields, param] of [
    [{ limits: { requests_per_minute: -1 } }, "limits.requests_per_minute"],
    [{ limits: { rpm: 1 } }, "limits.rpm"],
    [{ limits: 5 }, "limits"],
    [{ budget: { amount: 1 } }, "budget.period"],
    [{ on_limit_failure: "shrug" }, "on_limit_failure"],
    [{ tags: { a: 1 } }, "tags.a"],
  ]) {
    const { status, body } = await t.gw.admin("POST", "/keys", { name: "bad", ...fields });
    assert.equal(status, 400);
    assert.equal(body.error.param, param);
  }
});
