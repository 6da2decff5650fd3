// `npm run build`: the console, and the Worker in build/, as they are deployed; with NEXUS_EDGE_PROFILE=quick the one that `npm start` and
// `npm test` run, in build-quick/. Wrangler calls this, too, before it serves or deploys.

import { buildWorker } from "./lib/build.mjs";
import { buildConsole } from "./lib/console.mjs";
import { main } from "./lib/main.mjs";
import { chooseProfile } from "./lib/profiles.mjs";

main(async () => {
  await buildConsole();
  await buildWorker(chooseProfile("release"));
});
