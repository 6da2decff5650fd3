// Proves what becomes of a stream whose caller does not ask for usage: by default the gateway asks in their place and takes the
// usage chunk out again; of a provider that is not to be asked the stream passes on as it is, and is counted, unless the request is
// paid for; and one that reports usage by itself is passed on and recorded exactly.
import assert from "node:assert/strict";
import { dialectSuite } from "../support/dialects.mjs";
import { ask, test } from "../support/suite.mjs";
import { streamEvents } from "../support/upstream.mjs";

const t = dialectSuite(["openai"], { fields: { quirks: ["discreet_streams"] } });

const WORDS = ["Hello", " there", "!"];
const SAID = streamEvents("m", WORDS, { reported: null });

/** A model of a provider with these quirks, which reports usage when it is asked, or by itself. */
async function modelWith(name, quirks, { byItself = false } = {}) {
  const provider = await t.provide("openai", { name: `provider-${name}`, quirks: ["discreet_streams", ...quirks] });
  const asked = [];
  await t.on(
    "openai",
    name,
    (x) => {
      const options = x.json().stream_options;
      asked.push(options);
      return x.stream(streamEvents("m", WORDS, options?.include_usage || byItself ? {} : { reported: null }));
    },
    { provider_id: provider.id },
  );
  return asked;
}

const stream = (model, key = t.key, fields = {}) => t.gw.complete(key, ask(model, { stream: true, ...fields }));
const recorded = async (answer) => {
  const row = await t.gw.row(answer.headers["x-request-id"]);
  return [row.outcome, row.usage_source, row.prompt_tokens, row.completion_tokens];
};

test("usage is asked for in the caller's place, and taken out again", async () => {
  const asked = await modelWith("usual", []);
  const answer = await stream("usual");
  assert.equal(answer.text, SAID.join(""));
  assert.deepEqual(asked, [{ include_usage: true }]);
  assert.deepEqual(await recorded(answer), ["completed", "reported", 9, 4]);
});

test("of a provider that is not to be asked the stream passes as it is, and its tokens are counted", async () => {
  const asked = await modelWith("counted", ["counted_usage"]);
  const answer = await stream("counted");
  assert.equal(answer.text, SAID.join(""));
  assert.deepEqual(asked, [undefined]);
  const [outcome, source, prompt, completion] = await recorded(answer);
  assert.deepEqual([outcome, completion > 0 && prompt > 0], ["completed", true]);
  assert.ok(["counted", "estimated"].includes(source), source);
  // A caller who asks gets it.
  const own = await stream("counted", t.key, { stream_options: { include_usage: true } });
  assert.equal(own.text, streamEvents("m", WORDS).join(""));
  assert.deepEqual(await recorded(own), ["completed", "reported", 9, 4]);
});

test("what is paid for stays exact", async () => {
  const asked = await modelWith("paid", ["counted_usage"]);
  const priced = await t.gw.admin("PUT", "/prices/model:paid", { input: 1, output: 1 });
  assert.equal(priced.status, 200, priced.text);
  const { key } = await t.gw.createKey({ budget: { amount: 10, period: "month" } });
  const ofKey = await stream("paid", key, { max_tokens: 10 });
  const { key: ofOwner } = await t.gw.createKey({ owner: "payer" });
  const limits = await t.gw.admin("PUT", "/limits/user:payer", { budget: { amount: 10, period: "month" } });
  assert.equal(limits.status, 200, limits.text);
  const second = await stream("paid", ofOwner, { max_tokens: 10 });
  for (const answer of [ofKey, second]) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, SAID.join(""));
    assert.deepEqual(await recorded(answer), ["completed", "reported", 9, 4]);
  }
  assert.deepEqual(asked, [{ include_usage: true }, { include_usage: true }]);
});

test("a provider that reports usage by itself is passed on as it is, and recorded exactly", async () => {
  const asked = await modelWith("by-itself", ["no_stream_options"], { byItself: true });
  const answer = await stream("by-itself");
  assert.equal(answer.text, streamEvents("m", WORDS).join(""));
  assert.deepEqual(asked, [undefined]);
  assert.deepEqual(await recorded(answer), ["completed", "reported", 9, 4]);
});
