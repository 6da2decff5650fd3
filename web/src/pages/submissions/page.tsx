// Private providers that their owners offer to all: the queue of those who review them, and for owners what became of theirs.

import { useMemo } from "react";
import type { SubmissionState } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import type { Column } from "../../ui/table.tsx";
import { Ago } from "../../ui/time.tsx";
import { Detail } from "./detail.tsx";
import { State } from "./parts.tsx";
import { STATES, type Submission, useSubmissions } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Submissions() {
  const words = useWords();
  const may = useMay();
  const [id, open] = useOpened("/submissions");
  const [filters, setFilters] = useFilters();
  const state = STATES.find((one) => one === filters.state);
  const list = useSubmissions(state);
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.submissions) ?? [], [list.data]);
  const columns = useColumns();
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
      <List
        query={list}
        rows={rows}
        none={state ? words.noneOf : may("review_shared_provider") ? words.none : words.noneOwn}
        action={
          <LinkButton to="/providers" icon="provider">
            {words.toProviders}
          </LinkButton>
        }
        label={words.title}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.provider_name)} state={<State state={row.state} />}>
            <Checks submission={row} /> · <Ago ms={row.updated_at} />
          </PhoneRow>
        )}
        foot={
          list.hasNextPage ? (
            <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
              {words.more}
            </Button>
          ) : undefined
        }
      />
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
