// Proves that a session survives a crash of its object in the middle of an answer: no frame that was sent is lost, no
// number is used twice, the turn ends with an error, and it leaves exactly one usage event. The whole process is
// killed and started again on the same storage, which is the hardest case.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startGateway } from "../support/gateway.mjs";
import { connect } from "../support/socket.mjs";
import { test } from "../support/suite.mjs";
import { gate, startUpstream, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const words = ["w0 ", "w1 ", "w2 ", "w3 "];

/** Runs `before` until it returns, kills the gateway, and runs `after` with another one on the same storage. */
async function crashed(before, after, more = {}) {
  const storage = await mkdtemp(path.join(tmpdir(), "nexus-edge-"));
  const up = await startUpstream();
  const vars = { MASTER_KEY: randomBytes(32).toString("base64"), ...more };
  const kept = { up, hold: gate() };
  up.on("held", async (x) => {
    const events = streamEvents("held", words, { reported: usage(11, 4) });
    x.sse();
    await x.write(events[0] + events[1]);
    await x.write(events[2]);
    await kept.hold.opened;
    for (const rest of events.slice(3)) await x.write(rest);
    x.end();
  });
  up.on("next", (x) => x.stream(streamEvents("next", ["fine"])));
  try {
    for (const run of [before, after]) {
      const gw = await startGateway({ vars, storage });
      kept.open = (query) => connect(`${gw.url}/ws/chat${query}`, { headers: bearer(kept.key) });
      try {
        await run(gw, kept);
      } finally {
        await gw.stop();
      }
    }
  } finally {
    kept.hold.open();
    await up.stop();
    await rm(storage, { recursive: true, force: true });
  }
}

async function ask(gw, kept) {
  const provider = await gw.createProvider({ name: "loopback", server_url: `${kept.up.url}/v1` });
  for (const model_name of ["held", "next"]) {
    const model = await gw.createModel({ provider_id: provider.id, model_name });
    await gw.admin("PUT", `/prices/provider_model:${model.id}`, { input: 1, output: 2 });
  }
  kept.key = (await gw.createKey({})).key;
  const socket = await kept.open("?v=2");
  kept.session = (await socket.frame("hello")).session_id;
  socket.send({ type: "message", id: "mine", content: "Go", model: "held" });
  await eventually(() => socket.text() === "w0 w1 ");
  // One that is queued behind it.
  socket.send({ type: "message", content: "And then", model: "next" });
  await socket.frame((frame) => frame.type === "turn" && frame.content === "And then");
  kept.seen = socket.numbered;
}

const logged = (gw, kept) => gw.db("SELECT * FROM request_log WHERE conversation_id = ? ORDER BY id", kept.session);

test(
  "a client that reconnects receives everything: the answer so far, its end, and the queued turn",
  async () => {
    await crashed(ask, async (gw, kept) => {
      const last = kept.seen.at(-1).seq;
      const back = await kept.open(`?v=2&session_id=${kept.session}&last_seq=${last}`);
      const error = await back.frame("error");
      assert.deepEqual([error.code, error.seq, error.turn_id], ["turn_interrupted", last + 1, kept.seen[0].turn_id]);
      const done = await back.frame("done");
      assert.equal(back.text(done.turn_id), "fine");
      const all = [...kept.seen, ...back.numbered].map((frame) => frame.seq);
      assert.deepEqual(
        all,
        Array.from(all, (_, i) => i + 1),
      );

      // The same frame again is the same turn.
      back.send({ type: "message", id: "mine", content: "Go", model: "held" });
      assert.equal((await back.frame("ack")).duplicate, true);

      const { messages } = (
        await gw.call(`/api/v1/sessions/${kept.session}/messages`, { headers: bearer(kept.key) })
      ).json().data;
      assert.deepEqual(
        messages.map(({ role, content, finish_reason }) => [role, content, finish_reason]),
        [
          ["user", "Go", undefined],
          ["assistant", "w0 w1 ", "interrupted"],
          ["user", "And then", undefined],
          ["assistant", "fine", "stop"],
        ],
      );
      const rows = await eventually(async () => {
        const found = await logged(gw, kept);
        return found.length >= 2 && found;
      });
      assert.deepEqual(rows.map((row) => row.id).sort(), [error.turn_id, done.turn_id].sort());
      const cut = rows.find((row) => row.id === error.turn_id);
      assert.ok(cut.completion_tokens > 0 && cut.prompt_tokens > 0, JSON.stringify(cut));
      await gw.scheduled();
      assert.equal((await logged(gw, kept)).length, 2);
      back.close();
    });
  },
  { timeout: 120_000 },
);

test(
  "a session without reconnecting clients ends its turns by itself",
  async () => {
    await crashed(ask, async (gw, kept) => {
      const rows = await eventually(
        async () => {
          const found = await logged(gw, kept);
          return found.length >= 2 && found;
        },
        { within: 40_000 },
      );
      assert.deepEqual(
        rows.map((row) => row.model),
        ["held", "next"],
      );
      const { messages } = (
        await gw.call(`/api/v1/sessions/${kept.session}/messages`, { headers: bearer(kept.key) })
      ).json().data;
      assert.equal(messages.at(-1).content, "fine");
    });
  },
  { timeout: 120_000 },
);

test(
  "a turn that was cut is paid by what it used, and its reservation is gone",
  async () => {
    const paying = async (gw, kept) => {
      await ask(gw, kept);
      const me = (await gw.call("/v1/credits/me", { headers: bearer(kept.key) })).json();
      assert.ok(me.reserved > 0, JSON.stringify(me));
    };
    await crashed(
      paying,
      async (gw, kept) => {
        const me = async (view = "") => (await gw.call(`/v1/credits/me${view}`, { headers: bearer(kept.key) })).json();
        await kept.open(`?v=2&session_id=${kept.session}&last_seq=${kept.seen.at(-1).seq}`);
        const rows = await eventually(async () => {
          const found = await logged(gw, kept);
          return found.length >= 2 && found;
        });
        const cut = rows.find((row) => row.error_code === "turn_interrupted");
        assert.ok(cut.cost_micros > 0, JSON.stringify(cut));
        assert.equal(cut.cost_micros, cut.prompt_tokens + 2 * cut.completion_tokens);
        assert.equal(cut.provider_name, "loopback");
        await eventually(async () => (await me()).reserved === 0);
        const { transactions } = await me("/transactions?kind=charge");
        const charged = Object.fromEntries(transactions.map((one) => [one.request_id, -Math.round(one.amount * 1e6)]));
        assert.deepEqual(charged, Object.fromEntries(rows.map((row) => [row.request_id, row.cost_micros])));
      },
      { ENABLE_CREDIT_CHECK: "true", INITIAL_CREDITS: "10" },
    );
  },
  { timeout: 120_000 },
);
