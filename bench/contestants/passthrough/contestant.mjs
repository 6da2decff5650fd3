// A bare JavaScript Worker that only forwards: what the platform itself costs, and so the limit for any gateway on it.
import { readFileSync } from "node:fs";
import { compatibility, startWorker } from "../../workerd.mjs";

export const name = "passthrough";
export const about = "a bare JavaScript Worker that forwards, on the same workerd";
/** It forwards whatever it is asked, in whatever dialect the answer is. */
export const reference = true;

export const headersFor = () => ({ authorization: "Bearer sk-bench" });

export async function start({ root, upstream, inspect, socket }) {
  const source = readFileSync(new URL("worker.js", import.meta.url), "utf8");
  const worker = await startWorker({
    config: {
      name,
      ...compatibility(root),
      manifest: {
        mainModule: "worker.js",
        modules: { "worker.js": { type: "esm", contents: source } },
      },
      env: { UPSTREAM: { type: "text", value: upstream.url } },
    },
  }, { inspect, socket });
  return { ...worker, url: `${worker.url}/v1/chat/completions`, headers: headersFor() };
}
