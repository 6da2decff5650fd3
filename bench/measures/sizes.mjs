// How large the Worker is, as it is uploaded: with the token vocabularies (build/) and without (build-no-tables/, if that was
// built that: NEXUS_EDGE_CARGO_ARGS=--no-default-features npm run build, then moved aside).
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

export const name = "sizes";
export const about = "how large the Worker is";

const FILES = { wasm: "index_bg.wasm", javascript: "index.js" };

export function run({ root }) {
  return { with_tables: sizes(path.join(root, "build")), without_tables: sizes(path.join(root, "build-no-tables")) };
}

/** Bytes of each file as it is and gzipped; null where there is no build. */
function sizes(folder) {
  if (!existsSync(path.join(folder, FILES.wasm))) return null;
  return Object.fromEntries(
    Object.entries(FILES).map(([kind, file]) => {
      const bytes = readFileSync(path.join(folder, file));
      return [kind, { bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length }];
    }),
  );
}
