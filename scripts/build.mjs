// `npm run build`: the Worker in build/, as it is deployed; with NEXUS_EDGE_PROFILE=quick the one that `npm start` and
// `npm test` run, in build-quick/. Wrangler calls this, too, before it serves or deploys.

import { buildWorker } from "./lib/build.mjs";
import { main } from "./lib/main.mjs";
import { chooseProfile } from "./lib/profiles.mjs";

main(() => buildWorker(chooseProfile("release")));
