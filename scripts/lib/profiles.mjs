// The two ways in which the Worker is built, and where each of them lies.

import { Problem } from "./terminal.mjs";

/**
 * - `folder`: where the build lies, in the checkout
 * - `cargo`: the profile of Cargo.toml
 * - `optimise`: whether wasm-opt goes over the module, and esbuild minifies the JavaScript
 */
export const PROFILES = {
  quick: { name: "quick", folder: "build-quick", cargo: "quick", optimise: false },
  release: { name: "release", folder: "build", cargo: "release", optimise: true },
};

/** The variable that says which profile is meant; it also tells the programs that are started from here. */
export const PROFILE_VARIABLE = "NEXUS_EDGE_PROFILE";

/** The profile that the environment names, else the one named `otherwise`. */
export function chooseProfile(otherwise, env = process.env) {
  const name = env[PROFILE_VARIABLE] || otherwise;
  if (Object.hasOwn(PROFILES, name)) return PROFILES[name];
  throw new Problem(`${PROFILE_VARIABLE} takes ${Object.keys(PROFILES).join(" or ")}, not "${name}"`);
}

/** The environment under which other programs choose this profile. */
export const profileEnvironment = ({ name }) => ({ [PROFILE_VARIABLE]: name });
