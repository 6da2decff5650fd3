// The helper processes of a benchmark, what contestants and measures get of them, and one contestant under load for those who look at it.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { measure } from "./measure.mjs";
import { MODEL } from "./payload.mjs";
import { startHelper } from "./processes.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

/**
 * @returns {Promise<{upstream: object, load: object, database: object, context: object, stop(): void}>} `context` is what
 *     every contestant is started with
 */
export async function startHelpers() {
  const upstream = await startHelper(path.join(here, "upstream.mjs"));
  const load = await startHelper(path.join(here, "load.mjs"));
  const database = await startHelper(path.join(here, "d1.mjs"));
  const at = (port) => `127.0.0.1:${port}`;
  const queue = at(upstream.hello.queuePort);
  const openKv = async () => at((await upstream.ask({ kv: true })).kv);
  const context = {
    root: path.dirname(here),
    model: MODEL,
    upstream: { url: `http://${at(upstream.hello.port)}` },
    queue,
    openKv,
    openStores: async () => ({
      queue,
      kv: await openKv(),
      r2: at((await upstream.ask({ r2: true })).r2),
      d1: at((await database.ask({ open: true })).port),
    }),
  };
  const stop = () => {
    for (const helper of [database, load, upstream]) helper.stop();
  };
  return { upstream, load, database, context, stop };
}

/** Starts a contestant and passes it to `look`, with a function that puts one scenario's load on it for some seconds. */
export async function underLoad({ upstream, load, database }, context, name, scenario, look) {
  const { start, install, missing, ...traits } = await import(path.join(here, "contestants", name, "contestant.mjs"));
  await install?.();
  const running = { ...(await start(context)), ...traits };
  const bench = { upstream, load, database, running: [running] };
  const put = (seconds) => measure(bench, running, scenario, { delayMs: 0, warmupMs: 0, measureMs: seconds * 1000 });
  try {
    return await look(running, put);
  } finally {
    await running.stop();
  }
}
