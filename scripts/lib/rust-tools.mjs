// Programs from crates.io, compiled into the shared cache, a folder for each version.

import { rmSync } from "node:fs";
import { join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { root } from "./paths.mjs";
import { runStep } from "./run.mjs";

// The tools run for seconds: compiling them quickly matters more than how fast they are.
const QUICK_BUILD = {
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
  CARGO_PROFILE_RELEASE_LTO: "off",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
};

/** Answers the path of the program. */
export async function cargoInstall(program, version, crate, flags) {
  const folder = await installOnce(`${program}-${version}`, `bin/${program}`, async (partial) => {
    const args = ["install", "--locked", `${crate}@${version}`, "--bin", program, "--root", partial, ...flags];
    const env = { ...QUICK_BUILD, CARGO_TARGET_DIR: join(partial, "target") };
    await runStep(`Compiling ${program} ${version} (once a machine)`, "cargo", args, { cwd: root, env });
    rmSync(env.CARGO_TARGET_DIR, { recursive: true, force: true });
  });
  return join(folder, "bin", program);
}
