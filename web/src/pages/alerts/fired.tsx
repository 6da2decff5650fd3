// Alerts that fire, or fired.

import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

export type Alert = Answer<"GET /alerts">["alerts"][number];
export const ALERTS = ["alerts"];

export function Fired({ isNow }: { isNow: boolean }) {
  const words = useWords();
  const list = useInfiniteQuery({
    queryKey: [...ALERTS, isNow],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /alerts", {
        query: { ...(isNow ? {} : { state: "all" as const }), limit: 50, cursor: pageParam || undefined } as object,
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: isNow ? 30_000 : false,
  });
  const rows = list.data?.pages.flatMap(({ alerts }) => alerts) ?? [];
  if (list.error && rows.length === 0) return <Failure error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <Skeleton height={48} />;
  if (rows.length === 0) return <Empty>{isNow ? words.none : words.noHistory}</Empty>;
  return (
    <>
      <ul className="border-t border-line">
        {rows.map((alert) => (
          <One key={alert.id} alert={alert} />
        ))}
      </ul>
      {list.hasNextPage && (
        <Button className="mt-3" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
    </>
  );
}

const TONES = { info: "info", warning: "warn", critical: "bad" } as const;
const MARKS = { info: "◌", warning: "▲", critical: "✕" } as const;

export function Bad({ severity }: { severity: Alert["severity"] }) {
  const words = useWords();
  return (
    <Chip tone={TONES[severity]}>
      <span aria-hidden="true">{MARKS[severity]}</span>
      {words[severity]}
    </Chip>
  );
}

function One({ alert }: { alert: Alert }) {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const locale = localeOf(usePreferences());
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const acknowledge = async () => {
    setBusy(true);
    try {
      await call("POST /alerts/{id}/acknowledge", { path: { id: alert.id } });
      await client.invalidateQueries({ queryKey: ALERTS });
    } catch (error) {
      setFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const state = { firing: words.firing, pending: words.pending, resolved: words.resolved }[alert.state] ?? alert.state;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2.5">
      <Bad severity={alert.severity} />
      <span className="min-w-0 flex-1 basis-60">
        <span className="font-medium">{visible(alert.name)}</span>{" "}
        <span className="text-ink2">{visible(alert.instance)}</span>
        <span className="block text-table text-ink3">
          {alert.measure} {words[alert.comparison]} {count(alert.threshold, locale)}: {count(alert.value, locale)}
        </span>
      </span>
      <span className="text-ink2">
        {state} · {alert.ended_at ? <Time ms={alert.ended_at} /> : <Ago ms={alert.fired_at ?? alert.began_at} />}
      </span>
      {alert.acknowledged_at ? (
        <span className="text-ink3">{words.acknowledged}</span>
      ) : (
        !alert.ended_at &&
        may("manage_alerts") && (
          <Button busy={busy} onClick={acknowledge}>
            {words.acknowledge}
          </Button>
        )
      )}
      {failure !== undefined && <Failure error={failure} />}
    </li>
  );
}
