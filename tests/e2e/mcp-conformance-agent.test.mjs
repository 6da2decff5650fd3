// The conformance suite of the Model Context Protocol at a server behind a real agent: what fails is in a list with its reason.
import { after } from "node:test";
import { startConformanceServer } from "../support/mcp-conformance.mjs";
import { EXPECTED_OF_AGENT } from "../support/mcp-expected.mjs";
import { assertFailures, conformanceOf, startKeyAdder } from "../support/mcp-outside.mjs";
import { ensureMcpPrograms } from "../support/mcp-programs/programs.mjs";
import { buildAgent, realAgents } from "../support/real-agent.mjs";
import { suite, test } from "../support/suite.mjs";
import { bearer } from "../support/util.mjs";

const adder = await startKeyAdder();
let server;
const t = suite({
  vars: { CORS_ALLOWED_ORIGINS: adder.origin },
  setUpWithin: 900_000,
  setUp: async () => {
    await ensureMcpPrograms();
    await buildAgent();
    server = await startConformanceServer();
    // The agent is that of this key.
    t.key = (await t.gw.createKey({ allow_tools: ["agent/*"] })).key;
    const one = await bridge("laptop", {
      servers: [{ name: "fixture", type: "streamable_http", url: `${server.url}/modern` }],
    });
    await connected(one);
  },
});
const { bridge, connected } = realAgents(t);
after(async () => {
  await adder.stop();
  await server?.stop();
});

for (const revision of ["2025-11-25", "2026-07-28"])
  test(
    `the checks of ${revision} fail only where it is known why`,
    async (context) => {
      adder.to(`${t.gw.url}/mcp/agent/laptop/fixture`, bearer(t.key));
      const found = await conformanceOf(`${adder.origin}/mcp`, revision);
      context.diagnostic(JSON.stringify(found.counts));
      assertFailures(found, EXPECTED_OF_AGENT[revision]);
    },
    { timeout: 600_000 },
  );
