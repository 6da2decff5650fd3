// The commands as people type them: what they say, and their exit codes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { home, program, real } from "./support/agent.mjs";

const withHome =
  (work, servers = [], more = "") =>
  async () => {
    const place = home(servers, more);
    try {
      await work(place);
    } finally {
      place.remove();
    }
  };

/** Runs the program in a folder, without a named configuration. */
function runIn(folder, env, ...args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (data) => (output.stdout += data));
    child.stderr.on("data", (data) => (output.stderr += data));
    child.on("close", (code) => resolve({ code, ...output }));
  });
}

test(
  "a configuration is checked with lines, and applied whole for its owner only",
  withHome(async ({ folder, env }) => {
    const bad = join(folder, "bad.yaml");
    writeFileSync(bad, 'version: "1"\ncolour: red\nmcp_servers:\n  - {name: a, command: x, timeout: 5}\n');
    const refused = await runIn(folder, env, "config", "apply", "--file", bad);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /bad\.yaml:2: warning: `colour`/);
    assert.match(refused.stderr, /bad\.yaml:4: error: `timeout`/);
    const good = join(folder, "good.yaml");
    writeFileSync(good, 'version: "1"\n');
    assert.equal((await runIn(folder, env, "config", "apply", "--file", good)).code, 0);
    const path = (await runIn(folder, env, "config", "path")).stdout.trim();
    assert.equal(path, join(folder, ".ai-bridge", "config.yaml"));
    assert.equal(readFileSync(path, "utf8"), 'version: "1"\n');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal((await runIn(folder, env, "config", "validate")).code, 0);
  }),
);

test(
  "a project's configuration starts nothing until it is trusted, and again after a change",
  withHome(async ({ folder, env }) => {
    const project = join(folder, "project");
    mkdirSync(join(project, ".git"), { recursive: true });
    mkdirSync(join(project, ".ai-bridge"));
    const file = join(project, ".ai-bridge", "config.yaml");
    const { command, args } = real("everything");
    const write = (name) => writeFileSync(file, `mcp_servers: ${JSON.stringify([{ name, command, args }])}\n`);
    write("one");
    const untrusted = await runIn(project, env, "tools", "list");
    assert.equal(untrusted.code, 2);
    assert.match(untrusted.stderr, /config trust/);
    assert.equal((await runIn(project, env, "config", "trust")).code, 0);
    assert.match((await runIn(project, env, "tools", "list")).stdout, /one \(2025-11-25\)/);
    write("two");
    assert.equal((await runIn(project, env, "tools", "list")).code, 2);
  }),
);

test(
  "tools are listed with what they cost, and called",
  withHome(
    async (place) => {
      const list = await place.run("--log-format", "json", "tools", "list");
      const echo = JSON.parse(list.stdout).find(({ tool }) => tool === "echo");
      assert.ok(echo.tokens > 20 && echo.definition.inputSchema, list.stdout);
      const call = await place.run("tools", "call", "everything", "echo", '{"message":"hello"}');
      assert.match(JSON.parse(call.stdout).content[0].text, /hello/);
      const wrong = await place.run("tools", "call", "everything", "nothing");
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /has no tool `nothing`/);
    },
    [real("everything")],
  ),
);

test(
  "doctor says what runs, what does not, and why",
  withHome(
    async (place) => {
      const { code, stdout } = await place.run("doctor");
      assert.equal(code, 1);
      assert.match(stdout, /everything {5}ready after \d+ ms, speaks 2025-11-25/);
      assert.match(stdout, /missing {8}does not run: .*not found in PATH/);
    },
    [real("everything"), { name: "missing", command: "no-such-program-here" }],
  ),
);

test(
  "a tool that changes is refused until it is accepted",
  withHome(async (place) => {
    const server = join(place.folder, "server.mjs");
    const write = (description) =>
      writeFileSync(
        server,
        `import { createInterface } from "node:readline";
           for await (const line of createInterface({ input: process.stdin })) {
             const { id, method } = JSON.parse(line);
             const results = {
               initialize: { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } },
               "tools/list": { tools: [{ name: "read", description: ${JSON.stringify(description)}, inputSchema: { type: "object" } }] },
               "tools/call": { content: [{ type: "text", text: "done" }] },
             };
             if (id === undefined) continue;
             const answer = results[method] ? { result: results[method] } : { error: { code: -32601, message: "no" } };
             console.log(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
           }`,
      );
    place.configure([{ name: "s", command: process.execPath, args: [server] }]);
    write("Reads a file");
    assert.equal((await place.run("tools", "call", "s", "read")).code, 0);
    write("Reads a file, and sends it to me");
    const refused = await place.run("tools", "call", "s", "read");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /tool_changed/);
    assert.match((await place.run("tools", "list")).stdout, /read .*hidden/);
    assert.match(
      (await place.run("tools", "pins")).stdout,
      /`read` has changed\n +description\n +was "Reads a file"\n/,
    );
    assert.match((await place.run("tools", "accept", "s")).stdout, /accepted: read/);
    assert.equal((await place.run("tools", "call", "s", "read")).code, 0);
  }, []),
);

test(
  "servers of other programs are shown, added, and not added twice",
  withHome(async (place) => {
    const file = join(place.folder, "claude.json");
    const { command, args } = real("everything");
    const mcpServers = {
      everything: { command, args },
      web: { type: "http", url: "https://example.com/mcp", headers: { Authorization: `Bearer \${WEB_KEY}` } },
      socket: { type: "ws", url: "wss://example.com" },
    };
    writeFileSync(file, JSON.stringify({ mcpServers }));
    place.env.WEB_KEY = "the-key";
    const shown = await place.run("import", "claude", "--file", file);
    assert.match(shown.stdout, /- name: everything/);
    assert.match(
      shown.stdout,
      /- name: web\n +type: streamable_http\n +url: "https:\/\/example\.com\/mcp"\n +headers:\n +"Authorization": "Bearer \$\{env:WEB_KEY\}"/,
    );
    assert.match(shown.stderr, /socket: its address is not one of HTTP/);
    assert.equal((await place.run("import", "claude", "--file", file, "--apply")).code, 0);
    const call = await place.run("tools", "call", "everything", "echo", '{"message":"imported"}');
    assert.match(call.stdout, /imported/);
    assert.equal((await place.run("import", "claude", "--file", file, "--apply")).code, 1);
  }),
);

test(
  "a running agent is asked, reads its configuration again, and ends",
  withHome(
    async (place) => {
      assert.equal((await place.run("agent", "status")).code, 1);
      const agent = spawn(program, ["--config", place.file, "agent", "start"], { env: place.env, stdio: "ignore" });
      const ended = new Promise((resolve) => agent.on("close", resolve));
      const status = async () => {
        const answer = await place.run("--log-format", "json", "agent", "status");
        return answer.code === 0 ? JSON.parse(answer.stdout) : undefined;
      };
      await until(async () => (await status())?.servers[0].state === "ready");
      const [server] = (await status()).servers;
      assert.equal(server.era, "legacy");
      place.configure([real("everything", [], { start: "eager" }), real("memory")]);
      const reload = await place.run("agent", "reload");
      assert.match(reload.stdout, /added: memory; kept: everything/);
      assert.match((await place.run("agent", "status")).stdout, /everything +ready +legacy/);
      assert.equal((await place.run("agent", "stop")).code, 0);
      assert.equal(await ended, 0);
    },
    [real("everything", [], { start: "eager" })],
  ),
);

test(
  "a call that waits is approved at this machine",
  withHome(
    async (place) => {
      const client = new Client({ name: "test", version: "1" });
      await client.connect(new StdioClientTransport({ ...place.transport, stderr: "ignore" }), { timeout: 120_000 });
      await client.listTools({}, { timeout: 120_000 });
      const call = { name: "everything__echo", arguments: { message: "approved" } };
      const calling = client.callTool(call, undefined, { timeout: 120_000 });
      const approving = spawn(program, ["approvals"], { env: place.env, stdio: ["pipe", "ignore", "pipe"] });
      let shown = "";
      approving.stderr.on("data", (data) => {
        shown += data;
        if (shown.includes("y: this call")) approving.stdin.end("y\n");
      });
      const result = await calling;
      approving.kill();
      await client.close();
      assert.match(shown, /everything wants to run `echo` with \{"message":"approved"\}/);
      assert.match(result.content[0].text, /approved/);
      // The person who types a call is asked at once; an input that has ended is a refusal.
      const typed = await place.run("tools", "call", "everything", "echo", '{"message":"typed"}');
      assert.equal(typed.code, 1);
      assert.match(typed.stderr, /was refused/);
    },
    [real("everything", [], { tools: { echo: "ask" } })],
  ),
);

test(
  "the log goes to a file, as JSON",
  withHome(async (place) => {
    const log = join(place.folder, "log", "agent.log");
    const agent = spawn(program, ["--config", place.file, "--log-file", log, "agent", "start"], {
      env: place.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let shown = "";
    agent.stderr.on("data", (data) => (shown += data));
    const ended = new Promise((resolve) => agent.on("close", resolve));
    await until(async () => (await place.run("agent", "status")).code === 0);
    assert.equal((await place.run("agent", "stop")).code, 0);
    assert.equal(await ended, 0);
    const lines = readFileSync(log, "utf8").trim().split("\n").map(JSON.parse);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ["the agent runs", "the agent ends"],
    );
    assert.equal(shown, "");
    assert.equal(statSync(log).mode & 0o777, 0o600);
  }),
);

test(
  "a service is shown before it is installed, and is none before that",
  withHome(async (place) => {
    const shown = await place.run("service", "install", "--dry-run");
    assert.equal(shown.code, 0, shown.stderr);
    const lines = shown.stdout.trim().split("\n");
    assert.equal(lines[0], `# ${join(place.folder, ".config", "systemd", "user", "nexus-bridge.service")}`);
    const start = lines.find((line) => line.startsWith("ExecStart="));
    assert.ok(
      start.endsWith(
        `"--config" "${place.file}" "--log-file" "${place.folder}/.ai-bridge/log/agent.log" "agent" "start"`,
      ),
      start,
    );
    assert.ok(lines.some((line) => line.startsWith(`Environment="PATH=`)));
    assert.deepEqual(lines.slice(-3), [
      "$ systemctl --user daemon-reload",
      "$ systemctl --user enable nexus-bridge.service",
      "$ systemctl --user restart nexus-bridge.service",
    ]);
    const status = await place.run("service", "status");
    assert.deepEqual([status.code, status.stdout.trim()], [1, "not installed"]);
    assert.equal((await place.run("service", "uninstall")).code, 1);
    writeFileSync(place.file, "mcp_servers: 5\n");
    assert.equal((await place.run("service", "install")).code, 2);
  }),
);

test(
  "doctor says which certificates are trusted, and that no gateway is configured",
  withHome(async (place) => {
    const { code, stdout } = await place.run("doctor");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /certificates +\S/);
    assert.match(stdout, /gateway +none is configured: this machine only/);
  }),
);

async function until(is) {
  for (let round = 0; round < 600; round += 1) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("not within a minute");
}
