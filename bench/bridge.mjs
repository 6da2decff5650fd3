// What `nexus-bridge agent serve-mcp` adds to a call over standard streams, how long it takes to start, and how much memory it takes;
// beside it, in the same run, two programs that put a server on standard streams behind an address:
//
//   cargo build --profile bridge -p nexus-edge-bridge
//   NEXUS_BRIDGE=target/bridge/nexus-bridge node bench/bridge.mjs
//
// The same client calls the same tool of `server-everything` directly and through each of them, in turns of a few calls, so that what
// else the machine does falls on all. The memory is that of the program itself, without the server behind it.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import net from "node:net";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { direct, home, real } from "../tests/bridge/support/agent.mjs";
import { ensureBridges } from "./peers/bridges/bridges.mjs";

const ROUNDS = 10;
const CALLS = 30;
const STARTS = 3;
const TIMEOUT = { timeout: 120_000 };
const SIZES = { "200 B": 200, "64 kB": 64 * 1024 };

const { supergateway, mcpProxy } = await ensureBridges();
const server = direct("server-everything");
const places = [];

/** Over standard streams: the client starts the program. */
const overStreams = (options, tool) => async () => {
  const client = new Client({ name: "bench", version: "1" });
  const transport = new StdioClientTransport({ ...options(), stderr: "ignore" });
  await client.connect(transport, TIMEOUT);
  return { client, tool, pid: transport.pid, end: () => client.close() };
};

/** Behind an address: the program is started, and asked until it answers. */
const overHttp = (script, args) => async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [script, ...args(port)], { stdio: "ignore" });
  for (let tries = 0; ; tries += 1) {
    const client = new Client({ name: "bench", version: "1" });
    try {
      await client.connect(new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`)), TIMEOUT);
      const end = async () => {
        await client.close();
        child.kill();
        await new Promise((resolve) => child.once("exit", resolve));
      };
      return { client, tool: "echo", pid: child.pid, end };
    } catch (error) {
      if (tries === 1_200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
};

const bridge = () => {
  const place = home([real("everything")]);
  places.push(place);
  return place.transport;
};
const line = [server.command, ...server.args].map((word) => `"${word}"`).join(" ");
const contestants = {
  direct: overStreams(() => server, "echo"),
  "nexus-bridge": overStreams(bridge, "everything__echo"),
  [supergateway.name]: overHttp(supergateway.script, (port) => [
    ...["--stdio", line, "--outputTransport", "streamableHttp", "--stateful", "--port", String(port)],
    ...["--logLevel", "none"],
  ]),
  [mcpProxy.name]: overHttp(mcpProxy.script, (port) => [
    ...["--port", String(port), "--host", "127.0.0.1", "--server", "stream", "--", server.command, ...server.args],
  ]),
};

const starts = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
const running = {};
for (let round = 0; round < STARTS; round += 1) {
  for (const [name, start] of Object.entries(contestants)) {
    const begun = performance.now();
    const one = await start();
    await one.client.listTools({}, TIMEOUT);
    starts[name].push(performance.now() - begun);
    if (round === STARTS - 1) running[name] = one;
    else await one.end();
  }
}
const idle = await overStreams(() => {
  const place = home([]);
  places.push(place);
  return place.transport;
})();
await idle.client.listTools({}, TIMEOUT);

const rows = Object.keys(contestants).map((name) => ({ name, "start, ms": Math.round(middle(starts[name])) }));
for (const [label, bytes] of Object.entries(SIZES)) {
  const message = "x".repeat(bytes);
  const times = Object.fromEntries(Object.keys(running).map((name) => [name, []]));
  // The first round is for the programs to warm up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, one] of Object.entries(running)) {
      const taken = await measure(one, message);
      if (round > 0) times[name].push(...taken);
    }
  }
  const least = middle(times.direct);
  for (const row of rows) {
    row[`${label} p50, ms`] = Number(middle(times[row.name]).toFixed(2));
    row[`${label} added, ms`] = Number((middle(times[row.name]) - least).toFixed(2));
  }
}
for (const row of rows) row["memory, MB"] = Number((memory(running[row.name].pid) / 1_024).toFixed(1));
console.table(rows);
console.log(`nexus-bridge without servers: ${(memory(idle.pid) / 1_024).toFixed(1)} MB`);
const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
console.log(`load ${load}; ${ROUNDS} × ${CALLS} calls of each size, ${STARTS} starts`);
for (const one of [...Object.values(running), idle]) await (one.end ?? (() => one.client.close()))();
for (const place of places) place.remove();

async function measure({ client, tool }, message) {
  const times = [];
  for (let call = 0; call < CALLS; call += 1) {
    const begun = performance.now();
    await client.callTool({ name: tool, arguments: { message } }, undefined, TIMEOUT);
    times.push(performance.now() - begun);
  }
  return times;
}

function middle(list) {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
}

async function freePort() {
  const listening = net.createServer();
  await new Promise((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const { port } = listening.address();
  await new Promise((resolve) => listening.close(resolve));
  return port;
}

/** The resident memory of a process, in kB. */
function memory(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
}
