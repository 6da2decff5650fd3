// A provider that is paused or offline gets no request that begins 3 seconds later, in any isolate: one with traffic, and one that
// was idle. The second isolate is a second instance of the Worker on the same stores.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { bearer, eventually, send } from "../support/util.mjs";

const WITHIN_MS = 3_000;
const t = suite({ twin: true });
const elsewhere = (model) =>
  send(`${t.gw.twinUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { ...bearer(t.key), "content-type": "application/json" },
    body: JSON.stringify(ask(model)),
  });
const provider = async (name) => {
  const made = await t.gw.createProvider({ name, server_url: `${t.up.url}/v1` });
  await t.model(`${name}-model`, (x) => x.reply(200, completion(x.model, "ok")), { provider_id: made.id });
  const isServed = async () => (await elsewhere(`${name}-model`)).status === 200;
  await eventually(isServed, { within: 15_000, every: 100, what: `${name} in the other isolate` });
  return made;
};

for (const [action, back] of [
  ["pause", "resume"],
  ["offline", "resume"],
]) {
  test(`${action} under traffic`, async () => {
    const name = `busy-${action}`;
    const { id } = await provider(name);
    assert.equal((await t.gw.admin("POST", `/providers/${id}/${action}`)).status, 200);
    const pausedAt = performance.now();
    assert.equal((await t.complete(ask(`${name}-model`))).status, 503, "at once where it was paused");
    const served = [];
    while (performance.now() - pausedAt < WITHIN_MS + 2_000) {
      const begun = performance.now() - pausedAt;
      const answer = await elsewhere(`${name}-model`);
      if (answer.status === 200) served.push(begun);
      else assert.equal(answer.status, 503, answer.text);
    }
    const last = Math.max(0, ...served);
    assert.ok(last < WITHIN_MS, `a request was served that began ${last} ms after the provider was paused`);
    console.log(`# ${action}: the last request that was served elsewhere began ${Math.round(last)} ms after it`);
    await t.gw.admin("POST", `/providers/${id}/${back}`);
    const isServed = async () => (await elsewhere(`${name}-model`)).status === 200;
    await eventually(isServed, { within: 15_000, every: 100, what: "the resumed provider" });
  });
}

test("an isolate that was idle does not use what it knew", async () => {
  const { id } = await provider("idle");
  await sleep(WITHIN_MS + 500);
  await t.gw.admin("POST", `/providers/${id}/pause`);
  await sleep(WITHIN_MS + 100);
  // Both at once: the second one must not go ahead while the first one looks.
  const answers = await Promise.all([elsewhere("idle-model"), elsewhere("idle-model"), elsewhere("idle-model")]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 503, 503],
  );
});
