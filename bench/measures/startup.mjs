// Processor time of the Worker's script before its first request: `wrangler check startup` profiles it, as Cloudflare does
// before it accepts a script (with a limit of one second).
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { spread } from "../report.mjs";

export const name = "startup";
export const about = "processor time of the script before its first request";

export function run({ root, scratch, quick }) {
  const folder = path.join(scratch, "startup");
  // The folder of the console's files, which has to be there.
  mkdirSync(path.join(folder, "public"), { recursive: true });
  const config = path.join(folder, "wrangler.toml");
  const main = path.join(root, "build", "index.js");
  // As it is, except that nothing is built.
  const text = readFileSync(path.join(root, "wrangler.toml"), "utf8");
  writeFileSync(
    config,
    text.replace(/^\[build\]\n(?:[^[\n].*\n|\n)*/m, "").replace(/^main = .*$/m, `main = ${JSON.stringify(main)}`),
  );
  const times = Array.from({ length: quick ? 1 : 5 }, (_, i) =>
    profile(root, config, path.join(folder, `${i}.cpuprofile`)),
  );
  return {
    active_ms: spread(times.map(({ active }) => active)),
    instantiate_ms: spread(times.map(({ instantiate }) => instantiate)),
  };
}

/** Time in ms in which the profiler did not find the isolate idle, and what of it went into instantiating the module. */
function profile(root, config, file) {
  const wrangler = path.join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  const args = [wrangler, "check", "startup", "--config", config, "--args=--no-bundle", "--outfile", file];
  execFileSync(process.execPath, args, { cwd: path.dirname(config), stdio: ["ignore", "ignore", "pipe"] });
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8"));
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName]));
  let active = 0;
  let instantiate = 0;
  samples.forEach((id, i) => {
    const function_ = names.get(id);
    if (function_ === "(idle)") return;
    active += timeDeltas[i] / 1000;
    if (function_ === "Instance") instantiate += timeDeltas[i] / 1000;
  });
  return { active, instantiate };
}
