// Proves that a caller cannot take a shared key or provider from the others by what they send.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";

const t = suite();
let made = 0;

/** A model at a provider that `behaviour` stands for, and at a second one that always answers. */
async function shared(behaviour) {
  const name = `shared-${++made}`;
  const candidates = [];
  for (const [index, of] of [behaviour, (x) => x.reply(200, completion(x.model, "second"))].entries()) {
    const model = `${name}-${index}`;
    const server_key = `sk-shared-${name}-${index}`;
    const { id } = await t.gw.createProvider({ name: model, server_url: `${t.up.url}/v1`, server_key });
    t.up.on(model, of);
    candidates.push({ provider_id: id, model });
  }
  const { status, text } = await t.gw.admin("POST", "/logical-models", { name, strategy: "ordered", candidates });
  assert.equal(status, 201, text);
  return { name, first: () => t.up.seen(`${name}-0`).length };
}

/** Refuses requests that say so, and answers all others. */
const refusing = (status, error) => (x) => {
  const isHostile = x.json().messages.at(-1).content.includes("forbidden");
  return isHostile ? x.reply(status, { error }) : x.reply(200, completion(x.model, "first"));
};
const forbidden = { messages: [{ role: "user", content: "forbidden" }] };
const served = async (key, body) => {
  const answer = await t.gw.complete(key, body);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().choices[0].message.content;
};

for (const [what, status, error] of [
  ["401 without a code", 401, { message: "Unauthorized", type: "authentication", param: null, code: null }],
  ["401 for another organization", 401, { message: "No such organization.", code: "mismatched_organization" }],
  [
    "402 for too long an answer",
    402,
    { message: "This request requires more credits, or fewer max_tokens.", code: 402 },
  ],
  ["403 without a code", 403, { message: "Forbidden" }],
  ["403 for a model", 403, { message: "The project has no access to the model.", code: "model_not_found" }],
  ["403 for what was said", 403, { message: "The input was flagged.", code: "moderation" }],
  [
    "429 for a request of its size",
    429,
    { message: "Request too large for m on tokens per min.", code: "rate_limit_exceeded" },
  ],
  ["500 for a request that breaks it", 500, { message: "Internal error" }],
])
  test(`what one caller is refused rests nothing for others: ${what}`, async () => {
    const { name } = await shared(refusing(status, error));
    const [hostile, other] = [await t.gw.createKey(), await t.gw.createKey()];
    assert.equal(await served(other.key, ask(name)), "first");
    for (let i = 0; i < 25; i += 1) assert.equal(await served(hostile.key, ask(name, forbidden)), "second");
    for (let i = 0; i < 3; i += 1) assert.equal(await served(other.key, ask(name)), "first");
  });

test("a key that the upstream names as invalid rests for all at once", async () => {
  const { name, first } = await shared((x) => x.reply(401, { error: { message: "x", code: "invalid_api_key" } }));
  const keys = [await t.gw.createKey(), await t.gw.createKey()];
  for (const { key } of keys) assert.equal(await served(key, ask(name)), "second");
  assert.equal(first(), 1);
});

test("a key that two callers are refused rests for a third; keys of one owner are one caller", async () => {
  const { name, first } = await shared((x) => x.reply(401, { error: { message: "Unauthorized" } }));
  const owned = [await t.gw.createKey({ owner: "one" }), await t.gw.createKey({ owner: "one" })];
  for (const { key } of owned) assert.equal(await served(key, ask(name)), "second");
  assert.equal(first(), 1, "it rests for the owner");
  for (let i = 0; i < 3; i += 1) assert.equal(await served((await t.gw.createKey()).key, ask(name)), "second");
  assert.equal(first(), 2, "the second refusal confirms it");
});
