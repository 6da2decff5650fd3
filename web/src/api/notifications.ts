// Notifications of who is signed in: read by the page and, for their number, by the frame. Only users have any.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { call } from "./client.ts";
import { useSession } from "./session.ts";

export const NOTIFICATIONS = ["notifications"];

/** How many are not read; 0 for the admin token. */
export function useUnread(): number {
  const { data } = useSession();
  const { data: unread } = useQuery({
    queryKey: [...NOTIFICATIONS, "unread"],
    queryFn: async ({ signal }) => (await call("GET /notifications", { query: { limit: 1 }, signal })).unread,
    enabled: data?.kind === "user",
    staleTime: 30_000,
    refetchInterval: 60_000,
  });
  return unread ?? 0;
}

export function useRefreshNotifications(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: NOTIFICATIONS });
}
