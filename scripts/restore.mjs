// `npm run restore`: uploads a folder of `npm run backup` to a gateway, which must have the same MASTER_KEY, and restores it there.
//
//   npm run restore -- --from backups/today                         into the gateway that `npm start` runs, if it is empty
//   npm run restore -- --from backups/today --replace               in place of what it has
//   npm run restore -- --from backups/today --url https://…         into another one; its admin token in ADMIN_TOKEN

import { adminApi, optionsOf, uploadBackup, waitFor } from "./lib/backups.mjs";
import { adminToken, localUrl } from "./lib/gateway.mjs";
import { main } from "./lib/main.mjs";
import { Problem, done, say } from "./lib/terminal.mjs";

main(async (args) => {
  const { url = localUrl(), from, replace = false } = optionsOf(args, ["url", "from"], ["replace"]);
  if (from === undefined) throw new Problem("Say which backup: --from <folder>");
  const api = adminApi(url, adminToken());
  const id = await uploadBackup(api, from, (name) => say(`… ${name}`));
  const begun = { body: JSON.stringify({ replace }), expected: [202, 409] };
  const restore = JSON.parse(await api("POST", `/system/backups/${id}/restore`, begun));
  if (restore.error?.code === "database_not_empty") throw new Problem(`${url} has data: --replace replaces it.`);
  if (restore.error) throw new Problem(restore.error.message);
  const isDone = (view) => view.restore?.id === restore.id && view.restore.state === "done";
  const view = await waitFor(api, id, isDone, ({ restore: now }) =>
    say(`… ${now?.stage}, ${now?.written} of ${now?.parts} parts`),
  );
  done(`The backup ${id} is restored on ${url}: ${view.rows} rows`);
});
