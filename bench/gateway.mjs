// Nexus Edge for the benchmark: as built (build/index.js, build/index_bg.wasm), with the bindings of wrangler.toml, set up
// through its own admin API. The contestants and the measures that look at it alone start it here.
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ANTHROPIC_MODEL, COUNTED_MODEL, digitsOf, MODEL, requestTemplate } from "./payload.mjs";
import { sleep } from "./processes.mjs";
import { miniflare, startWorker } from "./workerd.mjs";

/** Why it cannot be started; null if it can. */
export function missing({ root }) {
  const needed = ["build/index.js", "build/index_bg.wasm", "wrangler.toml"];
  const absent = needed.filter((file) => !existsSync(path.join(root, file)));
  return absent.length ? `${absent.join(", ")} not there (npm run build)` : null;
}

/**
 * Starts it, with an empty database unless it is told otherwise.
 *
 * @param {{root: string, inspect?: boolean}} context
 * @param {object} [options]
 * @param {string} [options.name] the Worker's name
 * @param {string} [options.queue] host:port that takes queue messages; without it Miniflare's own queue does
 * @param {string} [options.kv] host:port of its KV namespace; without it Miniflare's own
 * @param {string} [options.d1] host:port of its database (d1.mjs); without it Miniflare's own
 * @param {string} [options.r2] host:port of its bucket (r2.mjs); without it Miniflare's own
 * @param {string} [options.entry] the source of a module that is the Worker instead of `index.js`, which lies beside it
 * @param {object} [options.vars] further variables
 * @param {object} [options.miniflare] further options of Miniflare itself
 * @param {object} [options.socket] where it listens
 * @param {boolean} [options.setUp] false: its database is there already
 */
export async function startGateway({ root, inspect }, options = {}) {
  const { name = "nexus-edge", queue, kv, d1, r2, entry, vars = {}, miniflare: more, socket, setUp = true } = options;
  const adminToken = randomBytes(24).toString("hex");
  const secrets = {
    ADMIN_TOKEN: adminToken,
    MASTER_KEY: randomBytes(32).toString("base64"),
    ALLOW_PRIVATE_UPSTREAMS: "true",
    // The ceiling of an isolate would limit the measurement.
    GLOBAL_REQUESTS_PER_SECOND: "0",
    ...vars,
  };
  const { workerOptions, splitSql } = configuration(root, { name, secrets, entry });
  const worker = await startWorker(workerOptions, { queue, kv, d1, r2, inspect, miniflare: more, socket });
  try {
    const database = await worker.mf.getD1Database("DB");
    for (const migration of setUp ? migrations(root) : []) {
      await database.batch(splitSql(migration).map((statement) => database.prepare(statement)));
    }
    const admin = (route, body, status = 201) => post(worker.url + route, adminToken, body, status);
    return { ...worker, d1, database, admin, secrets };
  } catch (error) {
    await worker.stop();
    throw error;
  }
}

/** Three providers at the bench upstream (the second speaks Anthropic, the third is not asked for usage), a model each, one API key; ready when it answers. */
export async function configure({ url, admin }, upstream, keyFields = {}) {
  // The upstream stands for the API of a known seller, which is trusted not to repeat its key in a stream.
  const quirks = ["discreet_streams"];
  const provider = (name, kind, more = []) =>
    admin("/providers", {
      name,
      kind,
      server_url: upstream.url,
      server_key: "sk-bench-upstream-key",
      quirks: [...quirks, ...more],
    });
  const openai = await provider("bench", "openai");
  await admin("/provider_models", { provider_id: openai.id, model_name: MODEL });
  const anthropic = await provider("bench-claude", "anthropic");
  await admin("/provider_models", { provider_id: anthropic.id, model_name: ANTHROPIC_MODEL });
  const counted = await provider("bench-counted", "openai", ["counted_usage"]);
  await admin("/provider_models", { provider_id: counted.id, model_name: COUNTED_MODEL });
  const { key, id } = await admin("/keys", { name: "bench", ...keyFields });
  const target = { url: `${url}/v1/chat/completions`, headers: { authorization: `Bearer ${key}` } };
  await firstAnswer(target.url, key);
  const translates = { ...target, model: ANTHROPIC_MODEL };
  return { ...target, translates, counts: { ...target, model: COUNTED_MODEL }, key, keyId: id, provider: openai };
}

/** Asks until it answers: the configuration that was just written reaches a running isolate within seconds. */
export async function firstAnswer(url, key) {
  const body = requestTemplate({ promptBytes: 100, stream: false }).with(digitsOf(0)).toString();
  for (let attempt = 1; ; attempt++) {
    try {
      return await post(url, key, body, 200);
    } catch (error) {
      if (attempt === 40) throw error;
      await sleep(250);
    }
  }
}

function migrations(root) {
  const folder = path.join(root, "d1-migrations");
  const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
  return files.sort().map((file) => readFileSync(path.join(folder, file), "utf8"));
}

/** The bindings of wrangler.toml as wrangler itself reads them, around the files that the build left. */
export function configuration(root, { name, secrets, entry }) {
  const { convertV4MiniflareOptions } = miniflare();
  const wrangler = createRequire(import.meta.url)("wrangler");
  const { workerOptions } = wrangler.unstable_getMiniflareWorkerOptions(path.join(root, "wrangler.toml"));
  // The Worker is measured without Cloudflare's router of static files, which the others do not have either.
  const { modulesRules, assets, ...bindings } = workerOptions;
  const build = path.join(root, "build");
  const modules = [
    { type: "ESModule", path: path.join(build, "index.js") },
    { type: "CompiledWasm", path: path.join(build, "index_bg.wasm") },
  ];
  if (entry) modules.unshift({ type: "ESModule", path: path.join(build, "entry.mjs"), contents: entry });
  const converted = convertV4MiniflareOptions({
    workers: [{ ...bindings, name, bindings: { ...bindings.bindings, ...secrets }, modulesRoot: build, modules }],
  });
  return { workerOptions: converted.workers[0], splitSql: wrangler.unstable_splitSqlQuery };
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
