// The span of time of a page, as the address has it: a name, or a beginning and an end.

import type { Filters } from "./url.ts";

export const RANGES = ["1h", "24h", "7d", "30d", "90d"] as const;

/** The parameters of time for a question about statistics. */
export function spanOf(filters: Filters, otherwise: string): { range?: string; from?: number; to?: number } {
  const [from, to] = [Number(filters.from), Number(filters.to)];
  if (filters.from && filters.to && from < to) return { from, to };
  return { range: filters.range || otherwise };
}
