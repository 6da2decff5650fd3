// Proves for streams that the platform pipes (the provider is trusted not to repeat its key, and no byte needs to be changed:
// here because the caller asks for usage, or has the upstream's Messages dialect) what streaming.test.mjs proves for relayed ones: bytes are forwarded when they
// arrive and unchanged, back-pressure of a slow reader reaches the upstream, a disconnect closes the upstream
// connection, a truncated stream never looks complete, and usage is recorded.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as anthropic from "../support/anthropic.mjs";
import { dialectSuite, user } from "../support/dialects.mjs";
import { ask, test } from "../support/suite.mjs";
import { chunk, cutAt, delay, delta, event, gate, streamEvents } from "../support/upstream.mjs";
import { begin, dataOf, eventually, prng, send, spelled, within } from "../support/util.mjs";

const t = dialectSuite(["openai", "anthropic"], { fields: { quirks: ["discreet_streams"] } });

/** Each dialect's requests, and its upstream's answers. */
const DIALECTS = {
  openai: {
    path: "/v1/chat/completions",
    body: (model) => ask(model, { stream: true, stream_options: { include_usage: true } }),
    events: (model, words) => streamEvents(model, words),
    errorIn: (event) => JSON.parse(dataOf(event).at(-1)).error?.message,
    // Events before the first token: a role.
    opening: 1,
  },
  anthropic: {
    path: "/v1/messages",
    body: (model) => ({ model, max_tokens: 100, stream: true, messages: user("Say something.") }),
    events: (model, words) => {
      const [start, block, ping, ...rest] = anthropic.messageEvents(anthropic.message(model, "x"));
      const deltas = words.map((text) =>
        anthropic.named("content_block_delta", { index: 0, delta: { type: "text_delta", text } }),
      );
      return [start, block, ping, ...deltas, ...rest.slice(1)];
    },
    errorIn: (event) => event.startsWith("event: error\n") && JSON.parse(dataOf(event).at(-1)).error.message,
    opening: 3,
  },
};

const options = (dialect, model, id) => ({
  method: "POST",
  headers: {
    authorization: `Bearer ${t.key}`,
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "x-request-id": id,
  },
  body: JSON.stringify(DIALECTS[dialect].body(model)),
});
let asked = 0;
const idOf = (model) => `${model}-${++asked}`;
const openStream = (dialect, model) =>
  begin(`${t.gw.url}${DIALECTS[dialect].path}`, options(dialect, model, idOf(model))).reply;
const complete = (dialect, model) => send(`${t.gw.url}${DIALECTS[dialect].path}`, options(dialect, model, idOf(model)));
const lastEvent = (text) => `${text.trimEnd().split(/\n\n+/).at(-1)}\n\n`;
const rowOf = (answer) => t.gw.row(answer.headers["x-request-id"]);

for (const [dialect, { events: eventsOf, errorIn, opening }] of Object.entries(DIALECTS)) {
  const on = (name, behaviour) => t.on(dialect, `${dialect}-${name}`, behaviour);
  const onProvider = async (name, fields, behaviour) => {
    const provider = await t.provide(dialect, { name: `${dialect}-${name}-provider`, ...fields });
    return t.on(dialect, `${dialect}-${name}`, behaviour, { provider_id: provider.id });
  };

  test(`${dialect}: every event is forwarded before the next one is there, and usage is recorded`, async () => {
    const events = eventsOf(
      "m",
      Array.from({ length: 20 }, (_, i) => `w${i} `),
    );
    let hold = gate();
    const model = await on("step", async (x) => {
      x.sse();
      for (const [i, one] of events.entries()) {
        await x.write(one);
        if (i >= opening) await hold.opened;
      }
      x.end();
    });
    const reply = await within(10_000, openStream(dialect, model), "the response head");
    let got = "";
    for (const i of events.keys()) {
      if (i < opening) continue;
      const expected = events.slice(0, i + 1).join("");
      while (got.length < expected.length) got += await within(10_000, reply.read(), `the event ${events[i]}`);
      assert.equal(got, expected);
      const { open } = hold;
      hold = gate();
      open();
    }
    got += (await reply.bytes()).toString();
    assert.equal(got, events.join(""));
    const row = await rowOf(reply);
    assert.deepEqual(
      [row.outcome, row.usage_source, row.prompt_tokens, row.completion_tokens],
      ["completed", "reported", 9, 4],
      JSON.stringify(row),
    );
  });

  test(`${dialect}: no way of splitting the bytes, or of pausing between them, changes them`, async () => {
    const bytes = Buffer.from(
      [": opening\n\n", ...eventsOf("m", ["é", "漢字", "😀", " \\n "])]
        .map((e, i) => (i % 3 === 1 ? e.replaceAll("\n", "\r\n") : e))
        .join(""),
    );
    const random = prng(20_261_121);
    const splits = [[], Array.from({ length: bytes.length }, (_, i) => i)];
    while (splits.length < 120)
      splits.push(Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(random() * bytes.length)));
    const model = await on("split", async (x) => {
      const index = Number(x.headers["x-title"]);
      x.sse();
      for (const piece of cutAt(bytes, splits[index])) {
        await x.write(piece);
        if (index % 3 === 2) await delay(random() * 150);
      }
      x.end();
    });
    const queue = [...splits.entries()];
    const worker = async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
        const [index, offsets] = next;
        const { headers, ...rest } = options(dialect, model, idOf(model));
        const answer = await send(`${t.gw.url}${DIALECTS[dialect].path}`, {
          ...rest,
          headers: { ...headers, "x-title": String(index) },
        });
        assert.equal(answer.text, bytes.toString(), `split at ${offsets.join()}`);
        const row = await rowOf(answer);
        assert.deepEqual(
          [row.outcome, row.usage_source, row.completion_tokens],
          ["completed", "reported", 4],
          `split at ${offsets.join()}`,
        );
      }
    };
    await Promise.all([worker(), worker(), worker(), worker(), worker(), worker()]);
  });

  test(`${dialect}: a caller who does not read stops the upstream, and misses nothing when he reads on`, async () => {
    const size = 64 * 1024;
    // More than twice the capacity of the buffers of the connections, 33 MB each where the system is generous.
    const events = eventsOf(
      "m",
      Array.from({ length: 1536 }, (_, i) => `${i}-`.padEnd(size, "pressure ")),
    );
    const hash = createHash("sha256");
    for (const one of events) hash.update(one);
    const total = events.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
    const model = await on("pressure", (x) => x.stream(events));
    const reply = await openStream(dialect, model);
    const x = t.up.last(model);
    // Inspecting the stream takes a piece from the upstream now and then; it stalls in between, and for longer each
    // time.
    let seen = -1;
    let since = Date.now();
    await eventually(
      () => {
        if (x.bytesAccepted !== seen) [seen, since] = [x.bytesAccepted, Date.now()];
        return Date.now() - since > 1_500 || x.finished;
      },
      { within: 40_000, what: "the upstream standing still" },
    );
    const still = x.bytesAccepted;
    await delay(6_000);
    assert.ok(
      x.bytesAccepted - still < 1 << 20,
      `${x.bytesAccepted - still} bytes were taken from the upstream meanwhile`,
    );
    assert.ok(
      !x.finished && x.bytesAccepted < total / 2,
      `the upstream could push ${x.bytesAccepted} of ${total} bytes at a caller who reads nothing`,
    );
    const got = createHash("sha256");
    let length = 0;
    for (let piece = await reply.read(); piece !== null; piece = await reply.read()) {
      got.update(piece);
      length += piece.length;
    }
    assert.equal(length, total);
    assert.equal(got.digest("hex"), hash.digest("hex"));
    const row = await rowOf(reply);
    assert.deepEqual([row.outcome, row.usage_source], ["completed", "reported"]);
  });

  test(`${dialect}: a caller who pauses for longer than the upstream may is served to the end`, async () => {
    const events = eventsOf(
      "m",
      Array.from({ length: 600 }, (_, i) => `${i}-`.padEnd(64 * 1024, "pause ")),
    );
    const model = await onProvider("pausing", { idle_timeout_ms: 700 }, (x) => x.stream(events));
    const reply = await openStream(dialect, model);
    const first = await reply.read();
    await delay(2_500);
    const text = first.toString("latin1") + (await reply.bytes()).toString("latin1");
    assert.ok(
      text === events.join(""),
      `${text.length} bytes instead of ${events.join("").length}, at the end ${text.slice(-300)}`,
    );
    assert.equal((await rowOf(reply)).outcome, "completed");
  });

  test(`${dialect}: a caller who leaves in a pause takes the upstream request with him, and what was used is recorded`, async () => {
    const words = Array.from({ length: 30 }, (_, i) => `word${i} `);
    const model = await on("leaver", async (x) => {
      x.sse();
      for (const one of eventsOf("m", words).slice(0, 25)) await x.write(one);
      await x.hang();
    });
    const reply = await openStream(dialect, model);
    await reply.readUntil("word20");
    reply.abort();
    const x = t.up.last(model);
    await within(2_000, x.closed, "the upstream seeing the close");
    assert.ok(x.closedEarly);
    const row = await rowOf(reply);
    assert.equal(row.outcome, "cancelled");
    assert.equal(row.status, 200);
    // At least twenty words had arrived, however many of them had been inspected by then.
    assert.ok(row.prompt_tokens > 0 && row.completion_tokens > 20, JSON.stringify(row));
    if (dialect === "openai") assert.equal(row.usage_source, "counted");
  });

  test(`${dialect}: a caller who closes his connection is noticed with the next event`, async () => {
    const model = await on("closer", async (x) => {
      x.sse();
      for (const one of eventsOf(
        "m",
        Array.from({ length: 200 }, (_, i) => `w${i} `),
      )) {
        if (!(await x.write(one))) return;
        await delay(50);
      }
      x.end();
    });
    const reply = await openStream(dialect, model);
    await reply.readUntil("w5");
    reply.leave();
    await within(2_000, t.up.last(model).closed, "the upstream seeing the close");
    assert.equal((await rowOf(reply)).outcome, "cancelled");
  });

  test(`${dialect}: a caller who leaves while the upstream pours at full speed is noticed too`, async () => {
    const [head, word] = [eventsOf("m", ["x"]).slice(0, opening).join(""), eventsOf("m", ["x".repeat(4_000)])[opening]];
    const model = await on("torrent", async (x) => {
      x.sse();
      await x.write(head);
      for (let i = 0; i < 1e6; i++) if (!(await x.write(word))) return;
    });
    const reply = await openStream(dialect, model);
    for (let i = 0; i < 5; i++) await reply.read();
    reply.abort();
    await within(2_000, t.up.last(model).closed, "the upstream seeing the close");
    assert.equal((await rowOf(reply)).outcome, "cancelled");
  });

  const breaks = {
    "after an event": () => [],
    "in the middle of an event": (next) => [next.slice(0, 40)],
    "in the blank line after an event": (next) => [next.slice(0, -1)],
  };
  for (const [where, pieceOf] of Object.entries(breaks)) {
    for (const how of ["cut", "end"]) {
      test(`${dialect}: a stream that is ${how === "cut" ? "cut off" : "ended early"} ${where} ends in an error event and counts as failed`, async () => {
        const events = eventsOf("m", ["one", "two", "thréé", "four"]);
        const pieces = [events.slice(0, opening + 3).join(""), ...pieceOf(events[opening + 3])];
        const model = await on(`broken-${how}-${where.replaceAll(" ", "-")}`, async (x) => {
          x.sse();
          for (const piece of pieces) await x.write(piece);
          await delay(100);
          if (how === "cut") x.cut();
          else x.end();
        });
        const reply = await openStream(dialect, model);
        const text = await reply.text();
        // All that arrived is there, and the error follows as an event of its own.
        assert.ok(text.startsWith(pieces.join("")), text);
        assert.ok(errorIn(lastEvent(text)), text);
        assert.ok(!text.includes("[DONE]") && !text.includes("message_stop"));
        const row = await rowOf(reply);
        assert.deepEqual([row.outcome, row.error_code], ["failed", "upstream_stream_truncated"]);
      });
    }
  }

  test(`${dialect}: an idle stream is ended with an error event, and its upstream closed`, async () => {
    const events = eventsOf("m", ["one", "two"]);
    const said = events.slice(0, opening + 1).join("") + events[opening + 1].slice(0, 30);
    const model = await onProvider("idle", { idle_timeout_ms: 700 }, async (x) => {
      x.sse();
      await x.write(said);
      await x.hang();
    });
    const reply = await openStream(dialect, model);
    const asked = Date.now();
    const text = await within(20_000, reply.text(), "the end of the idle stream");
    const waited = Date.now() - asked;
    assert.ok(waited > 500 && waited < 3_000, `after ${waited} ms`);
    assert.ok(text.startsWith(said));
    assert.ok(errorIn(lastEvent(text)), text);
    await within(2_000, t.up.last(model).closed, "the upstream seeing the close");
    const row = await rowOf(reply);
    assert.deepEqual([row.outcome, row.error_code], ["failed", "upstream_stream_idle"]);
  });

  test(`${dialect}: an answer that is whole ends well, though its connection is left open`, async () => {
    const events = eventsOf("m", ["one", "two"]).join("");
    const model = await onProvider("left-open", { idle_timeout_ms: 700 }, async (x) => {
      x.sse();
      await x.write(events);
      await x.hang();
    });
    const answer = await within(20_000, complete(dialect, model), "the end");
    assert.equal(answer.text, events);
    assert.equal((await rowOf(answer)).outcome, "completed");
  });

  test(`${dialect}: bytes that trickle in keep a stream alive however long an event takes`, async () => {
    const bytes = Buffer.from(eventsOf("m", ["one", "two", "three"]).join(""));
    const first = bytes.indexOf("two");
    const model = await onProvider("trickle", { idle_timeout_ms: 1_000 }, async (x) => {
      x.sse();
      for (const piece of cutAt(bytes, [first, ...Array.from({ length: 10 }, (_, i) => first + 5 * (i + 1))])) {
        await x.write(piece);
        await delay(600);
      }
      x.end();
    });
    const answer = await complete(dialect, model);
    assert.equal(answer.text, bytes.toString());
    assert.equal((await rowOf(answer)).outcome, "completed");
  });
}

test("an upstream that was silent for too long is not excused by what its caller has not read yet", async () => {
  const provider = await t.provide("openai", { name: "silent-provider", idle_timeout_ms: 700 });
  const events = streamEvents(
    "m",
    Array.from({ length: 150 }, (_, i) => `${i}-`.padEnd(64 * 1024, "silence ")),
    { done: false },
  );
  const said = events.slice(0, 140).join("");
  await t.on(
    "openai",
    "silent",
    async (x) => {
      x.sse();
      await x.write(said);
      await x.hang();
    },
    { provider_id: provider.id },
  );
  const reply = await openStream("openai", "silent");
  const first = await reply.read();
  await delay(4_000);
  const text = first.toString("latin1") + (await reply.bytes()).toString("latin1");
  assert.ok(text.startsWith(said), `${text.length} bytes instead of ${said.length} and more`);
  assert.match(text.slice(said.length), /upstream_stream_idle/);
  assert.equal((await rowOf(reply)).outcome, "failed");
});

test("an error event inside a stream is passed on and the request counts as failed", async () => {
  const events = [
    event(chunk("m", delta({ role: "assistant", content: "a" }))),
    event({ error: { message: "overloaded", type: "server_error", param: null, code: "overloaded" } }),
  ].join("");
  await t.on("openai", "error-event", (x) => x.stream(events));
  const answer = await complete("openai", "error-event");
  assert.equal(answer.text, events);
  assert.equal((await rowOf(answer)).outcome, "failed");
});

test("a stream that ends together with its first word is whole", async () => {
  const events = streamEvents("m", ["all at once"]).join("");
  await t.on("openai", "at-once", async (x) => {
    x.sse();
    x.end(events);
  });
  const answer = await complete("openai", "at-once");
  assert.equal(answer.text, events);
  const row = await rowOf(answer);
  assert.deepEqual([row.outcome, row.usage_source, row.completion_tokens], ["completed", "reported", 4]);
});

test("many streams at once do not mix", async () => {
  const words = (n) => Array.from({ length: 15 }, (_, i) => `${n}:${i} `);
  await t.on("openai", "crowd", async (x) => {
    x.sse();
    for (const one of streamEvents("m", words(x.json().messages[0].content))) {
      await x.write(one);
      await delay(5);
    }
    x.end();
  });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      t.complete({
        model: "crowd",
        stream: true,
        stream_options: { include_usage: true },
        messages: [{ role: "user", content: String(n) }],
      }),
    ),
  );
  for (const [n, answer] of answers.entries()) {
    assert.equal(spelled(answer.text), words(n).join(""));
    assert.deepEqual((await rowOf(answer)).completion_tokens, 4);
  }
});
