// Calling npm, and keeping node_modules as package-lock.json says.

import { existsSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";

import { withLock } from "./lock.mjs";
import { inRoot, root } from "./paths.mjs";
import { runStep } from "./run.mjs";

// Few sockets: npm opens many connections at once, under which slow machines and slow proxies crawl.
const MANNERS = ["--maxsockets", "4", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"];

/** The command line of an npm call: the npm that runs this script, where there is one. */
export function npm(subcommand, ...args) {
  const cli = process.env.npm_execpath;
  const all = [subcommand, ...MANNERS, ...args];
  return cli?.endsWith("npm-cli.js") ? [process.execPath, [cli, ...all]] : ["npm", all];
}

/** Installs the packages, unless what is installed is what the lock file names. */
export async function ensurePackages() {
  // Wrangler runs our build, and would lose its own files under its feet.
  if (process.env.WRANGLER_COMMAND || packagesMatchLock()) return;
  const checkout = createHash("sha256").update(root).digest("hex").slice(0, 12);
  await withLock(`npm-${checkout}`, async () => {
    if (packagesMatchLock()) return;
    const [command, args] = npm("ci");
    await runStep("Installing npm packages", command, args);
  });
}

// npm leaves behind a lock file of what it really installed: comparing the two needs no stamp of our own,
// and also notices packages that were installed by hand.
function packagesMatchLock() {
  const installed = readPackages("node_modules/.package-lock.json");
  const wanted = readPackages("package-lock.json");
  if (!installed || !wanted) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || !isMeantForThisMachine(entry)) return true;
    return isSame(installed[path], entry) && existsSync(inRoot(path, "package.json"));
  });
}

const isSame = (installed, wanted) =>
  installed?.version === wanted.version && (!wanted.integrity || installed.integrity === wanted.integrity);

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(inRoot(file), "utf8")).packages;
  } catch {
    return undefined;
  }
}

// An optional package counts only where its platform settles that it belongs here: about the rest (the C library,
// what a foreign platform's package needs) npm knows and we do not.
function isMeantForThisMachine({ os, cpu, libc, optional }) {
  if (optional && (libc || !(os || cpu))) return false;
  return (!os || os.includes(process.platform)) && (!cpu || cpu.includes(process.arch));
}
