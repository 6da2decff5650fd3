// Runs `cargo test`. Test targets that failed (a library's tests, a file of `tests/`, the examples in a crate's documentation) are run
// once more, under the rule of test-files.mjs: a test that passes then does not fail the run, but is named. The agent's tests start
// real processes, so they can fail by the load of the machine; a pure test fails both times.

import { once } from "node:events";

import { start } from "./run.mjs";
import { Problem, say } from "./terminal.mjs";
import { MOST_REPEATED, REPEATED } from "./test-files.mjs";

/**
 * Runs `cargo test` with each of the lists of arguments, all of them even where one fails. `--no-fail-fast` is among the arguments, or
 * targets after a failed one are not run.
 *
 * Throws a `Problem` where a target fails twice, where more than `MOST_REPEATED` have failed, or where one does not compile.
 */
export async function runCargoTests(commands, { env = {}, program = "cargo", cwd } = {}) {
  const failed = [];
  for (const args of commands) failed.push(...(await failedOf(program, args, env, cwd)));
  if (failed.length === 0) return;
  const names = (list) => list.map(({ target }) => target).join(", ");
  if (failed.length > MOST_REPEATED) throw new Problem(`Failed: ${names(failed)}`);
  say(`\n${REPEATED} ${names(failed)}`);
  const again = [];
  for (const { args } of failed) again.push(...(await failedOf(program, args, env, cwd)));
  if (again.length > 0) throw new Problem(`Failed twice: ${names(again)}`);
  say(`\nUnreliable, as they passed only when repeated: ${names(failed)}`);
}

/** The targets with a failed test, each with the arguments that run it alone. */
async function failedOf(program, args, env, cwd) {
  const child = start(program, args, { env, stdio: ["inherit", "inherit", "pipe"], ...(cwd && { cwd }) });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    process.stderr.write(text);
    errors += text;
  });
  const [code] = await once(child, "close");
  if (code === 0) return [];
  const targets = targetsIn(errors);
  if (targets.length === 0) throw new Problem(`Failed: ${program} ${args.join(" ")}`);
  return targets.map((target) => ({ target, args: argumentsOf(target, args) }));
}

// Cargo ends with "error: 2 targets failed:" and a line for each of them: "    `-p nexus-edge-bridge --test servers`".
function targetsIn(errors) {
  const [, list = ""] = errors.split(/^error: \d+ targets? failed:$/m);
  return [...list.matchAll(/^\s+`(-p .+)`$/gm)].map(([, target]) => target);
}

// What chooses packages and targets is replaced; features and the filter after `--` stay.
function argumentsOf(target, args) {
  const end = args.indexOf("--");
  const options = end < 0 ? args : args.slice(0, end);
  const kept = [];
  for (let i = 0; i < options.length; i++) {
    if (["--package", "--exclude", "--test"].includes(options[i])) i++;
    else if (!["--workspace", "--lib"].includes(options[i])) kept.push(options[i]);
  }
  return [...kept, ...target.split(" "), ...(end < 0 ? [] : args.slice(end))];
}
