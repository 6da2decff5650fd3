// Python's virtual environments in the shared cache, one for each list of requirements: the SDK tests, and the tools of
// `npm run lint`.

import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";

import { installInPlace } from "./install-once.mjs";
import { inRoot } from "./paths.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const REQUIREMENTS = inRoot("tests", "e2e", "python", "requirements.txt");

/** Answers the path of a Python that has what the SDK tests need. */
export async function ensurePython() {
  return join(await ensurePrograms(REQUIREMENTS, "the SDK tests"), "python");
}

/** Answers the folder of the programs of an environment with these requirements. `user` says what needs them. */
export async function ensurePrograms(requirements, user) {
  await checkPython(user);
  const hash = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  return join(await installInPlace(`python-${hash}`, (folder) => install(folder, requirements, user)), "bin");
}

async function checkPython(user) {
  const { code, stdout } = await capture("python3", ["-c", "import sys; print(sys.version_info >= (3, 9))"]);
  if (code !== 0)
    throw new Problem(`Python 3 is missing, which ${user} need: run \`apt-get install python3 python3-venv\``);
  if (stdout.trim() !== "True") throw new Problem(`Python 3.9 or newer is needed for ${user}: https://www.python.org`);
  const venv = await capture("python3", ["-c", "import venv, ensurepip"]);
  if (venv.code !== 0)
    throw new Problem(`Python's venv is missing, which ${user} need: run \`apt-get install python3-venv\``);
}

async function install(folder, requirements, user) {
  await runStep(`Making a Python environment for ${user}`, "python3", ["-m", "venv", folder]);
  const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
  await runStep(`Installing the Python packages for ${user}`, join(folder, "bin", "python"), args);
}
