// `npm run bench`: the same load on every contestant, alternating, in one run on one machine. See bench/README.md.
//   --quick             a smoke run of about 20 s: fewer scenarios, one short round
//   --rounds N          rounds (default 4)
//   --seconds S         measured time of one contestant in one scenario and round (default 1.2)
//   --delay MS          constant delay of the upstream before its first byte (default 0)
//   --only REGEX        only the scenarios whose name matches
//   --contestants REGEX only these besides the two references (also runs the ones that are off by default)
//   --measure REGEX     only what is measured besides the loads (bench/measures), as far as its name matches
//   --out FILE          where the results go (default results.json; results.partial.json for less than everything)
//   --update            what was measured goes into results.json, in place of what it says about the same
// Timings never fail the run; a wrong answer (status, bytes, number of chunks) does.
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeRun } from "./environment.mjs";
import { startHelpers } from "./helpers.mjs";
import { measure, settle, takesPart } from "./measure.mjs";
import { findMeasures, runMeasures } from "./measures.mjs";
import { writePage } from "./page.mjs";
import { FLOOR, LIMIT, summarise, table } from "./report.mjs";
import { FORMAT, mergeResults, writeResults } from "./results.mjs";
import { scenarios as allScenarios } from "./scenarios.mjs";
import { stores } from "./workerd.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(here);

const RESULTS = path.join(here, "results.json");

async function readOptions() {
  const text = { type: "string" };
  const flag = { type: "boolean", default: false };
  const { values } = parseArgs({
    options: {
      quick: flag,
      update: flag,
      rounds: text,
      seconds: text,
      delay: text,
      only: text,
      measure: text,
      contestants: text,
      out: text,
    },
  });
  const number = (name, fallback, least) => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (!(value >= least)) throw new Error(`--${name} must be a number from ${least}`);
    return value;
  };
  const { quick } = values;
  const settings = {
    quick,
    rounds: Math.floor(number("rounds", quick ? 1 : 4, 1)),
    warmupMs: quick ? 200 : 400,
    measureMs: number("seconds", quick ? 0.5 : 1.2, 0.1) * 1000,
    delayMs: number("delay", 0, 0),
  };
  // Naming some of them selects only those.
  const part = values.only ?? values.measure ?? values.contestants;
  const scenarios = choose(allScenarios, values.only ?? (values.measure ? "^$" : quick ? null : ""), "only");
  const measures = choose(await findMeasures(), values.measure ?? (part || quick ? "^$" : ""), "measure");
  const whole = !quick && !part && !settings.delayMs;
  const out = path.resolve(values.out ?? (whole || values.update ? RESULTS : path.join(here, "results.partial.json")));
  const wanted = values.contestants && new RegExp(values.contestants);
  return { settings, scenarios, measures, wanted, out, update: values.update };
}

/** Those whose name matches; null chooses the quick ones, and nothing matches the pattern of nothing. */
function choose(list, pattern, option) {
  if (pattern === null) return list.filter(({ quick }) => quick);
  const chosen = list.filter(({ name }) => new RegExp(pattern).test(name));
  if (!chosen.length && pattern !== "^$") {
    throw new Error(`--${option} ${pattern} matches none of ${list.map(({ name }) => name).join(", ")}`);
  }
  return chosen;
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
      // The order rotates with every round, so that a drift of the machine favours no contestant.
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

async function runLoads({ settings, scenarios, wanted, context, helpers, stops, measured }) {
  const { running, skipped } = await startContestants({ wanted, quick: settings.quick }, context, stops);
  const bench = { ...helpers, running };
  await settle(running);
  await warmUp(bench, settings);
  const results = await runRounds(bench, scenarios, settings);
  console.log();
  for (const scenario of results) {
    scenario.summary = summarise(scenario);
    console.log(table(scenario));
  }
  // They are not needed any more, and what is measured next wants a quiet machine.
  for (const { stop } of running) {
    stops.splice(stops.indexOf(stop), 1);
    await stop();
  }
  return {
    contestants: running.map(({ name, about }) => ({ name, about })),
    skipped,
    scenarios: results.map((scenario) => ({ ...scenario, measured })),
  };
}

async function main() {
  const { settings, scenarios, measures, wanted, out, update } = await readOptions();
  const about = describeRun(root);
  const { machine, versions } = about;
  console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB`);
  console.log(`node ${versions.node}, workerd ${versions.workerd}`);

  const scratch = mkdtempSync(path.join(stores.folder, "nexus-edge-bench-"));
  const stops = [() => rmSync(scratch, { recursive: true, force: true })];
  const stopAll = async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  };
  process.once("SIGINT", () => stopAll().finally(() => process.exit(130)));
  process.once("SIGTERM", () => stopAll().finally(() => process.exit(143)));

  try {
    const { context: common, stop, ...helpers } = await startHelpers();
    stops.push(stop);
    const context = { ...common, scratch };
    const { date, commit, uncommitted_changes, command, compatibilityDate } = about;
    const measured = { date, commit, uncommitted_changes, command };
    const base = {
      format: FORMAT,
      machine,
      versions,
      compatibilityDate,
      settings,
      contestants: [],
      skipped: [],
      scenarios: [],
    };
    const loads = scenarios.length
      ? await runLoads({ settings, scenarios, wanted, context, helpers, stops, measured })
      : {};
    const others = { ...context, ...helpers, upstreamAddress: context.upstream, quick: settings.quick };
    const document = { ...base, ...loads, measures: await runMeasures(measures, others, measured) };
    const results = update ? mergeResults(out, document) : document;
    writeResults(out, results);
    console.log(`written to ${path.relative(process.cwd(), out)}`);
    if (out === RESULTS) console.log(`and as a page to ${path.relative(process.cwd(), writePage(root, results))}`);
  } finally {
    await stopAll();
  }
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 16)) {
  console.error(`bench: Node 22.16 or newer is needed (this is ${process.versions.node}); npm run bench finds one`);
  process.exit(1);
}
main().catch((error) => {
  console.error(`\nbench FAILED: ${error.message}`);
  process.exit(1);
});
