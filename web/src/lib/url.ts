// The state of a page in its address: filters, range and order, so that the back button, a reload and a link keep them.

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Filters = Record<string, string>;

/** The query of the address, and a function that changes some of it. Empty values are left out of the address. */
export function useFilters(): [Filters, (change: Record<string, string | undefined>) => void] {
  const filters = useSearch({ strict: false }) as Filters;
  const navigate = useNavigate();
  const set = useCallback(
    (change: Record<string, string | undefined>) =>
      navigate({
        to: ".",
        search: (now: Filters) =>
          Object.fromEntries(Object.entries({ ...now, ...change }).filter(([, value]) => value)) as Filters,
        replace: true,
      } as never),
    [navigate],
  );
  return [filters, set];
}

/** The query of an address as flat text: `?min_ms=100` is "100", and nothing is JSON. */
export const parseSearch = (query: string): Filters => Object.fromEntries(new URLSearchParams(query));

export function stringifySearch(filters: Record<string, unknown>): string {
  const pairs = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}
