// What a limit would have refused of what was asked in the past, at the least: pure.
//
// Statistics are kept by quarters of an hour. A limit of L a minute admits at most L in any minute, so at most 15 L in a quarter: what
// was asked beyond that would certainly have been refused, and bursts within the quarter more. The same holds for days.

import type { Timeseries } from "../../api/schema.d.ts";
import type { Amount, Draft } from "./draft.ts";

export interface Quarter {
  start: number;
  requests: number;
  tokens: number;
  cost_micros: number;
}

const DAY = 86_400_000;
const MINUTES = 15;

export function quartersOf(series: Timeseries): Quarter[] {
  const line = series.lines[0];
  return series.buckets.map((start, at) => ({
    start,
    requests: line?.requests[at] ?? 0,
    tokens: (line?.prompt_tokens[at] ?? 0) + (line?.completion_tokens[at] ?? 0),
    cost_micros: line?.cost_micros[at] ?? 0,
  }));
}

type Measure = "requests" | "tokens" | "cost_micros";

/** The sums of the days of UTC. */
function days(quarters: Quarter[], measure: Measure): number[] {
  const sums = new Map<number, number>();
  for (const quarter of quarters) {
    const day = Math.floor(quarter.start / DAY);
    sums.set(day, (sums.get(day) ?? 0) + quarter[measure]);
  }
  return [...sums.values()];
}

const most = (values: number[]) => values.reduce((largest, value) => Math.max(largest, value), 0);
const beyond = (values: number[], limit: number) => values.reduce((sum, value) => sum + Math.max(0, value - limit), 0);

/** The largest use in the past, in the unit of the limit; `null` where the statistics do not say it. */
export function peak(quarters: Quarter[], limit: Amount): number | null {
  switch (limit) {
    case "requests_per_minute":
      return most(quarters.map(({ requests }) => requests)) / MINUTES;
    case "tokens_per_minute":
      return most(quarters.map(({ tokens }) => tokens)) / MINUTES;
    case "requests_per_day":
      return most(days(quarters, "requests"));
    case "tokens_per_day":
      return most(days(quarters, "tokens"));
    default:
      return null;
  }
}

/** How much a limit would have refused at the least, in requests or tokens; `null` where it is no number. */
export function refused(quarters: Quarter[], limit: Amount, value: string): number | null {
  const allowed = Number(value);
  if (value.trim() === "" || !Number.isFinite(allowed) || allowed < 0) return null;
  switch (limit) {
    case "requests_per_minute":
      return beyond(
        quarters.map(({ requests }) => requests),
        allowed * MINUTES,
      );
    case "tokens_per_minute":
      return beyond(
        quarters.map(({ tokens }) => tokens),
        allowed * MINUTES,
      );
    case "requests_per_day":
      return beyond(days(quarters, "requests"), allowed);
    case "tokens_per_day":
      return beyond(days(quarters, "tokens"), allowed);
    default:
      return null;
  }
}

/** What was spent, and how much of it a budget would have refused; longer periods than the past is known for refuse what is beyond them. */
export function money(
  quarters: Quarter[],
  { amount, period }: Pick<Draft, "amount" | "period">,
): { spent: number; refused: number } {
  const spent = quarters.reduce((sum, { cost_micros }) => sum + cost_micros, 0);
  const allowed = amount.trim() === "" ? Number.NaN : Number(amount) * 1e6;
  if (!Number.isFinite(allowed)) return { spent, refused: 0 };
  return { spent, refused: beyond(period === "day" ? days(quarters, "cost_micros") : [spent], allowed) };
}
