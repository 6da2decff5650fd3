// LiteLLM's proxy from PyPI, installed into a virtual environment in the tool cache the first time that the benchmark runs
// with it. requirements.txt beside this file says which versions; it is a whole `pip freeze`.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { installInPlace } from "../../../scripts/lib/install-once.mjs";
import { runStep } from "../../../scripts/lib/run.mjs";

const REQUIREMENTS = path.join(path.dirname(fileURLToPath(import.meta.url)), "requirements.txt");
const LIST = readFileSync(REQUIREMENTS, "utf8");
export const VERSION = /^litellm==(\S+)$/m.exec(LIST)[1];

/** @returns {Promise<{python: string, script: string}>} */
export async function ensureLitellm() {
  const hash = createHash("sha256").update(LIST).digest("hex").slice(0, 12);
  const folder = await installInPlace(`bench-litellm-${VERSION}-${hash}`, install);
  return { python: path.join(folder, "bin", "python"), script: path.join(folder, "bin", "litellm") };
}

async function install(folder) {
  await runStep("Making a Python environment for LiteLLM", "python3", ["-m", "venv", folder]);
  const args = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "--requirement",
    REQUIREMENTS,
  ];
  await runStep("Installing LiteLLM", path.join(folder, "bin", "python"), args);
}
