// Limits with what is used of them, the one that is nearest to its end first, and what was asked in the last seven days.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { LimitPolicyInput, ListedLimits } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { subjectOf } from "./draft.ts";
import { quartersOf } from "./refused.ts";

export type Limited = ListedLimits;

const PAGE = 50;

export const useLimits = () =>
  useInfiniteQuery({
    queryKey: ["limits", "page"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /limits", {
        query: { with: "usage", limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });

export const useSubject = (subject: string) =>
  useQuery({
    queryKey: ["limits", subject],
    queryFn: ({ signal }) => call("GET /limits/{subject}", { path: { subject }, signal }),
    refetchInterval: 15_000,
  });

const DIMENSIONS = { key: "key", user: "owner", model: "model" } as const;

/** The quarters of an hour of the last seven days. */
export function usePast(subject: string) {
  const may = useMay();
  const { kind, name } = subjectOf(subject);
  return useQuery({
    queryKey: ["limits", "past", subject],
    queryFn: async ({ signal }) =>
      quartersOf(
        await call("GET /stats/timeseries", {
          query: { range: "7d", bucket: "quarter", [DIMENSIONS[kind]]: name },
          signal,
        }),
      ),
    enabled: name !== "" && may("view_all_statistics", "view_own_statistics"),
    staleTime: 300_000,
  });
}

/** The names of models, for suggestions. */
export function useModelNames(): string[] {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ["models"],
    queryFn: ({ signal }) => call("GET /provider_models", { signal }),
    enabled: may("view_models"),
  });
  return [...new Set((data?.models ?? []).map(({ model_name }) => model_name))].sort();
}

export function useLimitWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: ["limits"] });
    return value;
  };
  return {
    put: (subject: string, body: LimitPolicyInput) => after(call("PUT /limits/{subject}", { path: { subject }, body })),
    remove: (subject: string) => after(call("DELETE /limits/{subject}", { path: { subject } })),
  };
}
