// The audit log by pages, and the check of its chain of hashes in as many steps as it needs.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { call } from "../../api/client.ts";
import type { AuditEntry, Verified } from "../../api/schema.d.ts";
import { RANGES } from "../../lib/range.ts";
import type { Filters } from "../../lib/url.ts";

export type Entry = AuditEntry;

export const FILTERS = ["actor", "operation", "target", "status", "request_id"] as const;
const PAGE = 100;
const HOUR = 3_600_000;

/** The filters of the address as the query of the API: a named range counts back from now. */
export function queryOf(filters: Filters, now: number): Record<string, string | number> {
  const query: Record<string, string | number> = {};
  for (const name of FILTERS) if (filters[name]) query[name] = filters[name];
  const range = (RANGES as readonly string[]).includes(filters.range ?? "") ? (filters.range as string) : "";
  if (range) query.from = now - Number.parseInt(range, 10) * (range.endsWith("h") ? HOUR : 24 * HOUR);
  return query;
}

export function useAudit(filters: Filters) {
  const asked = Object.fromEntries([...FILTERS, "range"].map((name) => [name, filters[name] ?? ""]));
  return useInfiniteQuery({
    queryKey: ["audit", asked],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /audit", {
        query: { ...queryOf(filters, Date.now()), limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** One entry, for an address that names one which is not among those that are loaded. */
export const useEntry = (seq: string, isWanted: boolean) =>
  useQuery({
    queryKey: ["audit", "one", seq],
    queryFn: ({ signal }) => call("GET /audit/{seq}", { path: { seq }, signal }),
    enabled: isWanted,
    staleTime: Number.POSITIVE_INFINITY,
  });

export const useHeads = () =>
  useQuery({ queryKey: ["audit", "heads"], queryFn: ({ signal }) => call("GET /audit/heads", { signal }) });

export interface Check {
  checked: number;
  isRunning: boolean;
  /** The last answer, when the check has ended. */
  result?: Verified;
  error?: unknown;
}

/** The check of the whole log. It goes on from answer to answer and can be stopped. */
export function useVerify(): { check: Check | undefined; start: () => Promise<void>; stop: () => void } {
  const [check, setCheck] = useState<Check>();
  const stopped = useRef(false);
  const start = async () => {
    stopped.current = false;
    let checked = 0;
    let query: { after?: number; hash?: string } = {};
    setCheck({ checked, isRunning: true });
    try {
      for (;;) {
        const answer = await call("GET /audit/verify", { query });
        checked += answer.checked;
        if (!answer.ok || !answer.more) return setCheck({ checked, isRunning: false, result: answer });
        if (stopped.current) return setCheck(undefined);
        setCheck({ checked, isRunning: true });
        query = { after: answer.last, hash: answer.hash };
      }
    } catch (error) {
      setCheck({ checked, isRunning: false, error });
    }
  };
  return {
    check,
    start,
    stop: () => {
      stopped.current = true;
    },
  };
}
