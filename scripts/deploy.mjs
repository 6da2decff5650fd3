// `npm run deploy`: builds the Worker, brings the database up to date, and uploads. docs/deploy.md tells what to
// create before.
//
//   npm run deploy -- --dry-run      everything but the upload; needs no account

import { readFileSync } from "node:fs";

import { buildWorker } from "./lib/build.mjs";
import { main } from "./lib/main.mjs";
import { inRoot } from "./lib/paths.mjs";
import { run } from "./lib/run.mjs";
import { Problem, done, say, warn } from "./lib/terminal.mjs";
import { wrangler } from "./lib/wrangler.mjs";

main(async (args) => {
  const dryRun = args.includes("--dry-run");
  const placeholders = findPlaceholders();
  if (placeholders.length > 0 && !dryRun) {
    throw new Problem(`wrangler.toml still has a placeholder for ${placeholders.join(" and ")}: docs/deploy.md tells how to get one`);
  }
  await buildWorker();
  if (dryRun) return rehearse(args, placeholders);

  // Before the upload: migrations only add, so the old Worker goes on working, and the new one never lacks a table.
  await mustSucceed("d1", "migrations", "apply", "DB", "--remote");
  await mustSucceed("deploy", ...args);
  done("Deployed");
});

async function rehearse(args, placeholders) {
  await mustSucceed("deploy", ...args);
  say();
  if (placeholders.length > 0) warn(`Before a real deployment, wrangler.toml needs ${placeholders.join(" and ")} (docs/deploy.md).`);
  done("The dry run succeeded; nothing was uploaded");
}

const IDS = {
  "the D1 database_id": /^database_id = "[0-]+"/m,
  "the KV namespace's id": /^id = "[0-]+"/m,
};

/** Ids of nothing but zeros mean nothing to Cloudflare; locally any id will do. */
function findPlaceholders() {
  const text = readFileSync(inRoot("wrangler.toml"), "utf8");
  return Object.keys(IDS).filter((what) => IDS[what].test(text));
}

async function mustSucceed(...args) {
  const [command, all] = await wrangler(...args);
  const code = await run(command, all, { env: { WRANGLER_SEND_METRICS: "false" } });
  if (code !== 0) throw new Problem(`wrangler ${args.join(" ")} failed with exit code ${code}`);
}
