// Proves that what a request may owe at most is reserved before it is sent, or that it is refused or shortened.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, gate, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const t = suite();
/** As many answers as asked for, each as long as allowed: 10 000 tokens where no limit was sent. */
const greedy = (x) => {
  const body = x.json();
  const config = body.generationConfig ?? {};
  const each =
    body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens ?? config.maxOutputTokens ?? 10_000;
  return x.reply(200, completion(x.model, "ok", { reported: usage(1, each * (body.n ?? 1)) }));
};
const limited = (limits) => t.gw.createKey({ limits });
const budgeted = (amount) => t.gw.createKey({ budget: { amount, period: "total" } });
const used = async (id) => (await t.gw.admin("GET", `/limits/key:${id}`)).body.usage[0].used;
const priced = async (name, price, fields = {}) => {
  const model = await t.model(name, greedy, fields);
  await t.gw.admin("PUT", `/prices/provider_model:${model.id}`, price);
};
const post = (key, path, body) =>
  t.gw.call(path, {
    method: "POST",
    headers: { ...bearer(key), "content-type": "application/json" },
    body: JSON.stringify(body),
  });

test("n answers are n reservations, in every dialect and spelling", async () => {
  await t.model("many", greedy);
  const { key } = await limited({ tokens_per_minute: 5000 });
  const words = [{ role: "user", content: "hi" }];
  for (const [path, body] of [
    ["/v1/chat/completions", ask("many", { n: 128, max_tokens: 50 })],
    ["/v1/chat/completions", ask("many", { n: 1.28e2, max_tokens: 50 })],
    ["/v1/chat/completions", ask("many", { n: 2, max_completion_tokens: 1, max_tokens: 4000 })],
    ["/v1/completions", { model: "many", prompt: "x", best_of: 128, max_tokens: 50 }],
    ["/v1/completions", { model: "many", prompt: Array(128).fill("x"), max_tokens: 50 }],
    [
      "/v1beta/models/many:generateContent",
      { contents: [{ parts: [{ text: "x" }] }], generationConfig: { candidateCount: 128, maxOutputTokens: 50 } },
    ],
    ["/v1/messages", { model: "many", max_tokens: 6000, messages: words }],
    ["/v1/responses", { model: "many", input: "x", max_output_tokens: 6000 }],
    ["/v1/embeddings", { model: "many", input: Array(20_000).fill(1) }],
    ["/v1/images/generations", { model: "many", prompt: "x", n: 10_000 }],
  ]) {
    const answer = await post(key, path, body);
    assert.equal(answer.status, 429, `${path} ${JSON.stringify(body).slice(0, 120)}: ${answer.text}`);
    assert.match(answer.text, /may use up to [0-9]+ tokens/);
    assert.equal(answer.headers["retry-after"], undefined, "waiting does not help");
  }
  assert.equal(t.up.seen("many").length, 0);
});

test("a request that cannot be paid is refused, and no budget is exceeded by many answers at once", async () => {
  await priced("dear", { input: 0, output: 10 });
  const { id, key } = await budgeted(0.05);
  const refused = await t.gw.complete(key, ask("dear", { n: 128, max_tokens: 20_000 }));
  assert.deepEqual([refused.status, errorOf(refused.text).code], [402, "budget_exceeded"]);
  assert.match(errorOf(refused.text).message, /\$25\.60/);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) => t.gw.complete(key, ask("dear", i % 2 ? { n: 4, max_tokens: 200 } : {}))),
  );
  assert.ok(answers.some(({ status }) => status === 200));
  assert.ok(answers.every(({ status }) => status === 200 || status === 402));
  for (let i = 0; i < 30; i += 1) await t.gw.complete(key, ask("dear", { n: 1 + (i % 5) }));
  const most = 50_000;
  await eventually(async () => (await used(id)) > most / 2, { what: "the charges" });
  assert.ok((await used(id)) <= most, `${await used(id)} of ${most}`);
});

test("a request without a limit of its own is given one where less is reserved than its model can answer", async () => {
  await priced("open", { input: 0, output: 10 });
  await priced("carded", { input: 0, output: 10 }, { max_output: 2000 });
  const sent = (model) => t.up.seen(model).at(-1).json();
  // Without anything to reserve the body is the caller's own.
  const free = await t.complete(ask("open"));
  assert.equal(free.headers["x-nexus-answer-limit"], undefined);
  assert.equal(sent("open").max_tokens, undefined);
  const { key } = await budgeted(1);
  const answer = await t.gw.complete(key, ask("open"));
  assert.deepEqual(
    [answer.status, answer.headers["x-nexus-answer-limit"], sent("open").max_tokens],
    [200, "4096", 4096],
  );
  // The card says how long its answers are, so nothing has to be added.
  assert.equal((await t.gw.complete(key, ask("carded"))).headers["x-nexus-answer-limit"], undefined);
  assert.equal(sent("carded").max_tokens, undefined);
  const poor = await budgeted(0.02);
  const short = await t.gw.complete(poor.key, ask("open", { n: 2 }));
  assert.deepEqual([short.status, sent("open").max_tokens], [200, 1000], short.text);
  for (const [path, body, read] of [
    ["/v1/responses", { model: "open", input: "x" }, (sent) => sent.max_tokens],
    ["/v1/completions", { model: "open", prompt: "x" }, (sent) => sent.max_tokens],
    ["/v1beta/models/open:generateContent", { contents: [{ parts: [{ text: "x" }] }] }, (sent) => sent.max_tokens],
  ]) {
    const { status, text } = await post(key, path, body);
    assert.equal(status, 200, text);
    assert.equal(read(sent("open")), 4096, path);
  }
});

test("what is left decides when not everything is", async () => {
  await priced("left", { input: 0, output: 10 }, { max_output: 8000 });
  const opened = gate();
  t.up.on("left", async (x) => {
    await opened.opened;
    return greedy(x);
  });
  const { key } = await budgeted(0.1);
  const answers = [];
  for (let i = 1; i <= 3; i += 1) {
    answers.push(t.gw.complete(key, ask("left")));
    if (i < 3) await eventually(() => t.up.seen("left").length === i);
  }
  // 80 000 of 100 000 are reserved, then 10 240, and then nothing is left for even the shortest.
  const third = await answers[2];
  assert.equal(third.status, 402, third.text);
  opened.open();
  const [first, second] = await Promise.all(answers.slice(0, 2));
  assert.deepEqual(
    [first.headers["x-nexus-answer-limit"], second.headers["x-nexus-answer-limit"]],
    [undefined, "1024"],
  );
});
