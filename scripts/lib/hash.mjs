// Fingerprints of files, and the stamps that remember them, so that nothing is done twice.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { inRoot } from "./paths.mjs";

/** All files below a folder of the checkout, sorted, without those whose folder name is in `except`. */
export function filesUnder(folder, except = []) {
  if (!existsSync(inRoot(folder))) return [];
  const entries = readdirSync(inRoot(folder), { withFileTypes: true });
  const files = entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return except.includes(entry.name) ? [] : filesUnder(path, except);
  });
  return files.sort();
}

/** One hash over the names and contents of files of the checkout, and over `extra`. */
export function hashFiles(files, extra = "") {
  const hash = createHash("sha256").update(extra);
  for (const file of files) {
    const content = existsSync(inRoot(file)) ? readFileSync(inRoot(file)) : Buffer.alloc(0);
    hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

export function readStamp(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {};
  }
}

export function writeStamp(file, stamp) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(stamp, null, 2)}\n`);
}
