// Building the Worker: Rust to WebAssembly with its JavaScript around it, in the folder of a profile, unless that is
// already so.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { ensureBindgen } from "./bindgen.mjs";
import { MODULE, SCRIPT, bundle } from "./bundle.mjs";
import { cargoEnvironment, withCargo } from "./cargo.mjs";
import { filesUnder, hashFiles, readStamp, writeStamp } from "./hash.mjs";
import { ensurePackages } from "./npm.mjs";
import { ensureNode } from "./node22.mjs";
import { cargoTarget, inRoot } from "./paths.mjs";
import { checkPrerequisites } from "./prerequisites.mjs";
import { runStep } from "./run.mjs";
import { copyStaticFiles } from "./static-files.mjs";
import { done, size } from "./terminal.mjs";
import { TARGET, ensureWasmToolchain, wasmEnvironment } from "./wasm-toolchain.mjs";

const STAMP = ".stamp.json";

/** What cargo is told besides, such as `--no-default-features` for a Worker without vocabularies. */
const CARGO_ARGS = (process.env.NEXUS_EDGE_CARGO_ARGS ?? "").split(/\s+/).filter(Boolean);

/** Builds the Worker in a profile of profiles.mjs and reports its size. */
export async function buildWorker(profile) {
  await ensureNode();
  await ensurePackages();
  copyStaticFiles();
  const sources = hashSources();
  if (isBuilt(profile, sources)) {
    done(`The Worker is up to date: ${describe(profile)}`);
    return;
  }
  await checkPrerequisites();
  const toolchain = await ensureWasmToolchain();
  const bindgen = await ensureBindgen();
  await withCargo(async () => {
    // The run that was waited for may have compiled the same.
    if (isBuilt(profile, sources)) return;
    await compile(profile, toolchain);
    await replaceBuild(profile, sources, bindgen);
  });
  done(`The Worker: ${describe(profile)}`);
}

/** Whether `buildWorker` would have nothing to do, and so needs no Rust. */
export const isUpToDate = (profile) => isBuilt(profile, hashSources());

/** Everything that the built Worker depends on; what tests and benchmarks are made of is left out. */
function hashSources() {
  const crates = filesUnder("crates", ["tests", "benches", "proptest-regressions", "target"]);
  const tools = ["scripts/lib/bundle.mjs", ...filesUnder(join("scripts", "bindgen"), ["target"])];
  const files = hashFiles([
    "Cargo.toml",
    "Cargo.lock",
    ".cargo/config.toml",
    ...filesUnder("src"),
    ...crates,
    ...tools,
  ]);
  return [files, ...CARGO_ARGS].join(" ");
}

function isBuilt({ folder }, sources) {
  const isThere = [MODULE, SCRIPT].every((file) => existsSync(inRoot(folder, file)));
  return isThere && readStamp(inRoot(folder, STAMP)).sources === sources;
}

async function compile({ name, cargo }, toolchain) {
  const args = [
    "build",
    "--lib",
    "--package",
    "nexus-edge",
    "--locked",
    "--target",
    TARGET,
    "--profile",
    cargo,
    ...CARGO_ARGS,
  ];
  // Tells the macros of wasm-bindgen to await promises through js-sys, which needs no crate besides.
  const env = { ...cargoEnvironment, ...wasmEnvironment(toolchain), WASM_BINDGEN_USE_JS_SYS: "1" };
  await runStep(`Compiling the Worker (${name})`, "cargo", args, { env });
}

/** Makes the build beside the old one. A run that is cut off leaves the old build, or one without a stamp: never half of one. */
async function replaceBuild(profile, sources, bindgen) {
  const folder = inRoot(profile.folder);
  const staging = join(folder, "partial");
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  await bundle(join(cargoTarget, TARGET, profile.cargo, "nexus_edge.wasm"), staging, profile, bindgen);

  rmSync(join(folder, STAMP), { force: true });
  // In place, as wrangler watches the folder.
  for (const file of [MODULE, SCRIPT]) renameSync(join(staging, file), join(folder, file));
  rmSync(staging, { recursive: true });
  writeStamp(join(folder, STAMP), { sources, ...measure(folder, profile) });
}

/** Sizes in bytes; gzipped, as Cloudflare counts it, only where the Worker is one to deploy. */
function measure(folder, { optimise }) {
  const wasm = readFileSync(join(folder, MODULE));
  const gzipped = optimise ? gzipSync(wasm, { level: 9 }).length : undefined;
  return { wasm: wasm.length, gzipped, script: statSync(join(folder, SCRIPT)).size };
}

function describe({ name, folder }) {
  const { wasm, gzipped, script } = readStamp(inRoot(folder, STAMP));
  return `${name}, wasm ${size(wasm)}${gzipped ? `, ${size(gzipped)} gzipped` : ""}; JavaScript ${size(script)}`;
}
