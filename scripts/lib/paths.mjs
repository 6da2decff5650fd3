// Where things are: the checkout, and the cache that checkouts on one machine share.

import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** A path inside the checkout. */
export const inRoot = (...parts) => join(root, ...parts);

const cacheHome = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");

export const cache = join(cacheHome, "nexus-edge");
export const tools = join(cache, "tools");
export const logs = join(cache, "logs");
export const locks = join(cache, "locks");

/** Cargo's output lies outside the checkout, so that a second clone does not compile everything again. */
export const cargoTarget = process.env.CARGO_TARGET_DIR
  ? resolve(root, process.env.CARGO_TARGET_DIR)
  : join(cache, "target");
