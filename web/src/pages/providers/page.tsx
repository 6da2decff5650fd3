// The providers: who can answer, and how they are. One that is open has its own address.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMay } from "../../api/session.ts";
import { count, duration, percent, short, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Add } from "./add.tsx";
import { Detail } from "./detail.tsx";
import { Health, Strip } from "./health.tsx";
import { Presets } from "./presets.tsx";
import { type Provider, useProviders } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Providers() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const withState = may("view_provider_health") && may("view_all_statistics");
  const { data, error, isPending, refetch } = useProviders(withState);
  const [filters, setFilters] = useFilters();
  const columns = useColumns(withState);
  const open = (to: number | "new" | undefined) =>
    navigate({ to: "/providers/{-$id}", params: { id: to === undefined ? undefined : String(to) } } as never);
  const isBare = data?.every(({ kind }) => kind === "demo");
  const mayAdd = may("manage_providers", "manage_own_providers");
  const add = mayAdd ? (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {words.add}
    </Button>
  ) : null;
  const opened = data?.find((provider) => String(provider.id) === id);
  return (
    <Page
      title={words.title}
      actions={
        <>
          {may("manage_providers") && <Button onClick={() => setFilters({ presets: "1" })}>{words.ownPresets}</Button>}
          {add}
        </>
      }
      fill
    >
      {isBare && <Empty action={add}>{may("admin_view_providers") ? words.none : words.noneOwn}</Empty>}
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={6} />
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={idOf}
          phone={(row) => <PhoneRow row={row} />}
          onOpen={(row) => open(row.id)}
          current={id}
        />
      )}
      {id === "new" && mayAdd && (
        <Add
          // From the guide the way leads back to its next step.
          onClose={(made) => (filters.from === "start" ? navigate({ to: "/start" }) : open(made))}
        />
      )}
      {filters.presets === "1" && may("manage_providers") && (
        <Presets onClose={() => setFilters({ presets: undefined })} />
      )}
      {opened && <Detail key={opened.id} provider={opened} onClose={() => open(undefined)} />}
    </Page>
  );
}

const idOf = ({ id }: Provider) => String(id);

function useColumns(withState: boolean): Column<Provider>[] {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return useMemo(() => {
    const columns: Column<Provider>[] = [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1.2fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      {
        id: "state",
        title: words.state,
        width: "minmax(150px, 1fr)",
        cell: (row) => <Health provider={row} state={row.state} />,
      },
    ];
    if (withState)
      columns.push(
        { id: "probes", title: words.probes, width: "152px", cell: (row) => <Strip state={row.state} /> },
        { id: "resting", title: "", width: "minmax(0, 1fr)", cell: (row) => <Resting row={row} /> },
        {
          id: "hour",
          title: words.hourRequests,
          width: "96px",
          right: true,
          cell: (row) => short(row.state?.last_hour.requests, locale),
        },
        {
          id: "errors",
          title: words.hourErrors,
          width: "84px",
          right: true,
          cell: (row) => percent(row.state?.last_hour.error_rate),
        },
        {
          id: "p95",
          title: words.hourP95,
          width: "84px",
          right: true,
          cell: (row) => duration(row.state?.last_hour.duration_ms.p95),
        },
        {
          id: "models",
          title: words.models,
          width: "64px",
          right: true,
          cell: (row) => short(row.state?.models, locale),
        },
      );
    else
      columns.push({
        id: "address",
        title: words.address,
        width: "minmax(0, 2fr)",
        cell: (row) => visible(row.server_url),
      });
    return columns;
  }, [words, withState, locale]);
}

function Resting({ row }: { row: Provider }) {
  const words = useWords();
  const { resting_keys = [], resting_models = [] } = row.state?.live ?? {};
  if (resting_keys.length + resting_models.length === 0) return null;
  return <span className="text-warn">{words.resting(resting_keys.length, resting_models.length)}</span>;
}

function PhoneRow({ row }: { row: Provider }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const hour = row.state?.last_hour;
  return (
    <>
      <p className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
        <Health provider={row} state={row.state} />
      </p>
      <p className="truncate text-ink3">
        {hour
          ? `${words.lastHour}: ${words.asked(count(hour.requests, locale))} · ${percent(hour.error_rate)} ${words.errors} · p95 ${duration(hour.duration_ms.p95)}`
          : visible(row.server_url)}
      </p>
    </>
  );
}
