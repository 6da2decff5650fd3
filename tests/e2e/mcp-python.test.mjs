// The newer line of the official package for Python as a client of `/mcp` in both eras: what is refused of one call leaves its session as
// it is. The older line is what LangChain's adapter uses, in tests/e2e/python/langchain_mcp.py.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { after } from "node:test";
import { promisify } from "node:util";
import { inRoot } from "../../scripts/lib/paths.mjs";
import { ensurePrograms } from "../../scripts/lib/python.mjs";
import { startMcpServers } from "../support/mcp-servers.mjs";
import { suite, test } from "../support/suite.mjs";

const run = promisify(execFile);
let programs;
let servers;
const t = suite({
  setUpWithin: 600_000,
  setUp: async () => {
    // The servers of the agent's tests bring the package in this version.
    programs = await ensurePrograms(inRoot("tests", "bridge", "python", "requirements.txt"), "a test of `/mcp`");
    servers = await startMcpServers();
    const answer = await t.gw.admin("POST", "/mcp-servers", { id: "legacy", url: `${servers.url}/legacy` });
    assert.equal(answer.status, 201, answer.text);
  },
});
after(() => servers?.stop());

const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;

for (const mode of ["legacy", "auto"])
  test(
    `a session of Python's client (${mode}) goes on after each refusal`,
    async () => {
      const { key } = await t.gw.createKey({ allow_tools: ["*"], deny_tools: ["*/add"] });
      const deep = JSON.parse(`${"[".repeat(80)}${"]".repeat(80)}`);
      const calls = [
        ["add", { a: 1, b: 2 }],
        ["nothing", {}],
        ["echo", { text: "a", deep }],
        ["echo", { text: "still here" }],
      ];
      const script = inRoot("tests", "e2e", "python", "mcp_client.py");
      const args = [script, `${t.gw.url}/mcp/server/legacy`, key, mode, JSON.stringify(calls)];
      const { stdout } = await run(path.join(programs, "python"), args);
      const said = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      assert.deepEqual(said, [
        { code: INVALID_PARAMS, data: { code: "tool_not_allowed" } },
        { code: INVALID_PARAMS, data: { code: "tool_not_found" } },
        { code: INVALID_REQUEST, data: null },
        { text: "still here" },
      ]);
    },
    { timeout: 120_000 },
  );
