// worker-build and wasm-bindgen, compiled from crates.io into the shared cache, a folder for each version.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { inRoot, root } from "./paths.mjs";
import { runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const WORKER_BUILD = "0.8.7";

// The tools run for seconds: compiling them quickly matters more than how fast they are.
const QUICK_BUILD = {
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
  CARGO_PROFILE_RELEASE_LTO: "off",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
};

/** Answers the paths of the programs. */
export async function ensureRustTools() {
  const bindgen = lockedVersion("wasm-bindgen");
  return {
    // Without default features wasm-bindgen leaves out its test runner, which needs OpenSSL.
    wasmBindgen: await cargoInstall("wasm-bindgen", bindgen, "wasm-bindgen-cli", ["--no-default-features"]),
    workerBuild: await cargoInstall("worker-build", WORKER_BUILD, "worker-build", []),
  };
}

/** What wasm-bindgen generates fits only the library of exactly the same version, the one in Cargo.lock. */
function lockedVersion(crate) {
  const lock = readFileSync(inRoot("Cargo.lock"), "utf8");
  const version = new RegExp(`name = "${crate}"\nversion = "(.+)"`).exec(lock)?.[1];
  if (!version) throw new Problem(`Cargo.lock does not name ${crate}: run \`cargo update\``);
  return version;
}

/** Answers the path of a program that is compiled from crates.io. */
export async function cargoInstall(program, version, crate, flags) {
  const folder = await installOnce(`${program}-${version}`, `bin/${program}`, async (partial) => {
    const args = ["install", "--locked", `${crate}@${version}`, "--bin", program, "--root", partial, ...flags];
    const env = { ...QUICK_BUILD, CARGO_TARGET_DIR: join(partial, "target") };
    await runStep(`Compiling ${program} ${version} (once a machine)`, "cargo", args, { cwd: root, env });
    rmSync(env.CARGO_TARGET_DIR, { recursive: true, force: true });
  });
  return join(folder, "bin", program);
}
