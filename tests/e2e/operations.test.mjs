// Proves that a request asks no more of the platform than it did: what is paid for (rows of D1, operations of KV, R2, queues and
// Durable Objects) and what takes processor time (timers, clock, signals, fetches) is counted at work and has a budget. Neither the
// speed of the machine nor how many requests share a message decides: a budget says what a request may use, what a batch of the queue,
// and what a second of time, in which versions are compared. What has no budget may not be used at all.
import assert from "node:assert/strict";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { countingEntry } from "../../bench/counting.mjs";
import { dollars } from "../../bench/dollars.mjs";
import { message, messageEvents } from "../support/anthropic.mjs";
import { dialectSuite } from "../support/dialects.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { test } from "../support/suite.mjs";
import { completion, delay, streamEvents } from "../support/upstream.mjs";

const REQUESTS = 40;
const AT_ONCE = 4;
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const keys = {};
let servers;
const t = dialectSuite(["openai", "anthropic"], {
  entry: countingEntry(ROOT),
  fields: { quirks: ["discreet_streams"] },
  setUp: async () => {
    const make = async (fields) => (await t.gw.createKey(fields)).key;
    keys.usual = t.key;
    keys.unkept = await make({ store: "none" });
    keys.fresh = [];
    for (let i = 0; i < REQUESTS; i++) keys.fresh.push(await make({ name: `fresh-${i}` }));
    keys.limited = await make({ limits: { requests_per_minute: 1_000_000, tokens_per_minute: 1_000_000_000 } });
    servers = await startMcpServers();
    await t.gw.admin("POST", "/mcp-servers", { id: "modern", url: `${servers.url}/modern` });
    const tools = [{ server: "modern", tool: "*" }];
    await t.gw.admin("POST", "/toolsets", { name: "usual", tools });
    keys.equipped = await make({ allow_tools: ["*"], default_toolset: "usual" });
    const words = ["Hello", " there"];
    await t.on("openai", "gpt", (x) =>
      x.json().stream ? x.stream(streamEvents("gpt", words)) : x.reply(200, completion("gpt", "Hello there")),
    );
    await t.on("anthropic", "claude", (x) => x.stream(messageEvents(message("claude", "Hello there"))));
  },
});

after(() => servers?.stop());

/** What was counted since it was asked for last, once nothing is going on any more. */
async function counted() {
  const total = {};
  for (let still = 0; still < 3; ) {
    await delay(500);
    const { counts } = await (await fetch(`${t.gw.url}/__counted`)).json();
    still = Object.keys(counts).length ? 0 : still + 1;
    for (const [place, operations] of Object.entries(counts)) {
      total[place] ??= {};
      for (const [name, n] of Object.entries(operations)) total[place][name] = (total[place][name] ?? 0) + n;
    }
  }
  return total;
}

async function many(times, request) {
  let next = 0;
  const worker = async () => {
    while (next < times) await request(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

let serial = 0;
const question = () => ({ role: "user", content: `Question ${++serial}: what is to be done?` });

async function complete(key, { messages = [question()], headers, ...fields }) {
  const answer = await t.gw.complete(key, { model: "gpt", messages, max_tokens: 10, ...fields }, { headers });
  assert.equal(answer.status, 200, answer.text);
  return answer;
}

/** A second turn; the first one is made before anything is counted. */
function laterTurn(key, headersOf = () => undefined) {
  const begun = [];
  const on = [
    { role: "assistant", content: "Hello there" },
    { role: "user", content: "Go on." },
  ];
  return {
    before: async (i) => {
      begun[i] = [question()];
      await complete(key, { messages: begun[i], headers: headersOf(i) });
    },
    request: (i) => complete(key, { messages: [...begun[i], ...on], headers: headersOf(i) }),
  };
}

/** What every request may use: see `allowance`. */
const EVERY = {
  request: {
    "D1 trips": { second: 1 },
    "D1 reads": { second: 1 },
    "D1 rows read": { second: 4 },
    "object calls: CIRCUITS": { second: 1 },
    "queue messages": { request: 1 },
    "queue operations": { request: 1 },
  },
  consumer: {
    "D1 trips": { batch: 2 },
    "D1 reads": { batch: 4 },
    "D1 writes": { batch: 9 },
    "D1 rows read": { request: 16, batch: 25 },
    "D1 rows written": { request: 2, batch: 5 },
    "R2 writes": { batch: 1 },
  },
  isolate: {
    fetches: { request: 1 },
    "abort controllers": { request: 1 },
    "joined signals": { request: 1 },
    timers: { request: 3, batch: 3, second: 2 },
    "clock readings": { request: 5, batch: 6, second: 4 },
    microtasks: { request: 4, batch: 6, second: 4 },
  },
};

const withMore = (more) =>
  Object.fromEntries(Object.entries(EVERY).map(([place, budget]) => [place, { ...budget, ...more[place] }]));

const STREAMED = {
  timers: { request: 4, batch: 3, second: 2 },
  "clock readings": { request: 18, batch: 6, second: 4 },
};

/** A stream that is read: a clock reading for what is read and for what is written, a pause after each burst. */
const READ = {
  timers: { request: 6, batch: 3, second: 2 },
  "clock readings": { request: 22, batch: 6, second: 4 },
};

const CASES = {
  "a new conversation": { make: () => ({ request: () => complete(keys.usual, {}) }), most: 7.5 },
  "a new conversation, streamed, without usage asked": {
    make: () => ({ request: () => complete(keys.usual, { stream: true }) }),
    budget: withMore({ isolate: READ }),
    most: 7.5,
  },
  "a new conversation, streamed, with usage asked": {
    make: () => ({ request: () => complete(keys.usual, { stream: true, stream_options: { include_usage: true } }) }),
    budget: withMore({ isolate: STREAMED }),
    most: 7.5,
  },
  "a later turn, recognised by its history": { make: () => laterTurn(keys.usual), most: 3.5 },
  "a later turn of a conversation that the caller names": {
    make: () => laterTurn(keys.usual, (i) => ({ "x-conversation-id": `named-${i}` })),
    most: 3.5,
  },
  "store: none": { make: () => ({ key: keys.unkept, request: () => complete(keys.unkept, {}) }), most: 4 },
  "a new conversation, with limits": {
    make: () => ({ key: keys.limited, request: () => complete(keys.limited, {}) }),
    budget: withMore({
      // An isolate that is slow renews its lease once more.
      request: { "object calls: QUOTA": { request: 1, batch: 1 } },
      isolate: {
        timers: { request: 5, batch: 3, second: 2 },
        "clock readings": { request: 9, batch: 6, second: 4 },
        microtasks: { request: 8, batch: 6, second: 4 },
      },
    }),
    most: 7.5,
  },
  "a new conversation, with the tools of the key's set": {
    make: () => ({ key: keys.equipped, request: () => complete(keys.equipped, {}) }),
    // The set, the servers and their tools are held for three seconds.
    budget: withMore({
      request: { "D1 trips": { second: 2 }, "D1 reads": { second: 2 }, "D1 rows read": { second: 8 } },
      isolate: { timers: { request: 5, batch: 3, second: 2 } },
    }),
    most: 7.5,
  },
  "a new conversation, the first request of each key": {
    make: () => ({ request: (i) => complete(keys.fresh[i], {}) }),
    budget: withMore({
      request: {
        "KV reads": { request: 1 },
        "KV writes": { request: 1 },
        "D1 trips": { request: 1, second: 1 },
        "D1 reads": { request: 1, second: 1 },
        "D1 rows read": { request: 1, second: 4 },
      },
      consumer: { "D1 rows read": { request: 24, batch: 25 }, "D1 rows written": { request: 5, batch: 5 } },
      isolate: { timers: { request: 5, batch: 3, second: 2 }, "clock readings": { request: 8, batch: 6, second: 4 } },
    }),
  },
  "a new conversation, streamed, OpenAI to Anthropic": {
    make: () => ({ request: () => complete(keys.usual, { stream: true, model: "claude" }) }),
    budget: withMore({
      isolate: { ...READ, "clock readings": { request: 26, batch: 6, second: 4 } },
    }),
    most: 7.5,
  },
};

// So far apart that each request compares the versions of the configuration before it is answered.
const APART_MS = 3_500;
const SPARSE = 6;

test(
  "requests that are far apart compare the configuration without D1, in the call that shares circuits",
  async () => {
    await complete(keys.usual, {});
    await counted();
    for (let i = 0; i < SPARSE; i++) {
      await complete(keys.usual, {});
      await delay(APART_MS);
    }
    const { request } = await counted();
    const told = JSON.stringify(request);
    assert.equal(request.requests, SPARSE);
    // An isolate whose object does not answer in time asks D1 itself.
    assert.ok((request["D1 trips"] ?? 0) <= SPARSE / 2, told);
    // One for the versions and the circuits, and not one for each of them.
    assert.ok(request["object calls: CIRCUITS"] <= SPARSE * 1.5, told);
    console.log(`${SPARSE} requests, far apart: ${told}`);
  },
  { timeout: 180_000 },
);

// What the load of the machine can add to a run: a lease that is renewed once more, a change of circuits that is shared. Something that
// every request does is ten times as much.
const BY_LOAD = REQUESTS / 10;

/** The most that may be counted of something; nothing of what has no budget. */
function allowance(budget, { batches, seconds }) {
  if (!budget) return 0;
  const { request = 0, batch = 0, second = 0 } = budget;
  // A second more: what is due is done with the first request.
  return request * REQUESTS + batch * batches + second * (seconds + 1) + BY_LOAD;
}

for (const [name, { make, budget = EVERY, most }] of Object.entries(CASES)) {
  test(
    `${name}: stays within its budget`,
    async () => {
      const { key = keys.usual, before, request } = make();
      await many(8, () => complete(key, {}));
      if (before) await many(REQUESTS, before);
      await counted();
      const began = performance.now();
      await many(REQUESTS, request);
      const counts = await counted();
      const seconds = (performance.now() - began) / 1000;
      assert.equal(counts.request.requests, REQUESTS);
      const batches = counts.consumer.batches;
      const over = [];
      for (const [place, operations] of Object.entries(counts))
        for (const [operation, n] of Object.entries(operations)) {
          if (["requests", "batches", "R2 bytes"].includes(operation) || place === "object") continue;
          const may = allowance(budget[place]?.[operation], { batches, seconds });
          if (n > may) over.push(`${place}: ${n} ${operation}, ${may.toFixed(0)} at most`);
        }
      assert.deepEqual(over, [], `${REQUESTS} requests in ${batches} batches: ${JSON.stringify(counts)}`);
    },
    { timeout: 180_000 },
  );

  if (most)
    test(`${name}: its budget costs at most $${most} a million`, () => {
      // As at steady load: twenty requests share a batch, and two or three a message.
      const of = (place) =>
        Object.fromEntries(
          Object.entries(budget[place]).map(([operation, { request = 0, batch = 0 }]) => [
            operation,
            operation.startsWith("queue") ? 0.4 * request : request + batch / 20,
          ]),
        );
      const { total, parts } = dollars(
        { title: name, on_request: of("request"), by_consumer: of("consumer"), by_objects: {} },
        1,
      );
      assert.ok(total <= most, `${total.toFixed(2)}: ${JSON.stringify(parts)}`);
    });
}
