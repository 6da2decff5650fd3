// Starts `@copilotkit/aimock`: an independent server with the dialects of many providers.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "./util.mjs";

/** The only key that it accepts, in any header; any other credential beside it is refused, too. */
export const UPSTREAM_KEY = "sk-aimock-0001";

/** Starts it on a port of its own, with the fixtures of the suites and further options of its command line. */
export async function startAimock(...options) {
  const entry = createRequire(import.meta.url).resolve("@copilotkit/aimock");
  const cli = path.join(path.dirname(entry), "cli.js");
  const fixtures = fileURLToPath(new URL("../e2e/aimock.fixtures.json", import.meta.url));
  const child = spawn(process.execPath, [cli, "-p", "0", "-f", fixtures, ...options], {
    env: { ...process.env, AIMOCK_API_KEYS: UPSTREAM_KEY },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const url = new Promise((resolve, reject) => {
    const look = (piece) => {
      printed += piece;
      const match = printed.match(/listening on (http:\/\/\S+)/);
      if (match) resolve(match[1]);
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", (code) => reject(new Error(`aimock ended with ${code}: ${printed}`)));
  });
  return { url: await within(30_000, url, "the start of aimock"), stop: () => child.kill() };
}
