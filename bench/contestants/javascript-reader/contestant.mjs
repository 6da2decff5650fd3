// A bare JavaScript Worker that looks at every chunk of a stream and parses none, which is the least that a gateway which
// reads usage must do: what reading costs on this platform, before any work is done with what was read.
import { readFileSync } from "node:fs";
import { compatibility, startWorker } from "../../workerd.mjs";

export const name = "javascript-reader";
export const about = "a bare JavaScript Worker that forwards, and looks at every chunk of an answer";

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
