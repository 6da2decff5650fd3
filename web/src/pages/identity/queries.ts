// Services that users sign in with, and directories that keep users and teams.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { IdentityProviderView, ScimClientCreate, ScimClientUpdate, ScimClientView } from "../../api/schema.d.ts";

export type Service = IdentityProviderView;
export type Directory = ScimClientView;

const SERVICES = ["identity-providers"];
const DIRECTORIES = ["scim-clients"];

export const useServices = () =>
  useQuery({
    queryKey: SERVICES,
    queryFn: async ({ signal }) => (await call("GET /identity-providers", { signal })).identity_providers,
  });

/** Reads the services anew, and what signing in offers. */
export function useServicesAnew(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all([SERVICES, ["sign-in-options"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}

export const useDirectories = () =>
  useQuery({
    queryKey: DIRECTORIES,
    queryFn: async ({ signal }) => (await call("GET /scim-clients", { signal })).scim_clients,
  });

export function useDirectoryWrites() {
  const queries = useQueryClient();
  const after = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    await queries.invalidateQueries({ queryKey: DIRECTORIES });
    return value;
  };
  return {
    create: (body: ScimClientCreate) => after(call("POST /scim-clients", { body })),
    update: (id: string, body: ScimClientUpdate) => after(call("PUT /scim-clients/{id}", { path: { id }, body })),
    rotate: (id: string, overlap_hours: number) =>
      after(call("POST /scim-clients/{id}/token", { path: { id }, body: { overlap_hours } })),
    remove: (id: string) => after(call("DELETE /scim-clients/{id}", { path: { id } })),
  };
}
