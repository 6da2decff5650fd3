// Exports as jobs: too large for one answer, so the cron goes on with them. Each shows how far it is, and its file for seven days.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { size } from "./size.ts";
import { useWords } from "./words.ts";

type Export = Answer<"GET /exports">["exports"][number];
const EXPORTS = ["exports"];

export function Exports() {
  const words = useWords();
  const [isNew, setNew] = useState(false);
  const { data, error, isPending, refetch } = useQuery({
    queryKey: EXPORTS,
    queryFn: async ({ signal }) => (await call("GET /exports", { signal })).exports,
    refetchInterval: ({ state }) => (state.data?.some((one) => one.state === "running") ? 3000 : 60_000),
  });
  const begin = (
    <Button look="primary" icon="download" className="self-start" onClick={() => setNew(true)}>
      {words.newExport}
    </Button>
  );
  return (
    <>
      <p className="mb-3 max-w-text text-table text-ink2">{words.exportsHint}</p>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={4} height={48} />
      ) : data.length === 0 ? (
        <Empty action={begin}>{words.noExports}</Empty>
      ) : (
        <>
          {begin}
          <ul className="mt-3 border-t border-line">
            {data.map((one) => (
              <One key={one.id} item={one} />
            ))}
          </ul>
        </>
      )}
      {isNew && <NewExport onClose={() => setNew(false)} />}
    </>
  );
}

const TONES = { running: "info", done: "ok", failed: "bad" } as const;
const MARKS = { running: "◌", done: "●", failed: "✕" } as const;

function One({ item }: { item: Export }) {
  const words = useWords();
  const client = useQueryClient();
  const locale = localeOf(usePreferences());
  const [asks, setAsks] = useState(false);
  const remove = useForm(async () => {
    await call("DELETE /exports/{id}", { path: { id: item.id } });
    await client.invalidateQueries({ queryKey: EXPORTS });
    setAsks(false);
  });
  const state = item.state as keyof typeof TONES;
  const what = `${words[item.kind as "requests"] ?? item.kind}, ${item.format}`;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2">
      <span className="w-32 text-ink2">
        <Time ms={item.created_at} />
      </span>
      <Chip tone={TONES[state] ?? "plain"}>
        <span aria-hidden="true">{MARKS[state]}</span> {words[state] ?? item.state}
      </Chip>
      <span className="min-w-0 flex-1 basis-48">
        <span className="font-medium">{what}</span>
        {item.filters && <span className="block truncate font-mono text-table text-ink3">{visible(item.filters)}</span>}
      </span>
      <span className="text-table text-ink2">
        {words.rowsOf(count(item.rows, locale))} · {size(item.bytes)}
      </span>
      <Download item={item} />
      <Button look="quiet" icon="trash" aria-label={`${words.remove}: ${what}`} onClick={() => setAsks(true)} />
      {item.state === "running" && (
        <span className="w-full">
          <Progress label={words.exporting(count(item.rows, locale))} />
        </span>
      )}
      {item.error && <p className="w-full text-table text-bad">{visible(item.error)}</p>}
      {item.state === "done" && (
        <p className="w-full text-table text-ink3">
          {words.keptUntil} <Time ms={item.deleted_at} />
          {item.sha256 && (
            <>
              {" "}
              · SHA-256 <span className="font-mono">{item.sha256.slice(0, 12)}…</span> <Copy text={item.sha256} small />
            </>
          )}
        </p>
      )}
      {asks && (
        <Confirm
          title={words.removeExport}
          consequence={words.removeExportText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setAsks(false)}
        />
      )}
    </li>
  );
}

/** The link of an export is in the answer about that one: it expires, so it is asked for when it is used. */
function Download({ item }: { item: Export }) {
  const words = useWords();
  const open = useForm(async () => {
    const { download } = await call("GET /exports/{id}", { path: { id: item.id } });
    if (download) window.location.assign(download);
  });
  if (item.state !== "done") return null;
  return (
    <>
      <Button busy={open.busy} onClick={() => open.submit()}>
        <Icon name="download" /> {words.download}
      </Button>
      {open.rest()}
    </>
  );
}

function NewExport({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [kind, setKind] = useState<"requests" | "conversations">("requests");
  const [format, setFormat] = useState<"csv" | "json" | "ndjson">("csv");
  const [filters, setFilters] = useState("");
  const [bom, setBom] = useState(false);
  const form = useForm(async () => {
    await call("POST /exports", {
      body: { kind, format, filters: filters.trim().replace(/^\?/, "") || null, bom: format === "csv" && bom },
    });
    await client.invalidateQueries({ queryKey: EXPORTS });
    onClose();
  });
  return (
    <Dialog title={words.newExport} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Choice
          label={words.exportKind}
          value={kind}
          onChange={(event) => setKind(event.target.value as typeof kind)}
          error={form.errorOf("kind")}
        >
          <option value="requests">{words.requests}</option>
          <option value="conversations">{words.conversations}</option>
        </Choice>
        <Choice
          label={words.format}
          value={format}
          onChange={(event) => setFormat(event.target.value as typeof format)}
          error={form.errorOf("format")}
        >
          <option value="csv">CSV</option>
          <option value="ndjson">NDJSON</option>
          <option value="json">JSON</option>
        </Choice>
        {format === "csv" && (
          <Check label={words.bom} checked={bom} onChange={(event) => setBom(event.target.checked)} />
        )}
        <Field
          label={words.filters}
          optional
          spellCheck={false}
          value={filters}
          onChange={(event) => setFilters(event.target.value)}
          error={form.errorOf("filters")}
          hint={words.filtersHint}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.beginExport}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
