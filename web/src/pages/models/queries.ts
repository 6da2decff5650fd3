// Reading models: those of providers, and the logical ones that stand for several.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";

export type Model = Answer<"GET /provider_models">["models"][number];
export type Logical = Answer<"GET /logical-models">["logical_models"][number];
export type Candidate = Logical["candidates"][number];
export type Explanation = Answer<"POST /routing/decide">;

export const STRATEGIES = [
  "balanced",
  "latency_first",
  "cost_first",
  "reliability_first",
  "weighted",
  "round_robin",
  "least_busy",
  "ordered",
] as const;
export type Strategy = (typeof STRATEGIES)[number];

const MODELS = ["models"];

export function useModels() {
  return useQuery({
    queryKey: [...MODELS, "of providers"],
    queryFn: async ({ signal }) => (await call("GET /provider_models", { signal })).models,
  });
}

export function useLogical() {
  return useQuery({
    queryKey: [...MODELS, "logical"],
    queryFn: async ({ signal }) => (await call("GET /logical-models", { signal })).logical_models,
  });
}

/** The names of providers by their ids. Empty for those who may not see them. */
export function useProviderNames(isWanted: boolean): Map<number, string> {
  const { data } = useQuery({
    queryKey: ["providers", "names"],
    queryFn: async ({ signal }) =>
      (await call("GET /providers", { signal })).providers.map(({ id, name }) => [id, name] as const),
    enabled: isWanted,
    staleTime: 60_000,
  });
  return new Map(data);
}

export function useKeyNames(isWanted: boolean): [string, string][] {
  const { data } = useQuery({
    queryKey: ["keys", "names"],
    queryFn: async ({ signal }) =>
      (await call("GET /keys", { query: { limit: 200 }, signal })).keys.map(
        ({ id, name }) => [id, name] as [string, string],
      ),
    enabled: isWanted,
    staleTime: 60_000,
  });
  return data ?? [];
}

export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: MODELS });
}
