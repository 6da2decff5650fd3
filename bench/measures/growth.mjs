// How the cost of a request grows with what there is: API keys, models, the messages of a history. Each size is measured
// against the smallest one, in turns, over several rounds. Rows are put into D1 directly: what is asked is what they cost when
// they are there.
//
// A longer history is more bytes, which cost something on any gateway. So it is measured twice: `messages` cuts the same 50 KB
// into more and more messages, and is what should be flat; `history` grows by 100 bytes a message, and the bare pass-through
// Worker beside it shows what the bytes alone cost.
import { createHash, randomBytes } from "node:crypto";
import * as passthrough from "../contestants/passthrough/contestant.mjs";
import { configure, startGateway } from "../gateway.mjs";
import { measure } from "../measure.mjs";
import { spread } from "../report.mjs";

export const name = "growth";
export const about = "cost of a request as keys, models and histories grow";

const SIZES = {
  keys: [10, 1000, 100_000],
  models: [10, 1000, 10_000],
  messages: [1, 49, 499],
  history: [1, 49, 499],
};
const PROMPT_BYTES = 50 * 1024;
const BYTES_A_MESSAGE = 100;
/** Milliseconds that an upstream takes in which a long history is looked up: far less than a model does. */
const THINKING_MS = 20;
/** Keys that are used for the first time, for what finding one costs. */
const NEW_KEYS = 10;

export async function run(context) {
  const result = {};
  for (const dimension of ["keys", "models"]) result[dimension] = await stored(context, dimension);
  Object.assign(result, await histories(context));
  return result;
}

const gatewayTraits = { name: "nexus-edge", settleMs: 300 };

/** A gateway of its own for each size. */
async function stored(context, dimension) {
  const { root, upstreamAddress, openStores, upstream, quick } = context;
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const sizes = quick ? SIZES[dimension].slice(0, 2) : SIZES[dimension];
  const running = [];
  try {
    for (const size of sizes) {
      const gateway = await startGateway({ root }, await openStores());
      running.push({ ...gateway, ...gatewayTraits, size });
      const fresh =
        dimension === "keys" ? await insertKeys(gateway.database, size) : await insertModels(gateway.database, size);
      Object.assign(running.at(-1), await configure(gateway, upstreamAddress), { fresh });
    }
    const variants = running.map((gateway) => ({
      size: gateway.size,
      contestant: gateway,
      scenario: { promptBytes: 1024 },
    }));
    const table = await alternate(context, running, variants);
    await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
    for (const [i, { fresh, url }] of running.entries()) {
      if (fresh) table[i].first_use_of_a_key_ms = await firstUse(url, fresh);
    }
    return table;
  } finally {
    for (const gateway of running) await gateway.stop();
  }
}

/** Rows of keys of which the last few are real, and have never been used: these are answered. */
async function insertKeys(database, size) {
  const random = (length) =>
    randomBytes(length)
      .toString("base64url")
      .toLowerCase()
      .replace(/[^a-z0-9]/g, "x")
      .slice(0, length);
  const real = Array.from({ length: NEW_KEYS }, () => `sk-nx-${random(12)}-${random(32)}`);
  await database
    .prepare(`INSERT INTO api_keys (id, key_hash, name, created_at, updated_at)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
      SELECT printf('bench%09d', i), lower(hex(randomblob(32))), 'bench ' || i, 1767225600000, 1767225600000 FROM n`)
    .bind(Math.max(1, size - NEW_KEYS))
    .run();
  const insert = database.prepare(
    "INSERT INTO api_keys (id, key_hash, name, created_at, updated_at) VALUES (?1, ?2, ?1, 1767225600000, 1767225600000)",
  );
  await database.batch(
    real.map((key) => insert.bind(key.split("-")[2], createHash("sha256").update(key).digest("hex"))),
  );
  return real;
}

/** Models of the embedded provider. */
async function insertModels(database, size) {
  const { id } = await database.prepare("SELECT id FROM providers WHERE uid = 'demo'").first();
  await database
    .prepare(`INSERT INTO provider_models (provider_id, model_name, created_at, updated_at)
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
      SELECT ?1, 'bench-model-' || i, 1767225600000, 1767225600000 FROM n`)
    .bind(id, size)
    .run();
  return null;
}

async function firstUse(url, keys) {
  const times = [];
  for (const key of keys) {
    const began = performance.now();
    const response = await fetch(url, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "bench-model", messages: [{ role: "user", content: "Hello." }] }),
    });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`a key that was put into the database got ${response.status}`);
    times.push(performance.now() - began);
  }
  return spread(times);
}

/** One gateway, and the bare Worker for what the bytes alone cost. */
async function histories(context) {
  const { root, upstreamAddress, openStores, quick } = context;
  const gateway = {
    ...(await startGateway({ root }, await openStores())),
    ...gatewayTraits,
  };
  const running = [gateway];
  try {
    Object.assign(gateway, await configure(gateway, upstreamAddress));
    const bare = {
      ...(await passthrough.start({ root, upstream: upstreamAddress })),
      name: passthrough.name,
      reference: true,
    };
    running.push(bare);
    const variants = (dimension, contestant, bytes) =>
      (quick ? SIZES[dimension].slice(0, 2) : SIZES[dimension]).map((size) => ({
        size,
        contestant,
        scenario: { promptBytes: bytes(size), turns: size },
      }));
    const grows = (size) => size * BYTES_A_MESSAGE;
    return {
      messages: await alternate(
        context,
        running,
        variants("messages", gateway, () => PROMPT_BYTES),
        THINKING_MS,
      ),
      history: await alternate(context, running, variants("history", gateway, grows)),
      history_passthrough: await alternate(context, running, variants("history", bare, grows)),
    };
  } finally {
    for (const one of running) await one.stop();
  }
}

/**
 * Every variant in every round: processor time under load, latency one at a time, each beside the first variant's; with
 * `thinkingMs` the latency of an upstream that takes so long, too.
 */
async function alternate({ upstream, load, database, quick, log }, running, variants, thinkingMs) {
  const bench = { upstream, load, database, running };
  const rounds = [];
  for (let round = -1; round < (quick ? 1 : 3); round++) {
    const values = [];
    for (const [i] of variants.entries()) {
      const at = (i + Math.max(0, round)) % variants.length;
      const { contestant, scenario } = variants[at];
      const shape = { name: `growth to ${variants[at].size}`, stream: null, rate: "requests_per_s", ...scenario };
      const settings = { delayMs: 0, warmupMs: 200, measureMs: round < 0 ? 500 : 1000 };
      const busy = await measure(bench, contestant, { ...shape, concurrency: 16 }, settings);
      const once = (delayMs) =>
        measure(bench, contestant, { ...shape, concurrency: 1 }, { ...settings, delayMs, measureMs: 500 });
      const alone = await once(0);
      const thinking = thinkingMs && (await once(thinkingMs)).latency_ms.p50;
      const d1_cpu_ms = contestant.d1 ? busy.d1_cpu_ms_per_1000 / 1000 : null;
      values[at] = { cpu_ms: busy.cpu_ms_per_1000 / 1000, d1_cpu_ms, p50_ms: alone.latency_ms.p50, thinking };
    }
    // The first round only warms up.
    if (round >= 0) rounds.push(values);
  }
  const over = (read) => spread(rounds.map(read));
  const table = variants.map(({ size }, i) => ({
    size,
    cpu_ms: over((values) => values[i].cpu_ms),
    d1_cpu_ms: over((values) => values[i].d1_cpu_ms) ?? undefined,
    p50_ms: over((values) => values[i].p50_ms),
    cpu_ratio: over((values) => values[i].cpu_ms / values[0].cpu_ms),
    p50_ratio: over((values) => values[i].p50_ms / values[0].p50_ms),
    ...(thinkingMs && { thinking_ms: thinkingMs, p50_thinking_ms: over((values) => values[i].thinking) }),
  }));
  log?.(`growth: ${table.map(({ size, cpu_ms }) => `${size}: ${cpu_ms.median.toFixed(2)} ms`).join(", ")}`);
  return table;
}
