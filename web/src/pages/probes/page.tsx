// Probe tasks: questions that providers are asked from time to time, and what came of them.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { duration, visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Ago } from "../../ui/time.tsx";
import { Detail } from "./detail.tsx";
import { TaskForm, useEvery } from "./form.tsx";
import { type Task, useProviders, useTasks } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Probes() {
  const words = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useTasks();
  const names = useNames();
  const columns = useColumns(names);
  const open = (to: string | undefined) => navigate({ to: "/probes/{-$id}", params: { id: to } } as never);
  const opened = data?.find((task) => task.id === id);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={5} />
      ) : data.length === 0 ? (
        <Empty action={add}>{words.none}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => (
            <>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
                <State task={row} />
              </p>
              <p className="truncate text-ink3">{visible(names.get(row.provider_id) ?? String(row.provider_id))}</p>
            </>
          )}
        />
      )}
      {filters.new === "1" && <TaskForm onClose={(made) => (made ? open(made) : setFilters({ new: undefined }))} />}
      {opened && (
        <Detail
          key={opened.id}
          task={opened}
          provider={names.get(opened.provider_id) ?? String(opened.provider_id)}
          onClose={() => open(undefined)}
        />
      )}
    </Page>
  );
}

function useNames(): Map<number, string> {
  const { data } = useProviders();
  return useMemo(() => new Map(data?.map(({ id, name }) => [id, name])), [data]);
}

function useColumns(names: Map<number, string>): Column<Task>[] {
  const words = useWords();
  const every = useEvery();
  return [
    {
      id: "name",
      title: words.name,
      width: "minmax(120px, 1.4fr)",
      cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
    },
    {
      id: "provider",
      title: words.provider,
      width: "minmax(100px, 1fr)",
      cell: (row) => visible(names.get(row.provider_id) ?? String(row.provider_id)),
    },
    {
      id: "model",
      title: words.model,
      width: "minmax(100px, 1fr)",
      cell: (row) => visible(row.model ?? words.firstModel),
    },
    { id: "state", title: words.state, width: "120px", cell: (row) => <State task={row} /> },
    { id: "every", title: words.every, width: "80px", cell: (row) => every(row.interval_s) },
    {
      id: "next",
      title: words.next,
      width: "110px",
      cell: (row) => (row.enabled ? <Ago ms={row.next_at} /> : "–"),
    },
  ];
}

export function State({ task }: { task: Task }) {
  const words = useWords();
  const [mark, tone, text] = !task.enabled
    ? (["○", "plain", words.off] as const)
    : task.last_ok === null
      ? (["◌", "plain", words.notYet] as const)
      : task.last_ok
        ? (["●", "ok", words.answered] as const)
        : (["✕", "bad", words.failed] as const);
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {text}
    </Chip>
  );
}

/** "1.2 s in all, first token 300 ms" */
export function useTook(): (run: { latency_ms: number; first_token_ms: number | null }) => string {
  const words = useWords();
  return ({ latency_ms, first_token_ms }) =>
    [
      `${duration(latency_ms)} ${words.inAll}`,
      first_token_ms !== null && `${words.firstToken} ${duration(first_token_ms)}`,
    ]
      .filter(Boolean)
      .join(", ");
}
