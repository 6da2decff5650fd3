// The models: logical ones, which stand for several, and those of providers. Any of them can be explained: who would answer it.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMay } from "../../api/session.ts";
import { short, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Editor } from "./editor.tsx";
import { Explain } from "./explain.tsx";
import { type Logical, type Model, useLogical, useModels, useProviderNames } from "./queries.ts";
import { StickySession } from "./session.tsx";
import { useWords } from "./words.ts";

export default function Models() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const view = filters.of === "providers" ? "providers" : "logical";
  const open = (to: string | undefined) =>
    navigate({ to: "/models/{-$id}", params: { id: to }, search: (now: Filters) => now } as never);
  const logical = useLogical();
  const edited = logical.data?.find((one) => String(one.id) === id);
  const add = may("manage_models") ? (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {words.add}
    </Button>
  ) : null;
  return (
    <Page
      title={words.title}
      actions={
        <>
          {may("view_routing_decisions") && (
            <Button icon="search" onClick={() => setFilters({ do: "session" })}>
              {words.sessions}
            </Button>
          )}
          {add}
        </>
      }
      fill
    >
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Segmented
          label={words.which}
          value={view}
          options={[
            { value: "logical", label: words.logical },
            { value: "providers", label: words.ofProviders },
          ]}
          onChange={(of) => setFilters({ of: of === "providers" ? of : undefined })}
        />
        <div className="w-56 max-sm:w-full">
          <input
            type="search"
            data-filter
            aria-label={words.filter}
            placeholder={words.filter}
            className="control"
            value={filters.q ?? ""}
            onChange={(event) => setFilters({ q: event.target.value || undefined })}
          />
        </div>
      </div>
      {view === "logical" ? (
        <LogicalList
          wanted={filters.q ?? ""}
          add={add}
          onOpen={open}
          current={id}
          onExplain={(name) => setFilters({ explain: name })}
        />
      ) : (
        <ModelList wanted={filters.q ?? ""} onExplain={(name) => setFilters({ explain: name })} />
      )}
      {(edited || id === "new") && may("view_models") && (
        <Editor key={id} logical={edited} onClose={() => open(undefined)} />
      )}
      {filters.do === "session" && may("view_routing_decisions") && (
        <StickySession onClose={() => setFilters({ do: undefined, session: undefined, key: undefined })} />
      )}
      {filters.explain && <Explain name={filters.explain} onClose={() => setFilters({ explain: undefined })} />}
    </Page>
  );
}

const fits = (wanted: string, ...texts: string[]) =>
  texts.join(" ").toLowerCase().includes(wanted.trim().toLowerCase());

function LogicalList({
  wanted,
  add,
  current,
  onOpen,
  onExplain,
}: {
  wanted: string;
  add: React.ReactNode;
  current: string | undefined;
  onOpen: (id: string) => void;
  onExplain: (name: string) => void;
}) {
  const words = useWords();
  const may = useMay();
  const { data, error, isPending, refetch } = useLogical();
  const names = useProviderNames(may("admin_view_providers"));
  const said = (row: Logical) =>
    row.candidates.map((one) => `${names.get(one.provider_id) ?? one.provider_id}/${one.model}`).join(", ");
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton />;
  const rows = data.filter((row) => fits(wanted, row.name, said(row)));
  if (data.length === 0) return <Empty action={add}>{words.none}</Empty>;
  const columns: Column<Logical>[] = [
    {
      id: "name",
      title: words.name,
      width: "minmax(120px, 1fr)",
      cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
    },
    { id: "strategy", title: words.strategy, width: "140px", cell: (row) => row.strategy ?? "balanced" },
    { id: "candidates", title: words.candidates, width: "minmax(0, 2.4fr)", cell: (row) => visible(said(row)) },
    { id: "state", title: words.state, width: "64px", cell: (row) => <State isOn={row.enabled} /> },
    {
      id: "explain",
      title: "",
      width: "88px",
      right: true,
      cell: (row) => <ExplainButton name={row.name} onExplain={onExplain} />,
    },
  ];
  return (
    <Table
      label={words.logical}
      rows={rows}
      columns={columns}
      idOf={(row) => String(row.id)}
      onOpen={(row) => onOpen(String(row.id))}
      current={current}
      phone={(row) => (
        <>
          <p className="flex gap-2">
            <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
            <State isOn={row.enabled} />
          </p>
          <p className="truncate text-ink3">{visible(said(row))}</p>
        </>
      )}
    />
  );
}

function ModelList({ wanted, onExplain }: { wanted: string; onExplain: (name: string) => void }) {
  const words = useWords();
  const may = useMay();
  const locale = localeOf(usePreferences());
  const { data, error, isPending, refetch } = useModels();
  const names = useProviderNames(may("admin_view_providers"));
  const rows = useMemo(
    () => (data ?? []).filter((row) => fits(wanted, row.model_name, names.get(row.provider_id) ?? "")),
    [data, wanted, names],
  );
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton />;
  if (data.length === 0)
    return <Empty action={<LinkButton to="/providers">{words.toProviders}</LinkButton>}>{words.noModels}</Empty>;
  const columns: Column<Model>[] = [
    {
      id: "model",
      title: words.model,
      width: "minmax(140px, 1.4fr)",
      cell: (row) => <span className="font-medium">{visible(row.model_name)}</span>,
    },
    {
      id: "provider",
      title: words.provider,
      width: "minmax(100px, 1fr)",
      cell: (row) => visible(names.get(row.provider_id) ?? String(row.provider_id)),
    },
    {
      id: "can",
      title: words.capabilities,
      width: "minmax(0, 1.4fr)",
      cell: (row) => row.capabilities?.join(", ") ?? <span className="text-ink3">{words.unknown}</span>,
    },
    {
      id: "context",
      title: words.context,
      width: "84px",
      right: true,
      cell: (row) => short(row.context_length, locale),
    },
    { id: "output", title: words.output, width: "104px", right: true, cell: (row) => short(row.max_output, locale) },
    { id: "state", title: words.state, width: "64px", cell: (row) => <State isOn={row.enabled} /> },
    {
      id: "explain",
      title: "",
      width: "88px",
      right: true,
      cell: (row) => <ExplainButton name={row.model_name} onExplain={onExplain} />,
    },
  ];
  return (
    <Table
      label={words.ofProviders}
      rows={rows}
      columns={columns}
      idOf={(row) => String(row.id)}
      onOpen={(row) => onExplain(row.model_name)}
      phone={(row) => (
        <>
          <p className="flex gap-2">
            <span className="min-w-0 flex-1 truncate font-medium">{visible(row.model_name)}</span>
            <State isOn={row.enabled} />
          </p>
          <p className="truncate text-ink3">{visible(names.get(row.provider_id) ?? "")}</p>
        </>
      )}
    />
  );
}

function State({ isOn }: { isOn: boolean }) {
  const words = useWords();
  return (
    <Chip tone={isOn ? "ok" : "plain"}>
      <span aria-hidden="true">{isOn ? "●" : "○"}</span>
      {isOn ? words.enabled : words.disabled}
    </Chip>
  );
}

function ExplainButton({ name, onExplain }: { name: string; onExplain: (name: string) => void }) {
  const words = useWords();
  const may = useMay();
  if (!may("view_routing_decisions")) return null;
  return (
    <Button
      look="quiet"
      className="min-h-6! px-1.5!"
      onClick={(event) => {
        event.stopPropagation();
        onExplain(name);
      }}
    >
      {words.explain}
    </Button>
  );
}
