// `npm test`: every test. The scripts and native Rust first, then the built Worker in real workerd, called by our own tests and by
// the official SDKs for Node and Python, and the console in a browser.
//
//   npm test -- --only scripts|native|bridge|console|e2e|hostile|python|contract      one part
//   npm test -- stream                        only the end-to-end files whose name contains "stream"

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { buildWorker } from "./lib/build.mjs";
import { cargoEnvironment, withCargo } from "./lib/cargo.mjs";
import { buildConsole } from "./lib/console.mjs";
import { main } from "./lib/main.mjs";
import { filesUnder } from "./lib/hash.mjs";
import { ensureNode } from "./lib/node22.mjs";
import { ensurePackages } from "./lib/npm.mjs";
import { cargoTarget, inRoot } from "./lib/paths.mjs";
import { checkPrerequisites } from "./lib/prerequisites.mjs";
import { chooseProfile, profileEnvironment } from "./lib/profiles.mjs";
import { ensurePrograms, ensurePython } from "./lib/python.mjs";
import { run } from "./lib/run.mjs";
import { runCargoTests } from "./lib/test-crates.mjs";
import { runTests } from "./lib/test-files.mjs";
import { Problem, bold, done, duration, say } from "./lib/terminal.mjs";
import { offlineEnvironment } from "./lib/wrangler.mjs";

const PARTS = {
  scripts: testScripts,
  native: testNative,
  bridge: testBridge,
  console: testConsole,
  e2e: testEndToEnd,
  hostile: testHostile,
  python: testPython,
  contract: testContract,
};

/** Files that start a gateway of their own wait for about half of their time, so one for each core runs at once; each takes 0.5 GB. */
const BESIDE = Math.min(4, availableParallelism());

const profile = chooseProfile("quick");
const environment = { ...offlineEnvironment, ...profileEnvironment(profile) };

main(async (args) => {
  const { parts, filter } = readArguments(args);
  await checkPrerequisites();
  await ensureNode();
  await ensurePackages();
  const times = [];
  for (const part of parts) {
    const begun = Date.now();
    await PARTS[part](filter);
    times.push(`${part} (${duration(Date.now() - begun)})`);
  }
  say();
  done(bold(`All tests passed: ${times.join(", ")}`));
});

function readArguments(args) {
  const only = args.indexOf("--only");
  if (only < 0) return { parts: args[0] ? ["e2e"] : Object.keys(PARTS), filter: args[0] };
  const part = args[only + 1];
  if (!(part in PARTS)) throw new Problem(`--only takes one of ${Object.keys(PARTS).join(", ")}`);
  return { parts: [part], filter: args.find((_, index) => index !== only && index !== only + 1) };
}

function testScripts(filter) {
  heading("Tests of the scripts");
  return runTestFiles(["tests", "scripts"], filter);
}

async function testNative(filter) {
  heading("Native tests");
  const args = [
    "test",
    "--workspace",
    "--exclude",
    "nexus-edge",
    "--locked",
    "--no-fail-fast",
    ...(filter ? ["--", filter] : []),
  ];
  // The vocabularies that are not in the default build.
  const others = ["test", "--package", "nexus-edge-tokens", "--features", "all-vocabularies", "--locked"];
  others.push("--no-fail-fast", "--lib", "--test", "others", ...(filter ? ["--", filter] : []));
  await withCargo(() => runCargoTests([args, others], { env: cargoEnvironment }));
}

/** The agent, with the reference servers of MCP behind it and the official clients before it. */
async function testBridge(filter) {
  const build = ["build", "--package", "nexus-edge-bridge", "--locked"];
  await withCargo(() => mustPass("cargo", build, { env: cargoEnvironment }));
  heading("The Bridge with real servers and clients");
  environment.NEXUS_BRIDGE = join(cargoTarget, "debug", "nexus-bridge");
  return runTestFiles(["tests", "bridge"], filter);
}

/** The console: its types, what of it is pure, its budgets (the build checks them), and its pages in a browser. */
async function testConsole(filter) {
  const node = await ensureNode();
  await buildConsole();
  heading("The console's types");
  await mustPass(node, [
    inRoot("node_modules", "typescript", "bin", "tsc"),
    "--project",
    inRoot("web", "tsconfig.json"),
  ]);
  heading("The console's pure modules");
  const pure = filesUnder(join("web", "src")).filter((file) => file.endsWith(".test.ts"));
  await mustPass(node, ["--test", "--test-reporter=spec", ...pure]);
  await buildWorker(profile);
  heading("The console in a browser");
  return runTestFiles(["tests", "console"], filter, { beside: BESIDE });
}

async function testEndToEnd(filter) {
  await buildWorker(profile);
  heading("End-to-end tests");
  return runTestFiles(["tests", "e2e"], filter, { beside: BESIDE });
}

/** Damaged requests, answers and frames, tenants that reach for each other's things, and kills. */
async function testHostile(filter) {
  await buildWorker(profile);
  heading("Hostile callers and upstreams");
  return runTestFiles(["tests", "hostile"], filter);
}

/** Sequential unless told otherwise: what is killed in the middle, and what runs real programs, is measured against the clock. */
async function runTestFiles(folder, filter = "", { beside = 1 } = {}) {
  const files = readdirSync(inRoot(...folder)).filter((name) => name.endsWith(".test.mjs") && name.includes(filter));
  if (files.length === 0) throw new Problem(`No test file in ${folder.join("/")} has "${filter}" in its name`);
  const paths = files.sort().map((name) => [...folder, name].join("/"));
  await runTests(await ensureNode(), paths, { env: environment, beside });
}

async function testPython() {
  await buildWorker(profile);
  const python = await ensurePython();
  heading("The OpenAI SDK for Python");
  await mustPass(python, [inRoot("tests", "e2e", "python", "run.py")], { env: environment });
  heading("Costs, as genai-prices calculates them");
  const programs = await ensurePrograms(inRoot("scripts", "prices", "requirements.txt"), "the test of prices");
  await mustPass(join(programs, "python"), [inRoot("scripts", "prices", "costs.py"), "--check"]);
}

/** Generated requests to every operation of docs/openapi.json. */
async function testContract() {
  await buildWorker(profile);
  const python = await ensurePython();
  heading("Every operation against its description");
  await mustPass(python, [inRoot("tests", "e2e", "python", "contract.py")], { env: environment });
}

const heading = (text) => say(`\n${bold(text)}`);

async function mustPass(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Problem(`Failed: ${command} ${args.join(" ")}`);
}
