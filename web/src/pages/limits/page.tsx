// Limits: who is near the end of which, and setting them with a look at what they would have refused.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { useMay } from "../../api/session.ts";
import { duration } from "../../lib/format.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { SubjectDetail } from "./detail.tsx";
import { SubjectForm } from "./form.tsx";
import { Nearest, SubjectName, nearestOf, useSummary } from "./parts.tsx";
import { type Limited, useLimits } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Limits() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const limits = useLimits();
  const rows = useMemo(() => limits.data?.pages.flatMap((page) => page.limits) ?? [], [limits.data]);
  const columns = useColumns();
  const { hasNextPage, isFetching, fetchNextPage } = limits;
  const open = useCallback(
    (to: string | undefined) =>
      navigate({ to: "/limits/{-$id}", params: { id: to }, search: (now: Filters) => now } as never),
    [navigate],
  );
  const search = (filters.search ?? "").toLowerCase();
  const found = rows.filter(({ subject, name }) => `${subject} ${name ?? ""}`.toLowerCase().includes(search));
  const make = may("manage_limits") && (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.make}
    </Button>
  );
  return (
    <Page title={words.title} fill actions={make}>
      <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
        <input
          type="search"
          data-filter
          aria-label={words.search}
          placeholder={words.search}
          value={filters.search ?? ""}
          onChange={(event) => setFilters({ search: event.target.value || undefined })}
          className="control max-w-80"
        />
        <p className="text-table text-ink3">{words.intro}</p>
      </div>
      {limits.error ? (
        <Failure error={limits.error} retry={() => limits.refetch()} />
      ) : limits.isPending ? (
        <Skeleton rows={10} />
      ) : found.length === 0 && !hasNextPage ? (
        <Empty
          action={
            !search && (
              <span className="flex flex-wrap gap-2">
                {make}
                {may("view_all_api_keys", "manage_own_api_keys") && (
                  <LinkButton to="/keys" icon="key">
                    {words.toKeys}
                  </LinkButton>
                )}
              </span>
            )
          }
        >
          {search ? words.nothing : words.empty}
        </Empty>
      ) : (
        <Table
          label={words.title}
          rows={found}
          columns={columns}
          idOf={idOf}
          phone={phoneRow}
          current={id}
          onOpen={(row) => open(row.subject)}
          onEnd={() => hasNextPage && !isFetching && fetchNextPage()}
        />
      )}
      {filters.new === "1" && may("manage_limits") && (
        <SubjectForm user={filters.user ?? ""} onClose={() => setFilters({ new: undefined, user: undefined })} />
      )}
      {id && (
        <SubjectDetail
          subject={id}
          name={rows.find(({ subject }) => subject === id)?.name}
          onClose={() => open(undefined)}
        />
      )}
    </Page>
  );
}

const idOf = (row: Limited) => row.subject;
const phoneRow = (row: Limited) => <PhoneRow item={row} />;

function useColumns(): Column<Limited>[] {
  const words = useWords();
  const summary = useSummary();
  return [
    {
      id: "subject",
      title: words.subject,
      width: "minmax(140px, 1.2fr)",
      cell: (row) => <SubjectName item={row} />,
    },
    { id: "nearest", title: words.nearest, width: "minmax(240px, 2fr)", cell: (row) => <Nearest item={row} /> },
    { id: "resets", title: words.resets, width: "120px", cell: (row) => <Resets item={row} /> },
    { id: "all", title: words.all, width: "minmax(160px, 2fr)", cell: (row) => summary(row) },
  ];
}

function Resets({ item }: { item: Limited }) {
  const nearest = item.usage && nearestOf(item.usage);
  return nearest && nearest.used > 0 ? duration(nearest.reset_ms) : null;
}

function PhoneRow({ item }: { item: Limited }) {
  const summary = useSummary();
  return (
    <>
      <p className="truncate">
        <SubjectName item={item} />
      </p>
      <div className="mt-1 text-ink2">
        {item.usage === undefined || item.usage?.length === 0 ? (
          <span className="block truncate">{summary(item)}</span>
        ) : (
          <Nearest item={item} />
        )}
      </div>
    </>
  );
}
