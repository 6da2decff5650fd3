// The program that writes the JavaScript around the compiled Worker, scripts/bindgen: compiled into the shared cache.

import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { filesUnder, hashFiles } from "./hash.mjs";
import { installOnce } from "./install-once.mjs";
import { cargoTarget, inRoot, root } from "./paths.mjs";
import { runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const SOURCE = join("scripts", "bindgen");

/** Answers the path of the program. */
export async function ensureBindgen() {
  const version = checkVersions(readLock("Cargo.lock"), readLock(SOURCE, "Cargo.lock"));
  const source = hashFiles(filesUnder(SOURCE, ["target"])).slice(0, 8);
  const folder = await installOnce(`bindgen-${version}-${source}`, "bin/bindgen", compile);
  return join(folder, "bin", "bindgen");
}

const readLock = (...path) => readFileSync(inRoot(...path), "utf8");

/** What wasm-bindgen's tool writes fits only the library of exactly the same version. Answers the version of both. */
export function checkVersions(workerLock, bindgenLock) {
  const [library, tool] = [
    lockedVersion(workerLock, "wasm-bindgen"),
    lockedVersion(bindgenLock, "wasm-bindgen-cli-support"),
  ];
  if (library === tool) return library;
  throw new Problem(
    `Cargo.lock has wasm-bindgen ${library}, but ${SOURCE} has ${tool}: write =${library} into ${SOURCE}/Cargo.toml ` +
      `and run \`cargo update --manifest-path ${SOURCE}/Cargo.toml\``,
  );
}

/** The version of a crate in the text of a Cargo.lock. */
export function lockedVersion(lock, crate) {
  const version = new RegExp(`^name = "${crate}"\nversion = "(.+)"`, "m").exec(lock)?.[1];
  if (!version) throw new Problem(`Cargo.lock does not name ${crate}: run \`cargo update\``);
  return version;
}

async function compile(partial) {
  // Outside: what was compiled before a run was cut off is not compiled again.
  const target = join(cargoTarget, "bindgen");
  const args = ["build", "--release", "--locked", "--manifest-path", inRoot(SOURCE, "Cargo.toml")];
  await runStep("Compiling the bindings' writer (once a machine)", "cargo", args, {
    cwd: root,
    env: { CARGO_TARGET_DIR: target },
  });
  mkdirSync(join(partial, "bin"));
  copyFileSync(join(target, "release", "bindgen"), join(partial, "bin", "bindgen"));
  rmSync(target, { recursive: true, force: true });
}
