// Portkey's gateway from npm, installed into the tool cache the first time that the benchmark runs with it. package.json
// and package-lock.json beside this file say which versions.
//
// The package has only a server for Node. Its application is the same on workerd (it asks which runtime it is on, and is
// meant to be deployed there), so for workerd the application is taken out of the published file: the server around it,
// the last statements of the file, is left out, and esbuild bundles the rest, without Hono's server for Node.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createHash } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installOnce } from "../../../scripts/lib/install-once.mjs";
import { npm } from "../../../scripts/lib/npm.mjs";
import { inRoot } from "../../../scripts/lib/paths.mjs";
import { runStep } from "../../../scripts/lib/run.mjs";
import { ANTHROPIC_MODEL } from "../../payload.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const LOCK = readFileSync(path.join(here, "package-lock.json"));
export const VERSION = JSON.parse(LOCK).packages["node_modules/@portkey-ai/gateway"].version;
const SERVER = "node_modules/@portkey-ai/gateway/build/start-server.js";
const BUNDLE = "worker.mjs";

/** Where the server for Node begins: const url = `http://localhost:${port}`; inject(serve({ fetch: app.fetch, port })) … */
const SERVER_STATEMENTS =
  /const \w+=`http:\/\/localhost:\$\{\w+\}`;\w+\(\w+\(\{fetch:(\w+)\.fetch,port:\w+\}\)\),[\s\S]*$/;

/** @returns {Promise<{server: string, worker: string}>} the files that Node and workerd run */
export async function ensurePortkey() {
  const hash = createHash("sha256")
    .update(LOCK)
    .update(readFileSync(fileURLToPath(import.meta.url)));
  const name = `bench-portkey-${VERSION}-${hash.digest("hex").slice(0, 12)}`;
  const folder = await installOnce(name, BUNDLE, async (partial) => {
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(path.join(here, file), path.join(partial, file));
    const [command, args] = npm("ci");
    await runStep("Installing Portkey's gateway", command, args, { cwd: partial });
    await bundle(partial);
  });
  return { server: path.join(folder, SERVER), worker: path.join(folder, BUNDLE) };
}

async function bundle(folder) {
  const source = readFileSync(path.join(folder, SERVER), "utf8").replace(/^#!.*\n/, "");
  const application = source.replace(SERVER_STATEMENTS, "export default $1;");
  if (application === source)
    throw new Error("Portkey's server file is made differently: mend SERVER_STATEMENTS in bench/peers/portkey");
  const entry = path.join(folder, path.dirname(SERVER), "application.mjs");
  writeFileSync(entry, application);
  await createRequire(inRoot("package.json"))("esbuild").build({
    entryPoints: [entry],
    outfile: path.join(folder, BUNDLE),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    conditions: ["workerd", "worker", "import"],
    // As under NODE_ENV=production, headless: no log page. And no Redis, which nothing here configures.
    define: {
      "process.argv": '["", "", "--headless"]',
      "process.env.NODE_ENV": '"production"',
      "process.env.REDIS_CONNECTION_STRING": "undefined",
    },
    // Some of its packages are CommonJS and require what Node brings along.
    plugins: [withoutNodeServer],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire("/");' },
    logLevel: "error",
  });
}

/** Hono's server for Node replaces `Request` and `Response` by its own when it is loaded, which workerd is to be spared. */
const withoutNodeServer = {
  name: "without the server for Node",
  setup(build) {
    const filter = /^@hono\/node-(server|ws)$/;
    build.onResolve({ filter }, ({ path }) => ({ path, namespace: "absent" }));
    build.onLoad({ filter, namespace: "absent" }, () => ({
      contents: `
        export const serve = () => {};
        export const createNodeWebSocket = () => ({ injectWebSocket() {}, upgradeWebSocket: () => () => new Response(null, { status: 501 }) });
      `,
    }));
  },
};

/** How a caller reaches the bench upstream through it: the configuration goes with every request, in headers. */
export function targets(url, upstream) {
  const target = (provider) => ({
    url: `${url}/v1/chat/completions`,
    headers: {
      authorization: "Bearer sk-bench",
      "x-portkey-provider": provider,
      "x-portkey-custom-host": `${upstream.url}/v1`,
    },
  });
  return { ...target("openai"), translates: { ...target("anthropic"), model: ANTHROPIC_MODEL } };
}
