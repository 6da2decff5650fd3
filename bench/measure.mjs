// One measurement: one contestant under one scenario's load for one stretch of time.
import { MODEL } from "./payload.mjs";
import { cpuMs, machineCpuMs, residentMb, sleep } from "./processes.mjs";

/** Whether a contestant meets a scenario: where the dialects differ, only those that translate and the references do. */
export function takesPart({ reference, translates, counts, scenarios }, scenario) {
  if (scenario.dialect === "anthropic" && !translates && !reference) return false;
  if (scenario.counted && !counts && !reference) return false;
  return !scenarios || scenarios.test(scenario.name);
}

/** What to ask, and how the upstream and the load generator judge what they get. */
function plan(contestant, { promptBytes, turns, stream, usage, counted, dialect = "openai" }) {
  // The references forward the request as it is, and the answer in the upstream's own dialect.
  const translates = dialect === "anthropic" && !contestant.reference;
  const other = translates ? contestant.translates : counted && contestant.counts;
  const target = other || contestant;
  return {
    target,
    dialect,
    request: { promptBytes, turns, stream: Boolean(stream), usage, model: target.model ?? MODEL },
    // A gateway may ask for the usage of a stream where its caller does not, so only the others' requests must arrive unchanged.
    forwards: (stream && !usage) || translates || contestant.rewritesBody ? "turns" : "bytes",
    answer: translates || contestant.rewritesAnswer ? "content" : "bytes",
  };
}

/**
 * @param {object} bench { upstream, load, database?, running }: the helper processes (the database is there if one of the
 *     contestants has its D1 in it) and all contestants that are up
 * @param {object} settings { delayMs, warmupMs, measureMs }
 */
export async function measure({ upstream, load, database, running }, contestant, scenario, settings) {
  const { concurrency, stream, rate } = scenario;
  const { target, dialect, request, forwards, answer } = plan(contestant, scenario);
  const spec = { delayMs: settings.delayMs, dialect, stream, request, forwards };
  const { queued } = await upstream.ask({ spec });
  const job = {
    url: target.url,
    headers: target.headers,
    request,
    dialect,
    answer,
    chunks: stream?.chunks,
    concurrency,
    warmupMs: settings.warmupMs,
    measureMs: settings.measureMs,
    paced: Boolean(stream?.gapMs),
    timeoutMs: 20_000 + settings.delayMs,
  };

  const { pid, d1 } = contestant;
  const known = [process.pid, load.pid, upstream.pid, database?.pid, ...running.map(({ pid }) => pid)].filter(Boolean);
  const outside = () => machineCpuMs() - known.reduce((sum, pid) => sum + (cpuMs(pid) ?? 0), 0);
  const outsideBefore = outside();
  const cpuBefore = pid ? cpuMs(pid) : null;
  const databaseBefore = d1 ? cpuMs(database.pid) : null;
  const { total, busy_ms, ...result } = await load.ask({ job }).catch((error) => {
    throw new Error(`${contestant.name} in ${scenario.name}: ${error.message}`);
  });
  const cpuAtEnd = pid ? cpuMs(pid) : null;
  const outsideAtEnd = outside();
  const resident = pid ? residentMb(pid) : null;
  if (pid) await settle(database ? [...running, database] : running, contestant.settleMs);
  // Counted until the contestant is quiet again: what it put off until after the answer is part of the price.
  const cpuAfter = pid ? cpuMs(pid) : null;
  const messages = (await upstream.ask({})).queued - queued;

  const units = rate === "chunks_per_s" ? total.chunks : total.requests;
  return {
    ...result,
    cpu_ms_per_1000: cpuBefore === null ? null : ((cpuAfter - cpuBefore) / units) * 1000,
    // What its database works in a process of its own, as another machine would.
    d1_cpu_ms_per_1000: d1 ? ((cpuMs(database.pid) - databaseBefore) / units) * 1000 : undefined,
    core_share: cpuBefore === null ? null : (cpuAtEnd - cpuBefore) / busy_ms,
    outside_share: Math.max(0, outsideAtEnd - outsideBefore) / busy_ms,
    resident_mb: resident,
    queue_messages_per_request: messages / total.requests,
  };
}

/** Waits until no contestant is working off what an earlier load left behind (queued records, garbage). */
export async function settle(running, leastMs = 0) {
  const used = () => running.reduce((sum, { pid }) => sum + (pid ? (cpuMs(pid) ?? 0) : 0), 0);
  await sleep(leastMs);
  for (let waited = 0, last = used(); waited < 5000; waited += 100) {
    await sleep(100);
    const now = used();
    if (now - last < 5) return;
    last = now;
  }
}
