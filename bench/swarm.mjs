// What connected agents cost while nothing calls them: memory of workerd for each, objects that pings build, and the time until all are
// connected again after a restart. Beside the gateway's hub, in the same run, a bare hibernating object in JavaScript in its place.
//
//   node bench/swarm.mjs [--agents 1000] [--idle 20]
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { ScriptedAgent, tokenOf } from "../tests/support/agent.mjs";
import { startGateway } from "../tests/support/gateway.mjs";
import { bearer } from "../tests/support/util.mjs";

const { values } = parseArgs({
  options: { agents: { type: "string", default: "1000" }, idle: { type: "string", default: "20" } },
});
const AGENTS = Number(values.agents);
const IDLE_MS = Number(values.idle) * 1_000;
/** Agents of one owner, which may have 50. */
const OF_OWNER = 50;
const AT_ONCE = 20;

// Counts the objects that are built; `bare` puts the least that a hub can be in the place of the real one.
const entry = (bare) => `
import worker from "./index.js";
import { AgentHub as Hub } from "./index.js";
export * from "./index.js";
let built = 0;
class Bare {
  constructor(state) {
    this.state = state;
    state.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }
  async fetch(request) {
    if (!request.url.endsWith("/socket")) return new Response("{}");
    const [client, server] = Object.values(new WebSocketPair());
    this.state.acceptWebSocket(server);
    server.serializeAttachment({ epoch: 0, agent_id: "agent" });
    return new Response(null, { status: 101, webSocket: client, headers: { "sec-websocket-protocol": "nexus.bridge.v2" } });
  }
  webSocketMessage(socket) {
    socket.serializeAttachment({ epoch: 1, agent_id: "agent" });
    socket.send('{"t":"welcome","epoch":1,"want":[],"keep":[],"drop":[],"send":[]}');
  }
  webSocketClose(socket) { socket.close(1000, ""); }
  alarm() {}
}
export class AgentHub extends ${bare ? "Bare" : "Hub"} {
  constructor(...given) { super(...given); built += 1; }
}
export default class extends worker {
  fetch(request) {
    if (new URL(request.url).pathname === "/built") return new Response(String(built));
    return super.fetch(request);
  }
}`;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const workerds = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        return stat.includes("(workerd)") && Number(stat.split(") ")[1].split(" ")[1]) === process.pid;
      } catch {
        return false;
      }
    });
const memoryKb = () => {
  let total = 0;
  for (const pid of workerds()) total += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
  return total;
};

/** Does something with all of a list, at most so many at once. */
async function all(list, work) {
  let next = 0;
  const take = async () => {
    while (next < list.length) await work(list[next++]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
}

async function prepare(gw) {
  const agents = [];
  for (let i = 0; i < AGENTS; i++) {
    if (i % OF_OWNER === 0) agents.key = (await gw.createKey()).key;
    agents.push({ key: agents.key, id: `swarm-${i}` });
  }
  await all(agents, async (one) => {
    one.agent = new ScriptedAgent(gw, await tokenOf(gw, one.key, one.id), one.id);
  });
  return agents.map(({ agent, key }) => Object.assign(agent, { key }));
}

async function connect(agents) {
  const began = performance.now();
  await all(agents, (one) => one.connect());
  return performance.now() - began;
}

async function disconnect(agents) {
  for (const one of agents) one.socket.close();
  await Promise.all(agents.map((one) => one.socket.closed));
}

async function measure(bare) {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-swarm-"));
  const options = { vars: { GLOBAL_REQUESTS_PER_SECOND: "0" }, storage, entry: entry(bare) };
  let gw = await startGateway(options);
  const built = async () => Number(await (await fetch(`${gw.url}/built`)).text());
  const figures = {};
  const agents = await prepare(gw);
  // The first connections show what the process needs for so many requests; the second what the connections need.
  await connect(agents);
  await wait(IDLE_MS);
  await disconnect(agents);
  await wait(IDLE_MS);
  const before = memoryKb();
  figures.connect_ms = Math.round(await connect(agents));
  const awake = memoryKb();
  await wait(IDLE_MS);
  const asleep = memoryKb();
  figures.awake_kb = Math.round((awake - before) / AGENTS);
  figures.idle_kb = Math.round((asleep - before) / AGENTS);
  const builtBefore = await built();
  for (let round = 0; round < 3; round++) {
    for (const one of agents) one.socket.send("ping");
    await wait(2_000);
  }
  figures.pongs = agents.reduce((sum, one) => sum + one.socket.frames.filter((frame) => frame === "pong").length, 0);
  figures.built_by_pings = (await built()) - builtBefore;
  if (!bare) {
    const times = [];
    for (const one of agents.slice(0, 100)) {
      const began = performance.now();
      const answer = await fetch(`${gw.url}/v1/bridge/invoke`, {
        method: "POST",
        headers: { ...bearer(one.key), "content-type": "application/json" },
        body: JSON.stringify({ agent_id: one.agentId, tool_name: "files__echo", arguments: {} }),
      });
      if (!answer.ok) throw new Error(await answer.text());
      await answer.text();
      times.push(performance.now() - began);
    }
    times.sort((a, b) => a - b);
    figures.first_call_p50_ms = Math.round(times[50]);
  }
  await gw.stop();
  if (!bare) {
    gw = await startGateway({ ...options, vars: { ...options.vars, MASTER_KEY: gw.masterKey } });
    for (const one of agents) one.gw = gw;
    figures.reconnect_ms = Math.round(await connect(agents));
    await gw.stop();
  }
  rmSync(storage, { recursive: true, force: true });
  return figures;
}

console.log("bare", JSON.stringify(await measure(true)));
console.log("hub ", JSON.stringify(await measure(false)));
