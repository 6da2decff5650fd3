// Who changed what, when and from where: the audit log, with filters in the address, what changed in each entry, and the check that
// nothing in it was altered.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Outcome } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { Typed } from "../../ui/typed.tsx";
import { useActor } from "./actor.ts";
import { Detail } from "./detail.tsx";
import { HeadsView } from "./heads.tsx";
import { type Entry, FILTERS, useAudit, useEntry, useVerify } from "./queries.ts";
import { kindOf } from "./show.ts";
import { VerifyButton, VerifyResult } from "./verify.tsx";
import { useWords } from "./words.ts";

const BEHIND = ["target", "actor", "request_id"] as const;
const STATUSES = ["200", "201", "401", "403"] as const;
const NONE = Object.fromEntries([...FILTERS, "range"].map((name) => [name, undefined]));

export default function Audit() {
  const words = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const audit = useAudit(filters);
  const verify = useVerify();
  const rows = useMemo(() => audit.data?.pages.flatMap((page) => page.entries) ?? [], [audit.data]);
  const columns = useColumns();
  const { hasNextPage, isFetching, fetchNextPage } = audit;
  const isBarren = hasNextPage && audit.data?.pages.at(-1)?.entries.length === 0;
  const open = useCallback(
    (to: string | undefined) =>
      navigate({
        to: "/audit/{-$id}",
        params: { id: to },
        search: (now: Filters) => now,
        replace: id !== undefined && to !== undefined,
      } as never),
    [navigate, id],
  );
  const at = rows.findIndex((row) => idOf(row) === id);
  const single = useEntry(id ?? "", id !== undefined && at < 0 && !audit.isPending);
  const isFiltered = [...FILTERS, "range"].some((name) => filters[name]);
  return (
    <Page
      title={words.title}
      fill
      actions={
        <>
          <Button icon="role" title={words.headsHint} onClick={() => setFilters({ heads: "1" })}>
            {words.heads}
          </Button>
          <VerifyButton verify={verify} />
        </>
      }
    >
      <VerifyResult verify={verify} />
      <Bar filters={filters} onChange={setFilters} isFiltered={isFiltered} />
      {audit.error ? (
        <Failure error={audit.error} retry={() => audit.refetch()} />
      ) : audit.isPending ? (
        <Skeleton rows={14} />
      ) : rows.length === 0 && !hasNextPage ? (
        <Empty action={isFiltered && <Button onClick={() => setFilters(NONE)}>{words.clear}</Button>}>
          {isFiltered ? words.empty : words.emptyAll}
        </Empty>
      ) : (
        <Table
          label={words.title}
          rows={rows}
          columns={columns}
          idOf={idOf}
          phone={phoneRow}
          current={id}
          onOpen={(row) => open(idOf(row))}
          onEnd={() => hasNextPage && !isFetching && !isBarren && fetchNextPage()}
          foot={
            <Foot
              rows={rows.length}
              state={isFetching ? "loading" : isBarren ? "barren" : hasNextPage ? "more" : "end"}
              onMore={fetchNextPage}
            />
          }
        />
      )}
      {filters.heads === "1" && <HeadsView onClose={() => setFilters({ heads: undefined })} />}
      {id && (
        <Detail
          entry={rows[at] ?? single.data}
          error={single.error}
          newer={at > 0 ? () => open(idOf(rows[at - 1] as Entry)) : undefined}
          older={at >= 0 && rows[at + 1] ? () => open(idOf(rows[at + 1] as Entry)) : undefined}
          onFilter={(change) => navigate({ to: "/audit/{-$id}", params: { id: undefined }, search: change } as never)}
          onClose={() => open(undefined)}
        />
      )}
    </Page>
  );
}

const idOf = (entry: Entry) => String(entry.seq);
const phoneRow = (entry: Entry) => <PhoneRow entry={entry} />;

interface BarProps {
  filters: Filters;
  onChange: (change: Record<string, string | undefined>) => void;
  isFiltered: boolean;
}

function Bar({ filters, onChange, isFiltered }: BarProps) {
  const words = useWords();
  const labels = { 200: words.done, 201: words.made, 401: words.refusedKeys, 403: words.refusedOnes };
  const typed = (name: "operation" | (typeof BEHIND)[number]) => (
    <Typed
      label={words[name]}
      value={filters[name] ?? ""}
      onChange={(value) => onChange({ [name]: value })}
      isFirst={name === "operation"}
      {...(name === "operation" ? { list: "audit-operations" } : {})}
    />
  );
  const behind = BEHIND.filter((name) => filters[name]).length;
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <Segmented
        label={words.range}
        value={(filters.range ?? "") as string}
        options={[
          { value: "24h", label: "24 h" },
          { value: "7d", label: "7 d" },
          { value: "30d", label: "30 d" },
          { value: "", label: words.all },
        ]}
        onChange={(range) => onChange({ range })}
      />
      <div className="w-64 max-sm:w-full">{typed("operation")}</div>
      <select
        aria-label={words.status}
        value={filters.status ?? ""}
        onChange={(event) => onChange({ status: event.target.value || undefined })}
        className="control w-auto! max-sm:flex-1"
      >
        <option value="">{words.anyStatus}</option>
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {labels[status]}
          </option>
        ))}
      </select>
      <Popover label={words.more} icon="filter" text={behind > 0 ? `${words.more} (${behind})` : words.more}>
        {() => (
          <div className="flex w-80 max-w-full flex-col gap-3 p-3">
            {BEHIND.map((name) => (
              <div key={name}>{typed(name)}</div>
            ))}
          </div>
        )}
      </Popover>
      {isFiltered && (
        <Button look="quiet" icon="close" onClick={() => onChange(NONE)}>
          {words.clear}
        </Button>
      )}
      <datalist id="audit-operations">
        {OPERATIONS.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </div>
  );
}

/** What is looked for most; any other operation can be typed. */
const OPERATIONS = [
  "POST /keys",
  "PUT /keys/{id}",
  "DELETE /keys/{id}",
  "POST /keys/{id}/rotate",
  "POST /providers",
  "PUT /providers/{id}",
  "DELETE /providers/{id}",
  "PUT /limits/{subject...}",
  "PUT /prices/{subject...}",
  "POST /credits/accounts/{id}/topup",
  "POST /users",
  "PUT /users/{id}",
  "POST /system/backups/{id}/restore",
];

function useColumns(): Column<Entry>[] {
  const words = useWords();
  const actor = useActor();
  return [
    { id: "when", title: words.when, width: "124px", cell: (row) => <Time ms={row.at} /> },
    { id: "who", title: words.who, width: "minmax(96px, 1fr)", cell: (row) => actor(row.actor) },
    {
      id: "what",
      title: words.what,
      width: "minmax(160px, 2fr)",
      cell: (row) => <span className="font-mono">{row.operation}</span>,
    },
    {
      id: "on",
      title: words.on,
      width: "minmax(96px, 1.4fr)",
      cell: (row) => <span className="font-mono">{visible(row.target)}</span>,
    },
    { id: "outcome", title: words.outcome, width: "minmax(136px, 1fr)", cell: (row) => <Ended entry={row} /> },
    {
      id: "changes",
      title: words.changes,
      width: "minmax(96px, 1.6fr)",
      cell: (row) => (row.changes ?? []).map(({ field }) => field).join(", "),
    },
  ];
}

const Ended = ({ entry }: { entry: Entry }) => (
  <Outcome kind={kindOf(entry.status)} detail={entry.code ?? entry.status} />
);

function PhoneRow({ entry }: { entry: Entry }) {
  const actor = useActor();
  return (
    <>
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-mono">{entry.operation}</span>
        <span className="text-ink3">
          <Time ms={entry.at} />
        </span>
      </div>
      <div className="mt-1 flex items-center gap-3 text-ink2">
        <span className="min-w-0 flex-1 truncate">{actor(entry.actor)}</span>
        <span className="min-w-0 shrink">
          <Ended entry={entry} />
        </span>
      </div>
    </>
  );
}

function Foot({ rows, state, onMore }: { rows: number; state: string; onMore: () => void }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (
    <div className="flex flex-wrap items-center gap-3">
      <span>{words.loaded(count(rows, locale))}</span>
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
