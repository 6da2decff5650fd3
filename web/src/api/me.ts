// The account of who is signed in, and what is theirs: things whose owner is their id, or a team that they own.

import { useQuery } from "@tanstack/react-query";
import { call } from "./client.ts";
import type { PermissionCode } from "./schema.d.ts";
import { useMay, useSession } from "./session.ts";

export const ME = ["me"];

/** The account; without data for the admin token. */
export function useMe() {
  const { data } = useSession();
  return useQuery({
    queryKey: ME,
    queryFn: ({ signal }) => call("GET /auth/me", { signal }),
    enabled: data?.kind === "user",
    staleTime: 60_000,
  });
}

/** Whether something may be done with a thing of this owner: by the permission for all things, or by the one for one's own. */
export function useMayWith(owner: string | null | undefined): (all: PermissionCode, own: PermissionCode) => boolean {
  const may = useMay();
  const { data: me } = useMe();
  const isOwn = Boolean(
    owner && me && (me.id === owner || me.teams.some(({ id, role }) => id === owner && role === "owner")),
  );
  return (all, own) => may(all) || (isOwn && may(own));
}
