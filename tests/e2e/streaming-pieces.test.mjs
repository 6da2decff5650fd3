// In which pieces a stream that is read chunk by chunk reaches its caller: what comes faster than it is taken is joined, nothing is
// lost or reordered by that, and the first piece does not wait. A caller who leaves in a pause is noticed without a keep-alive.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { gate, streamEvents } from "../support/upstream.mjs";
import { within } from "../support/util.mjs";

// No keep-alive is due while these tests run.
const t = suite({ vars: { KEEP_ALIVE_MS: "600000" } });

const stream = (model) => ask(model, { stream: true });
const WORDS = Array.from({ length: 3_000 }, (_, i) => `word${i} `);

test("a flood of small events arrives whole, in order and in fewer pieces", async () => {
  const events = streamEvents("flood", WORDS, { reported: null });
  await t.model("flood", async (x) => {
    x.sse();
    for (const one of events) await x.write(one);
    x.end();
  });
  const reply = await t.openCompletion(stream("flood"));
  const pieces = [];
  for (let piece = await reply.read(); piece !== null; piece = await reply.read()) pieces.push(piece);
  assert.equal(Buffer.concat(pieces).toString(), events.join(""));
  assert.ok(pieces.length < events.length, `${pieces.length} pieces of ${events.length} events`);
  const row = await t.gw.row(reply.headers["x-request-id"]);
  assert.equal(row.outcome, "completed");
  assert.equal(row.answer_bytes, Buffer.byteLength(events.join("")));
});

test("what was joined is at the caller while the upstream still holds the rest", async () => {
  const events = streamEvents("burst", WORDS.slice(0, 200), { reported: null });
  const hold = gate();
  await t.model("burst", async (x) => {
    x.sse();
    for (const one of events.slice(0, 100)) await x.write(one);
    await hold.opened;
    for (const one of events.slice(100)) await x.write(one);
    x.end();
  });
  const reply = await t.openCompletion(stream("burst"));
  const early = await within(20_000, reply.readUntil("word97 "), "the events before the pause");
  hold.open();
  assert.equal(early.toString() + (await reply.text()), events.join(""));
});

test("a caller who leaves in a pause is noticed without a keep-alive, and what was used is recorded", async () => {
  await t.model("quiet", async (x) => {
    x.sse();
    for (const one of streamEvents("quiet", WORDS.slice(0, 20), { done: false }).slice(0, 15)) await x.write(one);
    await x.hang();
  });
  const reply = await t.openCompletion(stream("quiet"));
  await reply.readUntil("word10 ");
  reply.abort();
  await within(20_000, t.up.last("quiet").closed, "the upstream seeing the close");
  const row = await t.gw.row(reply.headers["x-request-id"]);
  assert.equal(row.outcome, "cancelled");
  assert.ok(row.completion_tokens > 0, JSON.stringify(row));
});
