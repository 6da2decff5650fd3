// Servers of PyPI behind the agent: three of the reference servers, which speak the newer era only once they were asked for it,
// and refuse the older one from then on.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { inRoot } from "../../scripts/lib/paths.mjs";
import { ensurePrograms } from "../../scripts/lib/python.mjs";
import { home } from "./support/agent.mjs";

const TIMEOUT = { timeout: 120_000 };
let place;
let client;
let site;

before(
  async () => {
    const programs = await ensurePrograms(
      inRoot("tests", "bridge", "python", "requirements.txt"),
      "the Bridge's tests",
    );
    place = home([]);
    const repository = join(place.folder, "repository");
    mkdirSync(repository);
    const git = (...args) =>
      execFileSync("git", ["-C", repository, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", ...args]);
    git("init", "--quiet");
    writeFileSync(join(repository, "a.txt"), "first\n");
    git("add", ".");
    git("commit", "--quiet", "--message", "the first words");
    site = http.createServer((request, response) => {
      response.writeHead(request.url === "/page" ? 200 : 404, { "content-type": "text/html" });
      response.end("<html><body><h1>A page</h1><p>with words</p></body></html>");
    });
    await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
    const server = (name, ...args) => ({ name, command: join(programs, `mcp-server-${name}`), args });
    place.configure([server("time", "--local-timezone", "UTC"), server("git"), server("fetch", "--allow-private-ips")]);
    client = new Client({ name: "test", version: "1" });
    await client.connect(new StdioClientTransport({ ...place.transport, stderr: "ignore" }), TIMEOUT);
  },
  { timeout: 600_000 },
);

after(async () => {
  await client?.close();
  site?.close();
  place?.remove();
});

const call = (name, args) => client.callTool({ name, arguments: args }, undefined, TIMEOUT);

test("their tools are listed and called", async () => {
  const { tools } = await client.listTools({}, TIMEOUT);
  const names = tools.map(({ name }) => name);
  for (const name of ["time__convert_time", "git__git_log", "fetch__fetch"])
    assert.ok(names.includes(name), names.join());
  const time = await call("time__convert_time", {
    source_timezone: "UTC",
    time: "12:00",
    target_timezone: "Asia/Tokyo",
  });
  assert.match(time.content[0].text, /21:00/);
  const log = await call("git__git_log", { repo_path: join(place.folder, "repository") });
  assert.match(log.content[0].text, /the first words/);
  // Raw: to turn a page into Markdown the server would install packages with npm at its first call.
  const page = await call("fetch__fetch", { url: `http://127.0.0.1:${site.address().port}/page`, raw: true });
  assert.match(page.content[0].text, /with words/);
  const wrong = await call("time__convert_time", { source_timezone: "Nowhere", time: "12:00", target_timezone: "UTC" });
  assert.equal(wrong.isError, true);
});

test("doctor says which version each of them speaks", async () => {
  const { code, stdout } = await place.run("doctor");
  assert.equal(code, 0, stdout);
  for (const name of ["time", "git", "fetch"])
    assert.match(stdout, new RegExp(`${name} +ready after \\d+ ms, speaks 20`));
});
