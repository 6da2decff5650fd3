// How long questions over long ranges take where there are a million rows of sums: the gateway with the real D1 of workerd, asked
// through its API, so that a figure has everything in it that a reader of the console waits for. The rows are put into D1 directly.
import { configure, startGateway } from "../gateway.mjs";
import { spread } from "../report.mjs";

export const name = "walls";
export const about = "time of questions about statistics over a month, at a million rows of hours";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 32;
const SERIES = 1_400;
const ROUNDS = 5;

// A sketch of five values in five buckets, as crates/stats writes it.
const SKETCH = Buffer.from([0x90, 0x03, 1, 2, 1, 2, 1, 2, 1, 2, 1]).toString("base64url");

const QUESTIONS = [
  "/stats/timeseries?range=30d",
  "/stats/timeseries?range=30d&tz=Asia/Kolkata",
  "/stats/timeseries?range=30d&bucket=hour",
  "/stats/timeseries?range=30d&group_by=model",
  "/stats/timeseries?range=7d",
  "/stats/overview?range=30d",
  "/stats/by/model?range=30d",
  "/stats/by/key?range=30d",
  "/stats/latency?range=30d",
];

export async function run({ root, upstream, upstreamAddress, quick, log }) {
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const gateway = await startGateway({ root });
  try {
    await configure(gateway, upstreamAddress);
    const series = quick ? 20 : SERIES;
    const rows = await fill(gateway.database, series);
    log(`${rows} rows of hours`);
    const found = {};
    for (const question of QUESTIONS) {
      const times = [];
      let body;
      for (let round = 0; round < ROUNDS; round++) {
        const began = performance.now();
        const answer = await fetch(gateway.url + question, {
          headers: { authorization: `Bearer ${gateway.secrets.ADMIN_TOKEN}` },
        });
        body = await answer.json();
        times.push(performance.now() - began);
        if (answer.status !== 200) throw new Error(`${question}: ${answer.status} ${JSON.stringify(body)}`);
      }
      found[question] = { ms: spread(times), bucket: body.bucket };
      log(`${question}: ${times.map((ms) => ms.toFixed(0)).join(", ")} ms`);
    }
    return { rows, questions: found };
  } finally {
    await gateway.stop();
  }
}

/** Rows of each hour and each day of a month for so many series, complete up to the present hour. */
async function fill(database, series) {
  const now = Date.now();
  const end = now - (now % HOUR);
  const begin = end - (end % DAY) - DAYS * DAY;
  const run = (sql, ...values) =>
    database
      .prepare(sql)
      .bind(...values)
      .run();
  await run(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO stat_series (id, provider, model, logical_model, key, owner, app, dialect, stream, status, error)
     SELECT 1000000 + i, 'provider-' || i % 5, 'model-' || i % 20, '', 'key-' || i % 100, '', '', 'openai', i % 2,
       CASE i % 10 WHEN 0 THEN 'client' ELSE 'ok' END, '' FROM n`,
    series,
  );
  const counters = `requests, retries, failovers, cache_hits, prompt_tokens, completion_tokens, cached_tokens, cache_written_tokens,
    reasoning_tokens, estimated, unpriced, cost_micros, duration_ms, durations, first_bytes`;
  const insert = `INSERT INTO stat_rows (grain, start, series, part, ${counters})`;
  const values = "5, 0, 0, 0, 500, 100, 0, 0, 0, 0, 0, 900, 2000";
  for (let day = begin; day <= end; day += DAY) {
    const hours = Math.min(24, (end - day) / HOUR);
    if (hours <= 0) break;
    await run(
      `WITH RECURSIVE h (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM h WHERE i < ?2 - 1)
       ${insert} SELECT 'h', ?1 + h.i * ${HOUR}, s.id, '', ${values}, ?3, ?3
       FROM h CROSS JOIN stat_series AS s WHERE s.id > 1000000`,
      day,
      hours,
      SKETCH,
    );
    if (hours === 24)
      await run(
        `${insert} SELECT 'd', ?1, id, '', ${values.replace(/\d+/g, (n) => 24 * n)}, ?2, ?2
         FROM stat_series WHERE id > 1000000`,
        day,
        SKETCH,
      );
  }
  await database.batch(
    [
      ["q", end],
      ["h", end],
      ["d", end - (end % DAY)],
    ].map(([grain, until]) =>
      database.prepare("UPDATE stat_progress SET until = ?2 WHERE grain = ?1").bind(grain, until),
    ),
  );
  const { n } = await database.prepare("SELECT COUNT(*) AS n FROM stat_rows WHERE grain = 'h'").first();
  return n;
}
