// What a contestant's processor time is spent on, natively: `node bench/native-profile.mjs [contestant] [scenario] [seconds]` (Node
// 22.16 or newer, Linux with `perf`) puts one scenario's load on it while `perf` samples its process, and prints the share of each part:
// the module's own code, the engine, the runtime, the kernel. What bench/profile.mjs calls "(program)" is told apart here.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startHelpers, underLoad } from "./helpers.mjs";
import { scenarios } from "./scenarios.mjs";

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
 * @param {object} helpers `upstream`, `load` and `database`
 * @param {object} context as every contestant gets it
 * @returns {Promise<{cpu_us: number, parts: {part: string, share: number}[]}>} processor time of a request or chunk, and the shares of
 *     its parts, the largest first
 */
export async function profile(helpers, context, name, scenario, seconds) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "nexus-edge-profile-"));
  // The engine writes where it puts what it compiles.
  process.env.MINIFLARE_WORKERD_V8_FLAGS = "--perf-basic-prof --no-logfile-per-isolate --logfile=+";
  try {
    return await underLoad(helpers, context, name, scenario, async ({ pid }, put) => {
      // By then what is hot is compiled.
      await put(6);
      const data = path.join(folder, "perf.data");
      const perf = spawn("perf", ["record", "-F", "1999", "-o", data, "-p", String(pid)], { stdio: "ignore" });
      const { cpu_ms_per_1000: cpu_us } = await put(seconds);
      perf.kill("SIGINT");
      await once(perf, "exit");
      return { cpu_us, parts: shares(data) };
    });
  } finally {
    delete process.env.MINIFLARE_WORKERD_V8_FLAGS;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main() {
  const [name = "nexus-edge", scenarioName = "chat-1k-c16", seconds = "5"] = process.argv.slice(2);
  const scenario = scenarios.find((candidate) => candidate.name === scenarioName);
  if (!scenario) throw new Error(`no scenario ${scenarioName}`);
  const { context, stop, ...helpers } = await startHelpers();
  try {
    const { cpu_us, parts } = await profile(helpers, context, name, scenario, Number(seconds));
    const unit = scenario.rate === "chunks_per_s" ? "chunk" : "request";
    console.log(`${name}, ${scenario.name}: ${cpu_us.toFixed(0)} µs of processor time a ${unit}\n`);
    for (const { part, share } of parts)
      console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${(share * cpu_us).toFixed(0).padStart(5)} µs  ${part}`);
  } finally {
    stop();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
