// Memory does not grow with the number of requests but with what is remembered, which has bounds, whatever new names, addresses
// and keys callers send; and nothing stays in progress. Until all maps are full: `npm run bench -- --measure soak`.
import assert from "node:assert/strict";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, streamEvents } from "../support/upstream.mjs";
import { eventually } from "../support/util.mjs";

const AT_ONCE = 12;
const WARM_UP = 900;
const ROUNDS = 3;
const ROUND = 600;

const t = suite({
  setUp: () =>
    t.model("talker", (x) =>
      x.wantsStream ? x.stream(streamEvents("talker", ["a", "b"])) : x.reply(200, completion("talker", "fine")),
    ),
});

const isolate = async () => (await t.gw.admin("GET", "/system/status")).body.isolate;

let serial = 0;
async function many(times) {
  let left = times;
  const caller = async () => {
    while (left-- > 0) await one(serial++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  t.up.exchanges.length = 0;
  t.gw.answers.length = 0;
}

async function one(i) {
  const body = ask("talker", { stream: i % 2 === 0, metadata: { i: String(i) } });
  const headers = { "cf-connecting-ip": `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}` };
  switch (i % 6) {
    case 0:
      return t.gw.complete(`sk-nx-${i}-guessed`, body, { headers });
    case 1:
      return t.complete({ ...body, model: `unknown-${i}` });
    case 2:
      return t.complete(body, { headers: { "x-session-id": `session-${i}` } });
    case 3:
      return t.complete(ask("talker", { messages: [{ role: "user", content: `${i} `.repeat(4_000) }] }));
    case 4: {
      const caller = t.beginCompletion({ ...body, stream: true });
      await caller.reply;
      return caller.abort();
    }
    default:
      return t.complete(ask("talker", { messages: [{ role: "user", content: `Question ${i}` }] }));
  }
}

test(
  "linear memory grows by no more than what maps may hold, and every map has a bound",
  async (context) => {
    await many(WARM_UP);
    const before = await isolate();
    const seen = [before.memory_bytes];
    for (let round = 0; round < ROUNDS; round++) {
      await many(ROUND);
      seen.push((await isolate()).memory_bytes);
    }
    context.diagnostic(seen.map((bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`).join(", "));
    // Maps fill up to their bounds, which takes more requests than these: what is left of one is below two kilobytes.
    assert.ok(seen.at(-1) - seen[0] <= ROUNDS * ROUND * 2_048, seen.join());
    const after = await eventually(
      async () => {
        const now = await isolate();
        // This very request is a task.
        const isQuiet = now.maps.every(
          ({ name, entries, most }) => most !== null || entries <= (name === "tasks" ? 2 : 1),
        );
        return isQuiet && now;
      },
      { what: "an end of all that is in progress" },
    );
    for (const { name, entries, most } of after.maps) assert.ok(most === null || entries <= most, name);
    const names = after.maps.filter(({ entries }) => entries > 0).map(({ name }) => name);
    for (const name of ["keys", "conversations", "limited_subjects", "upstream_health"])
      assert.ok(names.includes(name), `${name} is not counted: ${names}`);
  },
  { timeout: 240_000 },
);
