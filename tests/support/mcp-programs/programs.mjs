// The conformance suite and the inspector of the Model Context Protocol, installed into the tool cache the first time that a test needs
// them. package.json and package-lock.json beside this file say which versions. They are not among the packages of the repository,
// because they bring 200 others.
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

/** @returns {Promise<{conformance: string, inspector: string}>} their scripts, for Node */
export async function ensureMcpPrograms() {
  const hash = createHash("sha256").update(LOCK).digest("hex").slice(0, 12);
  const folder = await installOnce(`mcp-programs-${hash}`, "node_modules", async (partial) => {
    for (const file of ["package.json", "package-lock.json"])
      copyFileSync(path.join(here, file), path.join(partial, file));
    const [command, args] = npm("ci", "--omit=optional");
    await runStep("Installing the conformance suite and the inspector of MCP", command, args, { cwd: partial });
  });
  const script = (name, bin) => {
    const place = `node_modules/@modelcontextprotocol/${name}`;
    return path.join(folder, place, packages[place].bin[bin]);
  };
  return { conformance: script("conformance", "conformance"), inspector: script("inspector", "mcp-inspector") };
}
