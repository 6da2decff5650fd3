// Calling cargo with the target folder that all checkouts on a machine share.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { withLock } from "./lock.mjs";
import { cargoTarget, root } from "./paths.mjs";

export const cargoEnvironment = { CARGO_TARGET_DIR: cargoTarget };

/**
 * Runs `work` while no other script compiles. Cargo tells whether a crate changed by the age of its files, and
 * does not see that the output came from another checkout: after one, our own crates are compiled anew.
 */
export function withCargo(work) {
  return withLock("cargo", () => {
    claimTarget();
    return work();
  });
}

function claimTarget() {
  const marker = join(cargoTarget, ".checkout");
  mkdirSync(cargoTarget, { recursive: true });
  if (existsSync(marker) && readFileSync(marker, "utf8") === root) return;
  for (const folder of fingerprintFolders(cargoTarget)) forgetOwnCrates(folder);
  writeFileSync(marker, root);
}

// Output lies in <profile>/ for the machine itself and in <target>/<profile>/ for others.
function fingerprintFolders(folder, depth = 0) {
  const here = join(folder, ".fingerprint");
  if (existsSync(here)) return [here];
  if (depth === 2) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => fingerprintFolders(join(folder, entry.name), depth + 1));
}

// Only the fingerprints themselves: a cargo that was started by hand may be at work here, and writes into these folders.
function forgetOwnCrates(folder) {
  for (const name of readdirSync(folder).filter((name) => name.startsWith("nexus-edge-"))) {
    for (const file of readdirSync(join(folder, name)).filter((file) => !file.startsWith("invoked"))) {
      rmSync(join(folder, name, file), { force: true });
    }
  }
}
