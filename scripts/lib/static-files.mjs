// The files that Cloudflare serves without asking the Worker: those of public/, and what is put there: the description of
// the API and the program that shows it.

import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { inRoot } from "./paths.mjs";

const COPIES = [
  ["docs/openapi.json", "public/openapi.json"],
  ["node_modules/swagger-ui-dist/swagger-ui-bundle.js", "public/vendor/swagger-ui-bundle.js"],
  ["node_modules/swagger-ui-dist/swagger-ui.css", "public/vendor/swagger-ui.css"],
];

/** Puts the files there that are missing or older than what they are made of. The packages must be installed. */
export function copyStaticFiles() {
  for (const [source, target] of COPIES.map((pair) => pair.map((file) => inRoot(file)))) {
    if (existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs) continue;
    mkdirSync(dirname(target), { recursive: true });
    // In one go: half a copy that is newer than its source would stay.
    writeFileSync(`${target}.partial`, contentOf(source));
    renameSync(`${target}.partial`, target);
  }
}

/** JSON is laid out for people in the repository, and half as long without that. */
function contentOf(source) {
  const bytes = readFileSync(source);
  return source.endsWith(".json") ? JSON.stringify(JSON.parse(bytes)) : bytes;
}
