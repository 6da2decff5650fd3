// What a request uses at steady load, counted: queries and rows of D1, reads and writes of KV, calls of Durable Objects,
// queue messages, R2. A small module in front of the Worker counts (counting-entry.js); the load is light, because what is
// asked is how many, not how fast.
import { createHash, randomBytes } from "node:crypto";
import { countingEntry } from "../counting.mjs";
import { configure, startGateway } from "../gateway.mjs";
import { ANTHROPIC_MODEL, MODEL } from "../payload.mjs";
import { sleep } from "../processes.mjs";

export const name = "operations";
export const about = "what a request uses of D1, KV, Durable Objects, queue and R2, counted at steady load";

const AT_ONCE = 4;
const LIMITS = { requests_per_minute: 1_000_000, requests_per_day: 100_000_000, tokens_per_minute: 1_000_000_000 };

export async function run({ root, upstream, upstreamAddress, quick }) {
  const entry = countingEntry(root);
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const gateway = await startGateway({ root }, { entry });
  try {
    const set = await configure(gateway, upstreamAddress);
    const key = async (fields) => (await gateway.admin("/keys", fields)).key;
    const limited = await key({ name: "limited", limits: LIMITS });
    const unkept = await key({ name: "unkept", store: "none" });
    const others = await insertKeys(gateway.database, quick ? 40 : 1_000);
    const ask = asker(gateway.url);
    const cases = [
      ["no limits, not streamed, a new conversation", (i) => ask(set.key, { i })],
      ["no limits, streamed, a new conversation", (i) => ask(set.key, { i, stream: true })],
      ["three limits, not streamed, a new conversation", (i) => ask(limited, { i })],
      ["three limits, streamed, a new conversation", (i) => ask(limited, { i, stream: true })],
      [
        "no limits, a later turn, recognised by its history",
        (i) => ask(set.key, { i, turns: 3 }),
        (i) => ask(set.key, { i, turns: 1 }),
      ],
      ["no limits, a new conversation that the caller names", (i) => ask(set.key, { i, conversation: `named-${i}` })],
      [
        "no limits, a later turn of a conversation that the caller names",
        (i) => ask(set.key, { i, turns: 3, conversation: `kept-${i}` }),
        (i) => ask(set.key, { i, turns: 1, conversation: `kept-${i}` }),
      ],
      ["store: none, not streamed", (i) => ask(unkept, { i })],
      // The isolate does not know the key yet, nor does KV; and each key's last use is a row of D1 a minute.
      ["first requests of 1,000 keys, not streamed", (i) => ask(others[i % others.length], { i })],
      ["store: none, streamed", (i) => ask(unkept, { i, stream: true })],
      ["no limits, streamed, OpenAI to Anthropic", (i) => ask(set.key, { i, stream: true, model: ANTHROPIC_MODEL })],
    ];
    const results = [];
    const each = quick ? 20 : 200;
    let serial = 0;
    for (const [title, request, before] of cases) {
      const dialect = title.endsWith("Anthropic") ? "anthropic" : "openai";
      const streamed = !title.includes("not streamed") && title.includes("streamed");
      const stream = streamed ? { chunks: 20, gapMs: 0 } : null;
      await upstream.ask({ spec: { delayMs: 0, dialect, stream, request: null } });
      // Warm: the configuration and the key are known, and the demand, without which no lease covers the limits.
      const warmUp = quick ? 20 : 300;
      await many(warmUp, (i) => request(serial + i));
      serial += warmUp;
      if (before) await many(each, (i) => before(serial + i));
      const { d1_bytes: before_bytes } = await quiet(gateway.url);
      await many(each, (i) => request(serial + i));
      serial += each;
      const { counts, d1_bytes } = await quiet(gateway.url);
      if (counts.request?.requests !== each)
        throw new Error(`${title}: ${counts.request?.requests} requests counted, not ${each}`);
      results.push({
        title,
        requests: each,
        ...perRequest(counts, each),
        d1_bytes: (d1_bytes - before_bytes) / each,
        r2_bytes: ((counts.request?.["R2 bytes"] ?? 0) + (counts.consumer?.["R2 bytes"] ?? 0)) / each,
      });
    }
    return { cases: results };
  } finally {
    await gateway.stop();
  }
}

/** Counts so far and the size of the database, once nothing has been counted for longer than a batch of the queue waits. */
async function quiet(url) {
  const total = {};
  let d1_bytes = 0;
  for (let still = 0; still < 3; ) {
    await sleep(700);
    const { counts, ...rest } = await (await fetch(`${url}/__counted`)).json();
    d1_bytes = rest.d1_bytes;
    still = Object.keys(counts).length ? 0 : still + 1;
    for (const [place, operations] of Object.entries(counts)) {
      total[place] ??= {};
      for (const [operation, n] of Object.entries(operations))
        total[place][operation] = (total[place][operation] ?? 0) + n;
    }
  }
  return { counts: total, d1_bytes };
}

function perRequest(counts, each) {
  const {
    request: { requests: _, ...request },
    consumer = {},
    object = {},
    isolate = {},
  } = counts;
  const share = (operations) =>
    Object.fromEntries(Object.entries(operations).map(([operation, n]) => [operation, n / each]));
  return {
    on_request: share(request),
    by_consumer: share(consumer),
    by_objects: share(object),
    in_isolate: share(isolate),
  };
}

/** Puts keys into D1, which is quicker than asking for each. */
async function insertKeys(database, n) {
  const text = (length) => Array.from(randomBytes(length), (byte) => (byte % 32).toString(32)).join("");
  const keys = Array.from({ length: n }, () => `sk-nx-${text(12)}-${text(32)}`);
  const insert = database.prepare(
    "INSERT INTO api_keys (id, key_hash, name, created_at, updated_at) VALUES (?1, ?2, ?1, 1767225600000, 1767225600000)",
  );
  const hash = (key) => createHash("sha256").update(key).digest("hex");
  for (let i = 0; i < n; i += 100)
    await database.batch(keys.slice(i, i + 100).map((key) => insert.bind(key.split("-")[2], hash(key))));
  return keys;
}

async function many(times, request) {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < times) await request(next++);
    }),
  );
}

/** A caller that remembers what it was answered, and goes on from there. */
function asker(url) {
  const said = new Map();
  return async (key, { i, stream = false, turns = 1, conversation, model = MODEL }) => {
    const messages = [{ role: "system", content: "You are a terse assistant." }];
    // The upstream's answer carries the number of the request, which is where it finds it: in the first turn.
    const number = String(i).padStart(12, "0");
    messages.push({ role: "user", content: `Request ${number}, part 1. What is to be done?` });
    const earlier = turns > 1 ? said.get(`${conversation} ${i}`) : undefined;
    if (earlier) messages.push({ role: "assistant", content: earlier.answer }, { role: "user", content: "Go on." });
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    if (conversation) headers["x-conversation-id"] = conversation;
    const body = JSON.stringify({ model, messages, max_tokens: 100, ...(stream ? { stream } : {}) });
    const response = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`status ${response.status}: ${text.slice(0, 300)}`);
    if (stream) return;
    const recognised = response.headers.get("x-conversation-id");
    if (earlier && recognised !== earlier.conversation) throw new Error("a later turn was not recognised as one");
    said.set(`${conversation} ${i}`, { answer: JSON.parse(text).choices[0].message.content, conversation: recognised });
  };
}
