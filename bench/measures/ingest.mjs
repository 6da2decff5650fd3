// How many usage events a second the queue's consumer records, by how many come in a batch: the events of 1,000 keys, each with the
// texts of its request for the archive, made of a message that the gateway has sent itself. D1 and R2 are outside the process, so
// what the database takes of a core, which is what a D1 has one of, is told apart from what the Worker takes.
import { randomBytes } from "node:crypto";
import { configure, startGateway } from "../gateway.mjs";
import { cpuMs, sleep } from "../processes.mjs";

export const name = "ingest";
export const about = "usage events a second that the queue's consumer records, by the size of a batch";

const KEYS = 1_000;
const SIZES = [1, 10, 100, 400];
/** As many events as one message of the queue has at most. */
const MESSAGE_EVENTS = 64;
const SECONDS = 6;
const QUEUE = "nexus-edge-usage";

export async function run({ root, upstream, upstreamAddress, database, openStores, quick, log }) {
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const gateway = await startGateway({ root }, await openStores());
  try {
    await configure(gateway, upstreamAddress);
    const sample = await sampleOf(upstream);
    await insertKeys(gateway.database);
    const worker = await gateway.mf.getWorker("nexus-edge");
    const found = [];
    for (const size of quick ? [10] : SIZES) {
      const one = { size, ...(await record(gateway, worker, database, sample, size, quick ? 1 : SECONDS)) };
      log(`${size} events a batch: ${Math.round(one.events_per_s)} events/s`);
      found.push(one);
    }
    return { keys: KEYS, event_bytes: JSON.stringify(sample).length, batches: found };
  } finally {
    await gateway.stop();
  }
}

/** An event with what is kept of its request, from the last message that the gateway has put into the queue. */
async function sampleOf(upstream) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const { message } = await upstream.ask({ lastMessage: true });
    const event = message && JSON.parse(message).find(({ kept }) => kept?.archived?.texts?.length);
    if (event) return event;
    await sleep(100);
  }
  throw new Error("the gateway has put no event with texts into the queue");
}

const insertKeys = (database) =>
  database
    .prepare(`INSERT INTO api_keys (id, key_hash, name, created_at, updated_at)
      WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
      SELECT 'bench-' || i, lower(hex(randomblob(32))), 'bench ' || i, 1767225600000, 1767225600000 FROM n`)
    .bind(KEYS)
    .run();

/** Another request: another id, conversation and history, and the next of the keys. */
function anotherOf(sample, n) {
  const ulid = (id) => id.slice(0, 10) + randomBytes(8).toString("hex").toUpperCase();
  const turn = `................${randomBytes(16).toString("hex")}`;
  return {
    ...sample,
    id: ulid(sample.id),
    request_id: `req_${n}`,
    key_id: `bench-${n % KEYS}`,
    conversation_id: ulid(sample.id),
    kept: { ...sample.kept, turn },
  };
}

async function record({ pid }, worker, database, sample, size, seconds) {
  let events = 0;
  const batch = () => {
    const messages = [];
    for (let left = size; left > 0; left -= MESSAGE_EVENTS) {
      const list = Array.from({ length: Math.min(left, MESSAGE_EVENTS) }, () => anotherOf(sample, events++));
      messages.push({ id: String(events), timestamp: new Date(), body: JSON.stringify(list), attempts: 1 });
    }
    return messages;
  };
  const deliver = async (messages) => {
    const { outcome, retryMessages, retryBatch } = await worker.queue(QUEUE, messages);
    if (outcome !== "ok" || retryMessages?.length || retryBatch?.retry) throw new Error("a batch was not recorded");
  };
  for (let warm = 0; warm < 5; warm++) await deliver(batch());
  events = 0;
  let spent = 0;
  const before = { worker: cpuMs(pid), d1: cpuMs(database.pid) };
  while (spent < seconds * 1000) {
    const messages = batch();
    const began = performance.now();
    await deliver(messages);
    spent += performance.now() - began;
  }
  const per = (ms) => (ms / events) * 1000;
  return {
    events_per_s: (events / spent) * 1000,
    cpu_ms_per_1000: per(cpuMs(pid) - before.worker),
    d1_cpu_ms_per_1000: per(cpuMs(database.pid) - before.d1),
  };
}
