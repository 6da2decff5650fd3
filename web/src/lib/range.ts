// The span of time of a page, as the address has it: a name, or a beginning and an end.

import type { Filters } from "./url.ts";

export const RANGES = ["1h", "24h", "7d", "30d", "90d"] as const;

/** A name, or a beginning and an end in milliseconds. */
export interface Span {
  range?: string;
  from?: number;
  to?: number;
}

/** The parameters of time for a question about statistics. */
export function spanOf(filters: Filters, otherwise: string): Span {
  const [from, to] = [Number(filters.from), Number(filters.to)];
  if (filters.from && filters.to && from < to) return { from, to };
  return { range: filters.range || otherwise };
}

const UNITS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Every zone differs from UTC by whole quarters of an hour, and figures are kept in them. */
const QUARTER = 900_000;

/** Milliseconds from the beginning of a span to its end. */
export function lengthOf({ range, from, to }: Span): number {
  if (from !== undefined && to !== undefined) return to - from;
  return Number.parseInt(range ?? "", 10) * (UNITS[range?.slice(-1) ?? ""] ?? Number.NaN);
}

/** The span of the same length that ends at a time, or within the quarter of an hour before it. */
export function movedTo(span: Span, end: number): { from: number; to: number } {
  const to = Math.floor(end / QUARTER) * QUARTER;
  return { from: to - lengthOf(span), to };
}

/** A span as the query of an address. */
export const searchOf = ({ range, from, to }: Span): Record<string, string> =>
  from !== undefined && to !== undefined ? { from: String(from), to: String(to) } : { range: range ?? "" };
