// `npm run bench`: builds the Worker, then measures it with bench/run.mjs, which gets all arguments.

import { buildWorker } from "./lib/build.mjs";
import { main } from "./lib/main.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { inRoot } from "./lib/paths.mjs";
import { run } from "./lib/run.mjs";
import { offlineEnvironment } from "./lib/wrangler.mjs";

main(async (args) => {
  const node = await ensureNode();
  await ensurePackages();
  await buildWorker();
  return run(node, [inRoot("bench", "run.mjs"), ...args], { env: offlineEnvironment });
});
