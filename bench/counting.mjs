// The module that counts what the Worker uses, for the measure `operations` and for tests/e2e/operations.test.mjs: counting-entry.js,
// with every Durable Object that src/entry.mjs has.
import { readFileSync } from "node:fs";
import path from "node:path";

const ENTRY = new URL("measures/counting-entry.js", import.meta.url);

/** Its source. `root`: the checkout. */
export function countingEntry(root) {
  const entry = readFileSync(path.join(root, "src", "entry.mjs"), "utf8");
  const objects = [...entry.matchAll(/^export const (\w+) = recovering\(/gm)].map(([, name]) => name);
  if (!objects.length) throw new Error("src/entry.mjs names its objects in another way: mend bench/counting.mjs");
  const counted = objects.map((name) => `export const ${name} = countedObject(exported.${name});`);
  return [readFileSync(ENTRY, "utf8"), 'import * as exported from "./index.js";', ...counted, ""].join("\n");
}
