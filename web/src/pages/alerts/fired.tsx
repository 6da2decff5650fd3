// Alerts that are open, or that have ended, and one of them in detail.

import { Link } from "@tanstack/react-router";
import type { Alert } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { AlertState, SeverityChip } from "./chips.tsx";
import { useAlert, useAlertWrites, useAlerts, useRules } from "./queries.ts";
import { useSpan, useValue } from "./say.ts";
import { useWords } from "./words.ts";

export function Fired({ isHistory }: { isHistory: boolean }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const list = useAlerts(isHistory, filters.rule);
  const rows = list.data?.pages.flatMap(({ alerts }) => alerts) ?? [];
  return (
    <>
      {filters.rule && (
        <Button icon="close" className="mb-3 self-start" onClick={() => setFilters({ rule: undefined })}>
          {words.allRules}
        </Button>
      )}
      {list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton height={52} />
      ) : rows.length === 0 ? (
        <Nothing isHistory={isHistory} />
      ) : (
        <ul className="border-t border-line">
          {rows.map((alert) => (
            <Row key={alert.id} alert={alert} onOpen={() => setFilters({ open: alert.id })} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="mt-3 self-start" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
      {filters.open && <Detail id={filters.open} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

/** That nothing is broken says little where no rule is enabled. */
function Nothing({ isHistory }: { isHistory: boolean }) {
  const words = useWords();
  const rules = useRules();
  const [, setFilters] = useFilters();
  const isWatching = rules.data?.rules.some(({ enabled }) => enabled) ?? true;
  if (isHistory) return <Empty>{words.noHistory}</Empty>;
  return (
    <Empty action={!isWatching && <Button onClick={() => setFilters({ of: "rules" })}>{words.toRules}</Button>}>
      {isWatching ? words.allWell : words.noRulesOn}
    </Empty>
  );
}

function Row({ alert, onOpen }: { alert: Alert; onOpen: () => void }) {
  const words = useWords();
  const value = useValue();
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-2 text-left hover:bg-sunken"
      >
        <SeverityChip severity={alert.severity} />
        <span className="min-w-0 flex-1 basis-60">
          <span className="font-medium">{visible(alert.name)}</span>{" "}
          <span className="text-ink2">{visible(alert.instance)}</span>
          <span className="block text-table text-ink2">
            {words[alert.measure]}:{" "}
            {words.valueOf(value(alert.measure, alert.value), value(alert.measure, alert.threshold))}
          </span>
        </span>
        <AlertState state={alert.state} />
        {alert.acknowledged_at !== null && <span className="text-table text-ink3">✓ {words.acknowledged}</span>}
        <span className="w-28 text-right text-table text-ink3 max-sm:text-left">
          {alert.ended_at === null ? <Ago ms={alert.fired_at ?? alert.began_at} /> : <Time ms={alert.ended_at} />}
        </span>
      </button>
    </li>
  );
}

function Detail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = useAlert(id);
  return (
    <Dialog drawer title={data ? visible(data.name) : words.alert} onClose={onClose}>
      {data ? (
        <Content alert={data} />
      ) : error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Dialog>
  );
}

function Content({ alert }: { alert: Alert }) {
  const words = useWords();
  const may = useMay();
  const value = useValue();
  const span = useSpan();
  const [, setFilters] = useFilters();
  const writes = useAlertWrites();
  const acknowledge = useForm(async () => {
    await writes.acknowledge(alert.id);
  });
  const key = alert.instance.startsWith("key:") ? alert.instance.slice(4) : undefined;
  const moment = (ms: number | null) => (ms === null ? words.notYet : <Time ms={ms} style="full" />);
  return (
    <>
      <div className="mb-4 flex flex-wrap items-center gap-2">
        {alert.acknowledged_at === null && alert.ended_at === null && may("manage_alerts") && (
          <Button look="primary" icon="check" busy={acknowledge.busy} onClick={() => acknowledge.submit()}>
            {words.acknowledge}
          </Button>
        )}
        <Button icon="alert" onClick={() => setFilters({ of: "rules", open: alert.rule_id, rule: undefined })}>
          {words.openRule}
        </Button>
        <Button icon="filter" onClick={() => setFilters({ rule: alert.rule_id, open: undefined })}>
          {words.onlyRule}
        </Button>
      </div>
      {acknowledge.rest()}
      <Facts
        facts={[
          [words.state, <AlertState key="s" state={alert.state} />],
          [words.severity, <SeverityChip key="v" severity={alert.severity} />],
          [
            words.instance,
            key ? (
              <Link key="i" to="/keys/{-$id}" params={{ id: key } as never} className="link font-mono">
                {visible(alert.instance)}
              </Link>
            ) : (
              visible(alert.instance)
            ),
          ],
          [words.measure, words[alert.measure]],
          [words.value, value(alert.measure, alert.value)],
          [words.threshold, `${words[alert.comparison]} ${value(alert.measure, alert.threshold)}`],
          [words.window, span(alert.window_minutes)],
          [words.began, moment(alert.began_at)],
          [words.fired, moment(alert.fired_at)],
          [words.told, moment(alert.told_at)],
          [words.acknowledged, moment(alert.acknowledged_at)],
          [words.ended, moment(alert.ended_at)],
        ]}
      />
    </>
  );
}
