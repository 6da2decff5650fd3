// Installing something into the shared cache exactly once, so that it is there whole or not at all.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { withLock } from "./lock.mjs";
import { tools } from "./paths.mjs";

/**
 * Answers the folder of the tool `name` (which carries its version). Where `proof`, a file inside it, is missing,
 * `install(folder)` fills a new folder, which gets its name only when it is complete.
 */
export function installOnce(name, proof, install) {
  return once(name, proof, async (folder) => {
    const partial = `${folder}.partial`;
    // Left behind by a run that was stopped: no other script can be here, because this one holds the lock.
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    try {
      await install(partial);
      renameSync(partial, folder);
    } finally {
      rmSync(partial, { recursive: true, force: true });
    }
  });
}

/** The same for what cannot be renamed because it knows its own path: a mark in it says that it is complete. */
export function installInPlace(name, install) {
  const mark = ".complete";
  return once(name, mark, async (folder) => {
    mkdirSync(folder, { recursive: true });
    await install(folder);
    writeFileSync(join(folder, mark), "");
  });
}

async function once(name, proof, install) {
  const folder = join(tools, name);
  const isThere = () => existsSync(join(folder, proof));
  if (isThere()) return folder;
  return withLock(`install-${name}`, async () => {
    if (isThere()) return folder;
    rmSync(folder, { recursive: true, force: true });
    await install(folder);
    return folder;
  });
}
