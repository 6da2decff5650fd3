// What is measured besides the loads: every module of bench/measures that exports `name`, `about` and
// `run(context)` → what it found, as JSON. `context` has `root`, `scratch`, the helpers `upstream`, `load` and `database`, the
// upstream's `upstreamAddress`, `queue`, `openKv`, `openStores` (helpers.mjs), `quick` and `log`.
import { readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "measures");

export async function findMeasures() {
  const files = readdirSync(folder).filter((file) => file.endsWith(".mjs"));
  return Promise.all(files.sort().map((file) => import(path.join(folder, file))));
}

/** One after the other; what one of them finds is printed as it is. */
export async function runMeasures(measures, context, measured) {
  const results = {};
  for (const { name, about, run } of measures) {
    console.log(`measuring ${name}: ${about}`);
    const began = performance.now();
    let found;
    try {
      found = await run({ ...context, log: (line) => console.log(`  ${line}`) });
    } catch (error) {
      // What others find is worth having, so the run goes on; it has failed none the less.
      console.error(`  ${name} FAILED: ${error.message}`);
      process.exitCode = 1;
      continue;
    }
    console.log(
      `  ${JSON.stringify(found, (_, value) => (typeof value === "number" ? Number(value.toPrecision(4)) : value))}`,
    );
    console.log(`  in ${Math.round((performance.now() - began) / 1000)} s`);
    results[name] = { about, measured, found };
  }
  return results;
}
