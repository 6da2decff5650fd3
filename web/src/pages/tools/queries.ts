// Servers of tools, and what they have.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { McpServerCreate, McpServerUpdate, McpServerView } from "../../api/schema.d.ts";

export type Server = McpServerView;

const SERVERS = ["mcp-servers"];
const toolsOf = (id: string) => [...SERVERS, id, "tools"];

export const useServers = () =>
  useQuery({
    queryKey: SERVERS,
    queryFn: async ({ signal }) => (await call("GET /mcp-servers", { signal })).mcp_servers,
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
