// Runs a bare JavaScript Worker that forwards to the upstream: the contestants that are no gateway.
import { readFileSync } from "node:fs";
import { compatibility, startWorker } from "./workerd.mjs";

/** Any key: it is not checked. */
export const headersFor = () => ({ authorization: "Bearer sk-bench" });

/**
 * @param {string} name what the Worker is called
 * @param {URL} file its source, which finds the address of the upstream in `env.UPSTREAM`
 * @param {object} context as every contestant gets it; with `kv`, host:port of the namespace of its KV bindings
 * @param {object} [env] further bindings
 */
export async function startForwarder(name, file, { root, upstream, queue, kv, inspect, socket }, env = {}) {
  const source = readFileSync(file, "utf8");
  const worker = await startWorker(
    {
      config: {
        name,
        ...compatibility(root),
        manifest: {
          mainModule: "worker.js",
          modules: { "worker.js": { type: "esm", contents: source } },
        },
        env: { UPSTREAM: { type: "text", value: upstream.url }, ...env },
      },
    },
    { queue, kv, inspect, socket },
  );
  return { ...worker, url: `${worker.url}/v1/chat/completions`, headers: headersFor() };
}
