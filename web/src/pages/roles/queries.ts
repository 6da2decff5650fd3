// Roles, and the permissions of which they are made.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";

export type Role = Answer<"GET /roles">["roles"][number];

const ROLES = ["roles"];

export const useRoles = () =>
  useQuery({ queryKey: ROLES, queryFn: async ({ signal }) => (await call("GET /roles", { signal })).roles });

export const usePermissions = () =>
  useQuery({
    queryKey: ["permissions"],
    queryFn: async ({ signal }) => (await call("GET /permissions", { signal })).permissions,
    staleTime: Number.POSITIVE_INFINITY,
  });

export function useRefreshRoles(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: ROLES });
}
