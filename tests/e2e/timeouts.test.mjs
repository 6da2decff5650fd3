// Proves that an upstream which is slow, silent or absent costs the caller a bounded wait and a clear error: 504 when
// the first byte does not come in time, 502 when no server listens, and never a 200 for half an answer.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion, delay, refusedPort, streamEvents } from "../support/upstream.mjs";
import { within } from "../support/util.mjs";

const t = suite({ provider: { first_byte_timeout_ms: 600, idle_timeout_ms: 600 } });

const rowOf = (answer) => t.gw.row(answer.headers["x-request-id"]);

test("no first byte in time is a 504, and the upstream request is closed", async () => {
  await t.model("mute", (x) => x.hang());
  for (const stream of [false, true]) {
    const answer = await within(20_000, t.complete(ask("mute", { stream })), "the time-out");
    assert.equal(answer.status, 504, answer.text);
    assert.equal(errorOf(answer.text).code, "upstream_timeout");
    await within(2_000, t.up.last("mute").closed, "the upstream seeing the close");
    const row = await rowOf(answer);
    assert.deepEqual([row.outcome, row.error_code, row.status], ["failed", "upstream_timeout", 504]);
  }
});

test("the first-byte limit of a provider is its own and takes effect at once", async () => {
  const provider = await t.gw.createProvider({
    name: "patient",
    server_url: `${t.up.url}/v1`,
    first_byte_timeout_ms: 20_000,
  });
  await t.model(
    "patient-model",
    async (x) => {
      await delay(1_200);
      x.reply(200, completion("patient-model", "ok"));
    },
    { provider_id: provider.id },
  );
  assert.equal((await t.complete(ask("patient-model"))).status, 200);
  await t.gw.admin("PUT", `/providers/${provider.id}`, { first_byte_timeout_ms: 300 });
  assert.equal((await t.complete(ask("patient-model"))).status, 504);
  await t.gw.admin("PUT", `/providers/${provider.id}`, { first_byte_timeout_ms: null });
  assert.equal((await t.complete(ask("patient-model"))).status, 200);
});

test("headers without a body are not taken for an answer", async () => {
  for (const stream of [false, true]) {
    const model = `headers-only-${stream}`;
    await t.model(model, async (x) => {
      x.head(200, { "content-type": stream ? "text/event-stream" : "application/json" });
      await x.hang();
    });
    const reply = await within(20_000, t.openCompletion(ask(model, { stream })), "the answer");
    const text = await within(20_000, reply.text(), "the end of the answer");
    if (reply.status === 200) {
      // The stream was opened already, so the error comes inside it.
      assert.ok(stream, text);
      assert.match(text, /"code":\s*"upstream_stream_idle"/);
      assert.ok(!text.includes("[DONE]"));
    } else {
      assert.equal(reply.status, 504, text);
      assert.equal(errorOf(text).code, "upstream_timeout");
    }
    assert.equal((await rowOf(reply)).outcome, "failed");
  }
});

for (const [name, ending] of [
  ["stalls", (x) => x.hang()],
  ["is cut", async (x) => (await delay(100), x.cut())],
]) {
  test(`a body that ${name} half-way is never a good answer`, async () => {
    const model = `half-${name.replace(" ", "-")}`;
    const body = JSON.stringify(completion(model, "whole"));
    await t.model(model, async (x) => {
      x.head(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
      await x.write(body.slice(0, 40));
      await ending(x);
    });
    const id = `half-${name.replace(" ", "-")}`;
    const reply = await within(20_000, t.openCompletion(ask(model), { headers: { "x-request-id": id } }), "the answer");
    const { bytes, complete } = await within(20_000, reply.rest(), "the end of the answer");
    if (reply.status === 200) assert.equal(complete, false, "half an answer looks whole");
    else {
      assert.match(String(reply.status), /^50[24]$/);
      assert.match(errorOf(bytes.toString()).code, /^upstream_/);
    }
    assert.equal((await t.gw.row(id)).outcome, "failed");
  });
}

test("a connection that is closed without an answer is a 502", async () => {
  await t.model("hang-up", (x) => x.cut());
  for (const stream of [false, true]) {
    const answer = await t.complete(ask("hang-up", { stream }));
    assert.equal(answer.status, 502, answer.text);
    assert.match(errorOf(answer.text).code, /^upstream_(unreachable|invalid_response)$/);
    assert.equal((await rowOf(answer)).outcome, "failed");
  }
});

test("an address without a server is a 502", async () => {
  const provider = await t.gw.createProvider({
    name: "unreachable",
    server_url: `http://127.0.0.1:${await refusedPort()}/v1`,
    first_byte_timeout_ms: 10_000,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: "unreachable-model" });
  const answer = await within(30_000, t.complete(ask("unreachable-model")), "the answer");
  assert.equal(answer.status, 502, answer.text);
  assert.equal(errorOf(answer.text).code, "upstream_unreachable");
  const row = await rowOf(answer);
  assert.deepEqual([row.outcome, row.error_code, row.status], ["failed", "upstream_unreachable", 502]);
});

test("a slow but steady answer is not cut short", async () => {
  const events = streamEvents("steady", ["a", "b", "c", "d"], { reported: null });
  await t.model("steady", async (x) => {
    x.sse();
    for (const one of events) {
      await x.write(one);
      await delay(250);
    }
    x.end();
  });
  // 1.75 s in total: longer than either limit, but never 600 ms without a byte.
  const answer = await t.complete(ask("steady", { stream: true }));
  assert.equal(answer.text, events.join(""));
  assert.equal((await rowOf(answer)).outcome, "completed");
});

test("time-outs on one provider leave the others alone", async () => {
  await t.model("stuck", (x) => x.hang());
  await t.model("lively", (x) => x.reply(200, completion("lively", "ok")));
  const stuck = Promise.all(Array.from({ length: 20 }, () => t.complete(ask("stuck"))));
  for (let i = 0; i < 20; i++) assert.equal((await t.complete(ask("lively"))).status, 200);
  for (const answer of await stuck) assert.equal(answer.status, 504);
});
