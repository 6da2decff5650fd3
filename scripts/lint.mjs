// `npm run lint`: everything that is checked without running the product. With names, only those checks:
//
//   npm run lint -- format javascript clippy clippy-wasm dependencies hygiene docs

import { cargoEnvironment, withCargo } from "./lib/cargo.mjs";
import { main } from "./lib/main.mjs";
import { ensureLintTool } from "./lib/lint-tools.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { inRoot } from "./lib/paths.mjs";
import { checkPrerequisites } from "./lib/prerequisites.mjs";
import { capture, run } from "./lib/run.mjs";
import { Problem, done, warn } from "./lib/terminal.mjs";
import { TARGET, ensureWasmToolchain, wasmEnvironment } from "./lib/wasm-toolchain.mjs";

// The Worker itself compiles for wasm32 only.
const NATIVE = ["--workspace", "--exclude", "nexus-edge", "--locked"];
const WASM = ["--package", "nexus-edge", "--locked", "--target", TARGET];

const CHECKS = {
  format: () => run("cargo", ["fmt", "--all", "--check"]),
  javascript: checkJavaScript,
  clippy: () => cargo(["clippy", "--quiet", ...NATIVE, "--all-targets", "--", "--deny", "warnings"]),
  "clippy-wasm": checkWorker,
  dependencies: checkDependencies,
  hygiene: () => script("check-hygiene.mjs"),
  docs: checkDocs,
};

main(async (args) => {
  const unknown = args.find((name) => !(name in CHECKS));
  if (unknown) throw new Problem(`There is no check "${unknown}": choose from ${Object.keys(CHECKS).join(", ")}`);
  await checkPrerequisites();
  for (const name of args.length > 0 ? args : Object.keys(CHECKS)) {
    const code = await CHECKS[name]();
    if (code !== 0) throw new Problem(`The check "${name}" failed`);
    done(name);
  }
});

const cargo = (args, env = {}) => withCargo(() => run("cargo", args, { env: { ...cargoEnvironment, ...env } }));

/** Rust's documentation has no mistakes, and the page of measurements says what was measured. */
async function checkDocs() {
  const code = await run(process.execPath, [inRoot("bench", "page.mjs"), "--check"]);
  return code || cargo(["doc", "--quiet", ...NATIVE, "--no-deps"], { RUSTDOCFLAGS: "--deny warnings" });
}

/**
 * Licences, duplicates and sources of dependencies, their known vulnerabilities, and dependencies that no code uses. The
 * database of vulnerabilities is a git repository elsewhere: where it cannot be reached, that part is left out.
 */
async function checkDependencies() {
  const deny = await ensureLintTool("cargo-deny");
  const code = await run(deny, ["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]);
  const advisories = await capture(deny, ["--locked", "check", "advisories"]);
  const unreachable = advisories.code !== 0 && /failed to fetch advisory database/.test(advisories.stderr);
  if (unreachable) warn("The database of known vulnerabilities cannot be reached: not checked");
  else process.stderr.write(advisories.stderr);
  const unused = await run(await ensureLintTool("cargo-shear"), ["--locked"]);
  return code || (unreachable ? 0 : advisories.code) || unused;
}

/** What biome.json says of JavaScript: the rules, and the format. `npm run format` writes it. */
async function checkJavaScript() {
  await ensurePackages();
  return run(process.execPath, [
    inRoot("node_modules", "@biomejs", "biome", "bin", "biome"),
    "ci",
    "--error-on-warnings",
    "--diagnostic-level=warn",
    ...(process.stdout.isTTY ? [] : ["--colors=off"]),
  ]);
}

const script = (name) => run(process.execPath, [inRoot("scripts", name)]);

async function checkWorker() {
  const toolchain = await ensureWasmToolchain();
  if (!toolchain.folder) return cargo(["clippy", "--quiet", ...WASM, "--", "--deny", "warnings"]);
  warn("The compiler made from Debian's packages has no clippy for wasm32: checking for warnings of rustc only");
  return cargo(["check", "--quiet", ...WASM], { ...wasmEnvironment(toolchain), RUSTFLAGS: "--deny warnings" });
}
