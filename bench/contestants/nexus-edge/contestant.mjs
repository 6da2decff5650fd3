// Nexus Edge as built (build/index.js, build/index_bg.wasm) with the bindings of wrangler.toml, set up through its own
// admin API: one provider at the bench upstream, one model, one API key. Keys, resolution, the usage tap and one queue
// message a request are all on; the queue itself is outside the process, as it is outside the machine in production, so
// its consumer is not measured here (see the contestant nexus-edge-one-process).
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { requestBody } from "../../payload.mjs";
import { sleep } from "../../processes.mjs";
import { miniflare, startWorker } from "../../workerd.mjs";

export const name = "nexus-edge";
export const about = "Nexus Edge with keys and usage records on, its queue outside the process as in production";

/** What it puts off until after the answer must not be done in the next contestant's turn. */
export const settleMs = 300;

export function missing({ root }) {
  const needed = ["build/index.js", "build/index_bg.wasm", "wrangler.toml"];
  const absent = needed.filter((file) => !existsSync(path.join(root, file)));
  return absent.length ? `${absent.join(", ")} not there (npm run build)` : null;
}

export async function start(context, { queue, keyBody = { name: "bench" } } = context) {
  const { root, upstream, model } = context;
  const adminToken = randomBytes(24).toString("hex");
  const { miniflareOptions, splitSql } = configuration(root, {
    ADMIN_TOKEN: adminToken,
    MASTER_KEY: randomBytes(32).toString("base64"),
    ALLOW_PRIVATE_UPSTREAMS: "true",
    // The ceiling protects an isolate; here it would be what is measured.
    GLOBAL_REQUESTS_PER_SECOND: "0",
  });
  const worker = await startWorker(miniflareOptions, { queue, inspect: context.inspect });
  try {
    const database = await worker.mf.getD1Database("DB");
    for (const migration of migrations(root)) {
      await database.batch(splitSql(migration).map((statement) => database.prepare(statement)));
    }
    const admin = (route, body) => post(worker.url + route, adminToken, body, 201);
    const provider = await admin("/providers", {
      name: "bench",
      kind: "openai",
      server_url: upstream.url,
      server_key: "sk-bench-upstream-key",
    });
    await admin("/provider_models", { provider_id: provider.id, model_name: model });
    const { key } = await admin("/keys", keyBody);
    const url = `${worker.url}/v1/chat/completions`;
    await firstAnswer(url, key);
    return { ...worker, url, headers: { authorization: `Bearer ${key}` } };
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

function migrations(root) {
  const folder = path.join(root, "d1-migrations");
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  return files.sort().map((file) => readFileSync(path.join(folder, file), "utf8"));
}

/** The bindings of wrangler.toml as wrangler itself reads them, around the files that the build left. */
function configuration(root, secrets) {
  const { convertV4MiniflareOptions } = miniflare();
  const wrangler = createRequire(import.meta.url)("wrangler");
  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(path.join(root, "wrangler.toml"));
  const { modulesRules, ...bindings } = workerOptions;
  const build = path.join(root, "build");
  const converted = convertV4MiniflareOptions({
    workers: [{
      ...bindings,
      name,
      bindings: { ...bindings.bindings, ...secrets },
      modulesRoot: build,
      modules: [
        { type: "ESModule", path: path.join(build, "index.js") },
        { type: "CompiledWasm", path: path.join(build, "index_bg.wasm") },
      ],
    }],
  });
  return { miniflareOptions: converted.workers[0], splitSql: wrangler.unstable_splitSqlQuery };
}

async function post(url, token, body, status) {
  const response = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status !== status) {
    throw new Error(`${new URL(url).pathname} answered ${response.status}, not ${status}: ${text.slice(0, 500)}`);
  }
  return JSON.parse(text);
}

async function firstAnswer(url, key) {
  const body = requestBody({ promptBytes: 100, stream: false }).toString();
  for (let attempt = 1; ; attempt++) {
    try {
      return await post(url, key, body, 200);
    } catch (error) {
      // The configuration that was just written reaches a running isolate within seconds.
      if (attempt === 20) throw error;
      await sleep(500);
    }
  }
}
