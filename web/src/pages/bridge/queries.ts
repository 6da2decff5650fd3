// Agents of the owner of a key, their tools, what happens at them, and what may be done with them. All of it as that key.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { type Operation, call } from "../../api/client.ts";
import type { AgentView } from "../../api/schema.d.ts";
import { stream } from "../../api/stream.ts";
import { type AgentEvent, type Hub, dataOf, hubOf, lineOf, toolsOf } from "../../lib/agents.ts";
import { textOf } from "../../lib/tools.ts";

export interface Agent extends Omit<AgentView, "hub"> {
  hub: Hub | null;
}

const AGENTS = ["agents"];
const toolsKey = (actAs: string, id: string) => [...AGENTS, actAs, id, "tools"];
const reviewKey = (actAs: string, id: string, server: string) => [...AGENTS, actAs, id, "review", server];

export const useAgents = (actAs: string) =>
  useQuery({
    queryKey: [...AGENTS, actAs],
    queryFn: async ({ signal }): Promise<Agent[]> =>
      (await call("GET /v1/bridge/agents", { actAs, signal })).agents.map((agent) => ({
        ...agent,
        hub: hubOf(agent.hub),
      })),
    refetchInterval: 10_000,
  });

export const useAgentTools = (actAs: string, id: string) =>
  useQuery({
    queryKey: toolsKey(actAs, id),
    queryFn: async ({ signal }) =>
      toolsOf(await call("GET /v1/bridge/agents/{id}/tools", { actAs, path: { id }, signal })),
    retry: false,
  });

export const useReview = (actAs: string, id: string, server: string) =>
  useQuery({
    queryKey: reviewKey(actAs, id, server),
    queryFn: ({ signal }) =>
      call("GET /v1/bridge/agents/{id}/servers/{server}/tools", { actAs, path: { id, server }, signal }),
    retry: false,
  });

export function useAgentWrites(actAs: string) {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: AGENTS });
    return value;
  };
  return {
    makeToken: (body: { agent_id: string; label?: string; expires_in_days?: number; reset?: boolean }) =>
      after(call("POST /v1/bridge/agent-token", { actAs, body })),
    rename: (id: string, label: string) =>
      after(call("PUT /v1/bridge/agents/{id}", { actAs, path: { id }, body: { label } })),
    remove: (id: string) => after(call("DELETE /v1/bridge/agents/{id}", { actAs, path: { id } })),
    answer: (id: string, body: { agent_id: string; decision?: string; response?: unknown }) =>
      after(call("POST /v1/bridge/approvals/{id}", { actAs, path: { id }, body })),
    accept: async (id: string, server: string, tools?: string[]) => {
      const path = { id, server };
      const operation = "POST /v1/bridge/agents/{id}/servers/{server}/tools/accept" satisfies Operation;
      const review = await call(operation, { actAs, path, body: tools ? { tools } : {} });
      queries.setQueryData(reviewKey(actAs, id, server), review);
    },
  };
}

/** Most events that are kept. */
const KEPT = 200;
/** Milliseconds before a watch that ended is begun anew. */
const AGAIN_MS = 3000;
/** What changes what is known of the agent. */
const CHANGING = ["agent_status", "agent_servers", "tool_approval", "tool_result"];

/** What happens at an agent from now on, the newest first, and whether it is being watched. */
export function useEvents(actAs: string, agentId: string): { events: AgentEvent[]; isLive: boolean } {
  const queries = useQueryClient();
  const [events, setEvents] = useState<AgentEvent[]>([]);
  const [isLive, setLive] = useState(false);
  useEffect(() => {
    const ending = new AbortController();
    let id = 0;
    const watch = () =>
      stream(
        "GET /v1/bridge/events",
        { actAs, query: { agent_id: agentId }, signal: ending.signal },
        ({ name, data }) => {
          if (name === "ready") return setLive(true);
          const said = dataOf(data);
          const event = { id: ++id, at: Date.now(), name, requestId: textOf(said.req_id), text: lineOf(said) };
          setEvents((now) => [event, ...now].slice(0, KEPT));
          if (CHANGING.includes(name)) void queries.invalidateQueries({ queryKey: [...AGENTS, actAs] });
        },
      )
        // A watch that cannot be had is tried again; what is wrong is told by the queries of the page.
        .catch(() => {})
        .finally(() => setLive(false));
    const keepWatching = async () => {
      while (!ending.signal.aborted) {
        await watch();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    };
    void keepWatching();
    return () => ending.abort();
  }, [actAs, agentId, queries]);
  return { events, isLive };
}
