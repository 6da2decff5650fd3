// The conformance suite and the inspector of the Model Context Protocol, run at an address of a gateway.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureMcpPrograms } from "./mcp-programs/programs.mjs";

/** Runs a script of Node, and gives its exit code and what it wrote. */
const runScript = (script, args) =>
  new Promise((resolve) => {
    // Whatever colours and configuration the user has.
    const env = { ...process.env, NO_COLOR: "1", HOME: tmpdir() };
    execFile(process.execPath, [script, ...args], { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? 1) : 0, stdout, stderr }),
    );
  });

/** A way to an address for programs that cannot be told a key. `to` names the address and the headers; `origin` is where it listens. */
export async function startKeyAdder() {
  let target;
  const server = http.createServer((req, res) => {
    const { url, headers } = target;
    const { hostname, port, pathname, host } = new URL(url);
    const given = { ...req.headers, ...headers, host };
    const asked = http.request({ hostname, port, path: pathname, method: req.method, headers: given }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    asked.on("error", () => res.destroy());
    res.on("close", () => asked.destroy());
    req.pipe(asked);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    to: (url, headers) => (target = { url, headers }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * The checks of the scenarios that a revision has, at an address: `{ counts, failed }`, where `failed` maps a scenario to the ids of
 * its checks that failed or warned, and to what was said of them. The suite runs its scenarios one after the other.
 */
export async function conformanceOf(url, revision) {
  const { conformance } = await ensureMcpPrograms();
  const folder = mkdtempSync(path.join(tmpdir(), "mcp-conformance-"));
  try {
    const args = ["server", "--url", url, "--requirements", revision, "--output-dir", folder];
    const { stdout, stderr } = await runScript(conformance, args);
    const results = readdirSync(folder);
    if (results.length === 0) throw new Error(`the suite did not run:\n${stdout}\n${stderr}`);
    const counts = { passed: 0, failed: 0, warned: 0 };
    const failed = {};
    for (const result of results) {
      // server-{scenario}-{time}
      const scenario = /^server-(.*)-\d{4}-\d\d-\d\dT.*$/.exec(result)[1];
      for (const check of JSON.parse(readFileSync(path.join(folder, result, "checks.json"), "utf8"))) {
        if (check.status === "SUCCESS") counts.passed++;
        if (check.status !== "FAILURE" && check.status !== "WARNING") continue;
        counts[check.status === "FAILURE" ? "failed" : "warned"]++;
        failed[scenario] ??= { checks: [], said: [] };
        if (!failed[scenario].checks.includes(check.id)) failed[scenario].checks.push(check.id);
        failed[scenario].said.push(`${check.id}: ${check.errorMessage}`);
      }
    }
    return { counts, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Compares what failed with what is expected to: by scenario, the checks that fail, or `"*"` for any number of them, and why. What else
 * fails, and what is expected to and does not, is named.
 */
export function assertFailures({ failed }, expected) {
  const wrong = [];
  for (const [scenario, { checks, said }] of Object.entries(failed)) {
    const known = expected[scenario]?.checks ?? [];
    const others = known === "*" ? [] : checks.filter((check) => !known.includes(check));
    if (others.length > 0) wrong.push(`${scenario}: ${others.join(", ")} failed: ${said.join("; ")}`);
  }
  for (const [scenario, { checks: known }] of Object.entries(expected)) {
    const checks = failed[scenario]?.checks ?? [];
    const passed = known === "*" ? checks.length === 0 && ["all"] : known.filter((check) => !checks.includes(check));
    if (passed?.length > 0) wrong.push(`${scenario}: passes, take it out of what is expected to fail: ${passed}`);
  }
  assert.deepEqual(wrong, []);
}

/** Runs the command line of the inspector, and gives its exit code, what it wrote, and the JSON in that. */
export async function inspect(url, era, headers, ...args) {
  const { inspector } = await ensureMcpPrograms();
  const named = Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}: ${value}`]);
  const all = ["--cli", url, "--transport", "http", "--protocol-era", era, ...named, ...args];
  const { code, stdout, stderr } = await runScript(inspector, all);
  let json;
  try {
    json = JSON.parse(stdout);
  } catch {
    // What is no JSON is in what it wrote.
  }
  return { code, json, output: `${stdout}\n${stderr}` };
}
