// The Python that runs the SDK tests: a virtual environment in the shared cache, one for each list of requirements.

import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";

import { installInPlace } from "./install-once.mjs";
import { inRoot } from "./paths.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const REQUIREMENTS = inRoot("tests", "e2e", "python", "requirements.txt");

/** Answers the path of a Python that has the requirements. */
export async function ensurePython() {
  await checkPython();
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  const folder = await installInPlace(`python-${hash}`, install);
  return join(folder, "bin", "python");
}

async function checkPython() {
  const { code, stdout } = await capture("python3", ["-c", "import sys; print(sys.version_info >= (3, 9))"]);
  if (code !== 0) throw new Problem("Python 3 is missing, which the SDK tests need: run `apt-get install python3 python3-venv`");
  if (stdout.trim() !== "True") throw new Problem("Python 3.9 or newer is needed for the SDK tests: https://www.python.org");
  const venv = await capture("python3", ["-c", "import venv, ensurepip"]);
  if (venv.code !== 0) throw new Problem("Python's venv is missing, which the SDK tests need: run `apt-get install python3-venv`");
}

async function install(folder) {
  await runStep("Making a Python environment for the SDK tests", "python3", ["-m", "venv", folder]);
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
  await runStep("Installing the Python packages", join(folder, "bin", "python"), args);
}
