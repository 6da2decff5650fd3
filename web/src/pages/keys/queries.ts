// Keys, with what they used in the last seven days, by pages.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { call, request } from "../../api/client.ts";
import type { KeyCreate, KeyUpdate, KeyView } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";

export interface KeyUsage {
  requests: number;
  errors: number;
  cost_micros: number;
  tokens: number;
  days: { start: number; requests: number; cost_micros: number }[];
}
export type Key = KeyView & { usage?: KeyUsage | null };

const PAGE = 200;

export function useKeys(search: string, owner: string) {
  return useInfiniteQuery({
    queryKey: ["keys", "page", search, owner],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) => {
      const query = { with: "usage", search, owner, limit: PAGE, cursor: pageParam };
      return (await request("GET /keys", { query, signal })) as { keys: Key[]; next_cursor?: string | null };
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
}

export const useKey = (id: string) =>
  useQuery({
    queryKey: ["keys", "one", id],
    queryFn: ({ signal }) => call("GET /keys/{id}", { path: { id }, signal }),
  });

export function useKeyLimits(id: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["limits", id],
    queryFn: ({ signal }) => call("GET /limits/{subject}", { path: { subject: `key:${id}` }, signal }),
    enabled: may("view_limits", "view_own_limits"),
    refetchInterval: 15_000,
  });
}

/** The names by which callers may ask, for suggestions. */
export function useModelNames(): string[] {
  const may = useMay();
  const enabled = may("view_models");
  const logical = useQuery({
    queryKey: ["logical-models"],
    queryFn: ({ signal }) => call("GET /logical-models", { signal }),
    enabled,
  });
  const models = useQuery({
    queryKey: ["models"],
    queryFn: ({ signal }) => call("GET /provider_models", { signal }),
    enabled,
  });
  const names = [
    ...(logical.data?.logical_models ?? []).map(({ name }) => name),
    ...(models.data?.models ?? []).map(({ model_name }) => model_name),
  ];
  return [...new Set(names)].sort();
}

/** Writing: what was read before is read anew, so that a new key is in the list at once. */
export function useKeyWrites() {
  const queries = useQueryClient();
  const readAnew = async () => {
    await Promise.all([["keys"], ["limits"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await readAnew();
    return value;
  };
  return {
    after,
    readAnew,
    /** The same for one of many, after which all are read anew once. */
    quiet: {
      update: (id: string, body: KeyUpdate) => call("PUT /keys/{id}", { path: { id }, body }),
      remove: (id: string) => call("DELETE /keys/{id}", { path: { id } }),
    },
    create: (body: KeyCreate) => after(call("POST /keys", { body })),
    update: (id: string, body: KeyUpdate) => after(call("PUT /keys/{id}", { path: { id }, body })),
    rotate: (id: string, overlap_seconds: number) =>
      after(call("POST /keys/{id}/rotate", { path: { id }, body: { overlap_seconds } })),
    remove: (id: string) => after(call("DELETE /keys/{id}", { path: { id } })),
  };
}
