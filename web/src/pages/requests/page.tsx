// The request log: a long list with filters in the address and a live tail, and one request with its attempts and its cost.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { count, duration, short, visible } from "../../lib/format.ts";
import { kindOf } from "../../lib/outcome.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { attemptsOf } from "../../lib/trail.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Outcome } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Money, Time } from "../../ui/time.tsx";
import { Glyph } from "../../ui/waterfall.tsx";
import { Detail } from "./detail.tsx";
import { FilterBar } from "./filter-bar.tsx";
import { FILTERS, type Row, useKeyNames, useLog, useSettled, useTail } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Requests() {
  const words = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const [isTop, setTop] = useState(true);
  const log = useLog(filters);
  const tail = useTail(filters, filters.live === "1");
  const settled = useSettled(tail.rows, isTop);
  const rows = useMemo(
    () => join(settled.shown, log.data?.pages.flatMap((page) => page.rows) ?? []),
    [settled.shown, log.data],
  );
  const columns = useColumns();
  const { fetchNextPage, hasNextPage, isFetching } = log;
  const isBarren = hasNextPage && log.data?.pages.at(-1)?.rows.length === 0;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetching && !isBarren) fetchNextPage();
  }, [hasNextPage, isFetching, isBarren, fetchNextPage]);
  const open = useCallback(
    (to: string | undefined) =>
      navigate({
        to: "/requests/{-$id}",
        params: { id: to },
        search: (now: Filters) => now,
        replace: id !== undefined && to !== undefined,
      } as never),
    [navigate, id],
  );
  const at = rows.findIndex((row) => row.id === id);
  const neighbour = (step: number) => (at < 0 ? undefined : rows[at + step]?.id);
  return (
    <Page title={words.title} fill>
      <FilterBar filters={filters} onChange={setFilters} isLive={tail.isOpen} />
      {settled.waiting > 0 && (
        <div className="mb-2">
          <Button look="primary" icon="up" onClick={settled.show}>
            {words.paused(settled.waiting)}
          </Button>
        </div>
      )}
      {log.error && rows.length === 0 ? (
        <Failure error={log.error} retry={() => log.refetch()} />
      ) : log.isPending ? (
        <Skeleton rows={16} />
      ) : rows.length === 0 && !hasNextPage ? (
        <Nothing
          filters={filters}
          onClear={() => setFilters(Object.fromEntries([...FILTERS, "range"].map((name) => [name, undefined])))}
        />
      ) : (
        <Table
          label={words.title}
          rows={rows}
          columns={columns}
          idOf={idOf}
          phone={phoneRow}
          onOpen={(row) => open(row.id)}
          onEnd={onEnd}
          onTop={setTop}
          current={id}
          foot={
            <Foot
              rows={rows.length}
              state={log.error ? "failed" : isFetching ? "loading" : isBarren ? "barren" : hasNextPage ? "more" : "end"}
              error={log.error}
              onMore={() => fetchNextPage()}
            />
          }
        />
      )}
      {id && (
        <Detail id={id} onClose={() => open(undefined)} onOpen={open} previous={neighbour(-1)} next={neighbour(1)} />
      )}
    </Page>
  );
}

const idOf = (row: Row) => row.id;
const phoneRow = (row: Row) => <PhoneRow row={row} />;

/** The tail before the pages, without rows that are in both. */
function join(tail: Row[], pages: Row[]): Row[] {
  if (tail.length === 0) return pages;
  const known = new Set(tail.map(({ id }) => id));
  return [...tail, ...pages.filter(({ id }) => !known.has(id))];
}

function useColumns(): Column<Row>[] {
  const words = useWords();
  const names = useKeyNames();
  const locale = localeOf(usePreferences());
  return useMemo(
    () => [
      {
        id: "time",
        title: words.time,
        width: "112px",
        cell: (row) => <Time ms={row.ts} style={isToday(row.ts) ? "time" : "moment"} />,
      },
      { id: "outcome", title: words.outcome, width: "minmax(96px, 176px)", cell: (row) => <Ended row={row} /> },
      {
        id: "model",
        title: words.model,
        width: "minmax(140px, 1.6fr)",
        cell: (row) => (
          <>
            {visible(row.model)}
            {row.provider_name && <span className="text-ink3"> → {visible(row.provider_name)}</span>}
          </>
        ),
      },
      {
        id: "key",
        title: words.key,
        width: "minmax(80px, 1fr)",
        cell: (row) => visible(names.get(row.key_id) ?? row.key_id),
      },
      { id: "attempts", title: words.attempts, width: "64px", cell: (row) => <Trail row={row} /> },
      {
        id: "duration",
        title: words.duration,
        width: "116px",
        right: true,
        cell: (row) => (
          <>
            {row.first_byte_ms !== null && <span className="text-ink3">{duration(row.first_byte_ms)} / </span>}
            {duration(row.duration_ms)}
          </>
        ),
      },
      {
        id: "tokens",
        title: <span title={words.tokensHint}>{words.tokens}</span>,
        width: "108px",
        right: true,
        cell: (row) => (
          <span title={`${count(row.prompt_tokens, locale)} → ${count(row.completion_tokens, locale)}`}>
            {short(row.prompt_tokens, locale)} → {short(row.completion_tokens, locale)}
          </span>
        ),
      },
      { id: "cost", title: words.cost, width: "76px", right: true, cell: (row) => <Money micros={row.cost_micros} /> },
    ],
    [words, names, locale],
  );
}

const isToday = (ms: number) => Date.now() - ms < 43_200_000;

const Ended = ({ row }: { row: Row }) => {
  const kind = kindOf(row);
  return <Outcome kind={kind} detail={row.error_code ?? (row.status >= 400 ? row.status : undefined)} />;
};

const Trail = ({ row }: { row: Row }) => (
  <Glyph attempts={attemptsOf(row)} total={row.duration_ms} answered={row.status < 400 && !row.error_code} />
);

function PhoneRow({ row }: { row: Row }) {
  return (
    <>
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(row.model)}</span>
        <span className="text-ink3">
          <Time ms={row.ts} style={isToday(row.ts) ? "time" : "moment"} />
        </span>
      </div>
      <div className="mt-1 flex items-center gap-3 text-ink2">
        <span className="min-w-0 flex-1">
          <Ended row={row} />
        </span>
        <span>{duration(row.duration_ms)}</span>
        <Money micros={row.cost_micros} />
      </div>
    </>
  );
}

function Nothing({ filters, onClear }: { filters: Filters; onClear: () => void }) {
  const words = useWords();
  const isFiltered = FILTERS.some((name) => filters[name]) || filters.range;
  if (isFiltered) return <Empty action={<Button onClick={onClear}>{words.clear}</Button>}>{words.empty}</Empty>;
  return (
    <Empty
      action={
        <LinkButton to="/playground" look="primary" icon="chat">
          {words.tryOne}
        </LinkButton>
      }
    >
      {words.emptyAll}
    </Empty>
  );
}

function Foot({ rows, state, error, onMore }: { rows: number; state: string; error: unknown; onMore: () => void }) {
  const words = useWords();
  if (state === "failed") return <Failure error={error} retry={onMore} />;
  return (
    <div className="flex items-center gap-3">
      <span>{words.rowsLoaded(rows)}</span>
      {state === "loading" && <span role="status">{words.loading}</span>}
      {state === "end" && <span>{words.noMore}</span>}
      {state === "barren" && (
        <>
          <span>{words.searching}</span>
          <Button onClick={onMore}>{words.goOn}</Button>
        </>
      )}
    </div>
  );
}
