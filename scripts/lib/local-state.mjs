// What a developer's machine keeps between two starts: the database, the secrets and the credentials, all git-ignored.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

import { filesUnder, hashFiles, readStamp, writeStamp } from "./hash.mjs";
import { inRoot } from "./paths.mjs";
import { runStep } from "./run.mjs";
import { warn } from "./terminal.mjs";
import { offlineEnvironment, readConfig, wrangler } from "./wrangler.mjs";

export const STATE = inRoot(".wrangler", "state");
const DEV = inRoot(".dev");
const SECRETS = inRoot(".dev.vars");
const CREDENTIALS = inRoot(".dev", "credentials.json");
const MIGRATIONS_STAMP = inRoot(".wrangler", "state", ".migrations.json");

export function forgetEverything() {
  for (const path of [STATE, DEV, SECRETS]) rmSync(path, { recursive: true, force: true });
}

/** A file of `.dev/`, which only its owner can look into. */
export function devFile(name) {
  mkdirSync(DEV, { recursive: true, mode: 0o700 });
  return inRoot(".dev", name);
}

/** Creates missing secrets, and returns all of them. Entries written by hand are kept. */
export function ensureSecrets() {
  const text = existsSync(SECRETS) ? readFileSync(SECRETS, "utf8") : "";
  const secrets = parseVariables(text);
  const missing = Object.entries(freshSecrets()).filter(([name]) => !(name in secrets));
  if (missing.length === 0) return secrets;
  if (missing.some(([name]) => name === "MASTER_KEY") && existsSync(STATE)) {
    warn(
      "There is a new MASTER_KEY: provider keys stored under the old one cannot be read. `npm start -- --reset` begins afresh.",
    );
  }
  const lines = missing.map(([name, value]) => `${name}="${value}"\n`).join("");
  writePrivately(SECRETS, text && !text.endsWith("\n") ? `${text}\n${lines}` : text + lines);
  return { ...secrets, ...Object.fromEntries(missing) };
}

const freshSecrets = () => ({
  ADMIN_TOKEN: `admin-${randomBytes(24).toString("hex")}`,
  MASTER_KEY: randomBytes(32).toString("base64"),
  // An upstream on this very machine is what one develops against.
  ALLOW_PRIVATE_UPSTREAMS: "true",
  MAIL_WEBHOOK: "log",
});

function parseVariables(text) {
  const pairs = [...text.matchAll(/^\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=\s*(.*?)\s*$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value.replace(/^(["'])(.*)\1$/, "$2")]));
}

export const readCredentials = () => readStamp(CREDENTIALS);

export function writeCredentials(credentials) {
  devFile("");
  writePrivately(CREDENTIALS, `${JSON.stringify(credentials, null, 2)}\n`);
}

/** Replaces a file in one go, so that a run that is cut off leaves the old one: half a master key would be a lost one. */
function writePrivately(file, text) {
  const partial = `${file}.partial`;
  // The mode given on writing only counts for a new file.
  rmSync(partial, { force: true });
  writeFileSync(partial, text, { mode: 0o600 });
  renameSync(partial, file);
}

/** What wrangler calls the local database by: another id in wrangler.toml is another, empty database. */
async function localDatabase() {
  const [{ binding, database_id }] = (await readConfig()).d1_databases;
  return database_id ?? binding;
}

/** Brings the local database up to date, unless the migrations are those of the last time. */
export async function applyMigrations() {
  const wanted = Object.fromEntries(filesUnder("d1-migrations").map((file) => [file, hashFiles([file])]));
  const database = await localDatabase();
  const stamp = readStamp(MIGRATIONS_STAMP);
  const applied = stamp.database === database ? stamp.files : {};
  const changed = Object.keys(applied).filter((file) => applied[file] !== wanted[file]);
  if (changed.length > 0) {
    warn(
      `${changed.join(", ")} changed after it was applied to the local database: \`npm start -- --reset\` begins afresh.`,
    );
  }
  if (Object.keys(wanted).every((file) => file in applied)) return;
  const [command, args] = await wrangler("d1", "migrations", "apply", "DB", "--local", "--persist-to", STATE);
  await runStep("Applying the database migrations", command, args, { env: { ...offlineEnvironment, CI: "true" } });
  writeStamp(MIGRATIONS_STAMP, { database, files: wanted });
}
