// `npm run bench`: the same load on every contestant, alternating, in one run on one machine. See bench/README.md.
//   --quick             a smoke run of about 20 s: fewer scenarios, one short round
//   --rounds N          rounds (default 5)
//   --seconds S         measured time of one contestant in one scenario and round (default 2)
//   --delay MS          constant delay of the upstream before its first byte (default 0)
//   --only REGEX        only the scenarios whose name matches
//   --contestants REGEX only these besides the two references (also runs the ones that are off by default)
//   --out FILE          where the results go (default results.json; results.partial.json for less than everything)
// Timings never fail the run; a wrong answer (status, bytes, number of chunks) does.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeRun } from "./environment.mjs";
import { measure, settle, takesPart } from "./measure.mjs";
import { MODEL } from "./payload.mjs";
import { startHelper } from "./processes.mjs";
import { FLOOR, LIMIT, summarise, table } from "./report.mjs";
import { scenarios as allScenarios } from "./scenarios.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

function readOptions() {
  const text = { type: "string" };
  const quick = { type: "boolean", default: false };
  const { values } = parseArgs({
    options: { quick, rounds: text, seconds: text, delay: text, only: text, contestants: text, out: text },
  });
  const number = (name, fallback, least) => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (!(value >= least)) throw new Error(`--${name} must be a number from ${least}`);
    return value;
  };
  const settings = {
    quick: values.quick,
    rounds: Math.floor(number("rounds", values.quick ? 1 : 5, 1)),
    warmupMs: values.quick ? 200 : 500,
    measureMs: number("seconds", values.quick ? 0.5 : 2, 0.1) * 1000,
    delayMs: number("delay", 0, 0),
  };
  const only = values.only && new RegExp(values.only);
  const scenarios = allScenarios.filter(({ name, quick }) => (only ? only.test(name) : quick || !values.quick));
  if (!scenarios.length) {
    throw new Error(`--only ${values.only} matches none of ${allScenarios.map(({ name }) => name).join(", ")}`);
  }
  const whole = !values.quick && !only && !values.contestants && !settings.delayMs;
  const out = path.resolve(values.out ?? path.join(here, whole ? "results.json" : "results.partial.json"));
  return { settings, scenarios, wanted: values.contestants && new RegExp(values.contestants), out };
}

/** Every folder of bench/contestants is one; the two references come first. */
async function findContestants({ wanted, quick }) {
  const references = [FLOOR, LIMIT];
  const folders = readdirSync(path.join(here, "contestants"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !references.includes(entry.name))
    .map(({ name }) => name)
    .sort();
  const found = [];
  for (const folder of [...references, ...folders]) {
    const file = path.join(here, "contestants", folder, "contestant.mjs");
    if (!existsSync(file) || (wanted && !references.includes(folder) && !wanted.test(folder))) continue;
    const contestant = await import(file);
    if (wanted || !(contestant.optIn || (quick && contestant.peer))) found.push(contestant);
  }
  return found;
}

async function startContestants(choice, context, stops) {
  const running = [];
  const skipped = [];
  for (const { start, missing, ...contestant } of await findContestants(choice)) {
    const { name, about } = contestant;
    const reason = (await missing?.(context)) ?? (await cannotInstall(contestant));
    if (reason) {
      console.log(`skipped ${name}: ${reason}`);
      skipped.push({ name, reason });
      continue;
    }
    const started = await start(context).catch((error) => {
      throw new Error(`${name} did not start: ${error.message}`);
    });
    stops.push(started.stop);
    running.push({ ...started, ...contestant });
    console.log(`started ${name}: ${about}`);
  }
  return { running, skipped };
}

/** A peer comes from a registry, into the tool cache; a machine that cannot have it does without. */
async function cannotInstall({ install }) {
  try {
    await install?.();
    return null;
  } catch (error) {
    return error.message.split("\n")[0];
  }
}

/** Compilers that work while the program runs are in the contestants and on both sides of them: none may start cold. */
async function warmUp(bench, settings) {
  const whole = allScenarios.find(({ stream }) => !stream);
  const streamed = allScenarios.filter(({ stream, name }) => stream && name.includes("first-byte"));
  for (const contestant of bench.running) {
    for (const kind of [whole, ...streamed].filter((kind) => takesPart(contestant, kind))) {
      const scenario = { ...kind, concurrency: 16 };
      await measure(bench, contestant, scenario, { ...settings, measureMs: settings.quick ? 500 : 1500 });
    }
  }
}

async function runRounds(bench, scenarios, settings) {
  const results = scenarios.map((scenario) => ({ ...scenario, rounds: [] }));
  for (let round = 0; round < settings.rounds; round++) {
    for (const scenario of results) {
      // Whoever comes first in one round comes later in the next, so that a drift of the machine favours nobody.
      const here = bench.running.filter((one) => takesPart(one, scenario) && round < (one.rounds ?? Infinity));
      const order = here.map((_, i) => here[(i + round) % here.length]);
      const values = {};
      for (const contestant of order) {
        values[contestant.name] = await measure(bench, contestant, scenario, settings);
      }
      scenario.rounds.push({ order: order.map(({ name }) => name), values });
      const rates = here.map(({ name }) => `${name} ${Math.round(values[name][scenario.rate])}`).join(", ");
      console.log(`round ${round + 1}/${settings.rounds} ${scenario.name}, ${scenario.rate}: ${rates}`);
    }
  }
  return results;
}

async function main() {
  const { settings, scenarios, wanted, out } = readOptions();
  const about = describeRun(root);
  const { machine, versions } = about;
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB`);
  console.log(`node ${versions.node}, workerd ${versions.workerd}`);

  const scratch = mkdtempSync(path.join(os.tmpdir(), "nexus-edge-bench-"));
  const stops = [() => rmSync(scratch, { recursive: true, force: true })];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  process.once("SIGINT", () => stopAll().finally(() => process.exit(130)));
  process.once("SIGTERM", () => stopAll().finally(() => process.exit(143)));

  try {
    const upstream = await startHelper(path.join(here, "upstream.mjs"));
    stops.push(upstream.stop);
    const load = await startHelper(path.join(here, "load.mjs"));
    stops.push(load.stop);
    const context = {
      root,
      scratch,
      model: MODEL,
      upstream: { url: `http://127.0.0.1:${upstream.hello.port}` },
      queue: `127.0.0.1:${upstream.hello.queuePort}`,
    };
    const { running, skipped } = await startContestants({ wanted, quick: settings.quick }, context, stops);
    const bench = { upstream, load, running };
    await settle(running);
    await warmUp(bench, settings);
    const results = await runRounds(bench, scenarios, settings);

    console.log();
    for (const scenario of results) {
      scenario.summary = summarise(scenario);
      console.log(table(scenario));
    }
    const contestants = running.map(({ name, about }) => ({ name, about }));
    const document = { format: 1, ...about, settings, contestants, skipped, scenarios: results };
    writeFileSync(out, `${JSON.stringify(document, rounded, 1)}\n`);
    console.log(`written to ${path.relative(process.cwd(), out)}`);
  } finally {
    await stopAll();
  }
}

/** Nothing here is exact to more than four digits. */
function rounded(key, value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`bench: Node 22.12 or newer is needed (this is ${process.versions.node}); npm run bench finds one`);
  process.exit(1);
}
main().catch((error) => {
  console.error(`\nbench FAILED: ${error.message}`);
  process.exit(1);
});
