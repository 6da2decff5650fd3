// Token counting beside tiktoken-rs, bpe-openai and tiktoken: `node bench/tokens/run.mjs [--quick] [corpus …]`.
//
// Builds the contestants into one program, which checks that all of them agree and then lets them count the same texts
// in turn on one thread. What it prints are ratios: only those mean anything on another machine.
import { execFileSync, spawnSync } from "node:child_process";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { prepareCorpora } from "./corpora.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const manifest = path.join(here, "Cargo.toml");
const cache = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "nexus-edge");
const target = process.env.CARGO_TARGET_DIR || path.join(cache, "target-bench-tokens");

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const rounds = process.argv.includes("--quick") ? 4 : 15;

const corpora = Object.entries(prepareCorpora(path.join(cache, "bench-tokens"), manifest));
const chosen = corpora.filter(([name]) => wanted.length === 0 || wanted.includes(name));
if (chosen.length === 0) {
  console.error(`There is no such corpus. There are: ${corpora.map(([name]) => name).join(", ")}.`);
  process.exit(2);
}
execFileSync("cargo", ["build", "--release", "--quiet", "--manifest-path", manifest], {
  stdio: "inherit",
  env: { ...process.env, CARGO_TARGET_DIR: target },
});
const program = path.join(target, "release", "bench-tokens");
const { status } = spawnSync(program, [String(rounds), ...chosen.map(([, file]) => file)], { stdio: "inherit" });
process.exit(status ?? 1);
