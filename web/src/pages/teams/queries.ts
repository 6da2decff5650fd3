// Teams, and what belongs to one: members, keys, limits.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";

export type Team = Answer<"GET /teams">["teams"][number];
export type Detail = Answer<"GET /teams/{id}">;
export type Member = Detail["members"][number];

const TEAMS = ["teams"];
/** How many keys of a team are shown; the page of keys has all. */
export const KEYS_SHOWN = 20;

export const useTeams = () =>
  useQuery({ queryKey: TEAMS, queryFn: async ({ signal }) => (await call("GET /teams", { signal })).teams });

export const useTeam = (id: string) =>
  useQuery({
    queryKey: [...TEAMS, id],
    queryFn: ({ signal }) => call("GET /teams/{id}", { path: { id }, signal }),
  });

export function useKeysOf(id: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["keys", "team", id],
    queryFn: async ({ signal }) =>
      (await call("GET /keys", { query: { owner: id, with: "usage", limit: KEYS_SHOWN + 1 }, signal })).keys,
    enabled: may("view_all_api_keys", "manage_own_api_keys"),
  });
}

/** What holds for all keys of a team together, with what is used of it; `null` if there is nothing. */
export function useLimitsOf(id: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["limits", "team", id],
    queryFn: async ({ signal }) => {
      const subject = `user:${id}`;
      const { limits } = await call("GET /limits", { signal });
      if (!limits.some((one) => one.subject === subject)) return null;
      return call("GET /limits/{subject}", { path: { subject }, signal });
    },
    enabled: may("view_limits", "view_own_limits"),
  });
}

export function useTeamWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await Promise.all([TEAMS, ["me"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
    return value;
  };
  return {
    create: (name: string) => after(call("POST /teams", { body: { name } })),
    rename: (id: string, name: string) => after(call("PUT /teams/{id}", { path: { id }, body: { name } })),
    remove: (id: string) => after(call("DELETE /teams/{id}", { path: { id } })),
    put: (id: string, user: string, role: Member["role"]) =>
      after(call("PUT /teams/{id}/members/{user}", { path: { id, user }, body: { role } })),
    takeOut: (id: string, user: string) => after(call("DELETE /teams/{id}/members/{user}", { path: { id, user } })),
  };
}
