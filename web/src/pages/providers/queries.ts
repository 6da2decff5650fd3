// Reading providers with their state, in one request, and what is read of one that is open.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";

export type Provider = Answer<"GET /providers">["providers"][number];
export type State = NonNullable<Provider["state"]>;

export const PROVIDERS = ["providers"];

/** The providers; with how each is, for those who may see that. Every half minute, while the page is looked at. */
export function useProviders(withState: boolean) {
  return useQuery({
    queryKey: [...PROVIDERS, withState],
    queryFn: async ({ signal }) =>
      (await call("GET /providers", { query: withState ? { with: "state" } : {}, signal })).providers,
    refetchInterval: 30_000,
  });
}

export const PRESETS = ["presets"];
/** The kinds of providers that have an address. */
export const KINDS = [
  "openai",
  "azure_openai",
  "anthropic",
  "bedrock",
  "cohere",
  "gemini",
  "vertex",
  "dashscope",
  "dify",
] as const;

export function usePresets() {
  return useQuery({
    queryKey: PRESETS,
    queryFn: ({ signal }) => call("GET /provider-presets", { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useModelsOf(id: number) {
  return useQuery({
    queryKey: [...PROVIDERS, id, "models"],
    queryFn: async ({ signal }) =>
      (await call("GET /providers/{id}/models", { path: { id: String(id) }, signal })).models,
  });
}

export function useKeysOf(id: number, isWanted: boolean) {
  return useQuery({
    queryKey: [...PROVIDERS, id, "keys"],
    queryFn: async ({ signal }) => (await call("GET /providers/{id}/keys", { path: { id: String(id) }, signal })).keys,
    enabled: isWanted,
  });
}

/** Reads everything about providers anew. */
export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: PROVIDERS });
}
