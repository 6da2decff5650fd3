// Proves that `npm run deploy` deploys: with the real wrangler, to an account in memory. The first run makes everything, the
// second one changes only the Worker.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before } from "node:test";

import { inRoot } from "../../scripts/lib/paths.mjs";
import { Account } from "../support/cloudflare.mjs";
import { test } from "../support/suite.mjs";

const account = new Account();
let home;
before(async () => {
  home = await mkdtemp(path.join(tmpdir(), "nexus-edge-home-"));
  await account.start();
});
after(async () => {
  await account.stop();
  await rm(home, { recursive: true });
});

async function deploy(env = {}) {
  const child = spawn(process.execPath, [inRoot("scripts", "deploy.mjs")], {
    // The account of the person who runs the tests is out of reach.
    env: {
      ...process.env,
      XDG_CONFIG_HOME: home,
      NEXUS_EDGE_PROFILE: process.env.NEXUS_EDGE_PROFILE ?? "quick",
      CI: "true",
      NO_COLOR: "1",
      ...account.environment(),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((resolve) => child.once("close", resolve));
  assert.equal(code, 0, output);
  return output;
}

const binding = (name) => account.worker.bindings.find((one) => one.name === name);

const migrations = readdirSync(inRoot("d1-migrations")).sort();

const state = () => ({
  resources: [account.d1, account.kv, account.r2, account.queues].map((one) => [...one.keys()]),
  secrets: [...account.secrets].sort(),
  migrations: [...account.migrations],
});

test(
  "the first run makes everything, and says where it is and how to sign in",
  async () => {
    const output = await deploy({ MASTER_KEY: "a".repeat(43) + "=" });
    assert.deepEqual(state(), {
      resources: [["nexus-edge"], ["nexus-edge-kv"], ["nexus-edge"], ["nexus-edge-usage", "nexus-edge-usage-dead"]],
      secrets: ["ADMIN_TOKEN", "MASTER_KEY"],
      migrations,
    });
    const { text: token } = binding("ADMIN_TOKEN");
    assert.ok(token.length >= 32);
    assert.equal(binding("MASTER_KEY").text, "a".repeat(43) + "=", "the one of the environment");
    assert.equal(binding("DB").id, "uuid-of-nexus-edge");
    assert.equal(binding("KV").namespace_id, "id-of-nexus-edge-kv");
    assert.match(output, /Nexus Edge is deployed: https:\/\/nexus-edge\.test\.workers\.dev/);
    assert.ok(output.includes(`Bearer ${token}`), output);
    assert.deepEqual(account.files.filter((file) => file.endsWith(".html") || file.endsWith(".json")).sort(), [
      "/console/index.html",
      "/docs.html",
      "/index.html",
      "/openapi.json",
    ]);
  },
  { timeout: 300_000 },
);

test(
  "the second run uploads the Worker, and leaves everything else as it is",
  async () => {
    const before = state();
    const output = await deploy();
    assert.deepEqual(state(), before);
    assert.equal(account.uploads, 2);
    assert.match(output, /Nexus Edge is deployed/);
    assert.doesNotMatch(output, /MASTER_KEY {3}/);
    assert.match(output, /Bearer <the admin token>/);
  },
  { timeout: 300_000 },
);
