// `npm run bench`: builds the Worker, then measures it with bench/run.mjs, which gets all arguments. With `tokens` as the
// first one, bench/tokens/workerd.mjs measures token counting instead; with `--page`, docs/performance.md is made anew from the
// results that there are.

import { buildWorker } from "./lib/build.mjs";
import { cargoEnvironment } from "./lib/cargo.mjs";
import { main } from "./lib/main.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { inRoot } from "./lib/paths.mjs";
import { PROFILES, profileEnvironment } from "./lib/profiles.mjs";
import { run } from "./lib/run.mjs";
import { ensureWasmToolchain, wasmEnvironment } from "./lib/wasm-toolchain.mjs";
import { offlineEnvironment } from "./lib/wrangler.mjs";

main(async (args) => {
  const node = await ensureNode();
  if (args[0] === "--page") return run(node, [inRoot("bench", "page.mjs")]);
  await ensurePackages();
  await buildWorker(PROFILES.release);
  const environment = { ...offlineEnvironment, ...profileEnvironment(PROFILES.release) };
  if (args[0] === "tokens") {
    const env = { ...cargoEnvironment, ...wasmEnvironment(await ensureWasmToolchain()), ...environment };
    return run(node, [inRoot("bench", "tokens", "workerd.mjs"), ...args.slice(1)], { env });
  }
  return run(node, [inRoot("bench", "run.mjs"), ...args], { env: environment });
});
