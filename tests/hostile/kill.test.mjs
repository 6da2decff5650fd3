// kill -9 under load, at seeded moments, on storage that outlives it: what callers were told against the request log, the
// ledger and the totals. Linux only: the processes of workerd are found in /proc.
//
// KILLS, KILL_LOAD and KILL_SEED repeat it at length; the figures of a long run are in docs/architecture.md.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startGateway } from "../support/gateway.mjs";
import { test } from "node:test";
import { ask } from "../support/suite.mjs";
import { completion, startUpstream, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually, prng, send } from "../support/util.mjs";
import { startVictim } from "../support/victim.mjs";

const KILLS = Number(process.env.KILLS ?? 2);
const SEED = Number(process.env.KILL_SEED ?? 4_711);
const CALLERS = 12;
/** Most requests before a kill. */
const LOAD = Number(process.env.KILL_LOAD ?? 200);
/** Longest time after the end of an answer in which its record may be lost where no account keeps a journal. */
const WINDOW_MS = 1_000;
const COST = { prompt: 1000, completion: 1000, micros: 3000 };

const adminToken = "adm-killed-and-started-again";

/** Kills a gateway under load `KILLS` times, and hands what was told to `check`, with a last gateway on the same storage. */
async function killed({ vars, queue, setUp = () => {} }, check) {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-kill-"));
  const options = { storage, queue, vars: { ADMIN_TOKEN: adminToken, ...vars } };
  options.vars.MASTER_KEY = randomBytes(32).toString("base64");
  const up = await startUpstream();
  const reported = usage(COST.prompt, COST.completion);
  up.otherwise((x) =>
    x.wantsStream
      ? x.stream(streamEvents(x.model, ["a", "b", "c"], { reported }))
      : x.reply(200, completion(x.model, "ok", { reported })),
  );
  const random = prng(SEED);
  const told = [];
  const kills = [];
  try {
    const first = await startGateway(options);
    first.adminToken = adminToken;
    const provider = await first.createProvider({ name: "loopback", server_url: `${up.url}/v1` });
    const model = await first.createModel({ provider_id: provider.id, model_name: "paid" });
    await first.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
    const { key } = await first.createKey({ owner: "payer" });
    await setUp(first);
    await first.stop();
    for (let round = 0; round < KILLS; round++) {
      const victim = await startVictim(options);
      const load = { isOver: false };
      const callers = Array.from({ length: CALLERS }, (_, n) => call(victim.url, key, `${round}-${n}`, load, told));
      // After a seeded number of requests and a little, whatever the machine's speed: at any point of what they do.
      const enough = told.length + 40 + Math.floor(random() * LOAD);
      try {
        await eventually(() => told.length >= enough, { every: 1, within: 20_000 + LOAD * 100, what: "load" });
        await new Promise((resolve) => setTimeout(resolve, random() * 60));
      } finally {
        kills[round] = await victim.kill();
        load.isOver = true;
        await Promise.all(callers);
      }
      up.exchanges.length = 0;
    }
    const gw = await startGateway(options);
    gw.adminToken = adminToken;
    try {
      await check(gw, { key, told, kills });
    } finally {
      await gw.stop();
    }
  } finally {
    await up.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

/** Asks one thing after the other until the gateway is dead. */
async function call(url, key, name, load, told) {
  for (let n = 0; !load.isOver; n++) {
    const one = { id: `kill-${name}-${n}`, round: Number(name.split("-")[0]), stream: n % 3 === 0, isWhole: false };
    told.push(one);
    try {
      const answer = await send(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { ...bearer(key), "content-type": "application/json", "x-request-id": one.id },
        body: JSON.stringify(ask("paid", { max_tokens: 2_000, stream: one.stream })),
      });
      one.isWhole = answer.status === 200 && (!one.stream || answer.text.includes("[DONE]"));
      one.status = answer.status;
      one.at = Date.now();
    } catch {
      return;
    }
  }
}

/** The rows of the request log by request, once there are no more that come. */
async function settledRows(gw) {
  const count = async () => (await gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n;
  await eventually(
    async () => {
      const before = await count();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return (await count()) === before;
    },
    { within: 30_000, what: "an end of the log" },
  );
  const rows = new Map();
  for (const row of await gw.db("SELECT * FROM request_log")) {
    assert.ok(!rows.has(row.request_id), `${row.request_id} has two rows`);
    rows.set(row.request_id, row);
  }
  return rows;
}

/** Totals are the sums of the rows. */
async function checkTotals(gw, rows) {
  const [totals] = await gw.db("SELECT * FROM stats_totals");
  const used = [...rows.values()].filter((row) => row.usage_source !== "none");
  const sum = (column) => used.reduce((total, row) => total + row[column], 0);
  assert.deepEqual(
    [totals.rounds, totals.prompt_tokens, totals.completion_tokens],
    [used.length, sum("prompt_tokens"), sum("completion_tokens")],
  );
}

const isLinux = process.platform === "linux";

test("paid requests: none is charged without a record, recorded without a charge, charged twice, or left reserved", {
  skip: !isLinux,
  timeout: 600_000,
}, async (t) => {
  const vars = {
    ENABLE_CREDIT_CHECK: "true",
    INITIAL_CREDITS: "100000",
    CREDIT_RESERVATION_S: "5",
    CREDIT_RECONCILE_S: "1",
  };
  await killed({ vars }, async (gw, { key, told, kills }) => {
    const me = async (view = "") => (await gw.call(`/v1/credits/me${view}`, { headers: bearer(key) })).json();
    const standing = await eventually(
      async () => {
        const now = await me();
        return now.reserved === 0 && now;
      },
      { within: 30_000, what: "the end of all reservations" },
    );
    const charges = new Map();
    let sum = 0;
    for (let after = ""; after !== undefined; ) {
      const page = await me(`/transactions?limit=500${after && `&after=${encodeURIComponent(after)}`}`);
      for (const { kind, amount, request_id } of page.transactions) {
        sum += Math.round(amount * 1e6);
        if (kind === "charge") charges.set(request_id, (charges.get(request_id) ?? 0) - Math.round(amount * 1e6));
      }
      after = page.next ?? undefined;
    }
    assert.equal(Math.round(standing.balance * 1e6), sum, "the balance is the sum of the ledger");
    const whole = told.filter((one) => one.isWhole);
    const recorded = async () => {
      const rows = await settledRows(gw);
      return whole.every((one) => rows.has(one.id)) && [...charges.keys()].every((id) => rows.has(id)) && rows;
    };
    const rows = await eventually(recorded, { within: 30_000, what: "a record of all that was told or charged" }).catch(
      () => settledRows(gw),
    );
    const ids = new Set([...rows.keys(), ...charges.keys(), ...whole.map((one) => one.id)]);
    const interrupted = [...rows.values()].filter((row) => row.error_code === "request_interrupted");
    const faults = [...ids].filter(
      (id) => (rows.get(id)?.cost_micros ?? 0) !== (charges.get(id) ?? 0) || !rows.has(id),
    );
    t.diagnostic(
      `${kills.length} kills, ${told.length} requests, ${whole.length} answered, ${rows.size} recorded, ` +
        `${charges.size} charged, ${interrupted.length} interrupted, ${faults.length} charge and record differ`,
    );
    assert.deepEqual(
      faults.slice(0, 5).map((id) => ({ id, row: rows.get(id), charge: charges.get(id) })),
      [],
    );
    for (const one of whole) {
      const row = rows.get(one.id);
      // Of the last answers the end may not have reached anything but the caller: then the reservation is charged.
      if (row.error_code === "request_interrupted") assert.ok(kills[one.round] - one.at < WINDOW_MS, one.id);
      else assert.equal(row.cost_micros, COST.micros);
    }
    await checkTotals(gw, rows);
  });
});

for (const queue of ["absent", "real"]) {
  test(`requests without an account, ${queue === "real" ? "through the local queue" : "straight to the database"}: only what ended just before is lost`, {
    skip: !isLinux,
    timeout: 600_000,
  }, async (t) => {
    await killed({ queue }, async (gw, { told, kills }) => {
      const rows = await settledRows(gw);
      const whole = told.filter((one) => one.isWhole);
      const lost = whole.filter((one) => !rows.has(one.id));
      const before = lost.map((one) => kills[one.round] - one.at).sort((a, b) => a - b);
      t.diagnostic(
        `${kills.length} kills, ${told.length} requests, ${whole.length} answered, ${lost.length} lost, ` +
          `${before.at(-1) ?? 0} ms before a kill at most, ${before[before.length >> 1] ?? 0} ms in the middle`,
      );
      // The local queue holds a batch in memory, as the platform's does not.
      const window = queue === "real" ? WINDOW_MS * 2 : WINDOW_MS;
      assert.ok((before.at(-1) ?? 0) < window, `a request was lost that had ended ${before.at(-1)} ms before the kill`);
      for (const one of whole) if (rows.has(one.id)) assert.equal(rows.get(one.id).prompt_tokens, COST.prompt);
      await checkTotals(gw, rows);
    });
  });
}
