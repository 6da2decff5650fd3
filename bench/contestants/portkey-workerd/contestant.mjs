// Portkey's gateway on the same workerd. It has no keys and records nothing: every request contains its configuration.
import { readFileSync } from "node:fs";
import { ensurePortkey, targets, VERSION } from "../../peers/portkey/portkey.mjs";
import { compatibility, startWorker } from "../../workerd.mjs";

export const name = "portkey-workerd";
export const about = `Portkey's gateway ${VERSION} on the same workerd, without keys or records, which it does not have`;
export const peer = true;
/** It parses requests and complete answers, and serialises them again. */
export const rewritesBody = true;
export const rewritesAnswer = true;
export const install = ensurePortkey;

export const headersFor = (upstream) => targets("", upstream).headers;

export async function start({ root, upstream, inspect, socket }) {
  const { worker: file } = await ensurePortkey();
  const { compatibilityDate, compatibilityFlags } = compatibility(root);
  const worker = await startWorker(
    {
      config: {
        name,
        compatibilityDate,
        compatibilityFlags: [...new Set([...compatibilityFlags, "nodejs_compat"])],
        manifest: {
          mainModule: "worker.js",
          modules: { "worker.js": { type: "esm", contents: readFileSync(file, "utf8") } },
        },
        env: {},
      },
    },
    { inspect, socket },
  );
  return { ...worker, ...targets(worker.url, upstream) };
}
