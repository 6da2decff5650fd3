// What one choice costs against another: variants of a small Worker take turns in many short rounds, and what counts is the ratio
// of processor time within a round. Its median holds on a busy machine too, where no absolute number does; the quartiles say how
// much. `node bench/variants.mjs [--rounds 40] [--seconds 0.4] [--only REGEX] [--concurrency 8]`; the first variant, `plain`, is 1.00.
// With `--streams` they are ways to relay 400 chunks as fast as they are taken (`--gap MS`: one every so many), and the rate counts, too.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startForwarder } from "./forwarder.mjs";
import { measure, settle } from "./measure.mjs";
import { startHelper } from "./processes.mjs";
import { quartiles } from "./report.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const CALLS = new URL("variants/platform-calls.js", import.meta.url);
const STREAMS = new URL("variants/streams.js", import.meta.url);
const ENTRY = new URL("variants/entry-class.js", import.meta.url);
const REFERENCE = "plain";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    seconds: { type: "string", default: "0.4" },
    concurrency: { type: "string", default: "8" },
    only: { type: "string", default: "" },
    streams: { type: "boolean", default: false },
    gap: { type: "string", default: "0" },
  },
});

/** The variants are the keys of the table in the file. */
function namesOf(file) {
  const source = readFileSync(file, "utf8");
  const table = source.slice(source.indexOf("const VARIANTS"), source.indexOf("export default"));
  return [...table.matchAll(/^ {2}"?([a-z0-9-]+)"?(?:: (?:async )?\(|\()/gm)].map(([, name]) => name);
}

const names = values.streams ? namesOf(STREAMS) : [...namesOf(CALLS), "entry-class"];
const chosen = names.filter((name) => name === REFERENCE || new RegExp(values.only).test(name));
const stops = [];
try {
  const upstream = await startHelper(path.join(here, "upstream.mjs"));
  const load = await startHelper(path.join(here, "load.mjs"));
  stops.push(upstream.stop, load.stop);
  const context = { root: path.dirname(here), upstream: { url: `http://127.0.0.1:${upstream.hello.port}` } };
  const running = [];
  for (const name of chosen) {
    const file = name === "entry-class" ? ENTRY : values.streams ? STREAMS : CALLS;
    const env = { VARIANT: { type: "text", value: name } };
    const started = { ...(await startForwarder(name, file, context, env)), name, reference: true };
    stops.push(started.stop);
    running.push(started);
  }
  const bench = { upstream, load, running };
  const concurrency = Number(values.concurrency);
  const scenario = {
    concurrency,
    promptBytes: 1024,
    usage: true,
    stream: values.streams ? { chunks: 400, gapMs: Number(values.gap) } : null,
    rate: values.streams ? "chunks_per_s" : "requests_per_s",
  };
  const settings = { delayMs: 0, warmupMs: 50, measureMs: Number(values.seconds) * 1000 };
  await settle(running);
  // Compilers that work while the program runs have done so before anything counts.
  for (const variant of running) await measure(bench, variant, scenario, { ...settings, measureMs: 2_000 });
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const order = running.map((_, i) => running[(i + round) % running.length]);
    const found = {};
    for (const variant of order) {
      const { cpu_ms_per_1000: cpu, [scenario.rate]: rate } = await measure(bench, variant, scenario, settings);
      found[variant.name] = { cpu, rate };
    }
    rounds.push(found);
  }
  const unit = values.streams ? "chunk" : "request";
  console.log(`processor time of a ${unit} against ${REFERENCE}, median [quartiles] of ${rounds.length} rounds; rate`);
  for (const name of chosen) {
    const { median, low, high } = quartiles(rounds.map((found) => found[name].cpu / found[REFERENCE].cpu));
    const us = quartiles(rounds.map((found) => found[name].cpu));
    const rate = quartiles(rounds.map((found) => found[name].rate / found[REFERENCE].rate));
    console.log(
      `${name.padEnd(16)} ${median.toFixed(3)} [${low.toFixed(3)}..${high.toFixed(3)}]  ${us.median.toFixed(1)} µs  ${rate.median.toFixed(2)} ×`,
    );
  }
} finally {
  for (const stop of stops.reverse()) await stop();
}
