// Private providers that their owners offer to all: the queue of those who review them, and for owners what became of theirs.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import type { SubmissionState } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Ago } from "../../ui/time.tsx";
import { Detail } from "./detail.tsx";
import { STATES, type Submission, useSubmissions } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Submissions() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const state = STATES.find((one) => one === filters.state);
  const list = useSubmissions(state);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.submissions) ?? [], [list.data]);
  const columns = useColumns();
  const open = (to: string | undefined) =>
    navigate({ to: "/submissions/{-$id}", params: { id: to }, search: (now: Filters) => now } as never);
  return (
    <Page title={words.title} fill>
      <div className="mb-3">
        <Segmented<SubmissionState | "">
          label={words.state}
          apart
          value={state ?? ""}
          options={[{ value: "", label: words.any }, ...STATES.map((value) => ({ value, label: words[value] }))]}
          onChange={(value) => setFilters({ state: value || undefined })}
        />
      </div>
      {list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton />
      ) : rows.length === 0 ? (
        <Empty
          action={
            <LinkButton to="/providers" icon="provider">
              {words.toProviders}
            </LinkButton>
          }
        >
          {state ? words.noneOf : may("review_shared_provider") ? words.none : words.noneOwn}
        </Empty>
      ) : (
        <Table
          label={words.title}
          rows={rows}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => (
            <>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{visible(row.provider_name)}</span>
                <State state={row.state} />
              </p>
              <p className="flex items-center gap-2 text-ink3">
                <Checks submission={row} /> · <Ago ms={row.updated_at} />
              </p>
            </>
          )}
          foot={
            list.hasNextPage ? (
              <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                {words.more}
              </Button>
            ) : undefined
          }
        />
      )}
      {id && <Detail key={id} id={id} onClose={() => open(undefined)} />}
    </Page>
  );
}

function useColumns(): Column<Submission>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "provider",
        title: words.provider,
        width: "minmax(140px, 1.4fr)",
        cell: (row) => <span className="font-medium">{visible(row.provider_name)}</span>,
      },
      { id: "state", title: words.state, width: "minmax(160px, 1fr)", cell: (row) => <State state={row.state} /> },
      { id: "checks", title: words.checks, width: "minmax(150px, 1fr)", cell: (row) => <Checks submission={row} /> },
      { id: "owner", title: words.owner, width: "minmax(120px, 1fr)", cell: (row) => visible(row.owner) },
      { id: "since", title: words.since, width: "110px", cell: (row) => <Ago ms={row.updated_at} /> },
    ],
    [words],
  );
}

const LOOK = {
  submitted: { mark: "◌", tone: "plain" },
  tested: { mark: "◆", tone: "info" },
  approved: { mark: "●", tone: "ok" },
  approved_limited: { mark: "●", tone: "ok" },
  rejected: { mark: "✕", tone: "bad" },
  withdrawn: { mark: "○", tone: "plain" },
} as const;

export function State({ state }: { state: SubmissionState }) {
  const words = useWords();
  const { mark, tone } = LOOK[state];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[state]}
    </Chip>
  );
}

function Checks({ submission: { report } }: { submission: Submission }) {
  const words = useWords();
  if (!report) return <span className="text-ink3">–</span>;
  const failed = report.findings.filter(({ outcome }) => outcome === "failed").length;
  return report.passed ? (
    <span className="text-ok">● {words.passedAll}</span>
  ) : (
    <span className="text-bad">✕ {words.failedSome(failed)}</span>
  );
}
