// One measurement: one contestant under one scenario's load for one stretch of time.
import { cpuMs, machineCpuMs, residentMb, sleep } from "./processes.mjs";

/**
 * @param {object} bench { upstream, load, running }: the two helper processes and all contestants that are up
 * @param {object} settings { delayMs, warmupMs, measureMs }
 */
export async function measure({ upstream, load, running }, contestant, scenario, settings) {
  const { concurrency, promptBytes, stream, rate } = scenario;
  const request = { promptBytes, stream: Boolean(stream) };
  // A streamed request may be asked for its usage by the gateway, so only the others must arrive unchanged.
  const body = stream || contestant.rewritesBody ? null : request;
  const { queued } = await upstream.ask({ spec: { delayMs: settings.delayMs, stream, body } });
  const job = {
    url: contestant.url,
    headers: contestant.headers,
    request,
    chunks: stream?.chunks,
    concurrency,
    warmupMs: settings.warmupMs,
    measureMs: settings.measureMs,
    paced: Boolean(stream?.gapMs),
    timeoutMs: 10_000 + settings.delayMs,
  };

  const { pid } = contestant;
  const known = [process.pid, load.pid, upstream.pid, ...running.map(({ pid }) => pid)].filter(Boolean);
  const outside = () => machineCpuMs() - known.reduce((sum, pid) => sum + (cpuMs(pid) ?? 0), 0);
  const outsideBefore = outside();
  const cpuBefore = pid ? cpuMs(pid) : null;
  const { total, busy_ms, ...result } = await load.ask({ job }).catch((error) => {
    throw new Error(`${contestant.name} in ${scenario.name}: ${error.message}`);
  });
  const cpuAtEnd = pid ? cpuMs(pid) : null;
  const outsideAtEnd = outside();
  const resident = pid ? residentMb(pid) : null;
  if (pid) await settle(running);
  // Counted until the contestant is quiet again: what it put off until after the answer is part of the price.
  const cpuAfter = pid ? cpuMs(pid) : null;
  const messages = (await upstream.ask({})).queued - queued;

  const units = rate === "chunks_per_s" ? total.chunks : total.requests;
  return {
    ...result,
    cpu_ms_per_1000: cpuBefore === null ? null : ((cpuAfter - cpuBefore) / units) * 1000,
    core_share: cpuBefore === null ? null : (cpuAtEnd - cpuBefore) / busy_ms,
    outside_share: Math.max(0, outsideAtEnd - outsideBefore) / busy_ms,
    resident_mb: resident,
    queue_messages_per_request: messages / total.requests,
  };
}

/** Waits until no contestant is working off what an earlier load left behind (queued records, garbage). */
export async function settle(running) {
  const used = () => running.reduce((sum, { pid }) => sum + (pid ? (cpuMs(pid) ?? 0) : 0), 0);
  await sleep(Math.max(...running.map(({ settleMs = 0 }) => settleMs)));
  for (let waited = 0, last = used(); waited < 5000; waited += 100) {
    await sleep(100);
    const now = used();
    if (now - last < 5) return;
    last = now;
  }
}
