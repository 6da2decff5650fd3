// supergateway and mcp-proxy from npm, installed into the tool cache the first time that bench/bridge.mjs runs. package.json and
// package-lock.json beside this file say which versions.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installOnce } from "../../../scripts/lib/install-once.mjs";
import { npm } from "../../../scripts/lib/npm.mjs";
import { runStep } from "../../../scripts/lib/run.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const LOCK = readFileSync(path.join(here, "package-lock.json"));
const { packages } = JSON.parse(LOCK);

/** A program of a package: its name with its version, and its script. */
const program = (folder, name) => {
  const { version, bin } = packages[`node_modules/${name}`];
  return { name: `${name} ${version}`, script: path.join(folder, "node_modules", name, bin[name]) };
};

/** @returns {Promise<{supergateway: {name: string, script: string}, mcpProxy: {name: string, script: string}}>} */
export async function ensureBridges() {
  const hash = createHash("sha256").update(LOCK).digest("hex").slice(0, 12);
  const folder = await installOnce(`bench-bridges-${hash}`, "node_modules", async (partial) => {
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(path.join(here, file), path.join(partial, file));
    const [command, args] = npm("ci");
    await runStep("Installing supergateway and mcp-proxy", command, args, { cwd: partial });
  });
  return { supergateway: program(folder, "supergateway"), mcpProxy: program(folder, "mcp-proxy") };
}
