// The conformance suite and the inspector of the Model Context Protocol, and LangChain's adapter for it, installed into the tool cache the
// first time that a test needs them. package.json and package-lock.json beside this file say which versions. They are not among the
// packages of the repository, because they bring 240 others.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { installOnce } from "../../../scripts/lib/install-once.mjs";
import { npm } from "../../../scripts/lib/npm.mjs";
import { runStep } from "../../../scripts/lib/run.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const LOCK = readFileSync(path.join(here, "package-lock.json"));
const { packages } = JSON.parse(LOCK);

async function ensureInstalled() {
  const hash = createHash("sha256").update(LOCK).digest("hex").slice(0, 12);
  return installOnce(`mcp-programs-${hash}`, "node_modules", async (partial) => {
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(path.join(here, file), path.join(partial, file));
    const [command, args] = npm("ci", "--omit=optional");
    await runStep("Installing programs of MCP", command, args, { cwd: partial });
  });
}

/** @returns {Promise<{conformance: string, inspector: string}>} their scripts, for Node */
export async function ensureMcpPrograms() {
  const folder = await ensureInstalled();
  const script = (name, bin) => {
    const place = `node_modules/@modelcontextprotocol/${name}`;
    return path.join(folder, place, packages[place].bin[bin]);
  };
  return { conformance: script("conformance", "conformance"), inspector: script("inspector", "mcp-inspector") };
}

/** LangChain's adapter, as a module. */
export async function langchainAdapter() {
  const { resolve } = createRequire(path.join(await ensureInstalled(), "package.json"));
  return import(pathToFileURL(resolve("@langchain/mcp-adapters")));
}
