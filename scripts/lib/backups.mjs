// Backups as folders: downloaded through the admin API of a gateway, and uploaded to one.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { Problem } from "./terminal.mjs";

const MANIFEST = "manifest.json";
const PAUSE_MS = 1_000;

/** The admin API of a gateway. An answer that is none of `expected` is a problem, in the gateway's own words. */
export function adminApi(url, token) {
  return async (method, path, { body, expected = [200] } = {}) => {
    const headers = { authorization: `Bearer ${token}` };
    if (typeof body === "string") headers["content-type"] = "application/json";
    let response;
    try {
      response = await fetch(`${url}${path}`, { method, headers, body });
    } catch (error) {
      throw new Problem(`${url} cannot be reached: ${error.cause?.message ?? error.message}`);
    }
    const bytes = Buffer.from(await response.arrayBuffer());
    if (!expected.includes(response.status)) {
      throw new Problem(`${method} ${path}: ${response.status}, ${messageOf(bytes)}`);
    }
    return bytes;
  };
}

function messageOf(bytes) {
  try {
    return JSON.parse(bytes).error.message;
  } catch {
    return bytes.toString().slice(0, 200);
  }
}

/** Waits until `done` of the backup is true; `tell` hears how far it is. */
export async function waitFor(api, id, done, tell = () => {}) {
  for (;;) {
    const view = JSON.parse(await api("GET", `/system/backups/${id}`));
    const job = view.restore?.state === "running" || view.restore?.state === "failed" ? view.restore : view;
    if (job.state === "failed") throw new Problem(`It failed: ${job.error}`);
    if (done(view)) return view;
    tell(view);
    await pause(PAUSE_MS);
  }
}

/** Makes a backup on the gateway, unless `id` names one that is there. */
export async function makeBackup(api, id, tell) {
  const wanted = id ?? JSON.parse(await api("POST", "/system/backups", { expected: [202] })).id;
  return waitFor(api, wanted, ({ state }) => state === "done", tell);
}

/** Downloads a backup into a folder. Files that are there already are not downloaded again; the manifest comes last. */
export async function downloadBackup(api, id, folder, tell = () => {}) {
  const { files } = JSON.parse(await api("GET", `/system/backups/${id}/files`));
  for (const { name, bytes } of files) {
    const file = join(folder, name);
    if (existsSync(file) && statSync(file).size === bytes) continue;
    tell(name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, await api("GET", `/system/backups/${id}/files/${encoded(name)}`), { mode: 0o600 });
  }
  const manifest = await api("GET", `/system/backups/${id}/files/${MANIFEST}`);
  check(JSON.parse(manifest), folder);
  writeFileSync(join(folder, MANIFEST), manifest, { mode: 0o600 });
  writeFileSync(join(folder, "files.json"), `${JSON.stringify(files, null, 1)}\n`, { mode: 0o600 });
  return files;
}

/** Uploads a folder that a backup was downloaded into. Its id. */
export async function uploadBackup(api, folder, tell = () => {}) {
  const manifest = readManifest(folder);
  check(manifest, folder);
  const files = JSON.parse(readFileSync(join(folder, "files.json"), "utf8"));
  for (const { name } of [...files, { name: MANIFEST }]) {
    tell(name);
    const body = readFileSync(join(folder, name));
    await api("PUT", `/system/backups/${manifest.id}/files/${encoded(name)}`, { body });
  }
  return manifest.id;
}

export function readManifest(folder) {
  const file = join(folder, MANIFEST);
  if (!existsSync(file)) throw new Problem(`There is no complete backup in ${folder}: ${MANIFEST} is missing`);
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Compares the parts with their checksums. */
function check({ parts }, folder) {
  for (const { object, pack } of parts) {
    const file = join(folder, object);
    if (!existsSync(file)) throw new Problem(`${file} is missing`);
    const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
    if (sha256 !== pack.sha256) throw new Problem(`${file} is damaged: its SHA-256 is not that of the manifest`);
  }
}

const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");

/** The options of a command line: `--name value`, or `--name` alone for those in `flags`. */
export function optionsOf(args, names, flags = []) {
  const options = {};
  for (let place = 0; place < args.length; place++) {
    const name = args[place].replace(/^--/, "");
    if (flags.includes(name)) options[name] = true;
    else if (names.includes(name) && args[place + 1] !== undefined) options[name] = args[++place];
    else
      throw new Problem(
        `There is no option "${args[place]}": ${[...names, ...flags].map((of) => `--${of}`).join(", ")}`,
      );
  }
  return options;
}
