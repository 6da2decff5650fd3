// The frame of every script: one line for a problem that a person can fix, and no orphaned processes when it is stopped.

import { stopAll } from "./run.mjs";
import { Problem, complain } from "./terminal.mjs";

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** Runs `script` with the command line's arguments. What it returns becomes the exit code. */
export async function main(script) {
  for (const [signal, code] of Object.entries(EXIT_CODES)) {
    process.once(signal, () => {
      stopAll(signal);
      process.exit(code);
    });
  }
  // Lets the script define what stands below its call of `main`.
  await Promise.resolve();
  try {
    process.exitCode = (await script(process.argv.slice(2))) ?? 0;
  } catch (error) {
    complain(error instanceof Problem ? error.message : error.stack);
    process.exitCode = 1;
  }
}
