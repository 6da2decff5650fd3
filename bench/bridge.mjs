// What `nexus-bridge agent serve-mcp` adds to a call over standard streams, and how much memory it takes:
//
//   cargo build --profile bridge -p nexus-edge-bridge
//   NEXUS_BRIDGE=target/bridge/nexus-bridge node bench/bridge.mjs
//
// The same client calls the same tool of `server-everything` directly and through the Bridge, in turns, so that what else the
// machine does falls on both.

import { readFileSync } from "node:fs";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { direct, home, program, real } from "../tests/bridge/support/agent.mjs";

const ROUNDS = 10;
const CALLS = 30;

const place = home([real("everything")]);
const straight = await connect(direct("server-everything"));
const through = await connect(place.transport);
await through.client.listTools({}, { timeout: 120_000 });

const sizes = { "200 B": 200, "64 kB": 64 * 1024 };
for (const [label, bytes] of Object.entries(sizes)) {
  const message = "x".repeat(bytes);
  const times = { straight: [], through: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    await measure(straight.client, "echo", message, times.straight);
    await measure(through.client, "everything__echo", message, times.through);
  }
  const [one, other] = [times.straight, times.through].map((list) => list.slice(CALLS).sort((a, b) => a - b));
  const shown = (list, share) => list[Math.floor(list.length * share)].toFixed(2);
  console.log(
    `${label}: direct p50 ${shown(one, 0.5)} ms, p95 ${shown(one, 0.95)} ms; ` +
      `through ${program} p50 ${shown(other, 0.5)} ms, p95 ${shown(other, 0.95)} ms`,
  );
}
console.log(`memory with one server: ${memory(through.transport.pid)} kB`);
await straight.client.close();
await through.client.close();
const empty = home([]);
const idle = await connect(empty.transport);
await idle.client.listTools();
console.log(`memory without servers: ${memory(idle.transport.pid)} kB`);
await idle.client.close();
place.remove();
empty.remove();

async function connect(options) {
  const client = new Client({ name: "bench", version: "1" });
  const transport = new StdioClientTransport({ ...options, stderr: "ignore" });
  await client.connect(transport, { timeout: 120_000 });
  return { client, transport };
}

async function measure(client, name, message, times) {
  for (let call = 0; call < CALLS; call += 1) {
    const begun = performance.now();
    await client.callTool({ name, arguments: { message } });
    times.push(performance.now() - begun);
  }
}

/** The resident memory of a process, in kB. */
function memory(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
}
