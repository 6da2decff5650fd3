// Proves that bodies near the limit cost time and memory in proportion to their size, with any content: no single
// request or answer can block the isolate, which others share.
import assert from "node:assert/strict";
import { ask, errorOf, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";
import { within } from "../support/util.mjs";

const t = suite({
  setUp: async () => {
    await t.model("m", (x) => x.reply(200, completion("m", "ok")));
  },
});
const MB = 1 << 20;
const user = '{"role":"user","content":"x"}';
const fields = (count) => Array.from({ length: count }, (_, i) => `"x${i}":1`).join();

const alive = async () =>
  assert.equal((await within(10_000, t.complete(ask("demo/echo")), "a small request")).status, 200);

// Each takes well under a second if the cost is linear, and minutes if it is quadratic.
const requests = {
  "400,000 messages": () => `{"model":"m","messages":[${Array(400_000).fill(user).join()}]}`,
  "a message of 400,000 parts": () =>
    `{"model":"m","messages":[{"role":"user","content":[${Array(400_000).fill('{"type":"text","text":"x"}').join()}]}]}`,
  "a text of 30 MB": () => `{"model":"m","messages":[{"role":"user","content":"${"x".repeat(30 * MB)}"}]}`,
  "a text of escapes": () => `{"model":"m","messages":[{"role":"user","content":"${"\\u0041".repeat(3 * MB)}"}]}`,
  "nesting 4,000,000 deep in an unknown field": () =>
    `{"model":"m","messages":[${user}],"x":${"[".repeat(4e6)}${"]".repeat(4e6)}}`,
  "nesting 4,000,000 deep in a content": () =>
    `{"model":"m","messages":[{"role":"user","content":${"[".repeat(4e6)}${"]".repeat(4e6)}}]}`,
  "nesting 4,000,000 deep in the messages": () => `{"model":"m","messages":${"[".repeat(4e6)}${"]".repeat(4e6)}}`,
  "300,000 fields": () => `{"model":"m","messages":[${user}],${fields(300_000)}}`,
  "300,000 fields in a message": () => `{"model":"m","messages":[{"role":"user","content":"x",${fields(300_000)}}]}`,
  "300,000 fields in stream_options": () =>
    `{"model":"m","messages":[${user}],"stream":false,"stream_options":{${fields(300_000)}}}`,
};
for (const [name, body] of Object.entries(requests)) {
  test(`a request with ${name}`, async () => {
    const answer = await within(20_000, t.complete(body()), "the answer");
    assert.ok([200, 400].includes(answer.status), `status ${answer.status}: ${answer.text.slice(0, 300)}`);
    if (answer.status === 400) errorOf(answer.text);
    await alive();
  });
}

test("an unstreamed answer without an end", async () => {
  await t.model("endless", async (x) => {
    x.head(200, { "content-type": "application/json" });
    const blank = Buffer.alloc(MB, 0x20);
    for (let i = 0; i < 300; i++) if (!(await x.write(blank))) return;
    x.end("{}");
  });
  const answer = await within(30_000, t.complete(ask("endless")), "the answer");
  assert.equal(answer.status, 502);
  assert.equal(errorOf(answer.text).code, "upstream_invalid_response");
  const x = t.up.last("endless");
  await within(2_000, x.closed, "the upstream seeing the close");
  assert.ok(x.closedEarly, "all of it was read");
  await alive();
});

test("a streamed event without an end", async () => {
  await t.model("endless-event", async (x) => {
    x.sse();
    await x.write('data: {"choices":[{"index":0,"delta":{"content":"');
    const letters = Buffer.alloc(MB, 0x61);
    for (let i = 0; i < 200; i++) if (!(await x.write(letters))) return;
    x.end('"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  });
  const reply = await t.openCompletion(ask("endless-event", { stream: true }));
  let length = 0;
  for (let piece = await reply.read(); piece !== null; piece = await reply.read()) length += piece.length;
  assert.ok(length > 0);
  await alive();
});
