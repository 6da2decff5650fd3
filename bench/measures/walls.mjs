// How long questions over long ranges take where there are a million rows of sums and a million requests in the log, of 200,000
// conversations: the gateway with the real D1 of workerd, asked through its API, so that a figure has everything in it that a reader of
// the console waits for. The rows are put into D1 directly.
import { configure, startGateway } from "../gateway.mjs";
import { spread } from "../report.mjs";

export const name = "walls";
export const about =
  "time of questions about statistics, requests and conversations, at a million rows of each hour and request";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 32;
const SERIES = 1_400;
const ROUNDS = 5;
const REQUESTS = 1_000_000;
/** Requests of a conversation. */
const TURNS = 5;
const KEYS = 100;

/** A sketch of so many values in each of five buckets, as crates/stats writes it. */
function sketch(values) {
  const count = [];
  for (let rest = values; rest > 0 || count.length === 0; rest >>>= 7)
    count.push((rest & 127) | (rest > 127 ? 128 : 0));
  return Buffer.from([
    0x90,
    0x03,
    ...count,
    ...Array(4)
      .fill([2, ...count])
      .flat(),
  ]).toString("base64url");
}

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
  "/requests?limit=50",
  "/requests?limit=50&key=key-7",
  "/requests?limit=50&status=500",
  "/conversations?limit=50",
  "/conversations?limit=50&search=needle",
  "/conversations?limit=50&key_id=key-7",
  "/conversations?limit=50&key_id=key-7&search=needle",
];

export async function run({ root, upstream, upstreamAddress, quick, log }) {
  await upstream.ask({ spec: { delayMs: 0, dialect: "openai", stream: null, request: null } });
  const gateway = await startGateway({ root });
  try {
    await configure(gateway, upstreamAddress);
    const series = quick ? 20 : SERIES;
    const rows = await fill(gateway.database, series);
    log(`${rows} rows of hours`);
    const requests = await fillLog(gateway.database, quick ? 2_000 : REQUESTS);
    log(`${requests} requests`);
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
    return { rows, requests, questions: found };
  } finally {
    await gateway.stop();
  }
}

/** Rows of each hour and each day of a month for so many series, complete up to the present hour, and their totals. */
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
      sketch(1),
    );
    if (hours === 24)
      await run(
        `${insert} SELECT 'd', ?1, id, '', ${values.replace(/\d+/g, (n) => 24 * n)}, ?2, ?2
         FROM stat_series WHERE id > 1000000`,
        day,
        sketch(1),
      );
  }
  // As crates/stats/src/totals.rs makes them.
  await run(`INSERT INTO stat_series (id, provider, model, logical_model, key, owner, app, dialect, stream, status, error)
    VALUES (1, '', '', '', '', '', '', '', 0, 'ok', ''), (2, '', '', '', '', '', '', '', 0, 'client', '')`);
  const complete = Math.floor((series * 9) / 10);
  for (const grain of ["h", "d"])
    await run(
      `${insert} SELECT upper(grain), start, CASE s.status WHEN 'ok' THEN 1 ELSE 2 END, '',
         ${counters
           .split(",")
           .slice(0, -2)
           .map((name) => `SUM(${name})`)},
         CASE s.status WHEN 'ok' THEN ?2 END, CASE s.status WHEN 'ok' THEN ?2 END
       FROM stat_rows AS r JOIN stat_series AS s ON s.id = r.series WHERE grain = ?1 GROUP BY start, s.status`,
      grain,
      sketch(complete),
    );
  await database.batch(
    [
      ["q", end],
      ["h", end],
      ["d", end - (end % DAY)],
    ].map(([grain, until]) =>
      database
        .prepare("UPDATE stat_progress SET until = ?2, totals_since = ?3, totals_until = ?2 WHERE grain = ?1")
        .bind(grain, until, begin),
    ),
  );
  const { n } = await database.prepare("SELECT COUNT(*) AS n FROM stat_rows WHERE grain = 'h'").first();
  return n;
}

/** Requests of a month, five of each conversation one after the other; each conversation is of the next key, and says `needle` once in 50,000. */
async function fillLog(database, requests) {
  const now = Date.now();
  const step = Math.floor((30 * DAY) / requests);
  const insert = (sql, from, to) =>
    database
      .prepare(sql)
      .bind(from, to, now - requests * step, step)
      .run();
  const numbers = "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)";
  // Ids that sort by time, as ULIDs do.
  const id = (i) => `'01' || printf('%011d', ${i}) || '0000000000000'`;
  const part = 50_000;
  for (let from = 0; from < requests; from += part) {
    const to = Math.min(requests, from + part);
    await insert(
      `${numbers} INSERT INTO request_log (id, ts, request_id, key_id, provider_id, provider_name, model, upstream_model, stream, status,
         outcome, prompt_tokens, completion_tokens, total_tokens, cached_tokens, reasoning_tokens, usage_source, first_byte_ms,
         duration_ms, conversation_id, cost_micros)
       SELECT ${id("i")}, ?3 + i * ?4, 'req_' || i, 'key-' || (i / ${TURNS} % ${KEYS}), 1, 'bench', 'model-' || i % 20, 'model', i % 2,
         CASE i % 50 WHEN 0 THEN 500 ELSE 200 END, CASE i % 50 WHEN 0 THEN 'failed' ELSE 'completed' END, 500, 100, 600, 0, 0, 'reported',
         300, 2000, ${id(`(i / ${TURNS})`)}, 150 FROM n`,
      from,
      to,
    );
    await insert(
      `${numbers} INSERT INTO conversations (key_id, id, first_seen, last_seen, counted, rounds, prompt_tokens, completion_tokens,
         model_name, title, said)
       SELECT 'key-' || (i % ${KEYS}), ${id("i")}, ?3 + i * ${TURNS} * ?4, ?3 + (i * ${TURNS} + ${TURNS - 1}) * ?4, 1, ${TURNS}, 2500, 500,
         'model-' || i % 20, 'A question about the weather in the mountains, number ' || i,
         'What will the weather be in the mountains ' || CASE i % 50000 WHEN 7 THEN 'needle' ELSE 'tomorrow' END || char(10) || 'It rains.'
       FROM n`,
      from / TURNS,
      to / TURNS,
    );
  }
  return requests;
}
