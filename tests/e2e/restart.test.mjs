// Proves that everything survives a restart: configuration, keys, limits and totals; that upstream keys can be
// decrypted after the master key was rotated; and that a gateway with the wrong master key reports it instead of
// leaking or breaking.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startGateway } from "../support/gateway.mjs";
import { ask, errorOf, test } from "../support/suite.mjs";
import { completion, startUpstream } from "../support/upstream.mjs";

/** The gateway masks a key in an answer, but not one that is written backwards. */
const backwards = (text) => [...text].reverse().join("");

const masterKey = () => randomBytes(32).toString("base64");

/** Runs `steps` one after the other, each with a gateway of its own on the same storage. */
async function restarted(steps) {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
  const up = await startUpstream();
  up.otherwise((x) => x.reply(200, completion(x.model, backwards(x.headers.authorization ?? "no key"))));
  const kept = {};
  try {
    for (const { vars, run } of steps) {
      const gw = await startGateway({ vars, storage });
      try {
        await run(gw, up, kept);
      } finally {
        await gw.stop();
      }
    }
  } finally {
    await up.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

const said = async (gw, key, model) => {
  const answer = await gw.complete(key, ask(model));
  assert.equal(answer.status, 200, answer.text);
  return backwards(answer.json().choices[0].message.content);
};

async function fill(gw, up, kept) {
  kept.provider = await gw.createProvider({
    name: "lasting",
    server_url: `${up.url}/v1`,
    server_key: "sk-lasting-00000001",
    headers: { "x-secret-token": "lasting-header-1" },
    rate_limit: 3,
  });
  kept.model = await gw.createModel({ provider_id: kept.provider.id, model_name: "lasting-model" });
  const { key, ...record } = await gw.createKey({ name: "lasting", allowed_models: ["lasting-*"] });
  Object.assign(kept, { key, record });
  assert.equal(await said(gw, key, "lasting-model"), "Bearer sk-lasting-00000001");
  const answer = await gw.complete(key, ask("lasting-model"));
  await gw.row(answer.headers["x-request-id"]);
}

test(
  "configuration, keys, limits and totals survive",
  async () => {
    const MASTER_KEY = masterKey();
    const seen = {};
    await restarted([
      {
        vars: { MASTER_KEY },
        async run(gw, up, kept) {
          await fill(gw, up, kept);
          seen.totals = (await gw.admin("GET", "/stats/total")).body;
          assert.ok(seen.totals.total_rounds >= 2);
        },
      },
      {
        vars: { MASTER_KEY },
        async run(gw, up, { provider, model, record, key }) {
          assert.deepEqual((await gw.admin("GET", `/providers/${provider.id}`)).body, provider);
          assert.deepEqual((await gw.admin("GET", `/provider_models/${model.id}`)).body, model);
          const shown = (await gw.admin("GET", `/keys/${record.id}`)).body;
          assert.deepEqual({ ...shown, last_used_at: null }, record);
          assert.deepEqual((await gw.admin("GET", "/stats/total")).body, {
            ...seen.totals,
            active_sessions: (await gw.admin("GET", "/stats/total")).body.active_sessions,
          });
          // Two of the three per minute were used before the restart.
          const answers = await Promise.all(Array.from({ length: 4 }, () => gw.complete(key, ask("lasting-model"))));
          assert.equal(answers.filter(({ status }) => status === 200).length, 1);
          assert.equal(up.last("lasting-model").headers.authorization, "Bearer sk-lasting-00000001");
          assert.equal(up.last("lasting-model").headers["x-secret-token"], "lasting-header-1");
        },
      },
    ]);
  },
  { timeout: 120_000 },
);

test(
  "the master key can be rotated",
  async () => {
    const [first, second] = [masterKey(), masterKey()];
    await restarted([
      { vars: { MASTER_KEY: first }, run: fill },
      {
        vars: { MASTER_KEY: second, MASTER_KEY_PREVIOUS: first },
        async run(gw, _up, { key, provider }) {
          assert.equal(await said(gw, key, "lasting-model"), "Bearer sk-lasting-00000001");
          // New values are sealed with the new key.
          const { status } = await gw.admin("PUT", `/providers/${provider.id}`, {
            server_key: "sk-lasting-00000002",
            headers: { "x-secret-token": "lasting-header-2" },
            rate_limit: null,
          });
          assert.equal(status, 200);
        },
      },
      {
        vars: { MASTER_KEY: second },
        async run(gw, up, { key }) {
          assert.equal(await said(gw, key, "lasting-model"), "Bearer sk-lasting-00000002");
          assert.equal(up.last("lasting-model").headers["x-secret-token"], "lasting-header-2");
        },
      },
    ]);
  },
  { timeout: 120_000 },
);

test(
  "a lost master key closes the provider, not the gateway",
  async () => {
    await restarted([
      { vars: { MASTER_KEY: masterKey() }, run: fill },
      {
        vars: { MASTER_KEY: masterKey() },
        async run(gw, up, { key, provider }) {
          const before = up.exchanges.length;
          const answer = await gw.complete(key, ask("lasting-model"));
          assert.equal(answer.status, 503, answer.text);
          assert.equal(errorOf(answer.text).code, "provider_unavailable");
          assert.equal(up.exchanges.length, before, "a request went out without its key");
          const demo = await gw.createKey();
          assert.equal((await gw.complete(demo.key, ask("demo/echo"))).status, 200);
          assert.equal((await gw.admin("GET", "/providers")).status, 200);
          // Entering the key again repairs it.
          const { status } = await gw.admin("PUT", `/providers/${provider.id}`, {
            server_key: "sk-lasting-00000003",
            headers: {},
            rate_limit: null,
          });
          assert.equal(status, 200);
          assert.equal(await said(gw, key, "lasting-model"), "Bearer sk-lasting-00000003");
        },
      },
    ]);
  },
  { timeout: 120_000 },
);

test(
  "a gateway without its secrets says what is missing and refuses every request",
  async () => {
    for (const vars of [
      { ADMIN_TOKEN: undefined },
      { ADMIN_TOKEN: "short" },
      { ADMIN_TOKEN: "change-me-to-a-long-secret" },
      { MASTER_KEY: Buffer.alloc(32, "a").toString("base64") },
      { MASTER_KEY: undefined },
      { MASTER_KEY: "not base64 of 32 bytes" },
    ]) {
      const gw = await startGateway({ vars });
      try {
        for (const answer of [
          await gw.complete("sk-nx-aaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbb", ask("demo/echo")),
          await gw.call("/providers", { headers: { "x-admin-token": "short" } }),
        ]) {
          assert.equal(answer.status, 503, `${JSON.stringify(vars)}: ${answer.text}`);
          errorOf(answer.text);
        }
        const [name] = Object.keys(vars);
        assert.ok(
          gw.logs().some(({ message }) => message.includes(name)),
          `the log does not name ${name}`,
        );
      } finally {
        await gw.stop();
      }
    }
  },
  { timeout: 120_000 },
);
