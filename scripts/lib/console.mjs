// Building the console: the types of the API, then Vite, then the budgets of budgets.mjs, and only what keeps them goes to
// public/console, from where Cloudflare serves it. Skipped while nothing that it is made of has changed.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { apiTypes } from "../../web/tools/api-types.mjs";
import { checkBudgets, measure } from "./console-budgets.mjs";
import { filesUnder, hashFiles, readStamp, writeStamp } from "./hash.mjs";
import { withLock } from "./lock.mjs";
import { ensureNode } from "./node22.mjs";
import { ensurePackages } from "./npm.mjs";
import { inRoot } from "./paths.mjs";
import { runStep } from "./run.mjs";
import { Problem, complain, done, size } from "./terminal.mjs";

const BUILT = "build-console";
const SERVED = "public/console";
const SCHEMA = "web/src/api/schema.d.ts";
const STAMP = inRoot(BUILT, ".stamp.json");

/** Builds the console if it is not up to date, and reports its size. */
export async function buildConsole() {
  const node = await ensureNode();
  await ensurePackages();
  writeApiTypes();
  const sources = hashSources();
  if (isBuilt(sources)) {
    done(`The console is up to date: ${describe(readStamp(STAMP).sizes)}`);
    return;
  }
  await withLock(`console-${hashFiles([], inRoot()).slice(0, 12)}`, async () => {
    if (isBuilt(sources)) return;
    const vite = inRoot("node_modules", "vite", "bin", "vite.js");
    await runStep("Building the console", node, [
      vite,
      "build",
      "--config",
      inRoot("web", "vite.config.ts"),
      "--logLevel",
      "warn",
    ]);
    const sizes = measure(inRoot(BUILT, "console"));
    const problems = checkBudgets(sizes);
    problems.forEach((problem) => complain(problem));
    if (problems.length > 0)
      throw new Problem("The console is larger than its budgets (scripts/lib/console-budgets.mjs)");
    replaceServed();
    writeStamp(STAMP, { sources, sizes });
  });
  done(`The console: ${describe(readStamp(STAMP).sizes)}`);
}

/** The types are made, not kept in the repository, so that they cannot be older than the description of the API. */
export function writeApiTypes() {
  const text = apiTypes(JSON.parse(readFileSync(inRoot("docs", "openapi.json"), "utf8")));
  const file = inRoot(SCHEMA);
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  writeFileSync(`${file}.partial`, text);
  renameSync(`${file}.partial`, file);
}

const hashSources = () =>
  hashFiles(["package-lock.json", "docs/openapi.json", "scripts/lib/console-budgets.mjs", ...filesUnder("web")]);

const isBuilt = (sources) => existsSync(inRoot(SERVED, "index.html")) && readStamp(STAMP).sources === sources;

function replaceServed() {
  renameSync(inRoot(BUILT, "console", "manifest.json"), inRoot(BUILT, "manifest.json"));
  rmSync(STAMP, { force: true });
  rmSync(inRoot(SERVED), { recursive: true, force: true });
  mkdirSync(inRoot("public"), { recursive: true });
  renameSync(inRoot(BUILT, "console"), inRoot(SERVED));
}

const describe = ({ initial, styles, all }) =>
  `${size(initial)} of JavaScript and ${size(styles)} of CSS to the first page, ${size(all)} in all, gzipped`;
