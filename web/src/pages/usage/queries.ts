// What the page of usage asks: the line of each group over time, the groups with the time before, and for the comparison the models of
// both times in full.

import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { RankedGroup } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { usePreferences, zoneOf } from "../../lib/preferences.ts";
import { spanOf } from "../../lib/range.ts";
import type { Filters } from "../../lib/url.ts";
import { type ModelCost, explain } from "../../lib/why.ts";

/** By what it can be grouped, which are filters as well. */
export const DIMENSIONS = ["model", "provider", "key", "owner", "app"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const KEPT = { placeholderData: <T>(before: T) => before, staleTime: 30_000 };
const MOST_MODELS = 200;

export function queryOf(filters: Filters, tz: string) {
  const only = Object.fromEntries(DIMENSIONS.flatMap((name) => (filters[name] ? [[name, filters[name]]] : [])));
  return { ...spanOf(filters, "7d"), tz, ...only } as { range?: "7d"; from?: number; to?: number; tz: string };
}

export function useUsage(filters: Filters, by: Dimension) {
  const tz = zoneOf(usePreferences());
  const query = queryOf(filters, tz);
  const key = ["usage", query, by];
  return {
    series: useQuery({
      queryKey: [...key, "series"],
      queryFn: ({ signal }) => call("GET /stats/timeseries", { query: { ...query, group_by: by, limit: 7 }, signal }),
      ...KEPT,
    }),
    groups: useQuery({
      queryKey: [...key, "groups"],
      queryFn: ({ signal }) =>
        call("GET /stats/by/{dimension}", { path: { dimension: by }, query: { ...query, limit: 50 }, signal }),
      ...KEPT,
    }),
  };
}

/** The change of the cost against the time before, of equal length. */
export function useWhy(filters: Filters) {
  const tz = zoneOf(usePreferences());
  const may = useMay();
  const query = queryOf(filters, tz);
  const prices = useQuery({
    queryKey: ["prices"],
    queryFn: ({ signal }) => call("GET /prices", { signal }),
    enabled: may("view_prices"),
    staleTime: 3_600_000,
  });
  const both = useQuery({
    queryKey: ["why", query],
    queryFn: async ({ signal }) => {
      const ask = (span: object) =>
        call("GET /stats/by/{dimension}", {
          path: { dimension: "model" },
          query: { ...query, ...span, limit: MOST_MODELS },
          signal,
        });
      const now = await ask({});
      const { from, to } = now.window;
      const before = await ask({ range: undefined, from: from - (to - from), to: from });
      return { now: costsOf(now.groups), before: costsOf(before.groups) };
    },
    ...KEPT,
  });
  const saving = savings(prices.data?.built_in ?? []);
  return { ...both, data: both.data && explain(both.data.before, both.data.now, saving) };
}

const costsOf = (groups: RankedGroup[]): ModelCost[] =>
  groups.map(({ name, figures }) => ({
    name,
    prompt: figures.prompt_tokens,
    completion: figures.completion_tokens,
    cached: figures.cached_tokens,
    cost: figures.cost_micros,
  }));

/** What a cached token saves by the list price, where all sellers of the model agree. */
function savings(
  list: { model: string; input?: number | null; cached_input?: number | null }[],
): (model: string) => number {
  const known = new Map<string, number | null>();
  for (const { model, input, cached_input } of list) {
    if (typeof input !== "number" || typeof cached_input !== "number") continue;
    const saving = input - cached_input;
    known.set(model, known.has(model) && known.get(model) !== saving ? null : saving);
  }
  return (model) => known.get(model) ?? 0;
}
