// Where a contestant spends its processor time: `node bench/profile.mjs [contestant] [scenario] [seconds]` (Node 22.16 or
// newer) puts one scenario's load on it while V8 samples the Worker's isolate, prints the functions that cost most, and
// leaves the profile in bench/profile.cpuprofile for a browser's developer tools. Only the isolate's own work shows:
// what workerd does natively around it is "(program)".
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startHelpers, underLoad } from "./helpers.mjs";
import { scenarios } from "./scenarios.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const [name = "nexus-edge", scenarioName = "chat-1k-c16", seconds = "5"] = process.argv.slice(2);
const scenario = scenarios.find((candidate) => candidate.name === scenarioName);
if (!scenario) throw new Error(`no scenario ${scenarioName}`);

/** A DevTools session with one isolate. */
async function inspect(url) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error(`cannot inspect ${url}`));
  });
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    waiting.get(id)?.(error ? { error } : result);
  };
  let next = 1;
  return {
    ask: (method, params = {}) =>
      new Promise((resolve) => {
        waiting.set(next, resolve);
        socket.send(JSON.stringify({ id: next++, method, params }));
      }),
    close: () => socket.close(),
  };
}

/** Self time by function, the dearest first. */
function dearest({ nodes, samples, timeDeltas }) {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map();
  let total = 0;
  samples.forEach((id, i) => {
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === "(idle)") return;
    const key = `${functionName || "(anonymous)"} ${url.split("/").at(-1)}${url && !url.startsWith("wasm") ? `:${lineNumber + 1}` : ""}`;
    self.set(key, (self.get(key) ?? 0) + timeDeltas[i]);
    total += timeDeltas[i];
  });
  return [...self].sort((a, b) => b[1] - a[1]).map(([key, time]) => ({ key, share: time / total }));
}

const { context, stop, ...helpers } = await startHelpers();
try {
  await underLoad(helpers, { ...context, inspect: true }, name, scenario, async ({ mf }, put) => {
    await put(2);

    const inspector = new URL(await mf.getInspectorURL());
    // A variant of a contestant runs the same Worker, under that one's name.
    const targets = await (await fetch(`http://${inspector.host}/json`)).json();
    const { id } = targets.find(({ id }) => id.startsWith("core:user:"));
    const session = await inspect(`ws://${inspector.host}/${id}`);
    await session.ask("Profiler.enable");
    await session.ask("Profiler.setSamplingInterval", { interval: 200 });
    await session.ask("Profiler.start");
    const { requests_per_s } = await put(Number(seconds));
    const { profile } = await session.ask("Profiler.stop");
    session.close();
    const file = path.join(here, "profile.cpuprofile");
    writeFileSync(file, JSON.stringify(profile));
    console.log(`${name}, ${scenario.name}: ${Math.round(requests_per_s)} requests/s under the profiler\n`);
    for (const { key, share } of dearest(profile).slice(0, 40))
      console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${key}`);
  });
} finally {
  stop();
}
