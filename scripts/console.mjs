// `npm run console`: the console with a development server, which shows a change at once, in front of the gateway that `npm start`
// runs (NEXUS_EDGE_GATEWAY names another one).

import { writeApiTypes } from "./lib/console.mjs";
import { main } from "./lib/main.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { inRoot } from "./lib/paths.mjs";
import { run } from "./lib/run.mjs";

main(async () => {
  const node = await ensureNode();
  await ensurePackages();
  writeApiTypes();
  return run(node, [inRoot("node_modules", "vite", "bin", "vite.js"), "--config", inRoot("web", "vite.config.ts")]);
});
