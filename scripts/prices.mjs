// `npm run prices`: makes crates/prices/data/prices.json anew from the packages of scripts/prices/requirements.txt and prints what
// changes, for a person to look at; then the costs that the tests compare with. New prices come with new versions of the packages:
//
//   npm run prices                look, and write
//   npm run prices -- --check     only look; ends with status 1 if something would change

import { join } from "node:path";

import { main } from "./lib/main.mjs";
import { inRoot } from "./lib/paths.mjs";
import { ensurePrograms } from "./lib/python.mjs";
import { run } from "./lib/run.mjs";
import { Problem } from "./lib/terminal.mjs";

main(async (args) => {
  const unknown = args.find((arg) => arg !== "--check");
  if (unknown) throw new Problem(`There is no option "${unknown}": only --check`);
  const programs = await ensurePrograms(inRoot("scripts", "prices", "requirements.txt"), "`npm run prices`");
  const script = (name) => run(join(programs, "python"), [inRoot("scripts", "prices", name), ...args]);
  return (await script("refresh.py")) || script("costs.py");
});
