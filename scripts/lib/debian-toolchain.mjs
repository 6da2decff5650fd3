// A wasm32 toolchain for machines that reach package registries but not Rust's own download server.
//
// Debian packages a current rustc (`rustc-web`) but no standard library for wasm32-unknown-unknown. The packages are
// unpacked into the cache, not installed (apt would remove a packaged rustup), and the standard library is compiled
// from the packaged source, once. Cargo stays rustup's: Debian's needs a library that is not always there.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { tools } from "./paths.mjs";
import { isAtLeast, minimumRust } from "./prerequisites.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const TARGET = "wasm32-unknown-unknown";
const PREFIX = "rust-debian-";
const PROOF = "bin/rustc";

const HOSTS = {
  x64: { triple: "x86_64-unknown-linux-gnu", libraries: "x86_64-linux-gnu" },
  arm64: { triple: "aarch64-unknown-linux-gnu", libraries: "aarch64-linux-gnu" },
};
const host = HOSTS[process.arch];

/** Whether apt offers a rustc that is new enough. */
export async function canUseDebianPackages() {
  if (process.platform !== "linux" || !host) return false;
  let version = await candidateVersion();
  // A minimal image comes without package lists, and only root may fetch them.
  if (!version && process.getuid() === 0) {
    await runStep("Fetching Debian's package lists", "apt-get", ["update"], { optional: true, timeoutSeconds: 120 });
    version = await candidateVersion();
  }
  return version !== undefined && isAtLeast(version, minimumRust());
}

/** The folder of the newest toolchain that was made earlier; `undefined` if there is none. */
export function findDebianToolchain() {
  if (!existsSync(tools)) return undefined;
  const names = readdirSync(tools)
    .filter((name) => name.startsWith(PREFIX) && existsSync(join(tools, name, PROOF)))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  return names.length > 0 ? join(tools, names.at(-1)) : undefined;
}

/** Makes the toolchain, and answers its folder. */
export async function buildDebianToolchain() {
  const version = await candidateVersion();
  if (!version) throw new Problem("Debian's package rustc-web is not available here: run `apt-get update` as root");
  const packages = await packageNames();
  return installOnce(`${PREFIX}${version}-${process.arch}`, PROOF, async (partial) => {
    await unpack(packages, partial);
    await buildStandardLibrary(partial, llvmFolder(partial));
    assembleSysroot(partial, llvmFolder(partial));
  });
}

async function candidateVersion() {
  const { code, stdout } = await capture("apt-cache", ["policy", "rustc-web"], { env: { LC_ALL: "C" } });
  return code === 0 ? /Candidate: (\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1] : undefined;
}

// Some packages carry a version in their name, which only the dependencies of the others tell.
async function packageNames() {
  const runtime = await dependency("libstd-rust-web-dev", /^libstd-rust-web-\d/);
  const llvm = await dependency(runtime, /^libllvm\d+/);
  const lld = `lld-${/\d+/.exec(llvm)[0]}`;
  return { binaries: ["rustc-web", "libstd-rust-web-dev", runtime, llvm, lld], source: "rust-web-src" };
}

async function dependency(name, pattern) {
  const { stdout } = await capture("apt-cache", ["depends", name], { env: { LC_ALL: "C" } });
  const names = [...stdout.matchAll(/Depends: (\S+)/g)].map((match) => match[1]);
  const match = names.find((candidate) => pattern.test(candidate));
  if (!match) throw new Problem(`Debian's package ${name} does not depend on what it used to (${pattern})`);
  return match;
}

async function unpack({ binaries, source }, folder) {
  const debs = join(folder, "debs");
  mkdirSync(debs);
  const args = ["download", ...binaries, source];
  await runStep("Fetching Debian's Rust packages", "apt-get", args, { cwd: debs });
  // Of the source only the standard library is needed; the rest would be a hundred thousand small files.
  const script = `set -e
    for deb in *.deb; do
      case "$deb" in
        ${source}_*) dpkg --fsys-tarfile "$deb" | tar -x -C .. --wildcards './usr/lib/*' './usr/src/rustc-*/library' ;;
        *) dpkg -x "$deb" .. ;;
      esac
    done`;
  await runStep("Unpacking Debian's Rust packages", "sh", ["-c", script], { cwd: debs });
  rmSync(debs, { recursive: true });
}

const llvmFolder = (folder) => readdirSync(join(folder, "usr", "lib")).find((name) => /^llvm-\d+$/.test(name));

/** A `rustc` that finds the libraries beside it. `$here` lets the folder be renamed. */
function writeCompiler(folder, file, llvm, sysroot) {
  const libraries = [`usr/lib/${host.libraries}`, `usr/lib/${llvm}/lib`].map((path) => `$here/${path}`).join(":");
  const flags = sysroot ? ' --sysroot "$here/sysroot"' : "";
  const lines = [
    "#!/bin/sh",
    'here=$(cd "$(dirname "$0")/.." && pwd)',
    `LD_LIBRARY_PATH="${libraries}" exec "$here/usr/bin/rustc"${flags} "$@"`,
  ];
  mkdirSync(join(folder, "bin"), { recursive: true });
  writeFileSync(join(folder, file), `${lines.join("\n")}\n`, { mode: 0o755 });
}

async function buildStandardLibrary(folder, llvm) {
  writeCompiler(folder, "bin/rustc-bootstrap", llvm, false);
  const crate = join(folder, "std");
  mkdirSync(join(crate, "src"), { recursive: true });
  writeFileSync(
    join(crate, "Cargo.toml"),
    '[workspace]\n\n[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2024"\n',
  );
  writeFileSync(join(crate, "src", "lib.rs"), "#![no_std]\n");
  const args = ["build", "--release", "--target", TARGET];
  // An empty feature list leaves out the backtrace crates, which a Worker never uses.
  args.push("-Zbuild-std=std,panic_abort", "-Zbuild-std-features=");
  await runStep("Compiling Rust's standard library for wasm32 (once a machine, minutes)", "cargo", args, {
    cwd: crate,
    env: {
      RUSTC: join(folder, "bin", "rustc-bootstrap"),
      RUSTC_BOOTSTRAP: "1",
      CARGO_TARGET_DIR: join(crate, "target"),
      // Cargo leaves bitcode out of a build that does not itself optimise across crates; the Worker's does.
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: "-Cembed-bitcode=yes",
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "1",
    },
  });
}

/** Brings host and wasm32 libraries and the linker into the places where rustc looks for them. */
function assembleSysroot(folder, llvm) {
  const libraries = join(folder, "sysroot", "lib", "rustlib");
  const wasm = join(libraries, TARGET, "lib");
  mkdirSync(wasm, { recursive: true });
  const built = join(folder, "std", "target", TARGET, "release", "deps");
  for (const name of readdirSync(built)) {
    if (/\.(rlib|rmeta)$/.test(name) && !name.startsWith("libempty-")) renameSync(join(built, name), join(wasm, name));
  }
  renameSync(join(folder, "usr", "lib", "rustlib", host.triple), join(libraries, host.triple));
  mkdirSync(join(libraries, host.triple, "bin"), { recursive: true });
  symlinkSync(`../../../../../usr/lib/${llvm}/bin/lld`, join(libraries, host.triple, "bin", "rust-lld"));

  rmSync(join(folder, "std"), { recursive: true });
  rmSync(join(folder, "usr", "src"), { recursive: true });
  rmSync(join(folder, "bin", "rustc-bootstrap"));
  writeCompiler(folder, PROOF, llvm, true);
}
