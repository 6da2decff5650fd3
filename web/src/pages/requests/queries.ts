// Reading the log: pages by cursor, the tail as it happens, one request.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { answerTo, call } from "../../api/client.ts";
import type { LoggedRequest } from "../../api/schema.d.ts";
import { readEvents } from "../../api/stream.ts";
import type { Filters } from "../../lib/url.ts";

const PAGE = 200;
const RANGES: Record<string, number> = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000, "30d": 2_592_000_000 };

/** The names of the filters, as the address of the page and the API have them. */
export const FILTERS = [
  "model",
  "status",
  "key",
  "error",
  "provider",
  "owner",
  "app",
  "conversation",
  "min_ms",
  "from",
  "to",
];

/** What a row of the list shows. The log may be a hundred thousand rows long, so nothing else is kept of it. */
export type Row = Pick<
  LoggedRequest,
  | "id"
  | "ts"
  | "model"
  | "upstream_model"
  | "provider_name"
  | "key_id"
  | "status"
  | "outcome"
  | "error_code"
  | "duration_ms"
  | "first_byte_ms"
  | "prompt_tokens"
  | "completion_tokens"
  | "cost_micros"
  | "attempts"
>;

const rowOf = (request: LoggedRequest): Row => ({
  id: request.id,
  ts: request.ts,
  model: request.model,
  upstream_model: request.upstream_model,
  provider_name: request.provider_name,
  key_id: request.key_id,
  status: request.status,
  outcome: request.outcome,
  error_code: request.error_code,
  duration_ms: request.duration_ms,
  first_byte_ms: request.first_byte_ms,
  prompt_tokens: request.prompt_tokens,
  completion_tokens: request.completion_tokens,
  cost_micros: request.cost_micros,
  attempts: request.attempts,
});

/** The query of the API for the filters of the address. */
export function queryOf(filters: Filters): Record<string, string> {
  const query = Object.fromEntries(FILTERS.flatMap((name) => (filters[name] ? [[name, filters[name]]] : [])));
  const length = RANGES[filters.range ?? ""];
  if (length && !query.from) query.from = String(Math.floor((Date.now() - length) / 60_000) * 60_000);
  return query;
}

export function useLog(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["requests", FILTERS.map((name) => filters[name] ?? ""), filters.range ?? ""],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) => {
      const query = { ...queryOf(filters), limit: PAGE, cursor: pageParam || undefined } as object;
      const page = await call("GET /requests", { query, signal });
      return { rows: page.requests.map(rowOf), next: page.next_cursor };
    },
    getNextPageParam: (page) => page.next,
    staleTime: 30_000,
    refetchOnWindowFocus: false,
  });
}

/** Milliseconds before a stream that ended, or was refused, is opened anew. */
const AGAIN_MS = 5000;

/** What is wrong is told by the list itself. */
const ignored = () => {};

/**
 * Rows that ended since it was turned on, the newest first, and whether they come as they end. A stream says nothing of what ended before
 * it was opened: that is read from the log with each further stream, and everything while there is none.
 */
export function useTail(filters: Filters, isOn: boolean) {
  const [rows, setRows] = useState<Row[]>([]);
  const [isOpen, setOpen] = useState(false);
  const { range: _, from: __, to: ___, ...wanted } = queryOf(filters);
  const asked = JSON.stringify(wanted);
  useEffect(() => {
    setRows([]);
    if (!isOn) return;
    const ending = new AbortController();
    const { signal } = ending;
    const query = JSON.parse(asked) as Record<string, string>;
    const begun = Date.now();
    const add = (found: Row[]) =>
      setRows((now) => {
        const known = new Set(now.map(({ id }) => id));
        const unknown = found.filter(({ id }) => !known.has(id));
        return unknown.length > 0 ? [...unknown, ...now] : now;
      });
    const catchUp = async () => {
      const since = { ...query, from: String(begun), limit: PAGE } as object;
      const page = await call("GET /requests", { query: since, signal });
      add(page.requests.map(rowOf));
    };
    const follow = async (isFirst: boolean) => {
      const response = await answerTo("GET /requests/live", { query, signal });
      if (!response.ok || !response.body) return catchUp();
      setOpen(true);
      if (!isFirst) catchUp().catch(ignored);
      await readEvents(response.body, ({ name, data }) => {
        if (name === "request") add([rowOf(JSON.parse(data) as LoggedRequest)]);
        if (name === "missed") catchUp().catch(ignored);
      });
    };
    const keepFollowing = async () => {
      for (let tries = 0; !signal.aborted; tries++) {
        await follow(tries === 0).catch(ignored);
        if (signal.aborted) return;
        setOpen(false);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    };
    void keepFollowing();
    return () => {
      ending.abort();
      setOpen(false);
    };
  }, [asked, isOn]);
  return { rows, isOpen };
}

/** A list that does not jump: what came while the reader was further down waits until they ask for it. */
export function useSettled(rows: Row[], isTop: boolean): { shown: Row[]; waiting: number; show: () => void } {
  const [asked, setAsked] = useState(0);
  const last = useRef({ rows: [] as Row[], asked: 0 });
  if (isTop || rows.length < last.current.rows.length || asked !== last.current.asked) last.current = { rows, asked };
  const shown = last.current.rows;
  return { shown, waiting: rows.length - shown.length, show: () => setAsked(asked + 1) };
}

export function useRequest(id: string) {
  return useQuery({
    queryKey: ["request", id],
    queryFn: ({ signal }) => call("GET /requests/{id}", { path: { id }, signal }),
    staleTime: 60_000,
  });
}

export function useKeyNames(): Map<string, string> {
  const { data } = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => call("GET /keys", { signal }),
    staleTime: 60_000,
  });
  return new Map(data?.keys.map((key) => [key.id, key.name]));
}
