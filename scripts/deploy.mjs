// `npm run deploy`: builds the Worker and the console, makes the resources and secrets that are missing on Cloudflare, brings the
// database up to date, uploads, and says where it is and how to sign in. What is there already stays, so it can be run again at any
// time, also after a run that was cut off.
//
//   npm run deploy -- --dry-run      builds, and checks without an account what would be uploaded

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { buildWorker } from "./lib/build.mjs";
import { SCRIPT } from "./lib/bundle.mjs";
import { buildConsole } from "./lib/console.mjs";
import {
  addressIn,
  checkAccount,
  create,
  deployedSecrets,
  describe,
  lookUp,
  missingSecrets,
  resourcesOf,
  withIds,
} from "./lib/deployment.mjs";
import { main } from "./lib/main.mjs";
import { inRoot } from "./lib/paths.mjs";
import { chooseProfile, profileEnvironment } from "./lib/profiles.mjs";
import { capture, run } from "./lib/run.mjs";
import { Problem, bold, done, say, warn } from "./lib/terminal.mjs";
import { readConfig, wrangler } from "./lib/wrangler.mjs";

// Beside wrangler.toml, as paths in it are relative.
const CONFIG = inRoot("wrangler.deploy.toml");

const profile = chooseProfile("release");
const MAIN = `${profile.folder}/${SCRIPT}`;

const ENVIRONMENT = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", ...profileEnvironment(profile) };

main(async (args) => {
  await buildConsole();
  await buildWorker(profile);
  if (args.includes("--dry-run")) {
    await mustSucceed(["deploy", MAIN, ...args]);
    done("The dry run succeeded; nothing was uploaded");
    return;
  }

  const config = await readConfig();
  await checkAccount(config, ask);
  const resources = await provision(resourcesOf(config));
  writeFileSync(CONFIG, withIds(readFileSync(inRoot("wrangler.toml"), "utf8"), resources));

  // Before the upload: migrations only add, so the old Worker goes on working, and the new one never lacks a table.
  await mustSucceed(["d1", "migrations", "apply", "DB", "--remote", "--config", CONFIG]);
  await upload(args, await newSecrets(resources));
});

async function provision(resources) {
  const ready = [];
  for (const resource of resources) {
    const found = await lookUp(resource, ask);
    ready.push(found.id ? found : { ...(await create(resource, ask)), isNew: true });
    done(`${found.id ? "Found" : "Made"} the ${describe(resource)}`);
  }
  return ready;
}

async function newSecrets(resources) {
  const secrets = missingSecrets(await deployedSecrets(ask));
  // The button of docs/deploy.md asks for them, and a log of Cloudflare's builds is no place to show one.
  if (process.env.WORKERS_CI && Object.keys(secrets).length > 0) {
    warn(
      `The Worker lacks ${Object.keys(secrets).join(" and ")}: set them in the dashboard, or with \`npm run wrangler -- secret put\``,
    );
    return {};
  }
  const hasOldDatabase = resources.some(({ kind, isNew }) => kind === "d1" && !isNew);
  if (secrets.MASTER_KEY && !process.env.MASTER_KEY && hasOldDatabase) {
    warn(
      "The database is older than the new MASTER_KEY: provider keys that were stored under another one cannot be read. If you " +
        "have that one, put it back: `npm run wrangler -- secret put MASTER_KEY`",
    );
  }
  return secrets;
}

/** Uploads the Worker together with its new secrets, and shows these afterwards: the only time. */
async function upload(args, secrets) {
  const folder = mkdtempSync(join(tmpdir(), "nexus-edge-deploy-"));
  const [secretsFile, outputFile] = [join(folder, "secrets.json"), join(folder, "output.jsonl")];
  const names = Object.keys(secrets);
  try {
    writeFileSync(secretsFile, JSON.stringify(secrets), { mode: 0o600 });
    const withSecrets = names.length > 0 ? ["--secrets-file", secretsFile] : [];
    await mustSucceed(["deploy", MAIN, "--config", CONFIG, ...withSecrets, ...args], {
      WRANGLER_OUTPUT_FILE_PATH: outputFile,
    });
    introduce(existsSync(outputFile) ? addressIn(readFileSync(outputFile, "utf8")) : undefined, secrets);
  } catch (error) {
    // They may have arrived all the same, where what failed came after the upload.
    if (names.length > 0) say(`\n  If the upload got through, these are the new secrets:\n${list(secrets)}`);
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function introduce(address, secrets) {
  const origin = address ?? "https://<the Worker's address>";
  say();
  done(bold(`Nexus Edge is deployed${address ? `: ${address}` : ""}`));
  if (Object.keys(secrets).length > 0) {
    say(`
${list(secrets)}

  They are shown this once: keep them in a password manager. The admin token opens the admin API; without the
  master key the stored provider keys cannot be read.`);
  }
  say(`
  Make an API key:

curl ${origin}/keys \\
  -H 'Authorization: Bearer ${secrets.ADMIN_TOKEN ?? "<the admin token>"}' \\
  -H 'Content-Type: application/json' \\
  -d '{"name": "First"}'
`);
}

const list = (secrets) =>
  Object.entries(secrets)
    .map(([name, value]) => `  ${name.padEnd(12)} ${value}`)
    .join("\n");

/** Runs wrangler for its answer. */
async function ask(args) {
  const [command, all] = await wrangler(...args);
  return capture(command, all, { env: { ...ENVIRONMENT, NO_COLOR: "1" } });
}

async function mustSucceed(args, env = {}) {
  const [command, all] = await wrangler(...args);
  const code = await run(command, all, { env: { ...ENVIRONMENT, ...env } });
  if (code !== 0) throw new Problem(`wrangler ${args.join(" ")} failed with exit code ${code}`);
}
