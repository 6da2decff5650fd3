// Checks what is in the repository: nothing large, nothing that looks like a secret, and lock files that name
// packages but not the servers they came from.

import { existsSync, readFileSync, statSync } from "node:fs";

import { main } from "./lib/main.mjs";
import { inRoot } from "./lib/paths.mjs";
import { capture } from "./lib/run.mjs";
import { Problem, complain, say, size } from "./lib/terminal.mjs";

const LARGEST_FILE = 1024 * 1024;

const SECRETS = {
  "a private key": /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  "an AWS access key": /\bAKIA[0-9A-Z]{16}\b/,
  "a GitHub token": /\bgh[pousr]_[A-Za-z0-9]{36,}\b/,
  "a Google API key": /\bAIza[0-9A-Za-z_-]{35}\b/,
  "a Slack token": /\bxox[abpr]-[0-9A-Za-z-]{20,}/,
  "an OpenAI or Anthropic key": /\bsk-(?:proj-|ant-(?:api\d+-)?)?[A-Za-z0-9]{40,}/,
  "one of our API keys": /\bsk-nx-[a-z0-9]{12}-[a-z0-9]{32}\b/,
};

// crates.io's index is what Cargo.lock itself calls the default registry.
const CRATES_IO = 'source = "registry+https://github.com/rust-lang/crates.io-index"';

main(async () => {
  const files = await listFiles();
  const problems = [...files.flatMap(checkFile), ...checkCargoLock(), ...checkPackageLock()];
  problems.forEach((problem) => complain(problem));
  if (problems.length > 0) throw new Problem(`${problems.length} problem(s) in the repository`);
  say(`  ${files.length} files are in order`);
});

/** What is committed, or would be. Outside a git checkout there is nothing to check. */
async function listFiles() {
  const { code, stdout } = await capture("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  if (code !== 0) return [];
  return stdout.split("\0").filter((file) => file && existsSync(inRoot(file)));
}

function checkFile(file) {
  const bytes = statSync(inRoot(file)).size;
  if (bytes > LARGEST_FILE) return [`${file} is ${size(bytes)}: larger than ${size(LARGEST_FILE)}`];
  const text = readFileSync(inRoot(file), "utf8");
  return Object.entries(SECRETS)
    .filter(([, pattern]) => pattern.test(text))
    .map(([what]) => `${file} contains what looks like ${what}`);
}

function checkCargoLock() {
  const sources = readFileSync(inRoot("Cargo.lock"), "utf8").match(/^source = .*$/gm) ?? [];
  return [...new Set(sources)].filter((source) => source !== CRATES_IO).map((source) => `Cargo.lock has ${source}`);
}

function checkPackageLock() {
  const { packages } = JSON.parse(readFileSync(inRoot("package-lock.json"), "utf8"));
  const withHost = Object.keys(packages).filter((path) => packages[path].resolved);
  return withHost.map((path) => `package-lock.json names the server of ${path}: .npmrc should have left it out`);
}
