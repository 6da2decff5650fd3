// Turns the per-round values into ratios with their spread, and prints them as a table.
//
// Values are compared within a round only, because the machine's speed drifts; the spread is over the rounds. A round
// is called noisy when other work took more than a third of a core during any of its measurements, or when going direct
// was itself more than twice as slow at its 99th percentile as in the best round: it says more about the machine than
// about the gateways. Noisy rounds are left out, unless that would leave fewer than two.

const OUTSIDE_SHARE = 0.35;
export const FLOOR = "direct";
export const LIMIT = "passthrough";
/** Whose rate the others' rates are compared with. */
export const OWN = "nexus-edge";

export function spread(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** The median with the quartiles, between neighbours in proportion. */
export function quartiles(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    return sorted[below] + (sorted[Math.min(below + 1, sorted.length - 1)] - sorted[below]) * (place - below);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75) };
}

function keepQuietRounds(rounds) {
  const floor = rounds.map((round) => round.values[FLOOR]?.first_byte_ms.p99 ?? null);
  const best = Math.min(...floor.filter((p99) => p99 !== null));
  for (const [i, round] of rounds.entries()) {
    const outside = Math.max(...Object.values(round.values).map((value) => value.outside_share));
    round.noisy = (floor[i] !== null && floor[i] > 2 * best) || outside > OUTSIDE_SHARE;
  }
  const quiet = rounds.filter((round) => !round.noisy);
  return quiet.length >= 2 ? quiet : rounds;
}

/** Per contestant: each measure over the rounds, its ratio to the limit, and what it adds to the floor. */
export function summarise({ rounds, rate, stream }) {
  const used = keepQuietRounds(rounds);
  const over = (name, read) => spread(used.map(({ values }) => (values[name] ? read(values[name], values) : null)));
  // A round too short for one whole stream has no percentiles: nothing follows from it.
  const minus = (a, b) => (a === null || b === null ? null : a - b);
  const added = (name, reference, quantile) =>
    over(
      name,
      (own, { [reference]: base }) => base && minus(own.first_byte_ms[quantile], base.first_byte_ms[quantile]),
    );
  const ratio = (name, read) => over(name, (own, { [LIMIT]: base }) => base && read(own) / read(base));

  const contestants = {};
  const names = Object.keys(rounds[0].values);
  for (const name of names) {
    const entry = {
      rate: over(name, (own) => own[rate]),
      first_byte_p50_ms: over(name, (own) => own.first_byte_ms.p50),
      first_byte_p99_ms: over(name, (own) => own.first_byte_ms.p99),
      cpu_ms_per_1000: over(name, (own) => own.cpu_ms_per_1000),
      core_share: over(name, (own) => own.core_share),
      resident_mb: over(name, (own) => own.resident_mb),
    };
    const d1 = over(name, (own) => own.d1_cpu_ms_per_1000);
    if (d1) entry.d1_cpu_ms_per_1000 = d1;
    if (stream?.gapMs) entry.pause_p99_ms = over(name, (own) => own.pause_ms.p99);
    if (name !== FLOOR) {
      entry.added_first_byte_p50_ms = added(name, FLOOR, "p50");
      entry.added_first_byte_p99_ms = added(name, FLOOR, "p99");
    }
    if (name !== FLOOR && name !== LIMIT) {
      entry.rate_ratio = ratio(name, (values) => values[rate]);
      entry.cpu_ratio = ratio(name, (values) => values.cpu_ms_per_1000);
      entry.over_limit_first_byte_p50_ms = added(name, LIMIT, "p50");
      entry.over_limit_first_byte_p99_ms = added(name, LIMIT, "p99");
    }
    if (name === OWN) {
      const others = names.filter((other) => ![FLOOR, LIMIT, OWN].includes(other));
      const versus = (other) => over(name, (own, values) => values[other] && own[rate] / values[other][rate]);
      entry.versus = Object.fromEntries(others.map((other) => [other, versus(other)]));
    }
    contestants[name] = entry;
  }
  return { rounds_used: used.length, contestants };
}

function number(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
const plain = (value) => (value ? number(value.median) : "-");
const range = (value) => (value ? `${number(value.median)} [${number(value.min)}..${number(value.max)}]` : "-");
const percent = (value) => (value ? `${Math.round(value.median * 100)}%` : "-");

export function table(scenario) {
  const { summary, rounds, rate, stream } = scenario;
  const unit = rate === "chunks_per_s" ? "chunks" : "requests";
  const columns = [
    ["contestant", (_, name) => name],
    [`${unit}/s`, (own) => plain(own.rate)],
    ["ratio", (own) => range(own.rate_ratio)],
    ["1st byte p50 ms", (own) => plain(own.first_byte_p50_ms)],
    ["added", (own) => range(own.added_first_byte_p50_ms)],
    ["p99 ms", (own) => plain(own.first_byte_p99_ms)],
    ["added", (own) => range(own.added_first_byte_p99_ms)],
    ...(stream?.gapMs ? [["pause p99 ms", (own) => plain(own.pause_p99_ms)]] : []),
    [`CPU ms/1000 ${unit}`, (own) => plain(own.cpu_ms_per_1000)],
    ["ratio", (own) => range(own.cpu_ratio)],
    ...(Object.values(summary.contestants).some((own) => own.d1_cpu_ms_per_1000)
      ? [["D1 CPU", (own) => plain(own.d1_cpu_ms_per_1000)]]
      : []),
    ["core busy", (own) => percent(own.core_share)],
    ["MB", (own) => plain(own.resident_mb)],
  ];
  const body = Object.entries(summary.contestants).map(([name, own]) => columns.map(([, cell]) => cell(own, name)));
  const rows = [columns.map(([title]) => title), ...body];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const pad = (cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]));
  const lines = rows.map((row) => row.map(pad).join("  "));
  return `${scenario.name}: ${scenario.about}${noiseNote(summary, rounds)}\n  ${lines.join("\n  ")}\n`;
}

function noiseNote({ rounds_used }, rounds) {
  const noisy = rounds.filter((round) => round.noisy).length;
  if (!noisy) return "";
  return ` (${noisy} of ${rounds.length} rounds noisy${rounds_used < rounds.length ? " and left out" : ""})`;
}
