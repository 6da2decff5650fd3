// Proves that every request leaves exactly one record: one row in the log with its usage, its share in chat_stats and
// in the totals, however it ended, and however often the queue delivers it or the database refuses it.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { startGateway } from "../support/gateway.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { completion, delay, startUpstream, streamEvents, usage } from "../support/upstream.mjs";
import { bearer, eventually } from "../support/util.mjs";

const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/i;
const totalsOf = async (gw) => (await gw.admin("GET", "/stats/total")).body;

describe("recording", () => {
  const t = suite();
  const rowOf = (answer) => t.gw.row(answer.headers["x-request-id"]);

  test("a completed request leaves one whole row", async () => {
    const reported = usage(120, 30, {
      prompt_tokens_details: { cached_tokens: 100 },
      completion_tokens_details: { reasoning_tokens: 12 },
    });
    await t.model("row", (x) => x.reply(200, completion("row", "ok", { reported })), {
      upstream_model: "row-upstream",
    });
    const began = Date.now();
    const answer = await t.complete(ask("row"), { headers: { "x-request-id": "row-1" } });
    assert.equal(answer.status, 200);
    const row = await rowOf(answer);
    assert.match(row.id, ULID);
    assert.ok(row.ts >= began - 1_000 && row.ts <= Date.now() + 1_000, `ts ${row.ts}`);
    assert.ok(row.duration_ms >= 0 && row.duration_ms < 60_000);
    assert.ok(Number.isInteger(row.first_byte_ms) && row.first_byte_ms <= row.duration_ms);
    assert.equal(row.conversation_id, answer.headers["x-conversation-id"]);
    const expected = {
      request_id: "row-1",
      key_id: t.key.split("-")[2],
      provider_id: t.provider.id,
      provider_name: "loopback",
      model: "row",
      upstream_model: "row-upstream",
      stream: 0,
      status: 200,
      outcome: "completed",
      error_code: null,
      finish_reason: "stop",
      prompt_tokens: 120,
      completion_tokens: 30,
      total_tokens: 150,
      cached_tokens: 100,
      reasoning_tokens: 12,
      usage_source: "reported",
    };
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((column) => [column, row[column]])), expected);
  });

  test("a streamed request does too, with usage that the caller never saw", async () => {
    await t.model("row-stream", (x) => x.stream(streamEvents("row-stream", ["a", "b"], { reported: usage(7, 8) })));
    const answer = await t.complete(ask("row-stream", { stream: true }));
    assert.ok(!answer.text.includes('"usage"'));
    const row = await rowOf(answer);
    assert.deepEqual(
      [
        row.stream,
        row.outcome,
        row.prompt_tokens,
        row.completion_tokens,
        row.total_tokens,
        row.usage_source,
        row.finish_reason,
      ],
      [1, "completed", 7, 8, 15, "reported", "stop"],
    );
  });

  test("usage is counted where the upstream gives none", async () => {
    await t.model("row-none", (x) =>
      x.reply(
        200,
        completion("row-none", "Twelve words or so are spoken here, which is enough for an estimate.", {
          reported: null,
        }),
      ),
    );
    await t.model("row-none-stream", (x) =>
      x.stream(
        streamEvents("row-none-stream", ["Twelve words or so ", "are spoken here, ", "which is enough."], {
          reported: null,
        }),
      ),
    );
    for (const answer of [
      await t.complete(ask("row-none")),
      await t.complete(ask("row-none-stream", { stream: true })),
    ]) {
      const row = await rowOf(answer);
      assert.equal(row.usage_source, "counted");
      assert.ok(row.prompt_tokens >= 2 && row.prompt_tokens < 40, `prompt ${row.prompt_tokens}`);
      assert.ok(row.completion_tokens >= 4 && row.completion_tokens < 60, `completion ${row.completion_tokens}`);
      assert.equal(row.total_tokens, row.prompt_tokens + row.completion_tokens);
    }
  });

  test("failures, refusals and unknown models leave a row each", async () => {
    await t.model("row-500", (x) => x.reply(500, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    const failed = await rowOf(await t.complete(ask("row-500")));
    assert.deepEqual(
      [failed.status, failed.outcome, failed.provider_name, failed.model],
      [500, "failed", "loopback", "row-500"],
    );
    assert.deepEqual([failed.prompt_tokens ?? 0, failed.completion_tokens ?? 0], [0, 0]);

    const unknown = await rowOf(await t.complete(ask("no-such-model")));
    assert.deepEqual(
      [unknown.status, unknown.outcome, unknown.error_code, unknown.model],
      [404, "rejected", "model_not_found", "no-such-model"],
    );
    assert.equal(unknown.provider_id, null);

    const provider = await t.gw.createProvider({ name: "row-limited", server_url: `${t.up.url}/v1`, rate_limit: 1 });
    await t.model("row-limited-model", (x) => x.reply(200, completion("row-limited-model", "ok")), {
      provider_id: provider.id,
    });
    await t.complete(ask("row-limited-model"));
    const limited = await rowOf(await t.complete(ask("row-limited-model")));
    assert.deepEqual([limited.status, limited.outcome, limited.error_code], [429, "rejected", "provider_rate_limited"]);
  });

  test("the embedded models are recorded like any other", async () => {
    const row = await rowOf(await t.complete(ask("demo/echo")));
    assert.deepEqual([row.provider_name, row.outcome, row.usage_source], ["demo", "completed", "reported"]);
    assert.ok(row.prompt_tokens > 0 && row.completion_tokens > 0);
  });

  test("strangers leave no row", async () => {
    const count = async () => (await t.gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n;
    // Rows of earlier tests may still be on their way: one more request, waited for, comes after all of them.
    await rowOf(await t.complete(ask("demo/echo")));
    const before = await count();
    for (let i = 0; i < 5; i++) {
      assert.equal((await t.gw.complete(undefined, ask("demo/echo"))).status, 401);
      assert.equal((await t.gw.complete("sk-nx-aaaaaaaaaaaa-bbbbbbbbbbbbbbbbbbbbbbbb", ask("demo/echo"))).status, 401);
    }
    await rowOf(await t.complete(ask("demo/echo")));
    assert.equal(await count(), before + 1);
  });

  test("the totals are the sum of what was recorded", async () => {
    await t.model("sum", (x) => x.reply(200, completion("sum", "ok", { reported: usage(10, 5) })));
    await t.model("sum-500", (x) => x.reply(503, { error: { message: "boom", type: "x", param: null, code: "boom" } }));
    await rowOf(await t.complete(ask("demo/echo")));
    const before = await totalsOf(t.gw);
    assert.deepEqual(Object.keys(before).sort(), [
      "active_sessions",
      "completion_tokens",
      "prompt_tokens",
      "tokens_usage",
      "total_conversations",
      "total_rounds",
      "total_tokens",
      "unpriced_requests",
    ]);
    const statsBefore = (
      await t.gw.db("SELECT COALESCE(SUM(tokens_count), 0) AS sum, COUNT(*) AS n FROM chat_stats")
    )[0];
    const answers = await Promise.all(
      Array.from({ length: 25 }, (_, i) =>
        t.complete({ model: "sum", messages: [{ role: "user", content: `question ${i}` }] }),
      ),
    );
    await t.complete(ask("sum-500"));
    await t.complete(ask("no-such-model"));
    const expected = {
      prompt: before.tokens_usage.prompt + 250,
      completion: before.tokens_usage.completion + 125,
      total: before.tokens_usage.total + 375,
    };
    const totals = await eventually(
      async () => {
        const now = await totalsOf(t.gw);
        return now.tokens_usage.total >= expected.total && now;
      },
      { what: "the totals" },
    );
    for (const answer of answers) await rowOf(answer);
    assert.deepEqual(totals.tokens_usage, expected);
    assert.equal(totals.total_rounds, before.total_rounds + 25);
    assert.ok(totals.unpriced_requests >= before.unpriced_requests + 25, "the model has no price");
    assert.ok(
      totals.total_conversations > before.total_conversations &&
        totals.total_conversations <= before.total_conversations + 27,
    );

    const stats = (await t.gw.db("SELECT COALESCE(SUM(tokens_count), 0) AS sum, COUNT(*) AS n FROM chat_stats"))[0];
    assert.deepEqual([stats.sum - statsBefore.sum, stats.n - statsBefore.n], [375, 50]);
    const [sample] = await t.gw.db("SELECT * FROM chat_stats WHERE model_name = 'sum' AND is_prompt = 1 LIMIT 1");
    assert.deepEqual([sample.tokens_count, sample.provider_id], [10, t.provider.id]);
    assert.ok(sample.conversation_id && sample.timestamp);
  });

  test("the log can be paged through, newest first", async () => {
    for (let i = 0; i < 7; i++)
      await rowOf(await t.complete(ask("demo/echo"), { headers: { "x-request-id": `page-${i}` } }));
    const page = async (query) => (await t.gw.admin("GET", `/stats/requests?${query}`)).body.requests;
    const three = await page("limit=3");
    assert.deepEqual(
      three.map(({ request_id }) => request_id),
      ["page-6", "page-5", "page-4"],
    );
    const next = await page(`limit=3&before=${three.at(-1).id}`);
    assert.deepEqual(
      next.map(({ request_id }) => request_id),
      ["page-3", "page-2", "page-1"],
    );
    const all = await page("limit=500");
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    assert.ok(all.length >= 10 && (await page("")).length <= 50);
    assert.deepEqual(all.slice(0, 3), three);
    assert.equal(three[0].outcome, "completed");
  });

  test("the longest names and ids are recorded too", async () => {
    const id = "x".repeat(128);
    const row = await rowOf(await t.complete(ask("m".repeat(150_000)), { headers: { "x-request-id": id } }));
    assert.equal(row.outcome, "rejected");
    assert.ok(row.model.startsWith("mmm"));
  });
});

/** A gateway of its own whose recording is disturbed in some way. */
function disturbed(name, options, tests) {
  describe(name, () => {
    const t = {};
    before(
      async () => {
        t.gw = await startGateway(options);
        t.up = await startUpstream();
        const { id } = await t.gw.createProvider({ name: "loopback", server_url: `${t.up.url}/v1` });
        await t.gw.createModel({ provider_id: id, model_name: "m" });
        t.up.on("m", (x) =>
          x.json().stream
            ? x.stream(streamEvents("m", ["a"], { reported: usage(10, 5) }))
            : x.reply(200, completion("m", "ok", { reported: usage(10, 5) })),
        );
        t.key = (await t.gw.createKey()).key;
      },
      { timeout: 120_000 },
    );
    after(async () => {
      await t.gw?.stop();
      await t.up?.stop();
    });
    tests(t);
  });
}

const idsOf = (answers) => answers.map(({ headers }) => headers["x-request-id"]);
const requestsOf = (t, count) =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      t.gw.complete(t.key, { model: "m", stream: i % 2 === 0, messages: [{ role: "user", content: `q${i}` }] }),
    ),
  );

async function countedOnce(t, answers) {
  for (const id of idsOf(answers)) await t.gw.row(id, { within: 30_000 });
  const n = answers.length;
  const totals = await totalsOf(t.gw);
  assert.deepEqual(totals.tokens_usage, { prompt: 10 * n, completion: 5 * n, total: 15 * n });
  assert.equal(totals.total_rounds, n);
  const [{ sum, rows }] = await t.gw.db("SELECT SUM(tokens_count) AS sum, COUNT(*) AS rows FROM chat_stats");
  assert.deepEqual([sum, rows], [15 * n, 2 * n]);
  const [{ log }] = await t.gw.db("SELECT COUNT(*) AS log FROM request_log");
  assert.equal(log, n);
}

disturbed("a queue that delivers everything three times", { queue: "duplicate" }, (t) => {
  test("nothing is counted twice", async () => {
    const answers = await requestsOf(t, 30);
    await countedOnce(t, answers);
    // The third copies come two seconds later, in batches of their own. A marker sent after them is recorded after them.
    await delay(3_500);
    const marker = await requestsOf(t, 1);
    await countedOnce(t, [...answers, ...marker]);
  });
});

disturbed("a database that refuses for a while", { batchSeconds: 1, maxRetries: 100 }, (t) => {
  test("the batch is delivered again and counted once", async () => {
    await t.gw.db(
      "CREATE TRIGGER refuse BEFORE INSERT ON request_log BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
    );
    const answers = await requestsOf(t, 10);
    assert.ok(
      answers.every(({ status }) => status === 200),
      "a caller noticed",
    );
    // Long enough for at least one delivery to fail; the queue waits one second for a batch to fill.
    await delay(2_500);
    assert.deepEqual(await t.gw.db("SELECT id FROM request_log"), []);
    assert.equal((await totalsOf(t.gw)).total_rounds, 0);
    await t.gw.db("DROP TRIGGER refuse");
    await countedOnce(t, answers);
  });
});

disturbed("a message that the database always refuses", { batchSeconds: 1, maxRetries: 2 }, (t) => {
  test("holds up no other, and can be replayed once the reason is gone", async () => {
    await t.gw.db(
      "CREATE TRIGGER refuse BEFORE INSERT ON request_log WHEN NEW.model = 'poison' " +
        "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
    );
    const event = { id: "01POISON", ts: Date.now(), request_id: "poison", key_id: "k", model: "poison", stream: false };
    const rest = { status: 200, outcome: "completed", usage_source: "reported", duration_ms: 5, conversation_id: "c" };
    const tokens = { prompt: 10, completion: 5, cached: 0, cache_written: 0, cache_written_1h: 0, reasoning: 0 };
    await t.gw.enqueue(JSON.stringify([{ ...event, ...rest, ...tokens }]));
    const answers = await requestsOf(t, 10);
    await countedOnce(t, answers);
    const [letter] = await eventually(
      async () => {
        const { dead_letters: letters } = (await t.gw.admin("GET", "/system/dead-letters")).body;
        return letters.length === 1 && letters;
      },
      { within: 40_000, what: "the dead letter" },
    );
    assert.match(letter.reason, /refused/);
    assert.equal((await t.gw.admin("POST", `/system/dead-letters/${letter.id}/replay`)).status, 500);
    await t.gw.db("DROP TRIGGER refuse");
    const replayed = await t.gw.admin("POST", `/system/dead-letters/${letter.id}/replay`);
    assert.deepEqual([replayed.status, replayed.body.events], [200, 1], replayed.text);
    assert.equal((await t.gw.row("poison")).model, "poison");
    assert.deepEqual((await t.gw.admin("GET", "/system/dead-letters")).body.dead_letters, []);
  });
});

disturbed("no queue", { queue: "absent" }, (t) => {
  test("events are written to the database directly", async () => {
    const answers = await requestsOf(t, 20);
    assert.ok(answers.every(({ status }) => status === 200));
    await countedOnce(t, answers);
  });
});

disturbed("neither queue nor database", { queue: "absent" }, (t) => {
  test("events wait in R2 until the cron finds the database well again", async () => {
    await t.gw.db(
      "CREATE TRIGGER refuse BEFORE INSERT ON request_log BEGIN SELECT RAISE(ABORT, 'refused by the test'); END",
    );
    const answers = await requestsOf(t, 10);
    assert.ok(
      answers.every(({ status }) => status === 200),
      "a caller noticed",
    );
    const r2 = await t.gw.r2();
    const parked = async () => {
      const { objects } = await r2.list({ prefix: "parked-usage/" });
      return (await Promise.all(objects.map(async ({ key }) => (await r2.get(key)).json()))).flat().length;
    };
    await eventually(async () => (await parked()) === 10, { what: "ten parked events" });
    // While the database still fails, no event may be dropped.
    await t.gw.scheduled();
    assert.equal(await parked(), 10);
    await t.gw.db("DROP TRIGGER refuse");
    await t.gw.scheduled();
    await countedOnce(t, answers);
    assert.equal(await parked(), 0);
    await t.gw.scheduled();
    await countedOnce(t, answers);
  });
});

disturbed("a message that is not an event", {}, (t) => {
  test("delays no other event, and is kept until it is replayed or deleted", async () => {
    await t.gw.enqueue("no JSON at all");
    await t.gw.enqueue('{"id":5}');
    await t.gw.enqueue("[]");
    await t.gw.enqueue("");
    const answers = await requestsOf(t, 5);
    await countedOnce(t, answers);
    assert.equal((await t.gw.call("/v1/models", { headers: bearer(t.key) })).status, 200);
    const letters = async (query = "") => (await t.gw.admin("GET", `/system/dead-letters${query}`)).body;
    const { dead_letters: kept, next_cursor } = await eventually(async () => {
      const page = await letters();
      return page.dead_letters.length === 3 && page;
    });
    assert.equal(next_cursor, null);
    assert.ok(kept.every(({ reason, kept_at }) => reason.startsWith("no list of usage events") && kept_at > 0));
    const bodies = [];
    for (const { id } of kept) bodies.push((await t.gw.admin("GET", `/system/dead-letters/${id}`)).body.body);
    assert.deepEqual(bodies.sort(), ["", "no JSON at all", '{"id":5}']);
    const first = await letters("?limit=2");
    const rest = await letters(`?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`);
    assert.deepEqual([first.dead_letters.length, rest.dead_letters.length], [2, 1]);
    const unreadable = await t.gw.admin("POST", `/system/dead-letters/${kept[0].id}/replay`);
    assert.deepEqual([unreadable.status, unreadable.body.error.code], [422, "dead_letter_unreadable"]);
    for (const { id } of kept) assert.equal((await t.gw.admin("DELETE", `/system/dead-letters/${id}`)).status, 200);
    assert.deepEqual((await letters()).dead_letters, []);
    const gone = await t.gw.admin("GET", `/system/dead-letters/${kept[0].id}`);
    assert.deepEqual([gone.status, gone.body.error.code], [404, "dead_letter_not_found"]);
  });
});

disturbed("the cron handler", {}, (t) => {
  test("runs, and changes no totals", async () => {
    const answers = await requestsOf(t, 3);
    await countedOnce(t, answers);
    const { outcome } = await t.gw.scheduled();
    assert.equal(outcome, "ok");
    await countedOnce(t, answers);
  });
});
