// Runs files of tests with `node --test`. Files that failed are run once more, with nothing beside them: a test that passes then
// does not fail the run, but is named, since it is unreliable and has to be mended. More than a few failed files are not repeated:
// that is a fault of the product, and a repetition would only take time.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import { inRoot, root } from "./paths.mjs";
import { run } from "./run.mjs";
import { Problem, say } from "./terminal.mjs";

/** More failed files than this are not repeated. */
export const MOST_REPEATED = 5;
/** Milliseconds after which a file that does not end is one that failed. */
const LONGEST = 1_200_000;
/** `.ci/run` counts the tests that failed before this line as unreliable, and only failures after it. */
export const REPEATED = "Failed files, once more:";

/**
 * Runs the files, paths relative to the checkout, with the program `node`, `beside` of them at a time.
 *
 * Throws a `Problem` where a test fails twice, or where more than `MOST_REPEATED` files have failed.
 */
export async function runTests(node, files, { env = {}, cwd = root, beside = 1 } = {}) {
  const failed = await failedOf(node, files, { env, cwd, beside });
  if (failed.length === 0) return;
  if (failed.length > MOST_REPEATED) throw new Problem(`Failed: ${failed.join(" ")}`);
  say(`\n${REPEATED} ${failed.join(" ")}`);
  const again = await failedOf(node, failed, { env, cwd, beside: 1 });
  if (again.length > 0) throw new Problem(`Failed twice: ${again.join(" ")}`);
  say(`\nUnreliable, as they passed only when repeated: ${failed.join(" ")}`);
}

/** The files with a failed test; all of them where the runner failed without naming one. */
async function failedOf(node, files, { env, cwd, beside }) {
  const folder = mkdtempSync(join(tmpdir(), "nexus-edge-tests-"));
  const list = join(folder, "failed");
  try {
    const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
    reporters.push(
      `--test-reporter=${inRoot("scripts", "lib", "failed-files.mjs")}`,
      `--test-reporter-destination=${list}`,
    );
    const limits = [`--test-timeout=${LONGEST}`, `--test-concurrency=${beside}`];
    if ((await run(node, ["--test", ...limits, ...reporters, ...files], { env, cwd })) === 0) return [];
    const named = readFileSync(list, "utf8").split("\n").filter(Boolean);
    return named.length > 0 ? named.map((file) => relative(cwd, resolve(cwd, file))) : files;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
