// From the start of a fresh process to its first answer: the process reads its code, the Worker reads its configuration, the
// first request goes through. workerd's simulators of R2 and the objects start with it where a Worker is bound to them, which
// in production other machines run; and the files are in the page cache, because a round that is not counted goes before.
//
// Where Nexus Edge's time goes, pass-through Workers show to which its parts are given one after the other.
import childProcess from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { headersFor } from "../forwarder.mjs";
import { configuration, configure, startGateway } from "../gateway.mjs";
import { digitsOf, requestTemplate } from "../payload.mjs";
import { sleep } from "../processes.mjs";
import { spread } from "../report.mjs";
import { freePort } from "../server.mjs";
import { startWorker } from "../workerd.mjs";

export const name = "cold_start";
export const about = "from the start of a fresh process to its first answer";

export async function run(context) {
  const { root, scratch, upstream, upstreamAddress, openStores, quick, log } = context;
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const stored = path.join(scratch, "cold-start");
  const outside = await openStores();
  const kept = await prepare(root, stored, upstreamAddress, outside);
  const own = {
    name: "nexus-edge",
    rounds: quick ? 2 : 7,
    start: ({ socket }) =>
      startGateway(
        { root },
        { ...outside, socket, vars: kept.secrets, miniflare: { resourcePersistencePath: stored }, setUp: false },
      ),
    headers: kept.headers,
  };
  const list = [own, ...parts(root, outside).map((part) => ({ ...part, rounds: own.rounds, headers: headersFor() }))];
  for (const [folder, rounds] of quick
    ? [["passthrough", 2]]
    : [
        ["passthrough", 7],
        ["portkey-workerd", 7],
        ["portkey-node", 3],
        ["litellm", 1],
      ]) {
    const contestant = await import(`../contestants/${folder}/contestant.mjs`);
    try {
      await contestant.install?.();
      list.push({ name: folder, rounds, start: contestant.start, headers: contestant.headersFor(upstreamAddress) });
    } catch (error) {
      log(`cold_start without ${folder}: ${error.message.split("\n")[0]}`);
    }
  }
  const times = Object.fromEntries(list.map(({ name }) => [name, []]));
  for (let round = -1; round < Math.max(...list.map(({ rounds }) => rounds)); round++) {
    for (const one of list) {
      // What is started once only is not worth a round that does not count.
      if (round >= one.rounds || (round < 0 && one.rounds === 1)) continue;
      const ms = await firstAnswer(one, { root, scratch, upstream: upstreamAddress });
      if (round >= 0) times[one.name].push(ms);
    }
  }
  const found = (list) =>
    Object.fromEntries(list.map(({ name }) => [name, { rounds: times[name].length, ...spread(times[name]) }]));
  return {
    first_answer_ms: found(list.filter(({ isPart }) => !isPart)),
    part_ms: found(list.filter(({ isPart }) => isPart)),
  };
}

/** The pass-through Worker with more and more of Nexus Edge around it. */
function parts(root, { queue, kv, d1 }) {
  const source = readFileSync(new URL("../contestants/passthrough/worker.js", import.meta.url), "utf8");
  const { workerOptions } = configuration(root, { name: "part", secrets: {} });
  const { config } = workerOptions;
  const { "index.js": glue, "index_bg.wasm": wasm } = config.manifest.modules;
  const simple = { ...config, env: {}, exports: {}, triggers: [] };
  const classes = Object.keys(config.exports).map((name) => `export class ${name} extends DurableObject {}`);
  const bound = `import { DurableObject } from "cloudflare:workers";\n${classes.join("\n")}\nexport { default } from "./worker.js";`;
  const part = (name, config, main, modules) => ({
    name,
    isPart: true,
    start({ upstream, socket }) {
      const manifest = {
        mainModule: "main.js",
        modules: {
          "main.js": { type: "esm", contents: main },
          "worker.js": { type: "esm", contents: source },
          ...modules,
        },
      };
      const env = { ...config.env, UPSTREAM: { type: "text", value: upstream.url } };
      return startWorker({ ...workerOptions, config: { ...config, manifest, env } }, { queue, kv, d1, socket });
    },
  });
  const forwards = `export { default } from "./worker.js";`;
  const both = { "index.js": glue, "index_bg.wasm": wasm };
  return [
    part("its bindings, and what simulates them", config, bound),
    part("its module in the bundle, unused", simple, forwards, both),
    part("its module compiled", simple, `import "./index_bg.wasm"; ${forwards}`, both),
    part("its module instantiated", simple, `import "./index.js"; ${forwards}`, both),
  ];
}

/** A gateway's stores with one provider, model and key in them, and the secrets that go with them. */
async function prepare(root, stored, upstreamAddress, outside) {
  const gateway = await startGateway({ root }, { ...outside, miniflare: { resourcePersistencePath: stored } });
  try {
    const { headers } = await configure(gateway, upstreamAddress);
    // What is put off until after an answer (copies in KV) has to be there.
    await sleep(1500);
    return { headers, secrets: gateway.secrets };
  } finally {
    await gateway.stop();
  }
}

async function firstAnswer({ name, start, headers }, context) {
  const port = await freePort();
  let startedAt = null;
  const { spawn } = childProcess;
  childProcess.spawn = (...args) => {
    startedAt ??= performance.now();
    return spawn(...args);
  };
  const starting = start({ ...context, port, socket: { host: "127.0.0.1", port } });
  try {
    const failed = starting.then(() => new Promise(() => {}));
    return (await Promise.race([answer(name, port, headers), failed])) - startedAt;
  } finally {
    childProcess.spawn = spawn;
    await (await starting).stop();
  }
}

/** When the first answer was there, asked for again and again from the beginning. */
async function answer(name, port, headers) {
  const request = {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: requestTemplate({ promptBytes: 100, stream: false }).with(digitsOf(0)).toString(),
  };
  let refusal = "no server listened";
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await sleep(2)) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, request);
      const text = await response.text();
      if (response.status === 200) return performance.now();
      refusal = `status ${response.status}: ${text.slice(0, 200)}`;
    } catch {
      // The server does not listen yet.
    }
  }
  throw new Error(`${name} did not answer within two minutes: ${refusal}`);
}
