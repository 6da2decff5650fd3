// One backup: what it consists of, whether it is whole, and how far it is restored.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import type { BackupView, RestoreView } from "../../api/schema.d.ts";
import { count, duration, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { BACKUPS, BackupState } from "./backup-state.tsx";
import { size } from "./size.ts";
import { useWords } from "./words.ts";

export function BackupDetail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = useQuery({
    queryKey: [...BACKUPS, id],
    queryFn: ({ signal }) => call("GET /system/backups/{id}", { path: { id }, signal }),
    refetchInterval: ({ state }) =>
      state.data?.state === "running" || state.data?.restore?.state === "running" ? 1500 : false,
  });
  return (
    <Dialog drawer title={`${words.backup} ${id}`} onClose={onClose}>
      {data ? (
        <Content backup={data} onClose={onClose} />
      ) : error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : (
        <Skeleton rows={10} />
      )}
    </Dialog>
  );
}

function Content({ backup, onClose }: { backup: BackupView; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const locale = localeOf(usePreferences());
  const [asks, setAsks] = useState<"restore" | "remove">();
  const [said, setSaid] = useState<string>();
  const path = { id: backup.id };
  const isDone = backup.state === "done";
  const verify = useForm(async () => {
    setSaid(undefined);
    const { rows, parts } = await call("POST /system/backups/{id}/verify", { path });
    setSaid(words.whole(count(rows, locale), count(parts, locale)));
  });
  const remove = useForm(async () => {
    await call("DELETE /system/backups/{id}", { path });
    await client.invalidateQueries({ queryKey: BACKUPS });
    onClose();
  });
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        {isDone && (
          <>
            <Button icon="check" busy={verify.busy} onClick={() => verify.submit()}>
              {words.verify}
            </Button>
            <Button look="danger" icon="refresh" onClick={() => setAsks("restore")}>
              {words.restore}
            </Button>
          </>
        )}
        <Button look="danger" icon="trash" onClick={() => setAsks("remove")}>
          {words.remove}
        </Button>
      </div>
      {verify.busy && <p role="status">{words.verifying}</p>}
      {said && (
        <p role="status" className="font-medium text-ok">
          ● {said}
        </p>
      )}
      {verify.rest()}
      {backup.state === "running" && <Progress label={words.running} />}
      {backup.restore && <Restored restore={backup.restore} />}
      <div className="mt-4">
        <Facts
          facts={[
            [words.state, <BackupState key="s" state={backup.state} />],
            [words.why, backup.error && <span className="text-bad">{visible(backup.error)}</span>],
            [words.began, <Time key="b" ms={backup.began_at} style="full" />],
            [words.took, backup.finished_at !== null && duration(backup.finished_at - backup.began_at)],
            [words.instant, backup.snapshot_at !== null && <Time key="i" ms={backup.snapshot_at} style="full" />],
            [words.rows, count(backup.rows, locale)],
            [words.size, `${size(backup.bytes)}, ${words.partsOf(count(backup.parts, locale))}`],
            [words.schema, backup.schema && <span className="font-mono text-table">{backup.schema}</span>],
          ]}
        />
      </div>
      <Tables backup={backup} />
      {asks === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setAsks(undefined)}
        />
      )}
      {asks === "restore" && <Restore id={backup.id} onClose={() => setAsks(undefined)} />}
    </>
  );
}

function Tables({ backup }: { backup: BackupView }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const tables = Object.entries(backup.tables).sort(([, a], [, b]) => b - a);
  const objects = Object.entries(backup.objects);
  return (
    <>
      <Section title={words.tables}>
        <ul className="grid gap-x-8 text-table sm:grid-cols-2">
          {tables.map(([name, rows]) => (
            <li key={name} className="flex justify-between gap-2 border-b border-line py-0.5">
              <span className="truncate font-mono">{name}</span>
              <span>{count(rows, locale)}</span>
            </li>
          ))}
          {objects.map(([name, { objects: many, rows }]) => (
            <li key={name} className="flex justify-between gap-2 border-b border-line py-0.5">
              <span className="truncate font-mono">
                {name} <span className="text-ink3">{words.objectsOf(count(many, locale))}</span>
              </span>
              <span>{count(rows, locale)}</span>
            </li>
          ))}
        </ul>
      </Section>
      {backup.moved.length > 0 && (
        <p className="mt-2 text-table text-warn">{words.moved(backup.moved.map(({ table }) => table).join(", "))}</p>
      )}
    </>
  );
}

function Restored({ restore }: { restore: RestoreView }) {
  const words = useWords();
  const text = words.restoring(restore.written, restore.parts);
  return (
    <div role="status" className="mt-2 rounded-m border border-line bg-sunken p-3">
      {restore.state === "failed" ? (
        <p className="text-bad">
          ✕ {words.restoreFailed} {visible(restore.error ?? "")}
        </p>
      ) : restore.state === "done" ? (
        <p className="text-ok">
          ● {words.restored} <Time ms={restore.updated_at} />
        </p>
      ) : (
        <>
          <p className="mb-1">
            {words[`stage_${restore.stage}` as "stage_parts"] ?? restore.stage} · {text}
          </p>
          <Progress share={restore.written / Math.max(1, restore.parts)} label={text} />
        </>
      )}
    </div>
  );
}

function Restore({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [replace, setReplace] = useState(false);
  const [typed, setTyped] = useState("");
  const form = useForm(async () => {
    await call("POST /system/backups/{id}/restore", { path: { id }, body: { replace } });
    await client.invalidateQueries({ queryKey: BACKUPS });
    onClose();
  });
  return (
    <Dialog title={words.restoreTitle} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.restoreText}</p>
        <Check label={words.replace} checked={replace} onChange={(event) => setReplace(event.target.checked)} />
        <Field
          label={words.typeId(id)}
          required
          spellCheck={false}
          className="font-mono"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="danger" busy={form.busy} disabled={typed.trim() !== id}>
            {words.restore}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
