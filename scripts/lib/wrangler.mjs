// Running wrangler: on a new enough Node, without telemetry and without looking anything up on the network.

import { createRequire } from "node:module";

import { ensureNode } from "./node22.mjs";
import { ensurePackages } from "./npm.mjs";
import { inRoot } from "./paths.mjs";

/** Keeps wrangler and the tests that use it to this machine. */
export const offlineEnvironment = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_WRITE_LOGS: "false",
  // The banner is what looks for a newer version.
  WRANGLER_HIDE_BANNER: "true",
  // Local requests carry made-up geography instead of this machine's.
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** The command line of a wrangler call. */
export async function wrangler(...args) {
  const node = await ensureNode();
  await ensurePackages();
  return [node, [inRoot("node_modules", "wrangler", "bin", "wrangler.js"), ...args]];
}

/** wrangler.toml as wrangler reads it. */
export async function readConfig() {
  await ensurePackages();
  const { unstable_readConfig: read } = createRequire(inRoot("package.json"))("wrangler");
  return read({ config: inRoot("wrangler.toml") });
}
