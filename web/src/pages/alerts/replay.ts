// How often a rule would have fired in the past: pure.
//
// The gateway evaluates rules every minute; the statistics of the past have quarters of an hour. So a rule is replayed at the end of
// each quarter, which finds everything that lasts for a quarter and may miss what is shorter.

import type { Line, Measure, Timeseries } from "../../api/schema.d.ts";

export interface Rule {
  measure: Measure;
  comparison: "above" | "below";
  threshold: number;
  clear_threshold: number | null;
  window_minutes: number;
  for_minutes: number;
  min_requests: number;
}

const QUARTER = 15;

/** Sums of a window of quarters, of which measures are made. */
interface Sums {
  requests: number;
  errors: number;
  cancelled: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_micros: number;
  unpriced_requests: number;
}

const share = ({ errors, requests }: Sums) => (requests > 0 ? errors / requests : null);

const OF_SUMS: Partial<Record<Measure, (sums: Sums) => number | null>> = {
  requests: ({ requests }) => requests,
  errors: ({ errors }) => errors,
  error_rate: share,
  client_errors: ({ errors }) => errors,
  limited: ({ errors }) => errors,
  timeouts: ({ errors }) => errors,
  server_errors: ({ errors }) => errors,
  server_error_rate: share,
  cancelled: ({ cancelled }) => cancelled,
  prompt_tokens: ({ prompt_tokens }) => prompt_tokens,
  completion_tokens: ({ completion_tokens }) => completion_tokens,
  tokens: ({ prompt_tokens, completion_tokens }) => prompt_tokens + completion_tokens,
  cost: ({ cost_micros }) => cost_micros / 1e6,
  unpriced_requests: ({ unpriced_requests }) => unpriced_requests,
};

/** The statuses of requests that a measure counts, where those are not all errors. */
export const STATUSES: Partial<Record<Measure, string>> = {
  client_errors: "client",
  limited: "limited",
  timeouts: "timeout",
  server_errors: "server",
  server_error_rate: "server,timeout",
};

/** The series with the requests of another one, that of some statuses, as its errors. */
export function withErrorsOf(series: Timeseries, some: Timeseries): Timeseries {
  const at = new Map(some.buckets.map((bucket, index) => [bucket, index]));
  const lines = series.lines.map((line) => {
    const part = some.lines.find(({ name }) => name === line.name);
    return { ...line, errors: series.buckets.map((bucket) => part?.requests[at.get(bucket) ?? -1] ?? 0) };
  });
  return { ...series, lines };
}

/** Percentiles of one quarter; those of longer windows cannot be made of them. */
const OF_QUARTER: Partial<Record<Measure, (line: Line, at: number) => number | null>> = {
  duration_p50: (line, at) => line.duration_p50_ms[at] ?? null,
  duration_p95: (line, at) => line.duration_p95_ms[at] ?? null,
  duration_p99: (line, at) => line.duration_p99_ms[at] ?? null,
  first_byte_p50: (line, at) => line.first_byte_p50_ms[at] ?? null,
  first_byte_p95: (line, at) => line.first_byte_p95_ms[at] ?? null,
};

/** Whether the statistics of the past have what the rule watches. */
export const canReplay = ({ measure, window_minutes }: Pick<Rule, "measure" | "window_minutes">) =>
  window_minutes % QUARTER === 0 && (measure in OF_SUMS || (measure in OF_QUARTER && window_minutes === QUARTER));

/** How often it would have begun to fire; `null` where that cannot be told. */
export function replay(series: Timeseries, rule: Rule): number | null {
  if (!canReplay(rule)) return null;
  // Where it is grouped, the line without a name is all groups that have no line of their own.
  const lines = series.lines.filter(({ name }) => !series.group_by || name !== null);
  return lines.reduce((sum, line) => sum + firings(line, series.buckets.length, rule), 0);
}

function firings(line: Line, length: number, rule: Rule): number {
  const quarters = rule.window_minutes / QUARTER;
  let fired = 0;
  let brokenSince: number | null = null;
  let isFiring = false;
  for (let at = quarters - 1; at < length; at++) {
    const value = valueAt(line, at, quarters, rule);
    const isBroken = value !== null && isBeyond(value, rule.threshold, rule);
    const isKept = value === null || !isBeyond(value, rule.clear_threshold ?? rule.threshold, rule);
    if (isKept) {
      brokenSince = null;
      isFiring = false;
    } else if (isBroken || brokenSince !== null) {
      brokenSince ??= at;
      if (!isFiring && (at - brokenSince) * QUARTER >= rule.for_minutes) {
        isFiring = true;
        fired += 1;
      }
    }
  }
  return fired;
}

const isBeyond = (value: number, threshold: number, { comparison }: Rule) =>
  comparison === "above" ? value > threshold : value < threshold;

function valueAt(line: Line, at: number, quarters: number, rule: Rule): number | null {
  const sum = (values: number[]) => values.slice(at - quarters + 1, at + 1).reduce((total, value) => total + value, 0);
  const requests = sum(line.requests);
  if (requests < rule.min_requests) return null;
  const ofQuarter = OF_QUARTER[rule.measure];
  if (ofQuarter) return ofQuarter(line, at);
  const ofSums = OF_SUMS[rule.measure];
  return ofSums
    ? ofSums({
        requests,
        errors: sum(line.errors),
        cancelled: sum(line.cancelled),
        prompt_tokens: sum(line.prompt_tokens),
        completion_tokens: sum(line.completion_tokens),
        cost_micros: sum(line.cost_micros),
        unpriced_requests: sum(line.unpriced_requests),
      })
    : null;
}
