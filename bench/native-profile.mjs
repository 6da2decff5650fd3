// What a contestant's processor time is spent on, natively: `node bench/native-profile.mjs [contestant] [scenario] [seconds]` (Node
// 22.16 or newer, Linux with `perf`) puts one scenario's load on it while `perf` samples its process, and prints the share of each part:
// the module's own code, the engine, the runtime, the kernel. What bench/profile.mjs calls "(program)" is told apart here.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { measure } from "./measure.mjs";
import { MODEL } from "./payload.mjs";
import { startHelper } from "./processes.mjs";
import { scenarios } from "./scenarios.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));

/** Parts by the symbol of the innermost frame and the file that it is from; the first that matches counts. */
const PARTS = [
  ["the kernel", ({ file }) => /kernel|vdso/.test(file)],
  [
    "compiled code of the module",
    ({ symbol }) => /-(turbofan|liftoff)$/.test(symbol) && !/wasm-to-js|js-to-wasm/.test(symbol),
  ],
  ["JavaScript", ({ symbol }) => /^JS:/.test(symbol)],
  [
    "calls between the module and JavaScript, and built-in functions",
    ({ symbol }) => /^(Stub|Builtin|Builtins_|BytecodeHandler)/.test(symbol),
  ],
  ["compiling", ({ symbol }) => /v8::internal::(wasm|compiler)|[Tt]urboshaft|Liftoff/.test(symbol)],
  [
    "collecting garbage",
    ({ symbol }) => /Scaveng|MarkCompact|Marking|Sweeper|HeapTracer|cppgc|heap::base/.test(symbol),
  ],
  ["V8, otherwise", ({ symbol }) => /^(v8::|heap::|cppgc::)/.test(symbol)],
  [
    "allocating and copying memory",
    ({ symbol }) => /tcmalloc|^_*mem(move|cpy|set|cmp)|operator (new|delete)/.test(symbol),
  ],
  ["compressing", ({ symbol }) => /deflate|longest_match|crc32|adler/.test(symbol)],
  ["the runtime: HTTP, streams, promises (kj, workerd, tokio)", () => true],
];

function shares(data) {
  const text = execFileSync("perf", ["script", "-i", data, "-F", "ip,sym,dso"], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const counts = new Map(PARTS.map(([part]) => [part, 0]));
  let all = 0;
  for (const line of text.split("\n")) {
    const [, symbol, file] = /^\s*[0-9a-f]+ (.*) \(([^()]*)\)$/.exec(line) ?? [];
    if (symbol === undefined) continue;
    const [part] = PARTS.find(([, is]) => is({ symbol, file }));
    counts.set(part, counts.get(part) + 1);
    all++;
  }
  return [...counts].map(([part, n]) => ({ part, share: n / all })).sort((a, b) => b.share - a.share);
}

/** Whether the kernel lets `perf` sample here. */
export function canSample() {
  try {
    execFileSync("perf", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {object} context as every contestant gets it, with the helpers `upstream`, `load` and `database`
 * @returns {Promise<{cpu_us: number, parts: {part: string, share: number}[]}>} processor time of a request or chunk, and the shares of
 *     its parts, the largest first
 */
export async function profile(context, name, scenario, seconds) {
  const { upstream, load, database } = context;
  const contestant = await import(path.join(here, "contestants", name, "contestant.mjs"));
  const folder = mkdtempSync(path.join(os.tmpdir(), "nexus-edge-profile-"));
  await contestant.install?.();
  // The engine writes where it puts what it compiles.
  process.env.MINIFLARE_WORKERD_V8_FLAGS = "--perf-basic-prof --no-logfile-per-isolate --logfile=/dev/null";
  const started = await contestant.start(context);
  delete process.env.MINIFLARE_WORKERD_V8_FLAGS;
  try {
    const { start, install, missing, ...traits } = contestant;
    const running = { ...started, ...traits };
    const bench = { upstream, load, database, running: [running] };
    const put = (seconds) => measure(bench, running, scenario, { delayMs: 0, warmupMs: 0, measureMs: seconds * 1000 });
    // By then what is hot is compiled.
    await put(6);
    const data = path.join(folder, "perf.data");
    const perf = spawn("perf", ["record", "-F", "1999", "-o", data, "-p", String(started.pid)], { stdio: "ignore" });
    const { cpu_ms_per_1000: cpu_us } = await put(seconds);
    perf.kill("SIGINT");
    await once(perf, "exit");
    return { cpu_us, parts: shares(data) };
  } finally {
    await started.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const [name = "nexus-edge", scenarioName = "chat-1k-c16", seconds = "5"] = process.argv.slice(2);
  const scenario = scenarios.find((candidate) => candidate.name === scenarioName);
  if (!scenario) throw new Error(`no scenario ${scenarioName}`);
  const [upstream, load, database] = await Promise.all(
    ["upstream.mjs", "load.mjs", "d1.mjs"].map((file) => startHelper(path.join(here, file))),
  );
  const context = {
    root: path.dirname(here),
    model: MODEL,
    upstream: { url: `http://127.0.0.1:${upstream.hello.port}`, ...upstream },
    load,
    database,
    queue: `127.0.0.1:${upstream.hello.queuePort}`,
    openKv: async () => `127.0.0.1:${(await upstream.ask({ kv: true })).kv}`,
    openR2: async () => `127.0.0.1:${(await upstream.ask({ r2: true })).r2}`,
    openD1: async () => `127.0.0.1:${(await database.ask({ open: true })).port}`,
  };
  try {
    const { cpu_us, parts } = await profile(context, name, scenario, Number(seconds));
    const unit = scenario.rate === "chunks_per_s" ? "chunk" : "request";
    console.log(`${name}, ${scenario.name}: ${cpu_us.toFixed(0)} µs of processor time a ${unit}\n`);
    for (const { part, share } of parts)
      console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${(share * cpu_us).toFixed(0).padStart(5)} µs  ${part}`);
  } finally {
    for (const helper of [load, database, upstream]) helper.stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
