// Proves that streaming is real: bytes are forwarded when they arrive, back-pressure of a slow reader reaches the
// upstream, a disconnect closes the upstream connection, a truncated stream never looks complete, and no chunking or
// framing of the upstream's bytes changes what the caller receives.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ask, suite, test } from "../support/suite.mjs";
import {
  chunk,
  completion,
  cutAt,
  delay,
  delta,
  event,
  everyByte,
  gate,
  streamEvents,
  usage,
} from "../support/upstream.mjs";
import { dataOf, eventually, prng, spelled, within } from "../support/util.mjs";

const t = suite({ vars: { KEEP_ALIVE_MS: "150" } });

const KEEP_ALIVE = ": keep-alive\n\n";
const withoutKeepAlive = (text) => text.replaceAll(KEEP_ALIVE, "");
const stream = (model, rest = {}) => ask(model, { stream: true, ...rest });
const rowOf = (answer) => t.gw.row(answer.headers["x-request-id"]);

test("the first event is at the caller while the upstream still holds the rest", async () => {
  const events = streamEvents("first", ["one", "two"]);
  const hold = gate();
  await t.model("first", async (x) => {
    x.sse();
    await x.write(events[0] + events[1]);
    await hold.opened;
    for (const rest of events.slice(2)) await x.write(rest);
    x.end();
  });
  const reply = await within(10_000, t.openCompletion(stream("first")), "the response head");
  assert.equal(reply.status, 200);
  const early = await within(10_000, reply.readUntil("one"), "the first words");
  hold.open();
  const all = early.toString() + (await reply.text());
  assert.equal(withoutKeepAlive(all), events.filter((e) => !e.includes('"usage"')).join(""));
});

test("every event is forwarded before the next one is there", async () => {
  const words = Array.from({ length: 20 }, (_, i) => `w${i} `);
  const events = streamEvents("step", words, { reported: null });
  let release;
  let hold = new Promise((resolve) => (release = resolve));
  await t.model("step", async (x) => {
    x.sse();
    for (const one of events) {
      await x.write(one);
      await hold;
    }
    x.end();
  });
  const reply = await t.openCompletion(stream("step"));
  let got = "";
  for (const one of events) {
    while (!withoutKeepAlive(got).endsWith(one)) got += await within(10_000, reply.read(), `the event ${one}`);
    const go = release;
    hold = new Promise((resolve) => (release = resolve));
    go();
  }
  got += (await reply.bytes()).toString();
  assert.equal(withoutKeepAlive(got), events.join(""));
});

test("a caller who does not read stops the upstream, and misses nothing when he reads on", async () => {
  const size = 64 * 1024;
  const count = 1024;
  const hash = createHash("sha256");
  const events = Array.from({ length: count }, (_, i) =>
    event(chunk("pressure", delta({ content: `${i}-`.padEnd(size, "pressure ") }))),
  );
  events.push(event(chunk("pressure", delta({}, "stop"))), event("[DONE]"));
  for (const one of events) hash.update(one);
  const total = events.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  assert.ok(total > 64_000_000);
  await t.model("pressure", (x) => x.stream(events));

  const reply = await t.openCompletion(stream("pressure"));
  const x = t.up.last("pressure");
  // The upstream is stuck once the bytes that it could send have not grown for two seconds.
  let seen = -1;
  let since = Date.now();
  await eventually(
    () => {
      if (x.bytesAccepted !== seen) [seen, since] = [x.bytesAccepted, Date.now()];
      return Date.now() - since > 2_000 || x.finished;
    },
    { within: 40_000, what: "the upstream standing still" },
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
  // A keep-alive may come between two events after a long pause, so the rest is compared.
  if (length === total) assert.equal(got.digest("hex"), hash.digest("hex"));
  else assert.equal((length - total) % KEEP_ALIVE.length, 0, `${length} bytes instead of ${total}`);
});

test("a caller who pauses for longer than the upstream may is served to the end", async () => {
  const provider = await t.gw.createProvider({ name: "pausing", server_url: `${t.up.url}/v1`, idle_timeout_ms: 700 });
  // More than the buffers on the way can hold, so that the upstream has to wait for the caller.
  const events = streamEvents(
    "pausing-model",
    Array.from({ length: 600 }, (_, i) => `${i}-`.padEnd(64 * 1024, "pause ")),
    { reported: null },
  );
  await t.model("pausing-model", (x) => x.stream(events), { provider_id: provider.id });
  const reply = await t.openCompletion(stream("pausing-model"));
  const first = await reply.read();
  await delay(2_500);
  const text = withoutKeepAlive(first.toString("latin1") + (await reply.bytes()).toString("latin1"));
  assert.ok(!text.includes('"error"'), text.slice(-300));
  assert.ok(text === events.join(""), `${text.length} bytes instead of ${events.join("").length}`);
  assert.equal((await rowOf(reply)).outcome, "completed");
});

test("a caller who leaves takes the upstream request with him, and what was used is recorded", async () => {
  const words = Array.from({ length: 30 }, (_, i) => `word${i} `);
  await t.model("leaver", async (x) => {
    x.sse();
    for (const one of streamEvents("leaver", words, { done: false }).slice(0, 25)) await x.write(one);
    await x.hang();
  });
  const reply = await t.openCompletion(stream("leaver"));
  await reply.readUntil("word20");
  reply.abort();
  const x = t.up.last("leaver");
  await within(2_000, x.closed, "the upstream seeing the close");
  assert.ok(x.closedEarly);
  const row = await rowOf(reply);
  assert.equal(row.outcome, "cancelled");
  assert.equal(row.usage_source, "counted");
  assert.ok(row.prompt_tokens > 0 && row.completion_tokens > 0, JSON.stringify(row));
  assert.equal(row.stream, 1);
});

test("a caller who leaves in a pause is noticed by the next keep-alive", async () => {
  await t.model("pause-leaver", async (x) => {
    x.sse();
    for (const one of streamEvents("pause-leaver", ["one ", "two "], { done: false }).slice(0, 3)) await x.write(one);
    await x.hang();
  });
  const reply = await t.openCompletion(stream("pause-leaver"));
  await reply.readUntil("two");
  reply.leave();
  await within(2_000, t.up.last("pause-leaver").closed, "the upstream seeing the close");
  assert.equal((await rowOf(reply)).outcome, "cancelled");
});

test("a caller who leaves while the upstream pours at full speed is noticed too", async () => {
  await t.model("torrent", async (x) => {
    x.sse();
    const one = event(chunk("torrent", delta({ content: "x".repeat(4_000) })));
    for (let i = 0; i < 1e6; i++) if (!(await x.write(one))) return;
  });
  const reply = await t.openCompletion(stream("torrent"));
  for (let i = 0; i < 5; i++) await reply.read();
  reply.abort();
  await within(2_000, t.up.last("torrent").closed, "the upstream seeing the close");
  assert.equal((await rowOf(reply)).outcome, "cancelled");
});

for (const streamed of [true, false]) {
  test(`a caller who leaves before the upstream answered at all (stream: ${streamed})`, async () => {
    const model = `early-leaver-${streamed}`;
    await t.model(model, (x) => x.hang());
    const arrived = t.up.next(model);
    const id = `early-${streamed}`;
    const request = t.beginCompletion(ask(model, { stream: streamed }), { headers: { "x-request-id": id } });
    request.reply.catch(() => {});
    const x = await within(10_000, arrived, "the request at the upstream");
    request.abort();
    await within(2_000, x.closed, "the upstream seeing the close");
    assert.ok(x.closedEarly);
    assert.equal((await t.gw.row(id)).outcome, "cancelled");
  });
}

const truncations = {
  "after an event": (events) => [events[0] + events[1] + events[2]],
  "in the middle of an event": (events) => [events[0] + events[1] + events[2], events[3].slice(0, 30)],
  "in the blank line after an event": (events) => [events[0] + events[1] + events[2], events[3].slice(0, -1)],
  "in the middle of a character": (events) => {
    const bytes = Buffer.from(events[3]);
    return [events[0] + events[1] + events[2], bytes.subarray(0, bytes.indexOf(Buffer.from("é")) + 1)];
  },
  "after the head": () => [],
};
for (const [where, piecesOf] of Object.entries(truncations)) {
  for (const how of ["cut", "end"]) {
    test(`a stream that is ${how === "cut" ? "cut off" : "ended early"} ${where} ends in an error event and counts as failed`, async () => {
      const model = `truncated-${where.replaceAll(" ", "-")}-${how}`;
      const events = streamEvents(model, ["one", "two", "thréé", "four"]);
      const pieces = piecesOf(events);
      await t.model(model, async (x) => {
        x.sse();
        for (const piece of pieces) await x.write(piece);
        // The bytes must be sent before the connection is closed, or the kernel may drop them.
        await delay(100);
        if (how === "cut") x.cut();
        else x.end();
      });
      const reply = await t.openCompletion(stream(model));
      if (pieces.length === 0 && reply.status !== 200) {
        // No byte was sent to the caller yet, so a plain error is better.
        assert.equal(reply.status, 502);
        assert.match((await reply.json()).error.code, /^upstream_/);
      } else {
        const text = withoutKeepAlive(await reply.text());
        const whole = pieces.length === 0 ? "" : pieces[0];
        assert.ok(text.startsWith(whole), text);
        const rest = text.slice(whole.length);
        assert.match(rest, /^data: [^\n]+\n\n$/, `more than one event after the cut, or a part of one: ${rest}`);
        const { error } = JSON.parse(dataOf(rest)[0]);
        assert.equal(error.type, "upstream_error");
        assert.equal(error.code, "upstream_stream_truncated");
        assert.equal(error.param, null);
        assert.ok(error.message);
        assert.ok(!text.includes("[DONE]"));
      }
      const row = await rowOf(reply);
      assert.equal(row.outcome, "failed");
      assert.match(row.error_code, /^upstream_/);
    });
  }
}

test("an idle stream is ended with an error event", async () => {
  const provider = await t.gw.createProvider({ name: "idle", server_url: `${t.up.url}/v1`, idle_timeout_ms: 700 });
  const events = streamEvents("idle-model", ["one", "two"]);
  await t.model(
    "idle-model",
    async (x) => {
      x.sse();
      await x.write(events[0] + events[1]);
      await x.write(events[2].slice(0, 20));
      await x.hang();
    },
    { provider_id: provider.id },
  );
  const reply = await t.openCompletion(stream("idle-model"));
  const text = await within(20_000, reply.text(), "the end of the idle stream");
  assert.ok(text.includes(KEEP_ALIVE), "no keep-alive in the pause");
  const plain = withoutKeepAlive(text);
  assert.ok(plain.startsWith(events[0] + events[1]));
  const { error } = JSON.parse(dataOf(plain.slice((events[0] + events[1]).length))[0]);
  assert.equal(error.code, "upstream_stream_idle");
  assert.equal(error.type, "upstream_error");
  assert.ok(!text.includes("[DONE]"));
  await within(2_000, t.up.last("idle-model").closed, "the upstream seeing the close");
  const row = await rowOf(reply);
  assert.equal(row.outcome, "failed");
  assert.equal(row.error_code, "upstream_stream_idle");
});

test("bytes that trickle in keep a stream alive however long an event takes", async () => {
  const provider = await t.gw.createProvider({ name: "trickle", server_url: `${t.up.url}/v1`, idle_timeout_ms: 1_500 });
  const events = streamEvents("trickle-model", ["one"]).join("");
  await t.model(
    "trickle-model",
    async (x) => {
      x.sse();
      for (const piece of cutAt(Buffer.from(events), [10, 40, 80, 120, 160])) {
        await x.write(piece);
        await delay(500);
      }
      x.end();
    },
    { provider_id: provider.id },
  );
  const answer = await t.complete(stream("trickle-model", { stream_options: { include_usage: true } }));
  assert.equal(withoutKeepAlive(answer.text), events);
  assert.equal((await rowOf(answer)).outcome, "completed");
});

test("a pause is filled with comments, and only between events", async () => {
  const events = streamEvents("pause", ["one", "two"], { reported: null });
  await t.model("pause", async (x) => {
    x.sse();
    await x.write(events[0]);
    await delay(700);
    await x.write(events[1].slice(0, 25));
    await delay(700);
    await x.write(events[1].slice(25) + events.slice(2).join(""));
    x.end();
  });
  const answer = await t.complete(stream("pause"));
  assert.ok(answer.text.split(KEEP_ALIVE).length >= 3, answer.text);
  for (const one of events) assert.ok(answer.text.includes(one), `an event was broken: ${one}\n${answer.text}`);
  assert.equal(withoutKeepAlive(answer.text), events.join(""));
});

const framings = {
  CRLF: (model) => streamEvents(model, ["a", "b"], { eol: "\r\n" }).join(""),
  "CR alone": (model) => streamEvents(model, ["a", "b"], { eol: "\r" }).join(""),
  "mixed line ends": (model) =>
    streamEvents(model, ["a", "b"])
      .map((e, i) => (i % 2 ? e.replaceAll("\n", "\r\n") : e))
      .join(""),
  "data: without a space": (model) =>
    streamEvents(model, ["a", "b"])
      .map((e) => e.replace("data: ", "data:"))
      .join(""),
  "comments before, between and after": (model) =>
    `:\n\n${streamEvents(model, ["a", "b"])
      .map((e) => `: OPENROUTER PROCESSING\n\n${e}: x\n`)
      .join("")}\n`,
  "event, id and retry fields": (model) =>
    streamEvents(model, ["a", "b"])
      .map((e, i) => `event: message\nid: ${i}\nretry: 5\n${e}`)
      .join(""),
  "data over several lines": (model) =>
    streamEvents(model, ["a", "b"])
      .map((e) => (e.includes('"choices"') ? e.replace('"choices":', '\ndata: "choices":\ndata: ') : e))
      .join(""),
  "unknown fields": (model) =>
    streamEvents(model, ["a", "b"])
      .map((e) => `x-odd\nfoo: bar\n${e}`)
      .join(""),
  "a byte order mark": (model) => `\uFEFF${streamEvents(model, ["a", "b"]).join("")}`,
  "more blank lines than needed": (model) => `\n\n${streamEvents(model, ["a", "b"]).join("\n\n\n")}`,
  "characters of every length": (model) => streamEvents(model, ["a", "é", "漢", "😀", "\u0000", "\u2028"]).join(""),
  "one event of a megabyte": (model) => streamEvents(model, ["a", "b".repeat(1 << 20)]).join(""),
  "null usage in every chunk": (model) => streamEvents(model, ["a", "b"], { extra: { usage: null } }).join(""),
  "a chunk that is no JSON": (model) =>
    streamEvents(model, ["a", "b"]).join("").replace("data: [DONE]", "data: {oops\n\ndata: [DONE]"),
};
for (const [name, of] of Object.entries(framings)) {
  test(`framing: ${name}`, async () => {
    const model = `framing-${name}`;
    const bytes = Buffer.from(of(model));
    await t.model(model, (x) => x.stream(cutAt(bytes, [1, 7, bytes.length >> 1, bytes.length - 3])));
    const answer = await t.complete(stream(model, { stream_options: { include_usage: true } }));
    assert.equal(answer.status, 200, answer.text);
    assert.equal(withoutKeepAlive(answer.text), bytes.toString());
    const row = await rowOf(answer);
    assert.equal(row.outcome, "completed", JSON.stringify(row));
    assert.equal(row.usage_source, "reported", JSON.stringify(row));
    assert.deepEqual([row.prompt_tokens, row.completion_tokens, row.total_tokens], [9, 4, 13]);
    assert.equal(row.finish_reason, "stop");
  });
}

test("a missing [DONE] after the finish is made up for", async () => {
  for (const [model, reported] of [
    ["undone", usage(9, 4)],
    ["undone-bare", null],
  ]) {
    const events = streamEvents(model, ["a"], { done: false, reported });
    await t.model(model, (x) => x.stream(events.join("")));
    const answer = await t.complete(stream(model, { stream_options: { include_usage: true } }));
    assert.equal(withoutKeepAlive(answer.text), `${events.join("")}data: [DONE]\n\n`);
    assert.equal((await rowOf(answer)).outcome, "completed");
  }
});

test("a [DONE] without its blank line still ends the stream well", async () => {
  const events = streamEvents("unterminated", ["a"]).join("");
  await t.model("unterminated", (x) => x.stream(events.slice(0, -2)));
  const answer = await t.complete(stream("unterminated", { stream_options: { include_usage: true } }));
  assert.equal(dataOf(answer.text).at(-1), "[DONE]", answer.text);
  assert.equal(dataOf(answer.text).filter((data) => data === "[DONE]").length, 1);
  assert.ok(!answer.text.includes('"error"'));
  assert.equal((await rowOf(answer)).outcome, "completed");
});

test("the usage chunk is withheld unless it was asked for", async () => {
  for (const eol of ["\n", "\r\n"]) {
    const model = `usage-chunk-${eol.length}`;
    const events = streamEvents(model, ["a", "b"], { eol });
    const without = events.filter((e) => !e.includes('"usage"')).join("");
    assert.notEqual(without, events.join(""));
    await t.model(model, (x) => x.stream(everyByte(Buffer.from(events.join("")))));
    for (const stream_options of [undefined, null, {}, { include_usage: false }]) {
      const answer = await t.complete(stream(model, { stream_options }));
      assert.equal(withoutKeepAlive(answer.text), without, JSON.stringify(stream_options));
      const row = await rowOf(answer);
      assert.deepEqual([row.usage_source, row.prompt_tokens, row.completion_tokens], ["reported", 9, 4]);
    }
    const asked = await t.complete(stream(model, { stream_options: { include_usage: true } }));
    assert.equal(withoutKeepAlive(asked.text), events.join(""));
  }
});

test("usage in a chunk with choices is the provider’s own and stays", async () => {
  const events = [
    event(chunk("usage-inline", delta({ role: "assistant", content: "a" }))),
    event(chunk("usage-inline", delta({}, "stop"), { usage: usage(5, 6) })),
    event("[DONE]"),
  ].join("");
  await t.model("usage-inline", (x) => x.stream(events));
  const answer = await t.complete(stream("usage-inline"));
  assert.equal(answer.text, events);
  const row = await rowOf(answer);
  assert.deepEqual([row.usage_source, row.prompt_tokens, row.completion_tokens], ["reported", 5, 6]);
});

test("an error event inside a stream is passed on and the request counts as failed", async () => {
  const events = [
    event(chunk("error-event", delta({ role: "assistant", content: "a" }))),
    event({ error: { message: "overloaded", type: "server_error", param: null, code: "overloaded" } }),
  ].join("");
  await t.model("error-event", (x) => x.stream(events));
  const answer = await t.complete(stream("error-event"));
  assert.ok(answer.text.startsWith(events), answer.text);
  assert.ok(!answer.text.includes("[DONE]"));
  assert.equal((await rowOf(answer)).outcome, "failed");
});

test("an upstream that does not stream although asked to is passed on as it is", async () => {
  const body = JSON.stringify(completion("no-stream", "whole"));
  await t.model("no-stream", (x) => x.reply(200, body));
  const answer = await t.complete(stream("no-stream"));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.text, body);
  assert.match(answer.headers["content-type"], /^application\/json/);
  const row = await rowOf(answer);
  assert.deepEqual([row.outcome, row.prompt_tokens, row.completion_tokens], ["completed", 9, 4]);
});

test("streamed tool calls arrive byte for byte", async () => {
  const parts = ['{"ci', 'ty":"Zü', 'rich"}'];
  const call = (fields, extra) =>
    event(chunk("tool-stream", delta({ tool_calls: [{ index: 0, ...fields, ...extra }] })));
  const events = [
    event(chunk("tool-stream", delta({ role: "assistant", content: null }))),
    call({ id: "call_1", type: "function", function: { name: "weather", arguments: "" } }),
    ...parts.map((part) => call({ function: { arguments: part } })),
    event(chunk("tool-stream", delta({}, "tool_calls"))),
    event("[DONE]"),
  ].join("");
  await t.model("tool-stream", (x) => x.stream(everyByte(Buffer.from(events))));
  const answer = await t.complete(stream("tool-stream"));
  assert.equal(withoutKeepAlive(answer.text), events);
  assert.equal((await rowOf(answer)).finish_reason, "tool_calls");
});

test("no way of splitting the bytes changes them", async () => {
  // One answer with everything that could be split badly: CRLF and LF, comments, escapes, characters of four bytes.
  const bytes = Buffer.from(
    [": opening\n\n", ...streamEvents("split", ["é", "漢字", "😀", " \\n "])]
      .map((e, i) => (i % 3 === 1 ? e.replaceAll("\n", "\r\n") : e))
      .join(""),
  );
  const random = prng(20_261_120);
  const splits = [[], Array.from({ length: bytes.length }, (_, i) => i)];
  while (splits.length < 220)
    splits.push(Array.from({ length: 1 + Math.floor(random() * 12) }, () => Math.floor(random() * bytes.length)));
  const usageless = bytes.toString().replace(/data: [^\r\n]*"usage"[^\r\n]*\r?\n\r?\n/, "");
  assert.notEqual(usageless, bytes.toString());

  const queue = [...splits.entries()];
  await t.model("split", (x) => x.stream(cutAt(bytes, splits[Number(x.headers["x-title"])])));
  const worker = async () => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const [index, offsets] = next;
      const asked = index % 2 === 0;
      const answer = await t.complete(stream("split", asked ? { stream_options: { include_usage: true } } : {}), {
        headers: { "x-title": String(index) },
      });
      assert.equal(withoutKeepAlive(answer.text), asked ? bytes.toString() : usageless, `split at ${offsets.join()}`);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
});

test("many streams at once do not mix", async () => {
  const words = (n) => Array.from({ length: 15 }, (_, i) => `${n}:${i} `);
  await t.model("crowd", async (x) => {
    x.sse();
    for (const one of streamEvents("crowd", words(x.json().messages[0].content))) {
      await x.write(one);
      await delay(5);
    }
    x.end();
  });
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      t.complete({ model: "crowd", stream: true, messages: [{ role: "user", content: String(n) }] }),
    ),
  );
  for (const [n, answer] of answers.entries()) assert.equal(spelled(answer.text), words(n).join(""));
});
