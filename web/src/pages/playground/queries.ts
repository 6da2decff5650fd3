// The models of a key, and what the log says of an answer.

import { useQuery } from "@tanstack/react-query";
import { call } from "../../api/client.ts";
import type { LoggedRequest, ModelList } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { type Turn, isOver } from "../../lib/chat.ts";

export const useModels = (actAs: string) =>
  useQuery({
    queryKey: ["v1-models", actAs],
    queryFn: async ({ signal }) =>
      ((await call("GET /v1/models", { actAs, signal })) as unknown as ModelList).data.map(({ id }) => id),
    enabled: actAs !== "",
    staleTime: 60_000,
  });

/** The row of the log of a turn, which appears about a second after its end. */
export function useLogged(turn: Turn, session: string | undefined): LoggedRequest | undefined {
  const may = useMay();
  const isRequest = turn.turnId?.startsWith("req") ?? false;
  const { data } = useQuery({
    queryKey: ["turn", turn.turnId],
    queryFn: async ({ signal }) => {
      const query = isRequest ? { request_id: turn.turnId } : { conversation: session, from: turn.sentAt - 60_000 };
      const page = await call("GET /requests", { query: { ...query, limit: 20 } as object, signal });
      return page.requests.find((row) => row.id === turn.turnId || row.request_id === turn.turnId) ?? null;
    },
    enabled:
      isOver(turn) &&
      turn.turnId !== undefined &&
      (isRequest || session !== undefined) &&
      may("view_all_requests", "view_own_requests"),
    // Until it is there, and not for ever.
    refetchInterval: (query) => (query.state.data || query.state.dataUpdateCount > 8 ? false : 1000),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data ?? undefined;
}
