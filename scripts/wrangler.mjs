// `npm run wrangler -- …`: the project's wrangler, also where the system's Node is too old for it.

import { main } from "./lib/main.mjs";
import { run } from "./lib/run.mjs";
import { wrangler } from "./lib/wrangler.mjs";

main(async (args) => {
  const [command, all] = await wrangler(...args);
  return run(command, all, { env: { WRANGLER_SEND_METRICS: "false" } });
});
