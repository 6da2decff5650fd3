// Probe tasks, their runs, and the providers that can be asked.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import type { ProbeTaskCreate, ProbeTaskUpdate } from "../../api/schema.d.ts";

export type Task = Answer<"GET /probe-tasks">["tasks"][number];
export type Run = Answer<"GET /probe-tasks/{id}/runs">["runs"][number];

const TASKS = ["probe-tasks"];
const RUNS_SHOWN = 50;

export const useTasks = () =>
  useQuery({
    queryKey: TASKS,
    queryFn: async ({ signal }) => (await call("GET /probe-tasks", { signal })).tasks,
    refetchInterval: 60_000,
  });

export const useRuns = (id: string) =>
  useInfiniteQuery({
    queryKey: [...TASKS, id, "runs"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /probe-tasks/{id}/runs", {
        path: { id },
        query: { limit: RUNS_SHOWN, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });

/** The names of providers by their ids. */
export function useProviders() {
  return useQuery({
    queryKey: ["providers", "names"],
    queryFn: async ({ signal }) =>
      (await call("GET /providers", { signal })).providers.map(({ id, name }) => ({ id, name })),
    staleTime: 60_000,
  });
}

export function useTaskWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: TASKS });
    return value;
  };
  return {
    create: (body: ProbeTaskCreate) => after(call("POST /probe-tasks", { body })),
    update: (id: string, body: ProbeTaskUpdate) => after(call("PUT /probe-tasks/{id}", { path: { id }, body })),
    remove: (id: string) => after(call("DELETE /probe-tasks/{id}", { path: { id } })),
    run: (id: string) => after(call("POST /probe-tasks/{id}/run", { path: { id } })),
  };
}
