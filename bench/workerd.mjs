// Runs a Worker on workerd as close to production as a local simulator allows, in the same way for every contestant.
// Miniflare provides the bindings, but six of its conveniences each cost as much as a whole pass-through request in
// the same thread, and would drown the differences measured here:
// - its entry Worker: the load goes to a socket of the Worker itself;
// - the JavaScript Worker that it puts before every outbound fetch to add development headers: fetch goes straight to
//   the network;
// - its queue broker, a Durable Object beside the Worker: on request (`queue`), messages leave over HTTP for another
//   process, as they leave the machine in production;
// - its KV, a Worker, a Durable Object with a database and a file for every value: on request (`kv`), reads and writes
//   leave over HTTP as well;
// - its D1, an object with a database in the Worker's thread: on request (`d1`), queries leave over HTTP, too;
// - its R2, another such object: on request (`r2`), objects leave over HTTP.
// And its other stores are files, of which every write waits for the disk in the Worker's thread: they lie in memory where
// the system has a folder for that, because in production other machines do the waiting.
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import os from "node:os";
import path from "node:path";
import { children } from "./processes.mjs";

const require = createRequire(import.meta.url);
const QUEUE_ADDRESS = "nexusEdgeBenchQueueAddress";
const KV_ADDRESS = "nexusEdgeBenchKvAddress";
const D1_ADDRESS = "nexusEdgeBenchD1Address";
const R2_ADDRESS = "nexusEdgeBenchR2Address";
const KV_SERVICE = `getStorageService(
              KV_LOCAL_ENTRY_SERVICE_NAME,
              buildObjectEntryProps(id),
              sharedOptions
            )`;
const D1_SERVICE = `getStorageService(
              D1_LOCAL_ENTRY_SERVICE_NAME,
              buildObjectEntryProps(id),
              sharedOptions
            )`;
const R2_SERVICE = `getStorageService(
                R2_LOCAL_ENTRY_SERVICE_NAME,
                buildObjectEntryProps(id),
                sharedOptions
              )`;
const R2_SERVICES = `const buckets = getEnvBindingsOfType(options.config, "r2");
        const services = [];`;
const D1_SERVICES = `const databases = getEnvBindingsOfType(options.config, "d1");
        const services = [];`;
/** A binding that leads to a service at an address instead of to the simulator's own, which stays there unused. */
const serviceElsewhere = (name, address, own, services) => [
  [own, `(globalThis.${address} ? { name: "${name}" } : ${own})`],
  [
    services,
    `${services}
        if (globalThis.${address}) {
          services.push({ name: "${name}", external: { address: globalThis.${address}, http: {} } });
        }`,
  ],
];
// No option does these, so the lines in question are changed when miniflare is loaded.
const EDITS = [
  [
    "globalOutbound: { name: getOutboundInterceptorName(workerIndex) }",
    "globalOutbound: getGlobalOutbound(workerIndex, config4, dev)",
  ],
  [
    "worker: objectEntryWorker(QUEUE_BROKER_OBJECT, id)",
    `...(globalThis.${QUEUE_ADDRESS}
      ? { external: { address: globalThis.${QUEUE_ADDRESS}, http: {} } }
      : { worker: objectEntryWorker(QUEUE_BROKER_OBJECT, id) })`,
  ],
  [
    "worker: objectEntryWorker(KV_NAMESPACE_OBJECT)",
    `...(globalThis.${KV_ADDRESS}
      ? { external: { address: globalThis.${KV_ADDRESS}, http: {} } }
      : { worker: objectEntryWorker(KV_NAMESPACE_OBJECT) })`,
  ],
  // What is not a Worker takes no properties, such as which of several namespaces is meant.
  [
    `kvNamespace: ${KV_SERVICE}`,
    `kvNamespace: globalThis.${KV_ADDRESS} ? { name: KV_LOCAL_ENTRY_SERVICE_NAME } : ${KV_SERVICE}`,
  ],
  ...serviceElsewhere("bench:d1", D1_ADDRESS, D1_SERVICE, D1_SERVICES),
  ...serviceElsewhere("bench:r2", R2_ADDRESS, R2_SERVICE, R2_SERVICES),
];

/** The compatibility date and flags of wrangler.toml, so that every Worker here runs under the same rules as ours. */
export function compatibility(root) {
  const file = path.join(root, "wrangler.toml");
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const date = /^compatibility_date\s*=\s*"([^"]+)"/m.exec(text)?.[1] ?? "2026-11-17";
  const flags = /^compatibility_flags\s*=\s*\[([^\]]*)\]/m.exec(text)?.[1] ?? "";
  return { compatibilityDate: date, compatibilityFlags: [...flags.matchAll(/"([^"]+)"/g)].map(([, flag]) => flag) };
}

/** Where Miniflare's stores lie, and what they are on. */
export const stores = (() => {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return { folder: "/dev/shm", medium: "memory" };
  } catch {
    return { folder: os.tmpdir(), medium: "disk" };
  }
})();

let loaded;

/** Miniflare with the edits above. */
export function miniflare() {
  if (loaded) return loaded;
  const file = require.resolve("miniflare");
  let source = readFileSync(file, "utf8");
  for (const [from, to] of EDITS) {
    if (source.split(from).length !== 2) {
      throw new Error(`this version of miniflare is wired differently: mend EDITS in bench/workerd.mjs (${from})`);
    }
    source = source.replace(from, () => to);
  }
  const module = new Module(file);
  module.filename = file;
  module.paths = Module._nodeModulePaths(path.dirname(file));
  // Later imports of miniflare (by wrangler) must get this copy: its option values are compared by identity.
  require.cache[file] = module;
  module._compile(source, file);
  module.loaded = true;
  return (loaded = module.exports);
}

/**
 * @param {object} worker Miniflare worker options: { config, dev?, legacy? }
 * @param {object} [options]
 * @param {string} [options.queue] host:port that takes the Worker's queue messages instead of Miniflare's broker
 * @param {string} [options.kv] host:port of the Worker's one KV namespace instead of Miniflare's
 * @param {string} [options.d1] host:port of the Worker's one D1 database instead of Miniflare's
 * @param {string} [options.r2] host:port of the Worker's one R2 bucket instead of Miniflare's
 * @param {boolean} [options.inspect] open the inspector, for profiles; it slows the Worker down
 * @param {object} [options.miniflare] further options of Miniflare itself
 * @param {{host: string, port: number}} [options.socket] where the Worker listens; otherwise on a port that is free
 * @returns {Promise<{url: string, pid: number | undefined, mf: object, stop(): Promise<void>}>}
 */
export async function startWorker(worker, { queue, kv, d1, r2, inspect = false, miniflare: more = {}, socket } = {}) {
  const { Miniflare } = miniflare();
  // Where Miniflare makes its folder is for the system's own setting to say.
  process.env.TMPDIR = stores.folder;
  const before = new Set(children());
  globalThis[QUEUE_ADDRESS] = queue;
  globalThis[KV_ADDRESS] = kv;
  globalThis[D1_ADDRESS] = d1;
  globalThis[R2_ADDRESS] = r2;
  const loopback = { host: "127.0.0.1", port: 0 };
  const mf = new Miniflare({
    ...loopback,
    enableDevRegistry: false,
    logRequests: false,
    inspectorPort: inspect ? 0 : undefined,
    ...more,
    workers: [{ ...worker, dev: { ...worker.dev, unsafeDirectSockets: [socket ?? loopback] } }],
  });
  await mf.ready;
  delete globalThis[QUEUE_ADDRESS];
  delete globalThis[KV_ADDRESS];
  delete globalThis[D1_ADDRESS];
  delete globalThis[R2_ADDRESS];
  const url = String(await mf.unsafeGetDirectURL(worker.config.name)).replace(/\/$/, "");
  const pid = children().find((child) => !before.has(child));
  return { url, pid, mf, stop: () => mf.dispose() };
}
