// Proves that the archive loses and doubles nothing however the queue delivers its messages and wherever the consumer is
// stopped; that texts are read wherever their pack is; that what was deleted is erased among the texts of others; that
// everything whose time is over goes; and that what an earlier release archived is still there.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { gzipSync } from "node:zlib";
import { startGateway } from "../support/gateway.mjs";
import { ask, suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

const DAY = 24 * 3600 * 1000;
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID of a time, with a number in place of randomness. */
function ulid(ms, number) {
  const digits = (value, count) =>
    Array.from({ length: count }, (_, i) => LETTERS[Math.floor(value / 32 ** (count - 1 - i)) % 32]).join("");
  return digits(ms, 10) + digits(number, 16);
}

/** A generator of numbers from 0 up to 1 that begins with a seed (mulberry32). */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An event with what the archive gets of its request, as the pipeline sends it. */
function event({ id, ts, key, conversation, question, answer, ...rest }) {
  return {
    id,
    ts,
    request_id: `req-${id}`,
    key_id: key,
    model: "m",
    stream: false,
    status: 200,
    outcome: "completed",
    finish_reason: "stop",
    prompt: 10,
    completion: 5,
    cached: 0,
    cache_written: 0,
    cache_written_1h: 0,
    reasoning: 0,
    usage_source: "reported",
    duration_ms: 5,
    conversation_id: conversation,
    dialect: "openai",
    kept: {
      turn: "0".repeat(48),
      archived: {
        outline: [
          ["u", 3, 0],
          ["a", 5, 7],
        ],
        texts: [question, answer],
        title: question,
        said: `${question}\n${answer}\n`,
      },
    },
    ...rest,
  };
}

const show = (gw, id, query = "") => gw.admin("GET", `/stats/conversation/${id}${query}`);

async function messagesOf(gw, key, id) {
  const all = [];
  for (let after = ""; after !== null; ) {
    const { status, body } = await show(gw, id, `?key_id=${key}&limit=7${after && `&after=${after}`}`);
    assert.equal(status, 200, JSON.stringify(body));
    all.push(...body.messages);
    after = body.next_after;
  }
  return all;
}

/** The value that this share of the values does not exceed; `sorted` ascending. */
const quantile = (sorted, share) => sorted[Math.ceil(share * sorted.length) - 1];

/** A gateway of its own, with a database that only this test writes to. */
function alone(name, options, tests) {
  describe(name, () => {
    const t = {};
    before(async () => (t.gw = await startGateway(options)), { timeout: 120_000 });
    after(() => t.gw?.stop());
    tests(t);
  });
}

alone(
  "a consumer that is stopped anywhere, and messages that come twice and in any order",
  { maxRetries: 100 },
  (t) => {
    const count = Number(process.env.ARCHIVE_EVENTS ?? 1_500);
    // A message is tried some 40 times a second; of 100,000 events there are some 5,500 messages.
    const within = 120_000 + 40 * count;
    const exact = async () => {
      const dice = random(20_261_129);
      const begin = Date.now() - 60_000 - count;
      // Conversations of three keys, of which two use the same names.
      const events = Array.from({ length: count }, (_, i) => {
        const key = ["k1", "k2", "k3"][Math.floor(dice() * 3)];
        const conversation = `${key === "k3" ? "own" : "shared"}-${Math.floor(dice() ** 2 * (count / 12))}`;
        return event({
          id: ulid(begin + i, i),
          ts: begin + i,
          key,
          conversation,
          question: `question ${i}`,
          answer: `answer ${i} ${"x".repeat(Math.floor(dice() ** 4 * 3_000))}`,
          duration_ms: Math.round(20 * Math.exp(9 * dice() ** 2)),
          cost_micros: Math.floor(dice() * 1_000),
          price_source: "list",
        });
      });
      // Each refuses the whole transaction at another place of it, after texts were put into R2.
      const places = ["request_log", "conversations", "chat_messages", "archive_packs", "stat_rows"];
      for (const table of places)
        await t.gw.db(
          `CREATE TRIGGER refuse_${table} BEFORE INSERT ON ${table} WHEN abs(random()) % 400 = 0 ` +
            "BEGIN SELECT RAISE(ABORT, 'stopped by the test'); END",
        );
      const sent = [...events, ...events.filter(() => dice() < 0.1)]
        .map((one, i) => [i + dice() * 200, one])
        .sort(([a], [b]) => a - b)
        .map(([, one]) => one);
      for (let i = 0; i < sent.length; ) {
        const size = 1 + Math.floor(dice() * 40);
        await t.gw.enqueue(JSON.stringify(sent.slice(i, i + size)));
        i += size;
      }
      const logged = async () => (await t.gw.db("SELECT COUNT(*) AS n FROM request_log"))[0].n;
      await eventually(async () => (await logged()) === count, { within, every: 200, what: "all events" });
      for (const table of places) await t.gw.db(`DROP TRIGGER refuse_${table}`);

      const window = `from=${begin - 60_000}&to=${begin + count + 60_000}`;
      const sum = (of, field) => of.reduce((total, one) => total + one[field], 0);
      const { groups, total } = (await t.gw.admin("GET", `/stats/by/key?${window}`)).body;
      const byKey = Map.groupBy(events, (one) => one.key_id);
      assert.equal(groups.length, byKey.size);
      for (const [of, figures] of [[events, total], ...groups.map((group) => [byKey.get(group.name), group.figures])]) {
        const shown = [figures.requests, figures.cost_micros, figures.prompt_tokens, figures.completion_tokens];
        assert.deepEqual(shown, [of.length, sum(of, "cost_micros"), 10 * of.length, 5 * of.length]);
        const durations = of.map((one) => one.duration_ms).sort((a, b) => a - b);
        for (const [name, share] of [
          ["p50", 0.5],
          ["p95", 0.95],
          ["p99", 0.99],
        ]) {
          const value = quantile(durations, share);
          const given = figures.duration_ms[name];
          assert.ok(Math.abs(given - value) <= 0.011 * value + 1, `${name}: ${given} for ${value}`);
        }
      }

      const conversations = Map.groupBy(events, (one) => `${one.key_id} ${one.conversation_id}`);
      const totals = (await t.gw.admin("GET", "/stats/total")).body;
      assert.deepEqual(
        [totals.total_conversations, totals.total_rounds, totals.tokens_usage.total],
        [conversations.size, count, 15 * count],
      );
      const rows = await t.gw.db(
        "SELECT key_id, id, rounds, prompt_tokens, completion_tokens, first_seen, last_seen, title FROM conversations",
      );
      assert.equal(rows.length, conversations.size);
      for (const row of rows) {
        const of = conversations.get(`${row.key_id} ${row.id}`);
        assert.deepEqual(
          [row.rounds, row.prompt_tokens, row.completion_tokens, row.first_seen, row.last_seen, row.title],
          [of.length, 10 * of.length, 5 * of.length, of[0].ts, of.at(-1).ts, of[0].kept.archived.title],
        );
      }
      const read = [...conversations.values()].sort((a, b) => b.length - a.length);
      for (const of of [...read.slice(0, 20), ...read.slice(-20)]) {
        const found = await messagesOf(t.gw, of[0].key_id, of[0].conversation_id);
        assert.deepEqual(
          found.map(({ content }) => content),
          of.flatMap(({ kept }) => kept.archived.texts),
          of[0].conversation_id,
        );
        assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
      }
      assert.ok((await t.gw.db("SELECT COUNT(*) AS n FROM chat_messages"))[0].n > 0, "entries were moved");
    };
    test("leave exact totals and a whole archive", exact, { timeout: 60_000 + within });

    test("objects that no batch refers to are removed, all others stay", async () => {
      const r2 = await t.gw.r2();
      const old = ulid(Date.now() - 5 * 3600 * 1000, 7);
      const hour = new Date(Date.now() - 5 * 3600 * 1000).toISOString();
      const name = `packs/archive/${hour.slice(0, 10)}/${hour.slice(11, 13)}/${old}.ndjson.gz`;
      await r2.put(name, "left behind");
      const names = async () => (await r2.list({ prefix: "packs/archive/" })).objects.map(({ key }) => key);
      const before = await names();
      await t.gw.scheduled();
      assert.deepEqual(
        await names(),
        before.filter((key) => key !== name),
      );
    });

    test("the list of a key and that of all keys are paged through without gaps", async () => {
      const list = async (query) => {
        const found = [];
        for (let cursor = ""; cursor !== null; ) {
          const { status, body } = await t.gw.admin(
            "GET",
            `/conversations?limit=37${query}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
          );
          assert.equal(status, 200, JSON.stringify(body));
          found.push(...body.conversations);
          cursor = body.next_cursor;
        }
        return found;
      };
      const expected = async (where) =>
        (await t.gw.db(`SELECT key_id, id FROM conversations WHERE ${where} ORDER BY last_seen DESC, id DESC`)).map(
          ({ key_id: key, id }) => `${key} ${id}`,
        );
      const names = (found) => found.map((row) => `${row.key_id} ${row.conversation_id}`);
      assert.deepEqual(names(await list("")), await expected("1"));
      assert.deepEqual(names(await list("&key_id=k1")), await expected("key_id = 'k1'"));
      const [{ last_seen: middle }] = await t.gw.db(
        "SELECT last_seen FROM conversations WHERE key_id = 'k1' ORDER BY last_seen LIMIT 1 OFFSET 5",
      );
      assert.deepEqual(
        names(await list(`&key_id=k1&from=${middle}`)),
        await expected(`key_id = 'k1' AND last_seen >= ${middle}`),
      );
      const [{ title, key_id: key, id }] = await t.gw.db(
        "SELECT title, key_id, id FROM conversations LIMIT 1 OFFSET 3",
      );
      const found = names(await list(`&key_id=${key}&search=${encodeURIComponent(title.toUpperCase())}`));
      assert.ok(found.includes(`${key} ${id}`), `${title}: ${found}`);
    });
  },
);

describe("packs", () => {
  const t = suite();
  const talk = async (conversation, text, key = t.key) => {
    const answer = await t.gw.complete(
      key,
      { ...ask("demo/echo"), messages: [{ role: "user", content: text }] },
      { headers: { "x-conversation-id": conversation } },
    );
    assert.equal(answer.status, 200, answer.text);
    await t.gw.row(answer.headers["x-request-id"]);
  };
  const asked = async (conversation) => {
    const { body } = await show(t.gw, conversation);
    return body.messages.filter(({ role }) => role === "user").map(({ content }) => content);
  };
  const objects = async () => (await (await t.gw.r2()).list({ prefix: "packs/archive/" })).objects.length;
  /** Makes all packs that wait so old that they become an object. */
  const age = async (ms) => {
    for (const { name } of await t.gw.db("SELECT name FROM archive_packs WHERE staged IS NOT NULL")) {
      const old = ulid(Date.now() - ms, 0).slice(0, 10) + name.slice(10);
      await t.gw.db("UPDATE archive_packs SET name = ? WHERE name = ?", old, name);
      await t.gw.db("UPDATE conversations SET items = replace(items, ?, ?)", name, old);
    }
  };

  test("few texts wait in the database and become part of an object", async () => {
    for (const n of [1, 2, 3]) await talk(`waiting-${n}`, `text number ${n}`);
    assert.equal(await objects(), 0);
    await t.gw.scheduled();
    assert.equal(await objects(), 0, "they are not old enough");
    await age(90 * 60_000);
    await t.gw.scheduled();
    assert.equal(await objects(), 1);
    assert.deepEqual(await t.gw.db("SELECT name FROM archive_packs WHERE staged IS NOT NULL"), []);
    for (const n of [1, 2, 3]) assert.deepEqual(await asked(`waiting-${n}`), [`text number ${n}`]);
    await t.gw.scheduled();
    assert.equal(await objects(), 1);
  });

  test("what is deleted is erased among the texts of others, in objects and in packs that wait", async () => {
    await talk("neighbour", "to be kept");
    await talk("mixed", "waits still, needle two");
    const has = async (text) =>
      (await t.gw.dump()).filter((part) => part.text?.includes(text)).map(({ place }) => place);
    assert.ok((await has("number 2")).some((place) => place.startsWith("R2 packs/archive/")));
    assert.ok((await has("needle two")).some((place) => place.startsWith("D1 archive_packs")));
    for (const id of ["waiting-2", "mixed"])
      assert.equal((await t.gw.admin("DELETE", `/conversations/${id}`)).status, 200);
    assert.deepEqual([await has("number 2"), await has("needle two")], [[], []]);
    for (const [id, text] of [
      ["waiting-1", "text number 1"],
      ["waiting-3", "text number 3"],
      ["neighbour", "to be kept"],
    ])
      assert.deepEqual(await asked(id), [text]);
    assert.deepEqual(await t.gw.db("SELECT * FROM archive_erasures"), []);
    assert.equal((await show(t.gw, "mixed")).status, 404);
  });

  test("a text that nothing refers to is erased in the pack that it shares with one that is archived", async () => {
    const now = Date.now();
    const [{ key_id: key }] = await t.gw.db("SELECT key_id FROM conversations LIMIT 1");
    const pack = `${ulid(now, 77)}L`;
    const members = [];
    const large = ["forgotten", "kept"].map((word, i) => {
      const texts = [`${word} in a shared pack`, "answer"];
      const messages = texts.map((content, of) => ({ role: of ? "assistant" : "user", content }));
      const member = gzipSync(`${JSON.stringify({ messages })}\n`);
      const place = [pack, members.reduce((sum, { length }) => sum + length, 0), member.length];
      members.push(member);
      const one = event({ id: ulid(now, i), ts: now, key, conversation: `${word}-large`, question: word, answer: "" });
      Object.assign(one.kept.archived, { texts: [], place });
      return one;
    });
    const day = new Date(now).toISOString();
    const object = `packs/archive-large/${day.slice(0, 10)}/${day.slice(11, 13)}/${pack}.ndjson.gz`;
    await (await t.gw.r2()).put(object, Buffer.concat(members));
    const recorded = ({ id }) => t.gw.db("SELECT id FROM request_log WHERE id = ?", id);
    // Its account has recorded the first without what is kept of it.
    const { kept: _, ...bare } = large[0];
    await t.gw.enqueue(JSON.stringify([bare]));
    await eventually(async () => (await recorded(bare)).length === 1);
    for (const delivery of [2, 3]) {
      const marker = { ...bare, id: ulid(now, delivery) };
      await t.gw.enqueue(JSON.stringify([...large, marker]));
      await eventually(async () => (await recorded(marker)).length === 1);
      await eventually(async () => {
        await t.gw.scheduled();
        return !(await t.gw.dump()).some(({ text }) => text?.includes("forgotten in a shared pack"));
      });
      assert.deepEqual(await asked("kept-large"), ["kept in a shared pack"]);
    }
    assert.equal((await t.gw.admin("DELETE", "/conversations/kept-large")).status, 200);
    assert.ok(!(await t.gw.dump()).some(({ text }) => text?.includes("in a shared pack")));
  });

  test("what the request had no time to erase is erased by the cron", async () => {
    for (let n = 0; n < 25; n++) await talk("many", `erase me ${n}`);
    assert.equal((await show(t.gw, "many")).body.rounds, 25);
    assert.equal((await t.gw.admin("DELETE", "/conversations/many")).status, 200);
    await t.gw.scheduled();
    assert.ok(!(await t.gw.dump()).some(({ text }) => text?.includes("erase me")));
    assert.deepEqual(await t.gw.db("SELECT * FROM archive_erasures"), []);
  });

  test("a conversation that was deleted may begin again, and counts once", async () => {
    const total = async () => (await t.gw.admin("GET", "/stats/total")).body.total_conversations;
    const before = await total();
    await talk("mixed", "again");
    assert.equal(await total(), before);
    const { body } = await show(t.gw, "mixed");
    assert.deepEqual([body.rounds, body.messages[0].content], [1, "again"]);
  });

  test("a long conversation is read page by page", async () => {
    for (let n = 0; n < 12; n++) await talk("long", `turn ${n}`);
    assert.ok((await t.gw.db("SELECT items FROM chat_messages WHERE conversation_id = 'long'")).length >= 3);
    const [{ key_id: key }] = await t.gw.db("SELECT key_id FROM conversations WHERE id = 'long'");
    const found = await messagesOf(t.gw, key, "long");
    assert.deepEqual(
      found.filter(({ role }) => role === "user").map(({ content }) => content),
      Array.from({ length: 12 }, (_, n) => `turn ${n}`),
    );
  });

  test("what is older than the archive keeps goes with the cron", async () => {
    await talk("ended", "long ago");
    await talk("going-on", "long ago as well");
    await talk("going-on", "today");
    const old = Date.now() - 184 * DAY;
    const past = ulid(old, 0).slice(0, 10);
    await t.gw.db("UPDATE conversations SET first_seen = ?, last_seen = ? WHERE id = 'ended'", old, old);
    const [{ items }] = await t.gw.db("SELECT items FROM conversations WHERE id = 'going-on'");
    const parsed = JSON.parse(`[${items}]`);
    parsed[0].r = past + parsed[0].r.slice(10);
    const aged = parsed.map((item) => JSON.stringify(item)).join(",");
    await t.gw.db("UPDATE conversations SET first_seen = ?, items = ? WHERE id = 'going-on'", old, aged);
    const r2 = await t.gw.r2();
    const day = new Date(old).toISOString();
    const name = `packs/archive/${day.slice(0, 10)}/${day.slice(11, 13)}/${ulid(old, 1)}.ndjson.gz`;
    await r2.put(name, "old");
    await t.gw.db("INSERT INTO archive_packs (name) VALUES (?)", ulid(old - 3 * DAY, 1));
    await t.gw.scheduled();
    assert.equal((await show(t.gw, "ended")).status, 404);
    assert.deepEqual(await asked("going-on"), ["today"]);
    assert.equal(await r2.head(name), null);
    assert.deepEqual(await t.gw.db("SELECT name FROM archive_packs WHERE name < ?", ulid(old, 0)), []);
    assert.deepEqual(await asked("neighbour"), ["to be kept"]);
  });
});

/** What the release before packs left in the database. */
async function earlierRelease(db) {
  const now = Date.now();
  const message = (id, key, conversation, fields) => {
    const row = {
      id: `${id}.0000`,
      timestamp: now - 1_000,
      key_id: key,
      conversation_id: conversation,
      model_name: "m",
      tokens_count: 3,
      prompt_tokens: 10,
      completion_tokens: 5,
      answers: 1,
      ...fields,
    };
    const names = Object.keys(row);
    return db
      .prepare(`INSERT INTO chat_messages (${names}) VALUES (${names.map(() => "?")})`)
      .bind(...Object.values(row));
  };
  const several = (texts) => ({
    role: "several",
    content: JSON.stringify(texts),
    outline: '[["u",1,0],["a",2,5]]',
    finish_reason: "stop",
  });
  const conversation = (key, id) =>
    db
      .prepare(
        "INSERT INTO archived_conversations (key_id, id, title, model_name, first_seen, last_seen) VALUES (?,?,?,?,?,?)",
      )
      .bind(key, id, `title of ${id}`, "m", now - 2_000, now - 1_000);
  const counted = (id, rounds) =>
    db
      .prepare("INSERT INTO conversations VALUES (?,?,?,?,?,?)")
      .bind(id, now - 2_000, now - 1_000, rounds, 10 * rounds, 5 * rounds);
  await db.batch([
    conversation("k1", "alone"),
    counted("alone", 2),
    message(ulid(now - 2_000, 1), "k1", "alone", several(["old one", "old answer"])),
    message(ulid(now - 1_000, 2), "k1", "alone", several(["old two", "old answer two"])),
    conversation("k1", "both"),
    conversation("k2", "both"),
    counted("both", 2),
    message(ulid(now - 1_000, 3), "k1", "both", several(["of one", "x"])),
    message(ulid(now - 1_000, 4), "k2", "both", several(["of two", "y"])),
    conversation("k1", "from-cache"),
    message(ulid(now - 1_000, 5), "k1", "from-cache", {
      ...several(["c", "d"]),
      prompt_tokens: 0,
      completion_tokens: 0,
    }),
    conversation("k1", "large"),
    counted("large", 1),
    message(ulid(now - 1_000, 6), "k1", "large", { role: "assistant", in_r2: 1, preview: "begi" }),
    message(ulid(now - 190 * DAY, 7), "k1", "large", { role: "assistant", content: "too old" }),
    counted("not-archived", 1),
    db.prepare("UPDATE stats_totals SET conversations = 4, rounds = 6"),
  ]);
}

alone("a database of an earlier release", { beforeMigration: { "0014_archive.sql": earlierRelease } }, (t) => {
  test("still has its conversations, and goes on with them", async () => {
    const contents = async (id, key) => (await messagesOf(t.gw, key, id)).map(({ content }) => content);
    const sums = async (id, key) => {
      const { body } = await show(t.gw, id, `?key_id=${key}`);
      return [body.rounds, body.prompt_tokens, body.completion_tokens];
    };
    assert.deepEqual(await contents("alone", "k1"), ["old one", "old answer", "old two", "old answer two"]);
    assert.deepEqual(await sums("alone", "k1"), [2, 20, 10]);
    assert.deepEqual(
      [await contents("both", "k1"), await contents("both", "k2")],
      [
        ["of one", "x"],
        ["of two", "y"],
      ],
    );
    assert.deepEqual(await sums("both", "k2"), [1, 10, 5]);
    assert.deepEqual(await sums("from-cache", "k1"), [1, 0, 0]);
    assert.equal((await show(t.gw, "both")).status, 409);
    const r2 = await t.gw.r2();
    const [{ id: large }] = await t.gw.db("SELECT id FROM old_messages WHERE in_r2 = 1");
    await r2.put(`archive/${large}`, "beginning and end");
    assert.deepEqual(await contents("large", "k1"), ["too old", "beginning and end"]);

    const now = Date.now();
    const next = (number, key, conversation) =>
      event({ id: ulid(now, number), ts: now, key, conversation, question: `new ${number}`, answer: "z" });
    await t.gw.enqueue(JSON.stringify([next(1, "k1", "alone"), next(2, "k9", "not-archived"), next(3, "k9", "new")]));
    await t.gw.row(`req-${ulid(now, 3)}`);
    assert.deepEqual((await contents("alone", "k1")).slice(-2), ["new 1", "z"]);
    assert.deepEqual(await sums("alone", "k1"), [3, 30, 15]);
    const totals = (await t.gw.admin("GET", "/stats/total")).body;
    assert.equal(totals.total_conversations, 5, "one of them is new");

    await t.gw.scheduled();
    assert.deepEqual(await contents("large", "k1"), ["beginning and end"]);
    for (const [id, key] of [
      ["alone", "k1"],
      ["large", "k1"],
    ])
      assert.equal((await t.gw.admin("DELETE", `/conversations/${id}?key_id=${key}`)).status, 200);
    assert.deepEqual((await r2.list({ prefix: "archive/" })).objects, []);
    assert.ok(!(await t.gw.dump()).some(({ text }) => /old one|old answer|new 1/.test(text ?? "")));
    assert.deepEqual(await contents("both", "k2"), ["of two", "y"]);
  });
});
