// Checks what the workspace depends on, from `cargo metadata`: licences that go with ours, nothing straight from a
// git repository, no crate in two versions without a reason, and no dependency that no source file mentions.

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { filesUnder } from "./lib/hash.mjs";
import { main } from "./lib/main.mjs";
import { root } from "./lib/paths.mjs";
import { capture } from "./lib/run.mjs";
import { Problem, complain, say } from "./lib/terminal.mjs";

const LICENCES = new Set([
  "0BSD",
  "Apache-2.0",
  "Apache-2.0 WITH LLVM-exception",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BSL-1.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "Unicode-3.0",
  "Unlicense",
  "Zlib",
]);

/** Crates that may be there in several versions, and why. */
const DUPLICATES_ALLOWED = {
  syn: "the macros of worker's dependencies strum and pin-project still use version 2; it is part of no binary",
};

/** Dependencies that no source file names, and why they are there. */
const UNMENTIONED_ALLOWED = {
  getrandom: "only switches on a feature: the source of randomness on wasm32",
};

main(async () => {
  const metadata = await readMetadata();
  const problems = [
    ...findForbiddenLicences(metadata),
    ...findForeignSources(metadata),
    ...findDuplicates(metadata),
    ...findUnmentioned(metadata),
  ];
  problems.forEach((problem) => complain(problem));
  if (problems.length > 0) throw new Problem(`${problems.length} problem(s) with the dependencies`);
  say(`  ${metadata.packages.length - metadata.workspace_members.length} dependencies are in order`);
});

async function readMetadata() {
  const { code, stdout, stderr } = await capture("cargo", ["metadata", "--locked", "--format-version", "1"]);
  if (code !== 0) throw new Problem(`cargo metadata failed: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

function findForbiddenLicences({ packages }) {
  return packages
    .filter(({ license }) => !license || !isAllowed(license))
    .map(({ name, version, license }) => `${name} ${version} has the licence ${license ?? "(none named)"}, which is not on the list`);
}

/** Evaluates an SPDX expression: of alternatives one must be allowed, of a conjunction all. `A/B` is the old form of `A OR B`. */
function isAllowed(expression) {
  const tokens = expression.replaceAll("/", " OR ").match(/\(|\)|[^\s()]+/g);
  const isNext = (token) => tokens[0] === token && tokens.shift() !== undefined;

  const alternatives = () => {
    let allowed = conjunction();
    while (isNext("OR")) allowed = conjunction() || allowed;
    return allowed;
  };
  const conjunction = () => {
    let allowed = licence();
    while (isNext("AND")) allowed = licence() && allowed;
    return allowed;
  };
  const licence = () => {
    if (isNext("(")) {
      const allowed = alternatives();
      isNext(")");
      return allowed;
    }
    const name = tokens.shift();
    return LICENCES.has(isNext("WITH") ? `${name} WITH ${tokens.shift()}` : name);
  };
  return alternatives();
}

// Our own crates have no source; everything else comes from crates.io.
function findForeignSources({ packages }) {
  return packages
    .filter(({ source }) => source !== null && !source.startsWith("registry+"))
    .map(({ name, source }) => `${name} comes from ${source} instead of a registry`);
}

function findDuplicates({ packages }) {
  const versions = new Map();
  for (const { name, version } of packages) versions.set(name, [...(versions.get(name) ?? []), version]);
  return [...versions]
    .filter(([name, found]) => found.length > 1 && !(name in DUPLICATES_ALLOWED))
    .map(([name, found]) => `${name} is there in ${found.length} versions (${found.sort().join(", ")}): unify them, or say why not`);
}

function findUnmentioned({ packages, workspace_members: members }) {
  return packages.filter(({ id }) => members.includes(id)).flatMap(findUnmentionedBy);
}

function findUnmentionedBy({ name: owner, manifest_path: manifest, dependencies }) {
  const folder = relative(root, dirname(manifest));
  const text = ["src", "tests", "benches", "build", "build.rs"]
    .flatMap((part) => (part.endsWith(".rs") ? [join(folder, part)] : filesUnder(join(folder, part))))
    .filter((file) => file.endsWith(".rs"))
    .map(readIfThere)
    .join("\n");
  return dependencies
    .filter(({ name, rename }) => !(name in UNMENTIONED_ALLOWED) && !mentions(text, rename ?? name))
    .map(({ name }) => `${owner} depends on ${name}, which none of its source files mentions`);
}

const mentions = (text, crate) => new RegExp(`\\b${crate.replaceAll("-", "_")}\\b`).test(text);

function readIfThere(file) {
  try {
    return readFileSync(join(root, file), "utf8");
  } catch {
    return "";
  }
}
