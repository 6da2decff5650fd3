// Servers of tools and what they have, sets of tools, and calls of tools.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { call } from "../../api/client.ts";
import type {
  McpServerCreate,
  McpServerUpdate,
  McpServerView,
  ToolCall,
  ToolsetCreate,
  ToolsetUpdate,
  ToolsetView,
} from "../../api/schema.d.ts";

export type Server = McpServerView;
export type Toolset = ToolsetView;
export type Call = ToolCall;

const SERVERS = ["mcp-servers"];
const SETS = ["toolsets"];
const CALLS = ["tool-calls"];
/** Calls of a page. */
const SHOWN = 100;
const toolsOf = (id: string) => [...SERVERS, id, "tools"];

export const useServers = (isWanted = true) =>
  useQuery({
    queryKey: SERVERS,
    queryFn: async ({ signal }) => (await call("GET /mcp-servers", { signal })).mcp_servers,
    enabled: isWanted,
  });

/** The tools of a server, which the gateway asks for where it has read none for ten minutes. */
export const useTools = (id: string) =>
  useQuery({
    queryKey: toolsOf(id),
    queryFn: ({ signal }) => call("GET /mcp-servers/{id}/tools", { path: { id }, signal }),
    retry: false,
  });

export function useServerWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: SERVERS });
    return value;
  };
  return {
    create: (body: McpServerCreate) => after(call("POST /mcp-servers", { body })),
    update: (id: string, body: McpServerUpdate) => after(call("PUT /mcp-servers/{id}", { path: { id }, body })),
    remove: (id: string) => after(call("DELETE /mcp-servers/{id}", { path: { id } })),
    test: (id: string) => after(call("POST /mcp-servers/{id}/test", { path: { id } })),
    accept: async (id: string, tools?: string[]) => {
      const body = tools ? { tools } : {};
      const review = await call("POST /mcp-servers/{id}/tools/accept", { path: { id }, body });
      queries.setQueryData(toolsOf(id), review);
    },
  };
}

export const useSets = () =>
  useQuery({
    queryKey: SETS,
    queryFn: async ({ signal }) => (await call("GET /toolsets", { signal })).toolsets,
  });

export function useSetWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: SETS });
    return value;
  };
  return {
    create: (body: ToolsetCreate) => after(call("POST /toolsets", { body })),
    update: (id: string, body: ToolsetUpdate) => after(call("PUT /toolsets/{id}", { path: { id }, body })),
    remove: (id: string) => after(call("DELETE /toolsets/{id}", { path: { id } })),
  };
}

export const CALLERS = ["mcp", "chat", "bridge"] as const;
export const STATUSES = ["ok", "tool_error", "input_required", "refused", "failed", "cancelled"] as const;

export interface CallFilters {
  server?: string | undefined;
  tool?: string | undefined;
  key?: string | undefined;
  owner?: string | undefined;
  request_id?: string | undefined;
  caller?: (typeof CALLERS)[number] | undefined;
  status?: (typeof STATUSES)[number] | undefined;
}

export const useCalls = (filters: CallFilters) =>
  useInfiniteQuery({
    queryKey: [...CALLS, filters],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) => {
      const query = { ...filters, limit: SHOWN, ...(pageParam ? { cursor: pageParam } : {}) };
      return call("GET /tool-calls", { query: query as never, signal });
    },
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });

/** The names of the API keys that may be seen, by their ids. */
export function useKeyNames(): Map<string, string> | undefined {
  const { data } = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => call("GET /keys", { signal }),
    staleTime: 60_000,
  });
  return useMemo(() => data && new Map(data.keys.map(({ id, name }) => [id, name])), [data]);
}
