// The state of a page in its address: filters, range and order, so that the back button, a reload and a link keep them.

import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Filters = Record<string, string>;
type Change = Record<string, string | undefined>;

/** The query of the address, and a function that changes some of it. Empty values are left out of the address. */
export function useFilters(): [Filters, (change: Change) => void] {
  const filters = useSearch({ strict: false }) as Filters;
  const navigate = useNavigate();
  const set = useCallback(
    (change: Change) =>
      navigate({
        to: ".",
        search: changed(change),
        replace: true,
      } as never),
    [navigate],
  );
  return [filters, set];
}

const changed = (change: Change) => (now: Filters) =>
  Object.fromEntries(Object.entries({ ...now, ...change }).filter(([, value]) => value)) as Filters;

/** The query of an address as flat text: `?min_ms=100` is "100", and nothing is JSON. */
export const parseSearch = (query: string): Filters => Object.fromEntries(new URLSearchParams(query));

export function stringifySearch(filters: Record<string, unknown>): string {
  const pairs = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `?${text}` : "";
}

/** The optional part of the address of a page, which is what is open there, and a function that opens another one, or none. */
export function useOpened(page: string): [string | undefined, (id: string | undefined, change?: Change) => void] {
  const { id } = useParams({ strict: false }) as { id?: string };
  const navigate = useNavigate();
  const open = (next: string | undefined, change: Change = {}) =>
    navigate({
      to: `${page}/{-$id}`,
      params: { id: next },
      search: changed(change),
    } as never);
  return [id, open];
}
