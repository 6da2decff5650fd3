// The environment of a result, without which its numbers cannot be compared.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { compatibility, stores } from "./workerd.mjs";

export function describeRun(root) {
  const version = (name) =>
    JSON.parse(readFileSync(path.join(root, "node_modules", name, "package.json"), "utf8")).version;
  const versions = { node: process.versions.node };
  for (const name of ["workerd", "miniflare", "wrangler"]) versions[name] = version(name);
  const args = process.argv.slice(2);
  return {
    date: new Date().toISOString(),
    command: ["npm run bench", ...(args.length ? ["--", ...args] : [])].join(" "),
    commit: git(root, "rev-parse", "HEAD"),
    // Results and documents are always newer than the commit that was measured, and change nothing.
    uncommitted_changes: Boolean(git(root, "status", "--porcelain", "--", ".", ":!bench/results.json", ":!*.md")),
    machine: {
      cpu: os.cpus()[0]?.model.trim(),
      cores: os.availableParallelism(),
      memory_gb: Math.round(os.totalmem() / 2 ** 30),
      stores: stores.medium,
      system: `${os.type()} ${os.release()} ${os.arch()}`,
    },
    versions,
    ...compatibility(root),
  };
}

function git(root, ...args) {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
