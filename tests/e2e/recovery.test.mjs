// Proves that a panic costs what was being answered, and nothing after it: the next request has a new instance of the module,
// objects too, and what the objects had stored still counts. What the panic hook leaves behind is set by the entry below, as
// nothing that a caller can send makes the Worker panic.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { completion } from "../support/upstream.mjs";

const entry = `
import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./index.js";
export * from "./index.js";

export default class extends Worker {
  fetch(request) {
    if (new URL(request.url).pathname !== "/panic") return super.fetch(request);
    globalThis.__worker_init_state.criticalError = true;
    return new Response();
  }
}
`;

const t = suite({ entry });

const replaced = () =>
  t.gw.logs().filter(({ message }) => message.includes("the module is replaced after a panic")).length;

const instances = 3;

test("requests, objects and what they count go on after panics", async () => {
  await t.model("lasting", (x) => x.reply(200, completion("lasting", "Here.")));
  const { key } = await t.gw.createKey({ limits: { requests_per_day: instances } });
  const complete = () => t.gw.complete(key, ask("lasting"));
  for (let instance = 1; instance <= instances; instance++) {
    const { status, text } = await complete();
    assert.equal(status, 200, text);
    assert.equal((await t.gw.call("/panic")).status, 200);
  }
  assert.equal((await complete()).status, 429);
  assert.equal(replaced(), instances);
});

test("nothing is replaced without a panic", async () => {
  const before = replaced();
  assert.equal((await t.complete(ask("lasting"))).status, 200);
  assert.equal((await t.complete(ask("lasting"))).status, 200);
  assert.equal(replaced(), before);
});
