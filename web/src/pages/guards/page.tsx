// Content rules and webhooks that judge: what is done with what callers send and models answer.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Detail } from "./detail.tsx";
import { GuardForm } from "./form.tsx";
import { type Guard, useGuards } from "./queries.ts";
import { TryIt } from "./try-it.tsx";
import { useWords } from "./words.ts";

export default function Guards() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useGuards();
  const columns = useColumns();
  const canChange = may("manage_guards");
  const open = (to: string | undefined) =>
    navigate({ to: "/guards/{-$id}", params: { id: to }, search: (now: Filters) => now } as never);
  const opened = data?.find((guard) => guard.id === id);
  const close = () => setFilters({ do: undefined });
  const add = canChange && (
    <>
      <Button icon="play" onClick={() => setFilters({ do: "try" })}>
        {words.tryRules}
      </Button>
      <Button icon="plus" onClick={() => setFilters({ do: "webhook" })}>
        {words.addWebhook}
      </Button>
      <Button look="primary" icon="plus" onClick={() => setFilters({ do: "rule" })}>
        {words.add}
      </Button>
    </>
  );
  return (
    <Page title={words.title} actions={add} fill>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={6} />
      ) : data.length === 0 ? (
        <Empty>{words.none}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => <PhoneRow row={row} />}
        />
      )}
      {opened && <Detail key={opened.id} guard={opened} onClose={() => open(undefined)} />}
      {canChange && filters.do === "rule" && <GuardForm kind="content" onClose={close} />}
      {canChange && filters.do === "webhook" && <GuardForm kind="webhook" onClose={close} />}
      {canChange && filters.do === "try" && (
        <Dialog title={words.tryRules} onClose={close}>
          <TryIt />
        </Dialog>
      )}
    </Page>
  );
}

function useColumns(): Column<Guard>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      { id: "what", title: words.what, width: "minmax(180px, 1.2fr)", cell: (row) => <What guard={row} /> },
      { id: "for", title: words.looksFor, width: "minmax(160px, 2fr)", cell: (row) => <LooksFor guard={row} /> },
      { id: "concerns", title: words.concerns, width: "minmax(120px, 1fr)", cell: (row) => <Concerns guard={row} /> },
      { id: "state", title: words.state, width: "90px", cell: (row) => <State guard={row} /> },
    ],
    [words],
  );
}

const TONES = { log: "info", mask: "warn", block: "bad" } as const;

export function What({ guard }: { guard: Guard }) {
  const words = useWords();
  return (
    <span className="inline-flex min-w-0 items-center gap-2">
      {guard.kind === "webhook" ? (
        <Chip>{words.webhook}</Chip>
      ) : (
        <Chip tone={TONES[guard.action]}>{words[guard.action]}</Chip>
      )}
      <span className="truncate">{words[guard.direction]}</span>
    </span>
  );
}

export function LooksFor({ guard }: { guard: Guard }) {
  const words = useWords();
  if (guard.kind === "webhook") return visible(guard.url ?? "");
  const names = guard.detectors.map((name) => words[name as "email"] ?? name);
  return visible([...names, ...guard.patterns, ...guard.words].join(", "));
}

export function Concerns({ guard }: { guard: Guard }) {
  const words = useWords();
  const parts = [
    guard.keys && words.onlyKeys(guard.keys.length),
    guard.models &&
      (guard.models.length <= 2 ? visible(guard.models.join(", ")) : words.onlyModels(guard.models.length)),
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : words.all;
}

export function State({ guard }: { guard: Guard }) {
  const words = useWords();
  return (
    <Chip tone={guard.enabled ? "ok" : "plain"}>
      <span aria-hidden="true">{guard.enabled ? "●" : "○"}</span>
      {guard.enabled ? words.on : words.off}
    </Chip>
  );
}

function PhoneRow({ row }: { row: Guard }) {
  return (
    <>
      <p className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
        <State guard={row} />
      </p>
      <p className="truncate text-ink3">
        <What guard={row} /> <LooksFor guard={row} />
      </p>
    </>
  );
}
