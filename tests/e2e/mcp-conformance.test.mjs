// Checks `/mcp` with programs of others: the conformance suite of the protocol at both revisions, at one server of the gateway, where
// what fails is in a list with its reason, and the inspector in each era, at one server and at all of them.
import assert from "node:assert/strict";
import { after } from "node:test";
import { startConformanceServer } from "../support/mcp-conformance.mjs";
import { EXPECTED } from "../support/mcp-expected.mjs";
import { assertFailures, conformanceOf, inspect, startKeyAdder } from "../support/mcp-outside.mjs";
import { ensureMcpPrograms } from "../support/mcp-programs/programs.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

// The suite is told no key, and asks as a page of its own origin.
const adder = await startKeyAdder();
let server;
let key;
const t = suite({
  vars: { CORS_ALLOWED_ORIGINS: adder.origin },
  setUpWithin: 600_000,
  setUp: async () => {
    await ensureMcpPrograms();
    server = await startConformanceServer();
    for (const id of ["modern", "legacy"]) {
      const fields = { id, url: `${server.url}/${id}`, timeout_ms: 10_000 };
      const answer = await t.gw.admin("POST", "/mcp-servers", fields);
      assert.equal(answer.status, 201, answer.text);
    }
    key = (await t.gw.createKey({ allow_tools: ["*"] })).key;
  },
});
after(async () => {
  await adder.stop();
  await server?.stop();
});

const patiently = (name, run) => test(name, run, { timeout: 600_000 });

for (const [revision, id] of [
  ["2025-11-25", "modern"],
  ["2025-11-25", "legacy"],
  ["2026-07-28", "modern"],
])
  patiently(`the checks of ${revision} at a ${id} server fail only where it is known why`, async (context) => {
    adder.to(`${t.gw.url}/mcp/server/${id}`, bearer(key));
    const found = await conformanceOf(`${adder.origin}/mcp`, revision);
    context.diagnostic(JSON.stringify(found.counts));
    assertFailures(found, EXPECTED[revision]);
  });

for (const era of ["legacy", "auto", "modern"])
  patiently(`the inspector lists, calls, reads and gets as a client of the era: ${era}`, async () => {
    const ask = async (path, ...args) => {
      const { code, json, output } = await inspect(`${t.gw.url}${path}`, era, bearer(key), "--method", ...args);
      assert.equal(code, 0, `${path} ${args.join(" ")}: ${output}`);
      return json;
    };
    for (const [path, tool] of [
      ["/mcp/server/modern", "test_simple_text"],
      ["/mcp", "legacy__test_simple_text"],
    ]) {
      const { tools } = await ask(path, "tools/list", "--strict");
      assert.ok(
        tools.some(({ name }) => name === tool),
        JSON.stringify(tools),
      );
      const called = await ask(path, "tools/call", "--tool-name", tool);
      assert.equal(called.content[0].text, "This is a simple text response for testing.");
    }
    const read = await ask("/mcp", "resources/read", "--uri", "nexus://modern/test://static-text");
    assert.equal(read.contents[0].text, "This is the content of the static text resource.");
    const got = await ask("/mcp", "prompts/get", "--prompt-name", "modern__test_simple_prompt");
    assert.equal(got.messages[0].content.text, "This is a simple prompt for testing.");
  });
