// results.json: reading it, writing it, and putting a new measurement into an older one.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** Also what is measured in another way than before has another number: the two do not belong on one page. */
export const FORMAT = 3;

export const readResults = (file) => JSON.parse(readFileSync(file, "utf8"));

/** What was measured before, with the new in place of the old; another machine or another workerd begins anew. */
export function mergeResults(file, fresh) {
  const old = existsSync(file) ? readResults(file) : null;
  const isSame = (name) => JSON.stringify(old[name]) === JSON.stringify(fresh[name]);
  if (old?.format !== FORMAT || !isSame("machine") || !isSame("versions")) return fresh;
  const byName = (name) => {
    const news = new Map(fresh[name].map((entry) => [entry.name, entry]));
    const kept = old[name].map((entry) => news.get(entry.name) ?? entry);
    const added = fresh[name].filter((entry) => !old[name].some((other) => other.name === entry.name));
    return [...kept, ...added];
  };
  return {
    ...old,
    settings: fresh.scenarios.length ? fresh.settings : old.settings,
    contestants: byName("contestants"),
    skipped: fresh.scenarios.length ? fresh.skipped : old.skipped,
    scenarios: byName("scenarios"),
    measures: { ...old.measures, ...fresh.measures },
  };
}

export function writeResults(file, results) {
  writeFileSync(file, `${layOut(results, 0)}\n`);
}

/** JSON with a line for each value down to some depth, and what lies deeper on one line: a file that can be compared. */
function layOut(value, depth) {
  if (depth > 6 || value === null || typeof value !== "object") return JSON.stringify(value, rounded);
  const indent = " ".repeat(depth + 1);
  const close = `\n${" ".repeat(depth)}`;
  if (Array.isArray(value)) {
    if (!value.length) return "[]";
    return `[\n${value.map((item) => indent + layOut(item, depth + 1)).join(",\n")}${close}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  if (!entries.length) return "{}";
  return `{\n${entries.map(([key, item]) => `${indent}${JSON.stringify(key)}: ${layOut(item, depth + 1)}`).join(",\n")}${close}}`;
}

/** Nothing here is exact to more than four digits. */
function rounded(_, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
