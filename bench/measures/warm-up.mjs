// What a fresh isolate costs: processor time of a request by how many it has answered, against its steady state. An isolate of
// Cloudflare's may serve some hundred requests in its life; V8 compiles the module while the first of them run, first what is called on
// the thread that calls it, then what is called often on threads of its own. The database is there already, as it is for a new isolate.
import * as passthrough from "../contestants/passthrough/contestant.mjs";
import { configure, startGateway } from "../gateway.mjs";
import { MODEL } from "../payload.mjs";
import { cpuMs, mainThreadCpuMs, sleep } from "../processes.mjs";
import { spread } from "../report.mjs";

export const name = "warm_up";
export const about = "processor time of a fresh isolate's first requests, against its steady state";

const AT_ONCE = 4;
/** After so many requests of the isolate's life a part ends; the last one is its steady state. */
const PARTS = [1, 100, 300, 1_000, 4_000, 8_000];
const FIRST = 100;

export async function run({ root, upstream, upstreamAddress, openStores, quick, log }) {
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const parts = quick ? [1, 100, 200, 400] : PARTS;
  const stores = await openStores();
  const first = await startGateway({ root }, stores);
  const { key } = await configure(first, upstreamAddress);
  const vars = { ADMIN_TOKEN: first.secrets.ADMIN_TOKEN, MASTER_KEY: first.secrets.MASTER_KEY };
  await first.stop();
  const starts = {
    passthrough: () => passthrough.start({ root, upstream: upstreamAddress }),
    "nexus-edge": async () => {
      const { url, ...gateway } = await startGateway({ root }, { ...stores, vars, setUp: false });
      return { ...gateway, url: `${url}/v1/chat/completions` };
    },
  };
  const rounds = Object.fromEntries(Object.keys(starts).map((contestant) => [contestant, []]));
  for (let round = 0; round < (quick ? 1 : 5); round++)
    for (const [contestant, start] of Object.entries(starts)) {
      const worker = await start();
      try {
        rounds[contestant].push(await life(worker, key, parts));
      } finally {
        await worker.stop();
      }
      log?.(
        `${contestant}: ${rounds[contestant]
          .at(-1)
          .map(({ all, answering }) => `${all.toFixed(2)} (${answering.toFixed(2)})`)
          .join(", ")} ms`,
      );
    }
  const found = {};
  for (const [contestant, lives] of Object.entries(rounds)) {
    const of = (thread) => ({
      ms: parts.map((_, i) => spread(lives.map((life) => life[i][thread]))),
      first_ratio: spread(lives.map((life) => firstOf(life, parts, thread) / life.at(-1)[thread])),
    });
    const [all, answering] = [of("all"), of("answering")];
    found[contestant] = {
      until: parts,
      cpu_ms: all.ms,
      first_ratio: all.first_ratio,
      answering_ms: answering.ms,
      first_answering_ratio: answering.first_ratio,
      rounds: lives.length,
    };
  }
  return found;
}

/** Milliseconds of one of the first requests. */
function firstOf(life, parts, thread) {
  let [sum, before] = [0, 0];
  for (const [i, until] of parts.entries()) {
    if (until > FIRST) break;
    sum += life[i][thread] * (until - before);
    before = until;
  }
  return sum / before;
}

/** Milliseconds of processor time of a request in each part of an isolate's life, of all threads and of the one that answers. */
async function life({ url, pid }, key, parts) {
  const used = () => ({ all: cpuMs(pid), answering: mainThreadCpuMs(pid) });
  const means = [];
  await quiet(pid);
  let [answered, before] = [0, used()];
  for (const until of parts) {
    const times = until - answered;
    await many(times, (i) => ask(url, key, answered + i));
    await quiet(pid);
    const now = used();
    means.push({ all: (now.all - before.all) / times, answering: (now.answering - before.answering) / times });
    [answered, before] = [until, now];
  }
  return means;
}

async function ask(url, key, i) {
  const content = `Request ${String(i).padStart(12, "0")}, part 1. What is to be done?`;
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content }], max_tokens: 100 }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`status ${response.status}: ${text.slice(0, 300)}`);
}

async function many(times, request) {
  let next = 0;
  const worker = async () => {
    while (next < times) await request(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Until the process has nothing left to do. */
async function quiet(pid) {
  for (let last = cpuMs(pid); ; ) {
    await sleep(200);
    const now = cpuMs(pid);
    if (now - last < 4) return;
    last = now;
  }
}
