// Two weeks of statistics, made from the rows of the requests that were really answered: as many as an office sends by day and night,
// more each day, with an hour in which one provider failed. For pictures; the tests count what they sent themselves.
import { prng } from "../../support/util.mjs";

const QUARTER = 900_000;
const HOUR = 4 * QUARTER;
const DAYS = 15;

export async function writeHistory(gw) {
  const rows = await gw.db(
    "SELECT r.*, s.status FROM stat_rows r JOIN stat_series s ON s.id = r.series WHERE grain = 'm'",
  );
  const samples = [...new Map(rows.map((row) => [row.series, row])).values()];
  const next = prng(19);
  const now = Math.floor(Date.now() / HOUR) * HOUR;
  const written = [];
  for (let start = now - DAYS * 24 * HOUR; start < now; start += HOUR) {
    for (const sample of samples) {
      const quarters = [0, 1, 2, 3].map(() => Math.round(volume(start, sample, now) * (0.6 + next() * 0.8)));
      const hour = quarters.reduce((sum, each) => sum + each, 0);
      if (hour === 0) continue;
      written.push(rowOf("h", start, sample, hour));
      quarters.forEach(
        (requests, at) => requests > 0 && written.push(rowOf("q", start + at * QUARTER, sample, requests)),
      );
    }
  }
  for (let at = 0; at < written.length; at += 200) await insert(gw, written.slice(at, at + 200));
  await gw.db("UPDATE stat_progress SET until = ? WHERE grain IN ('q', 'h')", now);
}

/** Requests in a quarter of an hour of the kind of the sample. */
function volume(start, sample, now) {
  const hour = new Date(start).getUTCHours();
  const byDay = Math.max(0.15, Math.sin(((hour - 5) / 15) * Math.PI));
  const growth = 1 + (start - now + DAYS * 24 * HOUR) / (DAYS * 24 * HOUR);
  const isIncident = start === now - 9 * HOUR;
  const share = sample.status === "ok" ? 1 : sample.status === "client" ? 0.05 : isIncident ? 0.6 : 0.02;
  const weekend = [0, 6].includes(new Date(start).getUTCDay()) ? 0.3 : 1;
  return (4 + (Math.abs(sample.series) % 14)) * byDay * growth * share * weekend;
}

const SUMS = [
  "retries",
  "failovers",
  "cache_hits",
  "prompt_tokens",
  "completion_tokens",
  "cached_tokens",
  "cache_written_tokens",
  "reasoning_tokens",
  "estimated",
  "unpriced",
  "cost_micros",
  "duration_ms",
];

function rowOf(grain, start, sample, requests) {
  const scaled = SUMS.map((name) => Math.round((sample[name] / sample.requests) * requests));
  return [grain, start, sample.series, "history", requests, ...scaled, sample.durations, sample.first_bytes];
}

async function insert(gw, rows) {
  const literal = (value) =>
    value === null ? "NULL" : typeof value === "number" ? value : `'${value.replaceAll("'", "''")}'`;
  const columns = ["grain", "start", "series", "part", "requests", ...SUMS, "durations", "first_bytes"];
  const values = rows.map((row) => `(${row.map(literal).join(",")})`);
  await gw.db(`INSERT OR REPLACE INTO stat_rows (${columns.join(",")}) VALUES ${values.join(",")}`);
}
