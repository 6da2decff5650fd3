// A home directory with a configuration of real servers, and what starts the agent in it.

import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cargoTarget } from "../../../scripts/lib/paths.mjs";

const require = createRequire(import.meta.url);

/** The agent's program, built by `npm test -- --only bridge`, or by the suite that needs it. */
export const program = process.env.NEXUS_BRIDGE ?? join(cargoTarget, "debug", "nexus-bridge");

/** The script of a server that npm installed. */
function script(name) {
  const manifest = require(`@modelcontextprotocol/${name}/package.json`);
  const bin = typeof manifest.bin === "string" ? manifest.bin : Object.values(manifest.bin)[0];
  return join(require.resolve(`@modelcontextprotocol/${name}/package.json`), "..", bin);
}

/** How a real server is started, as an SDK's client transport takes it. */
export const direct = (name, ...args) => ({ command: process.execPath, args: [script(name), ...args] });

/** A home directory. `servers` are entries of `mcp_servers`, `more` is YAML before them. */
export function home(servers, more = "") {
  const folder = mkdtempSync(join(tmpdir(), "nexus-bridge-"));
  chmodSync(folder, 0o700);
  const file = join(folder, "bridge.yaml");
  const configure = (entries, text = more) => writeFileSync(file, `${text}\nmcp_servers: ${JSON.stringify(entries)}\n`);
  configure(servers);
  const env = { PATH: process.env.PATH, HOME: folder };
  return {
    folder,
    file,
    configure,
    env,
    transport: { command: program, args: ["--config", file, "agent", "serve-mcp"], env },
    run: (...args) => run(["--config", file, ...args], env),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** An entry of `mcp_servers` for a real server. */
export function real(name, args = [], more = {}) {
  const { command, args: words } = direct(`server-${name}`, ...args);
  return { name, command, args: words, ...more };
}

function run(args, env) {
  return new Promise((resolve) => {
    const done = (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr });
    execFile(program, args, { env }, done).stdin.end();
  });
}
