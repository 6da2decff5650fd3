// What the scripts cannot install themselves. Everything that is missing is named at once, a line each.

import { existsSync, readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { inRoot } from "./paths.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const NODE_FOR_SCRIPTS = 18;

let checked;

/** Fails with one line for each thing that is missing. */
export function checkPrerequisites() {
  checked ??= check();
  return checked;
}

async function check() {
  if (process.env.WORKERS_CI) await installRust();
  findCargo();
  const missing = [checkNode(), await checkRust(), await checkLinker()].filter(Boolean);
  if (missing.length > 0) throw new Problem(missing.join("\n✗ "));
}

/** Cloudflare's build machines have no Rust, and are new for each build. */
async function installRust() {
  if ((await capture("cargo", ["--version"])).code === 0) return;
  const script =
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs -o rustup-init.sh && sh rustup-init.sh -y --profile minimal";
  await runStep("Installing Rust", "sh", ["-c", script], { cwd: tmpdir() });
}

/** Makes a fresh Rust installation usable in a shell that was opened before it. */
function findCargo() {
  const bin = join(process.env.CARGO_HOME || join(homedir(), ".cargo"), "bin");
  if (process.env.PATH.split(delimiter).includes(bin) || !existsSync(join(bin, "cargo"))) return;
  process.env.PATH = `${process.env.PATH}${delimiter}${bin}`;
}

function checkNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_FOR_SCRIPTS) return undefined;
  return `Node ${NODE_FOR_SCRIPTS} or newer is missing (found ${process.versions.node}): get it from https://nodejs.org`;
}

async function checkRust() {
  const [cargo, rustc] = [await capture("cargo", ["--version"]), await capture("rustc", ["--version"])];
  if (cargo.code === null || rustc.code === null) {
    return "Rust is missing: get it from https://rustup.rs, then open a new shell";
  }
  if (cargo.code !== 0 || rustc.code !== 0) {
    return `Rust does not work (${firstLine(cargo.stderr || rustc.stderr)}): try \`rustup toolchain install stable\``;
  }
  const found = /\d+\.\d+/.exec(rustc.stdout)?.[0] ?? "0.0";
  const needed = minimumRust();
  if (isAtLeast(found, needed)) return undefined;
  return `Rust ${needed} or newer is missing (found ${found}): run \`rustup update stable\`, or get it from https://rustup.rs`;
}

/** The oldest Rust that the workspace builds with, as Cargo.toml says. */
export const minimumRust = () =>
  /^rust-version = "(.+)"/m.exec(readFileSync(inRoot("Cargo.toml"), "utf8"))?.[1] ?? "1.91";

export function isAtLeast(found, needed) {
  const [major, minor] = found.split(".").map(Number);
  const [neededMajor, neededMinor] = needed.split(".").map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

// rustc links with `cc`, and so needs a C compiler even though nothing here is written in C.
async function checkLinker() {
  const { code } = await capture("cc", ["--version"]);
  if (code === 0) return undefined;
  const remedy = process.platform === "darwin" ? "`xcode-select --install`" : "`apt-get install build-essential`";
  return `a C compiler (cc) is missing, which Rust links with: run ${remedy}`;
}

const firstLine = (text) => text.trim().split("\n")[0];
