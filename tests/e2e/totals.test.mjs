// Totals of statistics: questions about the whole gateway are answered from few rows, and the answers are those of the rows of series,
// whatever comes late, twice, from an older release or from before there were totals.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { countingEntry } from "../../bench/counting.mjs";
import { suite, test } from "../support/suite.mjs";
import { eventually } from "../support/util.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DAYS = 12;
const STEP = 95 * MINUTE;

const t = suite({
  // Counts what each answer uses of the database.
  entry: countingEntry(fileURLToPath(new URL("../../", import.meta.url))),
});

const now = Date.now();
const begin = Math.floor(now / DAY) * DAY - DAYS * DAY;
const WAYS = [
  { status: 200, outcome: "completed" },
  { status: 200, outcome: "completed" },
  { status: 502, outcome: "failed", error_code: "upstream_error" },
  { status: 429, outcome: "rejected", error_code: "rate_limit_exceeded" },
  { status: 499, outcome: "cancelled" },
];

/** Three requests at each step of the days, of different keys, providers and outcomes. */
const events = Array.from({ length: 3 * Math.floor((DAYS * DAY) / STEP) }, (_, i) => ({
  id: `01TOTAL${String(i).padStart(19, "0")}`,
  ts: begin + Math.floor(i / 3) * STEP + (i % 3) * 7 * MINUTE,
  request_id: `total-${i}`,
  key_id: `key-${i % 5}`,
  provider_id: null,
  provider_name: `provider-${i % 3}`,
  model: "m",
  upstream_model: `m-${i % 4}`,
  stream: i % 2 === 0,
  error_code: null,
  finish_reason: "stop",
  prompt: i,
  completion: 2 * i,
  cached: 0,
  cache_written: 0,
  cache_written_1h: 0,
  reasoning: 0,
  usage_source: "reported",
  first_byte_ms: 10 + i,
  duration_ms: 1_000 + 7 * i,
  conversation_id: "total",
  cost_micros: 3 + i,
  price_source: "list",
  ...WAYS[i % WAYS.length],
}));
const isLate = (_, i) => i % 9 === 4;

const stats = async (path) => {
  const { status, body, text } = await t.gw.admin("GET", `/stats/${path}`);
  assert.equal(status, 200, `${path}: ${text}`);
  return body;
};
const enqueue = async (some) => {
  for (let at = 0; at < some.length; at += 60) await t.gw.enqueue(JSON.stringify(some.slice(at, at + 60)));
};
const WINDOW = `from=${begin + 10 * HOUR}&to=${now}`;
// Matches every request, but is a question about more than classes: it is answered from rows of series.
const EVERY = "stream=true,false";
const sum = (list) => list.reduce((a, b) => a + b, 0);
const counted = async () => (await stats(`overview?from=${begin}&to=${now}&${EVERY}`)).figures.requests;
const progress = () => t.gw.db("SELECT * FROM stat_progress ORDER BY grain");
const isTotalled = (of) => of.totals_since !== null && of.totals_since <= begin + DAY && of.totals_until === of.until;

/** Runs the cron until everything is added up and has totals. */
async function totalled() {
  await eventually(
    async () => {
      await t.gw.scheduled();
      const found = await progress();
      return found.every(isTotalled) && found[0].until >= begin + (DAYS - 1) * DAY;
    },
    { within: 120_000, what: "totals of everything" },
  );
}

/** Whether answers from totals are those from rows of series, and how many requests there are. */
async function compared() {
  for (const tz of ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "-03:30"]) {
    for (const question of [
      "timeseries?bucket=day",
      "timeseries?bucket=hour",
      "timeseries?bucket=day&group_by=status",
      "timeseries?bucket=day&status=ok,client",
      "overview?bucket=hour",
      "by/status?bucket=hour",
      "latency?bucket=day",
    ]) {
      const path = `${question}&${WINDOW}&tz=${encodeURIComponent(tz)}`;
      assert.deepEqual(await stats(path), await stats(`${path}&${EVERY}`), path);
    }
  }
  return (await stats(`overview?from=${begin}&to=${now}&tz=Asia/Kolkata`)).figures.requests;
}

test("what was added up has totals, which say the same in every zone", async () => {
  const inTime = events.filter((event, i) => !isLate(event, i));
  await enqueue(inTime);
  await eventually(async () => (await counted()) === inTime.length, { within: 30_000 });
  assert.deepEqual(
    (await progress()).map(({ until, totals_since, totals_until }) => [until, totals_since, totals_until]),
    [0, 0, 0].map((until) => [until, null, null]),
  );
  // While the job is at it as well.
  await t.gw.scheduled();
  assert.equal(await compared(), inTime.length);
  await totalled();
  assert.equal(await compared(), inTime.length);
});

test("days of a zone of half hours are those of the requests themselves", async () => {
  const { buckets, lines, window } = await stats(`timeseries?bucket=day&${WINDOW}&tz=Asia/Kolkata`);
  assert.equal(window.bucket, "day");
  assert.ok(buckets.every((at) => (at + 5.5 * HOUR) % DAY === 0));
  for (const [i, from] of buckets.entries()) {
    const of = events.filter(
      (event, at) => !isLate(event, at) && event.ts >= from && event.ts < (buckets[i + 1] ?? window.to),
    );
    const found = [lines[0].requests[i], lines[0].cost_micros[i], lines[0].cancelled[i]];
    const cancelled = of.filter(({ outcome }) => outcome === "cancelled").length;
    assert.deepEqual(
      found,
      [of.length, sum(of.map((event) => event.cost_micros)), cancelled],
      new Date(from).toISOString(),
    );
  }
});

test("a question about the whole gateway reads few rows", async () => {
  const rowsRead = async (path) => {
    await stats(path);
    await t.gw.call("/__counted");
    await stats(path);
    return (await t.gw.call("/__counted")).json().counts.request["D1 rows read"];
  };
  const path = `timeseries?bucket=hour&${WINDOW}`;
  const [few, many] = [await rowsRead(path), await rowsRead(`${path}&${EVERY}`)];
  assert.ok(few <= many, `${few} rows from totals, ${many} from rows of series`);
  const [{ series, totals }] = await t.gw.db(
    "SELECT SUM(grain = 'd') AS series, SUM(grain = 'D') AS totals FROM stat_rows",
  );
  assert.ok(totals <= 5 * (DAYS + 1) && series > 2 * totals, `${totals} totals of ${series} rows`);
});

test("what comes late, some of it twice, is in both", async () => {
  await enqueue(events.filter(isLate));
  await enqueue(events.slice(100, 160));
  await eventually(async () => (await counted()) === events.length, { within: 30_000 });
  assert.ok((await progress()).every(isTotalled), "they are added to totals, which are not made anew");
  assert.equal(await compared(), events.length);
  await t.gw.scheduled();
  assert.equal(await compared(), events.length);
});

test("rows that an older release writes without totals are noticed, and totals made anew", async () => {
  const [row] = await t.gw.db("SELECT * FROM stat_rows WHERE grain = 'h' AND start > ? LIMIT 1", begin + 3 * DAY);
  const columns = Object.keys(row);
  const literal = (value) => (value === null ? "NULL" : typeof value === "number" ? value : `'${value}'`);
  for (const grain of ["d", "h", "q", "m"]) {
    const start = grain === "d" ? row.start - (row.start % DAY) : row.start;
    const values = Object.values({ ...row, grain, start, part: "older" }).map(literal);
    await t.gw.db(`INSERT INTO stat_rows (${columns.join(",")}) VALUES (${values.join(",")})`);
  }
  assert.deepEqual(
    (await progress()).map(({ totals_since, totals_until }) => [totals_since, totals_until]),
    [1, 2, 3].map(() => [null, null]),
  );
  const expected = events.length + row.requests;
  assert.equal(await compared(), expected);
  await t.gw.scheduled();
  assert.equal(await compared(), expected);
  await totalled();
  assert.equal(await compared(), expected);
});

test("rows of before there were totals go on being answered, and get some", async () => {
  const expected = await counted();
  await t.gw.db("DELETE FROM stat_rows WHERE grain IN ('Q', 'H', 'D')");
  await t.gw.db("DELETE FROM stat_series WHERE id <= 6");
  await t.gw.db("UPDATE stat_progress SET totals_since = NULL, totals_until = NULL");
  assert.equal(await compared(), expected);
  for (let run = 0; run < 2; run++) {
    await t.gw.scheduled();
    assert.equal(await compared(), expected);
  }
  await totalled();
  assert.equal(await compared(), expected);
});
