// Token counting in workerd, side by side: `node bench/tokens/workerd.mjs [--quick]`.
//
// Every tokenizer stands in the same small Worker, in a workerd of its own; a Worker with none says what the rest
// costs. Measured from outside, because the clock of a Worker stands still while it computes:
//   - the first count of a fresh isolate, loading included, beside the second;
//   - the time for a megabyte of English and, for the others as far as they get, of one letter;
//   - what the process has grown by, compared with the Worker that has no tokenizer.
// The gateway itself is measured too, as built, through its own API. Install what it is compared with by
// `npm install --prefix bench/tokens`; who is not there is left out. Results go to bench/tokens/results.json.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as gateway from "../contestants/nexus-edge/contestant.mjs";
import { describeRun } from "../environment.mjs";
import { MODEL } from "../payload.mjs";
import { startHelper } from "../processes.mjs";
import { compatibility, startWorker } from "../workerd.mjs";
import { prepareCorpora } from "./corpora.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, "../..");
const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "nexus-edge");
const target = process.env.CARGO_TARGET_DIR || path.join(cache, "target-bench-tokens");
const quick = process.argv.includes("--quick");
const ROUNDS = quick ? 2 : 5;
const FRESH = 3;
const SHORT = "The quick brown fox jumps over the lazy dog, and nobody minds. ".repeat(16);

const CONTESTANTS = [
  { name: "none" },
  { name: "nexus-edge-tokens", wasm: buildModule },
  { name: "tiktoken", wasm: () => resolved("tiktoken/lite/tiktoken_bg.wasm") },
  { name: "gpt-tokenizer" },
];

function resolved(file) {
  return path.join(here, "node_modules", file);
}

/** Our tokenizer as a module, built like the Worker. */
function buildModule() {
  const arguments_ = ["build", "--release", "--quiet", "--package", "tokens-module", "--target", "wasm32-unknown-unknown"];
  execFileSync("cargo", [...arguments_, "--manifest-path", path.join(here, "Cargo.toml")], {
    stdio: "inherit",
    env: { ...process.env, CARGO_TARGET_DIR: target, CARGO_PROFILE_RELEASE_DEBUG: "0" },
  });
  return path.join(target, "wasm32-unknown-unknown", "release", "tokens_module.wasm");
}

const isInstalled = ({ name }) => ["none", "nexus-edge-tokens"].includes(name) || existsSync(resolved(name));

/** The modules of a contestant's Worker. */
async function modulesOf({ name, wasm }) {
  const esbuild = createRequire(path.join(root, "package.json"))("esbuild");
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(here, "workers", `${name}.js`)],
    bundle: true,
    write: false,
    format: "esm",
    minify: true,
    external: ["./tokenizer.wasm"],
    nodePaths: [path.join(here, "node_modules")],
  });
  return {
    "main.js": { type: "esm", contents: readFileSync(path.join(here, "workers", "main.js"), "utf8") },
    "tokenizer.js": { type: "esm", contents: outputFiles[0].text },
    ...(wasm && { "tokenizer.wasm": { type: "wasm", contents: readFileSync(wasm()) } }),
  };
}

/** A fresh workerd with a contestant in it; `count` returns tokens and milliseconds. */
async function start(contestant) {
  const worker = await startWorker({
    config: {
      name: contestant.name,
      ...compatibility(root),
      manifest: { mainModule: "main.js", modules: contestant.modules },
      env: {},
    },
  });
  const count = (text, times = 1) => timed(`${worker.url}/?times=${times}`, text, {}, ({ tokens }) => tokens);
  // The first request pays for what has nothing to do with tokens.
  for (let i = 0; i < 5; i++) await count(SHORT, 0);
  return { ...worker, count };
}

async function timed(url, body, headers, read) {
  const began = performance.now();
  const response = await fetch(url, { method: "POST", body, headers });
  const text = await response.text();
  const milliseconds = performance.now() - began;
  if (!response.ok) throw new Error(`${response.status}: ${text.slice(0, 300)}`);
  return { tokens: read(JSON.parse(text)), milliseconds };
}

/** Resident megabytes of a process. */
function memory(pid) {
  const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const least = (numbers) => Math.min(...numbers);
const round = (number, digits = 2) => (number === null ? null : Number(number.toFixed(digits)));

/** First and second count in fresh isolates, and how large the process is then. */
async function measureBeginning(contestant) {
  const runs = [];
  for (let i = 0; i < FRESH; i++) {
    const worker = await start(contestant);
    try {
      const first = (await worker.count(SHORT)).milliseconds;
      const second = least([await worker.count(SHORT), await worker.count(SHORT)].map(({ milliseconds }) => milliseconds));
      runs.push({ first, second, rss: memory(worker.pid) });
    } finally {
      await worker.stop();
    }
  }
  const of = (name) => median(runs.map((run) => run[name]));
  return { first: of("first"), second: of("second"), rss: of("rss") };
}

/** Milliseconds for one count of each text: that of a request with counts less that of one without. */
async function measureSpeed(contestant, texts) {
  const worker = await start(contestant);
  try {
    const speeds = {};
    for (const [name, text] of Object.entries(texts)) {
      if (name === "one letter" && !["none", "nexus-edge-tokens"].includes(contestant.name)) {
        // The time of the others grows with the square of the length: a megabyte would take them the better part of an hour.
        const part = text.slice(0, 10_000);
        speeds[name] = { ...(await best(worker, part, 1)), bytes: part.length };
        continue;
      }
      await worker.count(text);
      speeds[name] = { ...(await best(worker, text, 3)), bytes: Buffer.byteLength(text) };
    }
    return { speeds, rss: memory(worker.pid) };
  } finally {
    await worker.stop();
  }
}

async function best(worker, text, times) {
  const none = [];
  const some = [];
  let tokens;
  for (let i = 0; i < ROUNDS; i++) {
    none.push((await worker.count(text, 0)).milliseconds);
    const counted = await worker.count(text, times);
    tokens = counted.tokens;
    some.push(counted.milliseconds);
  }
  return { tokens, milliseconds: Math.max(least(some) - least(none), 0.001) / times };
}

/** The gateway as built: first and second count of a fresh isolate, through its API. */
async function measureGateway() {
  if (gateway.missing({ root })) return null;
  const helper = await startHelper(path.join(root, "bench", "upstream.mjs"));
  const upstream = { url: `http://127.0.0.1:${helper.hello.port}` };
  const runs = [];
  for (let i = 0; i < FRESH; i++) {
    const worker = await gateway.start({ root, upstream, model: MODEL, queue: `127.0.0.1:${helper.hello.queuePort}` });
    try {
      const body = JSON.stringify({ model: "demo/echo", input: SHORT });
      const headers = { ...worker.headers, "content-type": "application/json" };
      const url = worker.url.replace(/chat\/completions$/, "tokenize");
      // What any request of a fresh isolate waits for.
      await fetch(url.replace("tokenize", "models"), { headers }).then((response) => response.text());
      const count = async () => (await timed(url, body, headers, ({ count }) => count)).milliseconds;
      const first = await count();
      runs.push({ first, second: least([await count(), await count()]) });
    } finally {
      await worker.stop();
    }
  }
  helper.stop();
  const of = (name) => median(runs.map((run) => run[name]));
  return { first: of("first"), second: of("second") };
}

const contestants = CONTESTANTS.filter(isInstalled);
for (const { name } of CONTESTANTS.filter((contestant) => !isInstalled(contestant))) {
  console.log(`${name} is not installed and left out: npm install --prefix bench/tokens`);
}
const corpora = prepareCorpora(path.join(cache, "bench-tokens"), path.join(here, "Cargo.toml"));
const texts = Object.fromEntries(["english", "mixed", "one letter"].map((name) => [name, readFileSync(corpora[name], "utf8")]));

const results = {};
for (const contestant of contestants) {
  contestant.modules = await modulesOf(contestant);
  results[contestant.name] = { ...(await measureBeginning(contestant)), ...(await measureSpeedOf(contestant)) };
  console.log(`measured ${contestant.name}`);
}
async function measureSpeedOf(contestant) {
  const { speeds, rss } = await measureSpeed(contestant, texts);
  return { speeds, rssAfter: rss };
}
const built = await measureGateway();

const ours = results["nexus-edge-tokens"];
const { none, ...rest } = results;
const table = Object.entries(rest).map(([name, { first, second, rss, rssAfter, speeds }]) => {
  const perMegabyte = (text) => (speeds[text].milliseconds * 1e6) / speeds[text].bytes;
  if (["english", "mixed"].some((text) => speeds[text].tokens !== ours.speeds[text].tokens)) {
    console.log(`${name} counts differently`);
  }
  return {
    name,
    first_ms: round(first),
    second_ms: round(second),
    first_adds_ms: round(first - second),
    memory_added_mb: round(rss - none.rss, 1),
    memory_added_after_a_megabyte_mb: round(rssAfter - none.rssAfter, 1),
    english_times_ours: round(speeds.english.milliseconds / ours.speeds.english.milliseconds),
    mixed_times_ours: round(speeds.mixed.milliseconds / ours.speeds.mixed.milliseconds),
    one_letter_times_english: round(perMegabyte("one letter") / perMegabyte("english")),
    one_letter_bytes: speeds["one letter"].bytes,
  };
});
console.table(table);
if (built) console.log(`the gateway: first count ${round(built.first)} ms, second ${round(built.second)} ms`);

const module = readFileSync(buildModule());
const sizes = { module_bytes: module.length, module_gzipped: gzipSync(module, { level: 9 }).length };
const worker = path.join(root, "build", "index_bg.wasm");
if (existsSync(worker)) {
  const wasm = readFileSync(worker);
  Object.assign(sizes, { worker_bytes: wasm.length, worker_gzipped: gzipSync(wasm, { level: 9 }).length });
}
console.log(sizes);
const gatewayResult = built && { first_ms: round(built.first), second_ms: round(built.second), first_adds_ms: round(built.first - built.second) };
const document = { ...describeRun(root), rounds: ROUNDS, contestants: table, gateway: gatewayResult, sizes };
writeFileSync(path.join(here, quick ? "results.partial.json" : "results.json"), `${JSON.stringify(document, null, 1)}\n`);
