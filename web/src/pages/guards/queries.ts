// Guards, and the requests in which one acted.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import type { GuardCreate, GuardUpdate } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { actions } from "./detectors.ts";

export type Guard = Answer<"GET /guards">["guards"][number];

const GUARDS = ["guards"];
/** The log has no filter for rules: as many of its rows as one answer has are looked through. */
const LOOKED_AT = 500;

export const useGuards = () =>
  useQuery({ queryKey: GUARDS, queryFn: async ({ signal }) => (await call("GET /guards", { signal })).guards });

export function useActedIn(name: string) {
  const may = useMay();
  return useQuery({
    queryKey: ["requests", "guard", name],
    queryFn: async ({ signal }) => {
      const { requests } = await call("GET /requests", { query: { limit: LOOKED_AT }, signal });
      const found = requests.flatMap(({ id, ts, model, guards }) => {
        const own = actions(guards ?? "").filter(({ rule }) => rule === name);
        return own.length > 0 ? [{ id, ts, model, own }] : [];
      });
      return { looked: requests.length, found };
    },
    enabled: may("view_all_requests"),
    staleTime: 30_000,
  });
}

export function useGuardWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: GUARDS });
    return value;
  };
  return {
    create: (body: GuardCreate) => after(call("POST /guards", { body })),
    update: (id: string, body: GuardUpdate) => after(call("PUT /guards/{id}", { path: { id }, body })),
    remove: (id: string) => after(call("DELETE /guards/{id}", { path: { id } })),
  };
}
