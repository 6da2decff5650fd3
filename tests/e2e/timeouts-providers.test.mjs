// Proves that what the gateway sends to a provider besides the question itself is bounded by the provider's time-out, too: the
// exchange of a service account for a token, a file for a Dify app, the order to such an app to stop.
import assert from "node:assert/strict";
import { dialectSuite, KEY, PNG, user } from "../support/dialects.mjs";
import * as dify from "../support/dify.mjs";
import { ask, errorOf, test } from "../support/suite.mjs";
import { eventually, within } from "../support/util.mjs";

const t = dialectSuite([]);
const LIMIT = { first_byte_timeout_ms: 600, idle_timeout_ms: 600 };

async function app(name, behaviour, fields = {}) {
  t.up.on(name, behaviour);
  const provider = await t.gw.createProvider({
    kind: "dify",
    server_url: `${t.up.url}/apps/${name}/v1`,
    server_key: KEY,
    ...LIMIT,
    ...fields,
  });
  await t.gw.createModel({ provider_id: provider.id, model_name: name });
}

test("a token endpoint that does not answer is a 504, and its request is closed", async () => {
  const asked = [];
  t.up.otherwise((x) => {
    asked.push(x);
    return x.hang();
  });
  const provider = await t.provide("vertex", { name: "tokenless", ...LIMIT });
  await t.gw.createModel({ provider_id: provider.id, model_name: "no-token" });
  const answer = await within(20_000, t.complete(ask("no-token")), "the time-out");
  assert.equal(answer.status, 504, answer.text);
  assert.equal(errorOf(answer.text).code, "upstream_timeout");
  assert.deepEqual(new Set(asked.map((x) => x.path)), new Set(["/token"]));
  await within(2_000, asked[0].closed, "the token endpoint seeing the close");
});

test("a token endpoint whose answer stops half-way is no token", async () => {
  t.up.otherwise(async (x) => {
    x.head(200, { "content-type": "application/json", "content-length": 100 });
    await x.write('{"access_token":"ya29.');
    await x.hang();
  });
  const provider = await t.provide("vertex", { name: "half-token", ...LIMIT });
  await t.gw.createModel({ provider_id: provider.id, model_name: "half-a-token" });
  const answer = await within(20_000, t.complete(ask("half-a-token")), "the time-out");
  assert.match(String(answer.status), /^50[24]$/, answer.text);
  assert.match(errorOf(answer.text).code, /^upstream_/);
});

test("a file that a Dify app does not take in time costs the file, not the answer", async () => {
  await app("slow-files", (x) => (x.path.endsWith("/files/upload") ? x.hang() : dify.answersWith("ok")(x)));
  const content = [
    { type: "text", text: "x" },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
  ];
  const answer = await within(20_000, t.complete({ model: "slow-files", messages: user(content) }), "the answer");
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.headers["x-nexus-dropped-params"], /messages\[0\]\.content\[1\]/);
  const [upload] = t.up.seen("slow-files");
  assert.equal(upload.headers.authorization, `Bearer ${KEY}`);
  await within(2_000, upload.closed, "the app seeing the close");
});

test("an order to stop that is not answered is given up", async () => {
  let stopped;
  await app("deaf", async (x) => {
    if (x.path.endsWith("/stop")) {
      stopped = x;
      return x.hang();
    }
    x.sse();
    for (let i = 0; i < 200; i++) {
      const isGone = !(await x.write(dify.event("message", { task_id: "task-1", answer: "x " })));
      if (isGone || (await Promise.race([x.closed.then(() => true), new Promise((done) => setTimeout(done, 50))])))
        return;
    }
    x.end();
  });
  const { reply, leave } = t.beginCompletion({ model: "deaf", messages: user("Hi"), stream: true });
  await reply;
  leave();
  await eventually(() => stopped !== undefined, { what: "the app being told to stop" });
  await within(5_000, stopped.closed, "the order being given up");
});
