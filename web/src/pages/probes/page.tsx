// Probe tasks: questions that providers are asked from time to time, and what came of them.

import { useMemo } from "react";
import { visible } from "../../lib/format.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Page } from "../../ui/page.tsx";
import type { Column } from "../../ui/table.tsx";
import { Ago } from "../../ui/time.tsx";
import { Detail } from "./detail.tsx";
import { TaskForm, useEvery } from "./form.tsx";
import { State } from "./parts.tsx";
import { type Task, useProviders, useTasks } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Probes() {
  const words = useWords();
  const [id, open] = useOpened("/probes");
  const [filters, setFilters] = useFilters();
  const tasks = useTasks();
  const names = useNames();
  const columns = useColumns(names);
  const opened = tasks.data?.find((task) => task.id === id);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      <List
        query={tasks}
        rows={tasks.data}
        none={words.none}
        action={add}
        label={words.title}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.name)} state={<State task={row} />}>
            {visible(names.get(row.provider_id) ?? String(row.provider_id))}
          </PhoneRow>
        )}
      />
      {filters.new === "1" && <TaskForm onClose={(made) => open(made, { new: undefined })} />}
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
