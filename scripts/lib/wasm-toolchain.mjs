// A Rust that compiles to wasm32: rustup's target where it can be downloaded, else one made from Debian's packages.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { buildDebianToolchain, canUseDebianPackages, findDebianToolchain } from "./debian-toolchain.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

export const TARGET = "wasm32-unknown-unknown";

// Where there is another way, a download that hangs is not waited for.
const PATIENCE_SECONDS = { withFallback: 60, otherwise: 900 };

// Set to `debian` to use the second way even where the first one works: that is how it is tested.
const forced = process.env.NEXUS_EDGE_WASM_TOOLCHAIN;

let found;

/** Answers `{ folder }`: where the compiler from Debian's packages is, or `undefined` where the usual one can do it. */
export function ensureWasmToolchain() {
  found ??= choose();
  return found;
}

async function choose() {
  if (forced === "debian") return { folder: findDebianToolchain() ?? (await buildDebianToolchain()) };
  if (await hasTarget()) return {};
  const ready = findDebianToolchain();
  if (ready) return { folder: ready };

  const debian = await canUseDebianPackages();
  if (await addTarget(debian ? PATIENCE_SECONDS.withFallback : PATIENCE_SECONDS.otherwise)) {
    return {};
  }
  if (debian) return { folder: await buildDebianToolchain() };
  throw new Problem(
    `Rust's ${TARGET} target is missing: run \`rustup target add ${TARGET}\` (https://rustup.rs), ` +
      "or install your distribution's package of it",
  );
}

/** The variables under which cargo uses that compiler. */
export const wasmEnvironment = ({ folder }) => (folder ? { RUSTC: join(folder, "bin", "rustc") } : {});

async function hasTarget() {
  const { code, stdout } = await capture("rustc", ["--target", TARGET, "--print", "target-libdir"]);
  const folder = stdout.trim();
  if (code !== 0 || !existsSync(folder)) return false;
  // All of them: an installation that was cut off may have left some.
  return ["libcore-", "liballoc-", "libstd-"].every((library) =>
    readdirSync(folder).some((name) => name.startsWith(library)),
  );
}

async function addTarget(timeoutSeconds) {
  const { code } = await capture("rustup", ["--version"]);
  if (code !== 0) return false;
  const args = ["target", "add", TARGET];
  return runStep(`Adding Rust's ${TARGET} target`, "rustup", args, { optional: true, timeoutSeconds });
}
