// The real program as an agent of the suite's gateway: built, started in a home directory of its own, and asked through the gateway.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { cargoEnvironment, withCargo } from "../../scripts/lib/cargo.mjs";
import { cargoTarget } from "../../scripts/lib/paths.mjs";
import { run } from "../../scripts/lib/run.mjs";
import { home, program, real } from "../bridge/support/agent.mjs";
import { callsOf, tokenOf } from "./agent.mjs";
import { eventually } from "./util.mjs";

export const PATIENCE = { within: 60_000, every: 100 };

/** The server of crates/bridge that behaves as its arguments say. */
export const scripted = (name, ...args) => ({
  name,
  command: join(cargoTarget, "debug", "examples", "scripted_server"),
  args,
});

/** Builds the program, and the scripted server; for `setUp`. */
export async function buildAgent() {
  const args = ["build", "--quiet", "--package", "nexus-edge-bridge", "--bins", "--examples", "--locked"];
  const code = await withCargo(() => run("cargo", args, { env: cargoEnvironment }));
  assert.equal(code, 0, "cargo build");
}

/** What starts agents of the gateway of the suite `t`, and asks them. */
export function realAgents(t) {
  const { post, get } = callsOf(t);
  const started = [];

  after(async () => {
    for (const one of started) await one.end();
  });

  /** A home directory with a configuration for this gateway, or the one at `url`, and the program in it. */
  async function bridge(
    agentId,
    {
      token,
      url = t.gw.url,
      servers = [real("everything")],
      policy = { default: "allow" },
      options = [],
      env = {},
    } = {},
  ) {
    token ??= await tokenOf(t.gw, t.key, agentId);
    const server = {
      url: `${url.replace(/^http/, "ws")}/bridge/tunnel`,
      token: `\${file:~/agent.key}`,
      reconnect_initial: "100ms",
      reconnect_max: "1s",
    };
    const place = home(
      servers,
      `server: ${JSON.stringify(server)}\nagent: {id: ${agentId}}\npolicy: ${JSON.stringify(policy)}`,
    );
    Object.assign(place.env, env);
    writeFileSync(join(place.folder, "agent.key"), `${token}\n`, { mode: 0o600 });
    return start({ agentId, token, place, options });
  }

  /** Starts the program in a home directory that is there. */
  function start({ agentId, token, place, options = [] }) {
    const one = { agentId, token, place, output: "" };
    one.start = () => {
      const args = ["--config", place.file, "--log-level", "debug", "agent", "start", ...options];
      one.child = spawn(program, args, { env: place.env, stdio: ["ignore", "pipe", "pipe"] });
      for (const stream of [one.child.stdout, one.child.stderr]) stream.on("data", (data) => (one.output += data));
      one.closed = new Promise((resolve) => one.child.on("close", resolve));
    };
    one.kill = async (signal) => {
      one.child.kill(signal);
      return one.closed;
    };
    one.end = async () => {
      // One that a test has stopped hears no other signal.
      one.child.kill("SIGCONT");
      await one.kill("SIGTERM");
      place.remove();
    };
    started.push(one);
    one.start();
    return one;
  }

  const listed = async (one) =>
    (await get("/v1/bridge/agents")).json().agents.find(({ agent_id }) => agent_id === one.agentId);
  const tools = async (one) => (await get(`/v1/bridge/agents/${one.agentId}/tools`)).json().tools;

  /** Waits until the agent is connected with its tools. */
  async function connected(one) {
    try {
      await eventually(async () => (await listed(one)).status === "online" && (await tools(one)).length > 0, {
        what: "the agent with its tools",
        ...PATIENCE,
      });
    } catch (error) {
      throw new Error(`${error.message}\n${one.output}`);
    }
  }

  const invoke = (one, tool, more = {}, server = "everything") =>
    post("/v1/bridge/invoke", { agent_id: one.agentId, tool_name: `${server}__${tool}`, ...more });

  return { bridge, start, listed, tools, connected, invoke };
}
