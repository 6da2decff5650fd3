// `npm run console:screenshots`: every page of the console in both themes and languages, into docs/console. The pages are those of
// tests/console/support/pages.mjs, with the traffic of a week that the same script makes.

import { mkdirSync, rmSync } from "node:fs";

import { buildWorker } from "./lib/build.mjs";
import { buildConsole } from "./lib/console.mjs";
import { main } from "./lib/main.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { inRoot } from "./lib/paths.mjs";
import { chooseProfile, profileEnvironment } from "./lib/profiles.mjs";
import { run } from "./lib/run.mjs";

const FOLDER = inRoot("docs", "console");

main(async () => {
  const profile = chooseProfile("quick");
  const node = await ensureNode();
  await buildConsole();
  await buildWorker(profile);
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  return run(node, [inRoot("tests", "console", "support", "screenshots.mjs"), FOLDER], {
    env: profileEnvironment(profile),
  });
});
