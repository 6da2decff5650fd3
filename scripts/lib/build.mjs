// Building the Worker: Rust to WebAssembly with its JavaScript around it, in build/, unless that is already so.

import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { cargoEnvironment, withCargo } from "./cargo.mjs";
import { filesUnder, hashFiles, readStamp, writeStamp } from "./hash.mjs";
import { ensurePackages } from "./npm.mjs";
import { ensureNode } from "./node22.mjs";
import { inRoot } from "./paths.mjs";
import { checkPrerequisites } from "./prerequisites.mjs";
import { runStep } from "./run.mjs";
import { ensureRustTools } from "./rust-tools.mjs";
import { Problem, done, size } from "./terminal.mjs";
import { ensureWasmToolchain, wasmEnvironment } from "./wasm-toolchain.mjs";

const STAMP = inRoot("build", ".stamp.json");
const WASM = inRoot("build", "index_bg.wasm");
const SCRIPT = inRoot("build", "index.js");

/** What cargo is told besides, such as `--no-default-features` for a Worker without vocabularies. */
const CARGO_ARGS = (process.env.NEXUS_EDGE_CARGO_ARGS ?? "").split(/\s+/).filter(Boolean);

/** Builds the Worker in release mode and reports its size. */
export async function buildWorker() {
  const sources = hashSources();
  if (isBuilt(sources)) {
    done(`The Worker is up to date: ${describe(readStamp(STAMP))}`);
    return;
  }
  await checkPrerequisites();
  await ensureNode();
  await ensurePackages();
  const toolchain = await ensureWasmToolchain();
  const rustTools = await ensureRustTools();
  await withCargo(async () => {
    // Whoever compiled while we waited may have compiled the same.
    if (isBuilt(sources)) return;
    await compile(toolchain, rustTools);
    writeStamp(STAMP, { sources, ...measure() });
  });
  done(`The Worker: ${describe(readStamp(STAMP))}`);
}

/** Whether `buildWorker` would have nothing to do, and so needs no Rust. */
export const isUpToDate = () => isBuilt(hashSources());

/** Everything that the compiled Worker depends on; what tests and benchmarks are made of is left out. */
function hashSources() {
  const crates = filesUnder("crates", ["tests", "benches", "proptest-regressions", "target"]);
  const files = hashFiles(["Cargo.toml", "Cargo.lock", ".cargo/config.toml", ...filesUnder("src"), ...crates]);
  return [files, ...CARGO_ARGS].join(" ");
}

const isBuilt = (sources) => existsSync(WASM) && existsSync(SCRIPT) && readStamp(STAMP).sources === sources;

async function compile(toolchain, { workerBuild, wasmBindgen }) {
  // A stamp beside a half-replaced build would call it complete.
  rmSync(STAMP, { force: true });
  await runStep("Building the Worker (release)", workerBuild, ["--release", "--locked", ...CARGO_ARGS], {
    env: {
      ...cargoEnvironment,
      ...wasmEnvironment(toolchain),
      WASM_BINDGEN_BIN: wasmBindgen,
      WASM_OPT_BIN: inRoot("node_modules", ".bin", "wasm-opt"),
      ESBUILD_BIN: nativeEsbuild(),
    },
  });
}

function nativeEsbuild() {
  const file = inRoot("node_modules", "@esbuild", `${process.platform}-${process.arch}`, "bin", "esbuild");
  if (!existsSync(file)) throw new Problem(`esbuild has no build for this machine (${file}): remove node_modules and try again`);
  return file;
}

function measure() {
  const wasm = readFileSync(WASM);
  return { wasm: wasm.length, gzipped: gzipSync(wasm, { level: 9 }).length, script: statSync(SCRIPT).size };
}

const describe = ({ wasm, gzipped, script }) =>
  `wasm ${size(wasm)}, ${size(gzipped)} gzipped; JavaScript ${size(script)}`;
