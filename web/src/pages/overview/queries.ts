// What the overview asks, anew every half a minute while it can be seen.

import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { usePreferences, zoneOf } from "../../lib/preferences.ts";
import type { Span } from "../../lib/range.ts";

const FRESH = { refetchInterval: 30_000, placeholderData: <T>(before: T) => before };

export function useOverview(span: Span) {
  const tz = zoneOf(usePreferences());
  const may = useMay();
  const query = { ...span, tz } as { range: "24h"; tz: string };
  const key = ["stats", span, tz];
  return {
    overview: useQuery({
      queryKey: [...key, "overview"],
      queryFn: ({ signal }) => call("GET /stats/overview", { query, signal }),
      ...FRESH,
    }),
    outcomes: useQuery({
      queryKey: [...key, "outcomes"],
      queryFn: ({ signal }) => call("GET /stats/timeseries", { query: { ...query, group_by: "status" }, signal }),
      ...FRESH,
    }),
    models: useQuery({
      queryKey: [...key, "models"],
      queryFn: ({ signal }) =>
        call("GET /stats/timeseries", { query: { ...query, group_by: "model", limit: 7 }, signal }),
      ...FRESH,
    }),
    errors: useQuery({
      queryKey: [...key, "errors"],
      queryFn: ({ signal }) =>
        call("GET /stats/by/{dimension}", { path: { dimension: "error" }, query: { ...query, limit: 8 }, signal }),
      ...FRESH,
    }),
    ranking: useQuery({
      queryKey: [...key, "ranking"],
      queryFn: ({ signal }) => call("GET /stats/providers/ranking", { query, signal }),
      enabled: may("view_all_statistics"),
      ...FRESH,
    }),
    alerts: useQuery({
      queryKey: ["alerts", "firing"],
      queryFn: ({ signal }) => call("GET /alerts", { query: { state: "firing" }, signal }),
      enabled: may("view_alerts"),
      ...FRESH,
    }),
  };
}

/** Everything that was ever recorded, where that is wanted. */
export function useTotal(isWanted: boolean) {
  const may = useMay();
  return useQuery({
    queryKey: ["stats", "total"],
    queryFn: ({ signal }) => call("GET /stats/total", { signal }),
    enabled: isWanted && may("view_all_statistics"),
  });
}

export type Asked = ReturnType<typeof useOverview>;
