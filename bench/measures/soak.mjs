// Whether memory is flat: a hundred thousand requests of every kind that leaves something in an isolate's memory, one gateway,
// and after each tenth of them the linear memory of the isolate and what it remembers, as /system/status tells it, and the
// resident memory of the process. KV, D1, R2 and the queue are in other processes; the objects of limits and sessions
// are simulated in this one, and their files count as they do in no isolate of Cloudflare's.
import { configure, startGateway } from "../gateway.mjs";
import { MODEL } from "../payload.mjs";
import { residentMb, sleep } from "../processes.mjs";

export const name = "soak";
export const about = "memory over a hundred thousand mixed requests";

const AT_ONCE = 16;
const SAMPLES = 10;
const LIMITS = { requests_per_minute: 1_000_000, tokens_per_minute: 1_000_000_000, concurrency: 1_000 };

export async function run({ root, upstream, upstreamAddress, openStores, quick, log }) {
  const each = (quick ? 2_000 : 100_000) / SAMPLES;
  const gateway = await startGateway({ root }, await openStores());
  try {
    await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
    const { key } = await configure(gateway, upstreamAddress);
    const limited = (await gateway.admin("/keys", { name: "limited", limits: LIMITS })).key;
    const ask = asker(gateway.url, { key, limited });
    let serial = 0;
    const samples = [await sample(gateway, 0)];
    for (let n = 1; n <= SAMPLES; n++) {
      // The upstream answers either way for all requests at a time.
      for (const [streamed, share] of [
        [false, 0.7],
        [true, 0.3],
      ]) {
        const stream = streamed ? { chunks: 20, gapMs: 0 } : null;
        await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream, request: null } });
        await many(Math.round(each * share), () => ask(serial++, streamed));
      }
      await sleep(2_000);
      samples.push(await sample(gateway, serial));
      log?.(JSON.stringify(samples.at(-1)));
    }
    // The amount of memory does not depend on the optimisation; the time that this takes does.
    return { profile: process.env.NEXUS_EDGE_PROFILE ?? "release", samples };
  } finally {
    await gateway.stop();
  }
}

async function sample({ url, pid, secrets }, requests) {
  const response = await fetch(`${url}/system/status`, { headers: { "x-admin-token": secrets.ADMIN_TOKEN } });
  const { isolate } = await response.json();
  const entries = Object.fromEntries(isolate.maps.map((map) => [map.name, map.entries]));
  const full = isolate.maps.find(({ entries, most }) => most !== null && entries > most);
  if (full) throw new Error(`${full.name} has ${full.entries} entries of ${full.most}`);
  return { requests, memory_bytes: isolate.memory_bytes, resident_mb: residentMb(pid), entries };
}

async function many(times, request) {
  let left = times;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await request();
    }),
  );
}

/** Asks in turns in every way that is remembered by something else: key, conversation, session, limit, address, nothing. */
function asker(url, { key, limited }) {
  return async (i, stream) => {
    const kind = i % 10;
    const address = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const headers = { authorization: `Bearer ${kind === 3 ? limited : key}`, "content-type": "application/json" };
    if (kind === 4) headers["x-conversation-id"] = `named-${i}`;
    if (kind === 5) headers["x-session-id"] = `session-${i}`;
    if (kind === 6) Object.assign(headers, { authorization: `Bearer sk-nx-${i}-wrong`, "cf-connecting-ip": address });
    const text = `Request ${String(i).padStart(12, "0")}, part 1. ${kind === 7 ? "What is to be done? ".repeat(5_000) : "What?"}`;
    const body = {
      model: kind === 8 ? `no-such-model-${i}` : MODEL,
      messages: [{ role: "user", content: text }],
      max_tokens: 100,
      ...(stream ? { stream } : {}),
    };
    const leaving = new AbortController();
    const options = { method: "POST", headers, body: JSON.stringify(body), signal: leaving.signal };
    const response = await fetch(`${url}/v1/chat/completions`, options);
    const expected = { 6: [401, 429], 8: [404] }[kind] ?? [200];
    if (!expected.includes(response.status)) throw new Error(`status ${response.status}: ${await response.text()}`);
    // One in ten leaves in the middle of its answer.
    if (kind === 9 && stream) {
      await response.body.getReader().read();
      leaving.abort();
    } else await response.arrayBuffer();
  };
}
