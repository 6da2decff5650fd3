// Starts the built Worker in workerd on a port of its own, with fresh D1, KV, R2, Queue, Durable Object and cron.
//
// Miniflare is driven directly, with the bindings that wrangler reads from wrangler.toml, and callers connect to the
// Worker's own socket. Both matter here: wrangler's dev server and its test harness put a proxy in front of the
// Worker and send its `fetch()` calls through Node, and either would hide what this suite is about (when the first byte
// leaves, whether back-pressure and disconnects get through).
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { devNull } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { chooseProfile } from "../../scripts/lib/profiles.mjs";
import { bearer, begin, eventually, send } from "./util.mjs";
import { checkAnswer } from "./contract.mjs";
import { aiWorker } from "./workers-ai.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const QUEUE = "nexus-edge-usage";
const TAP_QUEUE = "tap";

/**
 * @param {object} [options]
 * @param {Record<string, string>} [options.vars] override vars of wrangler.toml and secrets; `undefined` removes one
 * @param {'real' | 'duplicate' | 'absent'} [options.queue] `duplicate` delivers every usage event three times, twice in one
 *   batch and once in a later one, as an at-least-once queue may; `absent` takes the queue away
 * @param {number} [options.batchSeconds] how long the queue waits for a batch to fill; wrangler.toml says 1, which every
 *   test that looks at what was recorded would have to wait for
 * @param {number} [options.maxRetries] how often the queue redelivers a batch that was not acknowledged
 * @param {boolean} [options.twin] runs a second isolate of the Worker on the same stores, at `twinUrl`
 * @param {'real' | 'absent'} [options.quota] `absent` takes the objects away that count limits
 * @param {boolean} [options.ai] binds a stand-in for Workers AI
 * @param {boolean} [options.analytics] binds a dataset of Analytics Engine, which drops what it is given
 * @param {string} [options.storage] a folder that keeps everything stored, for a gateway that is started again
 * @param {string} [options.entry] the source of a module that stands in front of the Worker's `./index.js`
 * @param {boolean} [options.withStaticFiles] serves those of public/ as well, in front of the Worker as Cloudflare does
 * @param {string} [options.root] the folder of wrangler.toml, the build and d1-migrations/
 * @param {Record<string, (db: D1Database) => Promise<void>>} [options.beforeMigration] what an earlier release left in the
 *   database, by the name of the migration before which it is written
 */
export async function startGateway({
  vars = {},
  queue = "real",
  batchSeconds = 0.05,
  maxRetries,
  twin = false,
  quota = "real",
  ai = false,
  analytics = false,
  storage,
  entry,
  root = ROOT,
  withStaticFiles = false,
  beforeMigration = {},
} = {}) {
  const { name: profile, folder } = chooseProfile("quick");
  const built = path.join(root, folder, "index.js");
  if (!existsSync(built))
    throw new Error(`${built} is missing: run \`NEXUS_EDGE_PROFILE=${profile} npm run build\` first`);

  // Wrangler would announce on stdout which files it read.
  process.env.WRANGLER_LOG ??= "error";
  const require = createRequire(path.join(ROOT, "package.json"));
  const { unstable_getMiniflareWorkerOptions: workerOptionsOf, unstable_splitSqlQuery: splitSql } = require("wrangler");
  const { Miniflare, convertV4MiniflareOptions } = createRequire(require.resolve("wrangler"))("miniflare");

  const adminToken = `adm-${randomBytes(18).toString("hex")}`;
  const masterKey = vars.MASTER_KEY ?? randomBytes(32).toString("base64");
  const bindings = {
    ADMIN_TOKEN: adminToken,
    MASTER_KEY: masterKey,
    ALLOW_PRIVATE_UPSTREAMS: "true",
    BACKUP_HOURLY: "false",
    ...vars,
  };

  const configPath = path.join(root, "wrangler.toml");
  // An empty env file keeps a developer's own .dev.vars out of the tests.
  const { workerOptions } = workerOptionsOf(configPath, undefined, { envFiles: [devNull] });
  // Static files would put Cloudflare's router of them in front of the Worker.
  const { modulesRules: _, assets, ...worker } = workerOptions;
  if (withStaticFiles) worker.assets = assets;
  worker.bindings = Object.fromEntries(
    Object.entries({ ...worker.bindings, ...bindings }).filter(([, value]) => value !== undefined),
  );
  worker.queueConsumers[QUEUE].maxBatchTimeout = batchSeconds;
  if (maxRetries !== undefined) worker.queueConsumers[QUEUE].maxRetries = maxRetries;

  if (analytics) worker.analyticsEngineDatasets = { ANALYTICS: { dataset: "nexus_edge" } };
  if (ai) worker.serviceBindings = { ...worker.serviceBindings, AI: { name: "workers-ai" } };

  const logs = [];
  const workers = [
    {
      ...worker,
      name: "nexus-edge",
      modules: modulesOf(path.dirname(built), entry),
      modulesRoot: path.dirname(built),
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    },
  ];
  if (ai) workers.push(aiWorker(worker.compatibilityDate));
  if (quota === "absent") delete worker.durableObjects.QUOTA;
  // The objects and the queue's consumer exist once; everything else is bound to both.
  if (twin) {
    const durableObjects = Object.fromEntries(
      Object.entries(worker.durableObjects).map(([name, object]) => [name, { ...object, scriptName: "nexus-edge" }]),
    );
    workers.push({ ...workers[0], name: "twin", durableObjects, queueConsumers: {} });
  }
  if (queue === "absent") worker.queueProducers = workers[0].queueProducers = {};
  if (queue === "duplicate") {
    workers[0].queueProducers = { USAGE_QUEUE: { queueName: TAP_QUEUE } };
    workers.push(tapWorker(worker.compatibilityDate));
  }

  const runtime = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      handleStructuredLogs: (line) => logs.push(line),
      logRequests: false,
      resourcePersistencePath: storage,
      telemetry: { enabled: false },
      workers,
    }),
  );

  const urlOf = async (name) => String(await runtime.unsafeGetDirectURL(name)).replace(/\/$/, "");
  let db;
  let url;
  let twinUrl;
  try {
    await runtime.ready;
    url = await urlOf("nexus-edge");
    if (twin) twinUrl = await urlOf("twin");
    db = await runtime.getD1Database("DB", "nexus-edge");
    await migrate(db, path.join(root, "d1-migrations"), splitSql, beforeMigration);
  } catch (error) {
    await runtime.dispose();
    throw error;
  }

  return new Gateway({ runtime, db, url, twinUrl, adminToken, masterKey, logs });
}

/** The Worker's module and every WebAssembly file beside it; the first one is what the platform loads. */
function modulesOf(folder, entry) {
  const wasm = readdirSync(folder).filter((name) => name.endsWith(".wasm"));
  return [
    ...(entry === undefined
      ? []
      : [{ type: "ESModule", path: path.join(folder, "entry-of-test.mjs"), contents: entry }]),
    { type: "ESModule", path: path.join(folder, "index.js") },
    ...wasm.map((name) => ({ type: "CompiledWasm", path: path.join(folder, name) })),
  ];
}

/** Stands between the product's producer and its consumer and delivers everything more than once. */
function tapWorker(compatibilityDate) {
  return {
    name: "tap",
    compatibilityDate,
    modules: true,
    script: `export default {
      async queue(batch, env) {
        for (const { body } of batch.messages) {
          const contentType = typeof body === 'string' ? 'text' : body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? 'bytes' : 'json';
          await env.OUT.sendBatch([{ body, contentType }, { body, contentType }]);
          await env.OUT.send(body, { contentType, delaySeconds: 2 });
        }
      },
    };`,
    queueProducers: { OUT: { queueName: QUEUE } },
    queueConsumers: { [TAP_QUEUE]: { maxBatchSize: 10, maxBatchTimeout: 0 } },
  };
}

async function migrate(db, folder, splitSql, beforeMigration) {
  await db.prepare("CREATE TABLE IF NOT EXISTS d1_migrations (name TEXT PRIMARY KEY)").run();
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all();
  const done = new Set(results.map(({ name }) => name));
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql") && !done.has(name))
    .sort();
  for (const name of files) {
    await beforeMigration[name]?.(db);
    const statements = splitSql(readFileSync(path.join(folder, name), "utf8"));
    const record = db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await db.batch([...statements.map((statement) => db.prepare(statement)), record]);
  }
}

class Gateway {
  #runtime;
  #db;
  #logs;
  #made = 0;

  constructor({ runtime, db, url, twinUrl, adminToken, masterKey, logs }) {
    this.#runtime = runtime;
    this.#db = db;
    this.#logs = logs;
    this.url = url;
    this.twinUrl = twinUrl;
    this.adminToken = adminToken;
    this.masterKey = masterKey;
    /** Every answer that came through `call` or `admin`: what the secrets suite searches. */
    this.answers = [];
  }

  /** One request to the gateway, read to its end. */
  async call(target, options) {
    const answer = await send(this.url + target, options);
    this.answers.push({ target, status: answer.status, headers: answer.headers, text: answer.text });
    checkAnswer(options?.method ?? "GET", target, answer);
    return answer;
  }

  /** One request of which the caller reads the body at its own pace, or which it leaves: see `begin`. */
  begin(target, options) {
    return begin(this.url + target, options);
  }

  /** A chat completion; `body` may be an object or the very bytes to send. */
  complete(key, body, { headers = {}, target = "/v1/chat/completions", ...options } = {}) {
    return this.call(target, {
      method: "POST",
      headers: completionHeaders(key, headers),
      body: asBytes(body),
      ...options,
    });
  }

  /** The same, body unread. */
  beginCompletion(key, body, { headers = {}, target = "/v1/chat/completions", ...options } = {}) {
    return this.begin(target, {
      method: "POST",
      headers: completionHeaders(key, headers),
      body: asBytes(body),
      ...options,
    });
  }

  /** A request to the admin API; `body` is parsed JSON. */
  async admin(method, target, body, { headers = bearer(this.adminToken) } = {}) {
    const answer = await this.call(target, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      body: body === undefined ? undefined : asBytes(body),
    });
    let parsed;
    try {
      parsed = answer.json();
    } catch {
      throw new Error(`${method} ${target}: status ${answer.status}, not JSON: ${answer.text.slice(0, 400)}`);
    }
    return { status: answer.status, headers: answer.headers, body: parsed, text: answer.text };
  }

  async #create(target, fields) {
    const { status, body } = await this.admin("POST", target, fields);
    if (status !== 201) throw new Error(`POST ${target} ${JSON.stringify(fields)}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  createProvider(fields) {
    return this.#create("/providers", { name: `provider-${++this.#made}`, ...fields });
  }

  createModel(fields) {
    return this.#create("/provider_models", fields);
  }

  /** The answer has the whole key in `key`, this once. */
  createKey(fields = {}) {
    return this.#create("/keys", { name: `key-${++this.#made}`, ...fields });
  }

  /** Rows of a query on the Worker's database. */
  async db(sql, ...params) {
    const { results } = await this.#db
      .prepare(sql)
      .bind(...params)
      .all();
    return results;
  }

  /** The one row that a request left in the log, once it is there. */
  async row(requestId, { within = 15_000 } = {}) {
    const rows = await eventually(
      async () => {
        const found = await this.db("SELECT * FROM request_log WHERE request_id = ?", requestId);
        return found.length > 0 && found;
      },
      { within, what: `the log row of ${requestId}` },
    );
    if (rows.length > 1) throw new Error(`${requestId} has ${rows.length} rows: ${JSON.stringify(rows)}`);
    return rows[0];
  }

  /** All that the Worker (and workerd about it) has printed. */
  logs() {
    return this.#logs.map(({ level, message }) => ({ level, message }));
  }

  /** Runs the cron handler as a trigger would. */
  async scheduled(cron = "* * * * *") {
    const worker = await this.#runtime.getWorker("nexus-edge");
    return worker.scheduled({ cron, scheduledTime: new Date() });
  }

  /** Puts a message of any kind into the usage queue, as a stray producer might. */
  async enqueue(body, contentType = "text") {
    const producer = await this.#runtime.getQueueProducer("USAGE_QUEUE", "nexus-edge");
    await producer.send(body, { contentType });
  }

  /** Takes an object out of memory, as the platform does when it likes; its connections sleep (`hibernate`), or are closed. */
  evict(className, name, webSockets) {
    const connections = webSockets === undefined ? {} : { webSockets };
    return this.#runtime.unsafeEvictDurableObject("nexus-edge", className, { name, ...connections });
  }

  /** The ids of the objects of a class that exist. */
  objects(className) {
    return this.#runtime.listDurableObjectIds(className, "nexus-edge");
  }

  /** Takes a session's object out of memory as the platform may at any time; its connections sleep, or are closed. */
  async evictRoom(keyId, sessionId, webSockets = "hibernate") {
    await this.#runtime.unsafeEvictDurableObject("nexus-edge", "ChatRoom", {
      name: `${keyId}/${sessionId}`,
      webSockets,
    });
  }

  kv() {
    return this.#runtime.getKVNamespace("KV", "nexus-edge");
  }

  r2() {
    return this.#runtime.getR2Bucket("BUCKET", "nexus-edge");
  }

  /** Every table with all its rows, as text. */
  async dump() {
    const tables = await this.db(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'",
    );
    const parts = [];
    for (const { name } of tables) {
      for (const row of await this.db(`SELECT * FROM "${name}"`))
        parts.push({ place: `D1 ${name}`, text: JSON.stringify(row, blobAsText) });
    }
    const kv = await this.kv();
    for (const { name } of (await kv.list()).keys) parts.push({ place: `KV ${name}`, text: await kv.get(name) });
    for (const { name, staged } of await this.db("SELECT name, staged FROM archive_packs WHERE staged IS NOT NULL"))
      parts.push({ place: `D1 archive_packs ${name}`, text: gunzipSync(Buffer.from(staged, "base64")).toString() });
    const r2 = await this.r2();
    for (const { key } of (await r2.list()).objects) {
      const bytes = Buffer.from(await (await r2.get(key)).arrayBuffer());
      parts.push({ place: `R2 ${key}`, text: (key.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString() });
    }
    return parts;
  }

  async stop() {
    await this.#runtime.dispose();
  }
}

// D1 answers blobs as arrays of numbers, in which no text could be found.
const blobAsText = (_, value) =>
  Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256)
    ? Buffer.from(value).toString("latin1")
    : value;

const asBytes = (body) => (typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));

const completionHeaders = (key, headers) => ({
  ...(key === undefined ? {} : bearer(key)),
  "content-type": "application/json",
  ...headers,
});
