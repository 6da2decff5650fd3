// `npm run backup`: makes a backup on a gateway and downloads it into a folder, with the records that have left the database.
//
//   npm run backup                                         of the gateway that `npm start` runs
//   npm run backup -- --url https://… --out backups/today  of another one; its admin token in ADMIN_TOKEN
//   npm run backup -- --id 01M7…                           one that is there, instead of a new one

import { join } from "node:path";

import { adminApi, downloadBackup, makeBackup, optionsOf } from "./lib/backups.mjs";
import { adminToken, localUrl } from "./lib/gateway.mjs";
import { main } from "./lib/main.mjs";
import { inRoot } from "./lib/paths.mjs";
import { done, say, size } from "./lib/terminal.mjs";

main(async (args) => {
  const { url = localUrl(), out, id } = optionsOf(args, ["url", "out", "id"]);
  const api = adminApi(url, adminToken());
  const made = await makeBackup(api, id, ({ rows }) => say(`… ${rows} rows`));
  const folder = out ?? inRoot(join(".dev", "backups", made.id));
  const files = await downloadBackup(api, made.id, folder, (name) => say(`… ${name}`));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  done(`The backup ${made.id} is in ${folder}: ${made.rows} rows, ${files.length} files, ${size(bytes)}`);
});
