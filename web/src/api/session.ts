// Who is signed in, and what they may do.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { preferences, setPreferences } from "../lib/preferences.ts";
import { renew, request } from "./client.ts";
import type { PermissionCode } from "./schema.d.ts";

export interface Session {
  kind: "admin_token" | "user";
  user: { id: string; email: string; name: string } | null;
  permissions: string[];
  version: string;
  /** Whether there are users, who sign in with a mail address. */
  users: boolean;
}

type SessionAnswer = Omit<Session, "kind"> & { kind: Session["kind"] | null };

/** Whether there were users when the session was last asked for: then signing in begins with a mail address. */
let hasUsers = false;
export const knowsUsers = () => hasUsers;

export const SESSION = ["session"];

/** The session; `null` without one. */
export async function fetchSession(): Promise<Session | null> {
  const first = (await request("GET /console/session")) as SessionAnswer;
  hasUsers = first.users;
  // Signing in with a service leads away from the page, which is then loaded anew.
  if (first.kind === "user" && !preferences().renewable) setPreferences({ renewable: true });
  if (first.kind !== null) return first as Session;
  // The access cookie of a user is valid for half an hour; the refresh cookie makes a new one.
  if (!preferences().renewable || !(await renew())) return null;
  const second = (await request("GET /console/session")) as SessionAnswer;
  return second.kind === null ? null : (second as Session);
}

export function useSession() {
  return useQuery({ queryKey: SESSION, queryFn: fetchSession, staleTime: 300_000, retry: 1 });
}

/** Whether the person has one of the permissions. */
export function useMay(): (...permissions: PermissionCode[]) => boolean {
  const { data } = useSession();
  return (...permissions) => permissions.some((permission) => data?.permissions.includes(permission));
}

export async function signInByToken(token: string): Promise<void> {
  await request("POST /console/session", { body: { admin_token: token } });
}

export async function signInByPassword(email: string, password: string): Promise<void> {
  await request("POST /auth/login", { body: { email, password, cookies: true } });
  setPreferences({ renewable: true });
}

/** Ends the session here and at the gateway. What was read during it is forgotten. */
export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await request("DELETE /console/session").catch(() => {});
    setPreferences({ renewable: false });
    client.clear();
    client.setQueryData(SESSION, null);
  };
}
