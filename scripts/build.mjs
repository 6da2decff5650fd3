// `npm run build`: the Worker in build/, in release mode.

import { buildWorker } from "./lib/build.mjs";
import { main } from "./lib/main.mjs";

main(buildWorker);
