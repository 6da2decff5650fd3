// The keys as which the person may act: their secrets are not in the browser, the session and the id of a key stand for them.

import { useQuery } from "@tanstack/react-query";
import { call } from "./client.ts";
import type { KeyView } from "./schema.d.ts";

export function useUsableKeys() {
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => call("GET /keys", { signal }),
    staleTime: 30_000,
  });
  const isUsable = (key: KeyView) => key.enabled && (key.expires_at === null || key.expires_at > Date.now());
  return { ...keys, data: keys.data?.keys.filter(isUsable) };
}
