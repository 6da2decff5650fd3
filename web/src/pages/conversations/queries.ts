// Reading conversations: pages of the list, and pages of what was said in one.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import type { Filters } from "../../lib/url.ts";

export type Conversation = Answer<"GET /conversations">["conversations"][number];
export type Message = Answer<"GET /stats/conversation/{id}">["messages"][number];

const CONVERSATIONS = ["conversations"];
const PAGE = 50;
const MESSAGES = 40;

export function useConversations({ q, model, key }: Filters, isWanted: boolean) {
  return useInfiniteQuery({
    queryKey: [...CONVERSATIONS, q ?? "", model ?? "", key ?? ""],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /conversations", {
        query: { search: q, model, key_id: key, limit: PAGE, cursor: pageParam || undefined } as object,
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor,
    enabled: isWanted,
    staleTime: 10_000,
  });
}

export function useMessages(id: string, key: string) {
  return useInfiniteQuery({
    queryKey: [...CONVERSATIONS, "said", key, id],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /stats/conversation/{id}", {
        path: { id },
        query: { key_id: key, limit: MESSAGES, after: pageParam || undefined } as object,
        signal,
      }),
    getNextPageParam: (page) => page.next_after,
  });
}

export function useKeys(): [string, string][] {
  const { data } = useQuery({
    queryKey: ["keys", "names"],
    queryFn: async ({ signal }) =>
      (await call("GET /keys", { query: { limit: 200 }, signal })).keys.map(
        ({ id, name }) => [id, name] as [string, string],
      ),
    staleTime: 60_000,
  });
  return data ?? [];
}

export function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return () => client.invalidateQueries({ queryKey: CONVERSATIONS });
}
