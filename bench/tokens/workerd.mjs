// Token counting in workerd, side by side: `node bench/tokens/workerd.mjs [--quick] [--without BUILD]`.
//
// Every tokenizer stands in the same small Worker, in a workerd of its own. Measured from outside, because the clock of
// a Worker stands still while it computes:
//   - in fresh isolates: loading the tokenizer, the first count after that, and the second;
//   - the time for a megabyte of English and of a mix, all of them in turn, and a ratio for each turn: what else the machine
//     does then happens to all of them; and for one letter, as far as the others get;
//   - what the process has grown by, after a short text and after megabytes, compared with two Workers that have no
//     tokenizer and are sent the same texts: `none` does nothing with them, `bytes` turns them into UTF-8.
// The gateway itself is measured too, as built, through its own API. With `--without` and the directory of another build
// (`NEXUS_EDGE_CARGO_ARGS=--no-default-features npm run build`, and build/ put aside) its memory is compared with that
// of a gateway which has no vocabularies and answers the same requests by the estimate.
//
// Install what it is compared with by `npm install --prefix bench/tokens`; who is not there is left out. Results go to
// bench/tokens/results.json.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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
const ROUNDS = quick ? 5 : 9;
const FRESH = quick ? 3 : 9;
/** Counts of a text before it is measured: until then the code has been compiled for speed. */
const WARM_UP = 5;
/** Fresh processes whose memory is looked at, and how often each text is counted in each. */
const PROCESSES = 7;
const TIMES = 8;
const without = process.argv.includes("--without")
  ? path.resolve(process.argv[process.argv.indexOf("--without") + 1])
  : null;
const SHORT = "The quick brown fox jumps over the lazy dog, and nobody minds. ".repeat(16);

const CONTESTANTS = [
  { name: "none", isControl: true },
  { name: "bytes", isControl: true },
  { name: "nexus-edge-tokens", wasm: buildModule },
  { name: "tiktoken", wasm: () => resolved("tiktoken/lite/tiktoken_bg.wasm") },
  { name: "gpt-tokenizer" },
];

function resolved(file) {
  return path.join(here, "node_modules", file);
}

/** Our tokenizer as a module, built like the Worker. */
function buildModule() {
  const arguments_ = [
    "build",
    "--release",
    "--quiet",
    "--package",
    "tokens-module",
    "--target",
    "wasm32-unknown-unknown",
  ];
  execFileSync("cargo", [...arguments_, "--manifest-path", path.join(here, "Cargo.toml")], {
    stdio: "inherit",
    env: { ...process.env, CARGO_TARGET_DIR: target, CARGO_PROFILE_RELEASE_DEBUG: "0" },
  });
  return path.join(target, "wasm32-unknown-unknown", "release", "tokens_module.wasm");
}

const isInstalled = ({ name, isControl }) => isControl || name === "nexus-edge-tokens" || existsSync(resolved(name));

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
  const send = (query, text) => timed(`${worker.url}/?${query}`, text, {}, ({ tokens }) => tokens);
  // The first requests pay for what has nothing to do with tokens.
  for (let i = 0; i < 5; i++) await send("", SHORT);
  return { ...worker, count: (text, times = 1) => send(`load&times=${times}`, text) };
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

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
const median = (numbers) => sorted(numbers)[Math.floor(numbers.length / 2)];
const least = (numbers) => Math.min(...numbers);
const round = (number, digits = 2) => (number === null ? null : Number(number.toFixed(digits)));
const spread = (numbers, digits) => ({
  median: round(median(numbers), digits),
  least: round(least(numbers), digits),
  most: round(Math.max(...numbers), digits),
});

/** The first count of a fresh isolate, and the better of the next two. */
async function firstAndSecond(count) {
  const first = (await count()).milliseconds;
  const second = least([await count(), await count()].map(({ milliseconds }) => milliseconds));
  return { first, second, adds: first - second };
}

/** Loading, the first count and the second in fresh isolates. */
async function measureBeginning(contestant) {
  const runs = [];
  for (let i = 0; i < FRESH; i++) {
    const worker = await start(contestant);
    try {
      const load = (await worker.count(SHORT, 0)).milliseconds;
      runs.push({ load, ...(await firstAndSecond(() => worker.count(SHORT))) });
    } finally {
      await worker.stop();
    }
  }
  return beginningOf(runs);
}

function beginningOf(runs) {
  const of = (name) => spread(runs.map((run) => run[name]));
  const loading = "load" in runs[0] ? { load_ms: of("load") } : {};
  return {
    isolates: runs.length,
    ...loading,
    first_ms: of("first"),
    second_ms: of("second"),
    first_adds_ms: of("adds"),
  };
}

/** How large fresh processes are after a short text and after megabytes. */
async function measureMemory(startOne, megabytes) {
  const runs = [];
  for (let i = 0; i < PROCESSES; i++) {
    const worker = await startOne();
    try {
      for (let j = 0; j < 3; j++) await worker.count(SHORT);
      const short = memory(worker.pid);
      for (let j = 0; j < TIMES; j++) for (const text of megabytes) await worker.count(text);
      runs.push({ short, long: memory(worker.pid) });
    } finally {
      await worker.stop();
    }
  }
  return { short: median(runs.map(({ short }) => short)), long: median(runs.map(({ long }) => long)) };
}

/** Milliseconds for one count of each text in each of several rounds: that of a request with counts less that of one without. */
async function measureSpeeds(contestants, texts) {
  const workers = [];
  try {
    for (const contestant of contestants)
      workers.push({ ...(await start(contestant)), name: contestant.name, speeds: {} });
    for (const [name, text] of Object.entries(texts)) {
      for (const worker of workers) {
        // The time of the others grows with the square of the length: a megabyte would take them the better part of an hour.
        const isTooLong = name === "one letter" && worker.name !== "nexus-edge-tokens";
        const part = isTooLong ? text.slice(0, 10_000) : text;
        const { tokens } = await worker.count(part, WARM_UP);
        worker.speeds[name] = {
          part,
          tokens,
          bytes: Buffer.byteLength(part),
          times: isTooLong ? 1 : 3,
          none: [],
          some: [],
        };
      }
      for (let i = 0; i < ROUNDS; i++) {
        for (const { count, speeds } of workers) {
          const speed = speeds[name];
          speed.none.push((await count(speed.part, 0)).milliseconds);
          speed.some.push((await count(speed.part, speed.times)).milliseconds);
        }
      }
      for (const { speeds } of workers) {
        const { none, some, times } = speeds[name];
        speeds[name].rounds = some.map((milliseconds) => Math.max(milliseconds - least(none), 0.001) / times);
      }
    }
    return Object.fromEntries(workers.map(({ name, speeds }) => [name, speeds]));
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

/** How many times as long theirs took as ours, round by round. */
const ratios = (theirs, ours) => spread(theirs.rounds.map((milliseconds, round) => milliseconds / ours.rounds[round]));

/** The gateway as built, asked for counts through its API. */
async function measureGateway(megabytes) {
  if (gateway.missing({ root })) return null;
  const helper = await startHelper(path.join(root, "bench", "upstream.mjs"));
  const startGateway = async (root) => {
    const upstream = { url: `http://127.0.0.1:${helper.hello.port}` };
    const worker = await gateway.start({ root, upstream, model: MODEL, queue: `127.0.0.1:${helper.hello.queuePort}` });
    const headers = { ...worker.headers, "content-type": "application/json" };
    const url = worker.url.replace(/chat\/completions$/, "tokenize");
    const post = (body) => timed(url, JSON.stringify({ model: "demo/echo", ...body }), headers, ({ count }) => count);
    // What any request of a fresh isolate waits for.
    await fetch(url.replace("tokenize", "models"), { headers }).then((response) => response.text());
    return { ...worker, count: (input) => post({ input }) };
  };
  const runs = [];
  for (let i = 0; i < FRESH; i++) {
    const worker = await startGateway(root);
    try {
      runs.push(await firstAndSecond(() => worker.count(SHORT)));
    } finally {
      await worker.stop();
    }
  }
  const result = beginningOf(runs);
  if (without) {
    const other = rootWith(without);
    const counting = await measureMemory(() => startGateway(root), megabytes);
    const estimating = await measureMemory(() => startGateway(other), megabytes);
    rmSync(other, { recursive: true });
    result.memory_added_mb = round(counting.short - estimating.short, 1);
    result.memory_added_after_megabytes_mb = round(counting.long - estimating.long, 1);
  }
  helper.stop();
  return result;
}

/** A directory like the root, with another build in it. */
function rootWith(build) {
  const directory = mkdtempSync(path.join(os.tmpdir(), "bench-tokens-"));
  for (const name of ["wrangler.toml", "d1-migrations", "web", "node_modules"]) {
    if (existsSync(path.join(root, name))) symlinkSync(path.join(root, name), path.join(directory, name));
  }
  symlinkSync(build, path.join(directory, "build"));
  return directory;
}

const contestants = CONTESTANTS.filter(isInstalled);
for (const { name } of CONTESTANTS.filter((contestant) => !isInstalled(contestant))) {
  console.log(`${name} is not installed and left out: npm install --prefix bench/tokens`);
}
const corpora = prepareCorpora(path.join(cache, "bench-tokens"), path.join(here, "Cargo.toml"));
const texts = Object.fromEntries(
  ["english", "mixed", "one letter"].map((name) => [name, readFileSync(corpora[name], "utf8")]),
);

const megabytes = [texts.english, texts.mixed];

const results = {};
for (const contestant of contestants) {
  contestant.modules = await modulesOf(contestant);
  results[contestant.name] = {
    beginning: await measureBeginning(contestant),
    memory: await measureMemory(() => start(contestant), megabytes),
  };
  console.log(`measured ${contestant.name}`);
}
const speeds = await measureSpeeds(
  contestants.filter(({ isControl }) => !isControl),
  texts,
);
const built = await measureGateway(megabytes);

const ours = speeds["nexus-edge-tokens"];
const { none, bytes, ...rest } = results;
const contenders = Object.entries(rest).map(([name, { beginning, memory }]) => {
  const speed = speeds[name];
  const perMegabyte = (text) => (least(speed[text].rounds) * 1e6) / speed[text].bytes;
  if (["english", "mixed"].some((text) => speed[text].tokens !== ours[text].tokens)) {
    console.log(`${name} counts differently`);
  }
  return {
    name,
    ...beginning,
    memory_added_mb: round(memory.short - none.memory.short, 1),
    memory_added_after_megabytes_mb: round(memory.long - none.memory.long, 1),
    of_which_utf8_mb: round(bytes.memory.long - none.memory.long, 1),
    english_ms: round(least(speed.english.rounds)),
    mixed_ms: round(least(speed.mixed.rounds)),
    english_times_ours: ratios(speed.english, ours.english),
    mixed_times_ours: ratios(speed.mixed, ours.mixed),
    one_letter_times_english: round(perMegabyte("one letter") / perMegabyte("english")),
    one_letter_bytes: speed["one letter"].bytes,
  };
});
const medians = (row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value?.median ?? value]));
console.table(contenders.map(medians));
if (built) console.log("the gateway:", built);

const module = readFileSync(buildModule());
const sizes = { module_bytes: module.length, module_gzipped: gzipSync(module, { level: 9 }).length };
const worker = path.join(root, "build", "index_bg.wasm");
if (existsSync(worker)) {
  const wasm = readFileSync(worker);
  Object.assign(sizes, { worker_bytes: wasm.length, worker_gzipped: gzipSync(wasm, { level: 9 }).length });
}
console.log(sizes);
const document = { ...describeRun(root), rounds: ROUNDS, contestants: contenders, gateway: built, sizes };
writeFileSync(
  path.join(here, quick ? "results.partial.json" : "results.json"),
  `${JSON.stringify(document, null, 1)}\n`,
);
