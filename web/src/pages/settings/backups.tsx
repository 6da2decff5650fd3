// Backups: made, verified, restored and deleted, with their progress. What cannot be undone says what it does.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Backup = Answer<"GET /system/backups">["backups"][number];
const BACKUPS = ["backups"];

export function Backups() {
  const words = useWords();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...BACKUPS, "list"],
    queryFn: async ({ signal }) => (await call("GET /system/backups", { signal })).backups,
    refetchInterval: ({ state }) => (state.data?.some(({ state: one }) => one === "running") ? 2_000 : 60_000),
  });
  const make = useForm(async () => {
    await call("POST /system/backups");
    await client.invalidateQueries({ queryKey: BACKUPS });
  });
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton />;
  const add = (
    <Button look="primary" icon="backup" className="self-start" busy={make.busy} onClick={() => make.submit()}>
      {words.make}
    </Button>
  );
  return (
    <>
      {data.length > 0 && add}
      {make.rest()}
      {data.length === 0 ? (
        <Empty action={add}>{words.noBackup}</Empty>
      ) : (
        <ul className="mt-3 border-t border-line">
          {data.map((backup) => (
            <One key={backup.id} backup={backup} />
          ))}
        </ul>
      )}
    </>
  );
}

function One({ backup }: { backup: Backup }) {
  const words = useWords();
  const client = useQueryClient();
  const locale = localeOf(usePreferences());
  const [said, setSaid] = useState<{ text: string; isGood: boolean }>();
  const [asks, setAsks] = useState<"restore" | "remove">();
  const path = { id: backup.id };
  const isDone = backup.state === "done" || backup.state === "complete";
  // A backup that is being restored says how far it is.
  const { data: detail } = useQuery({
    queryKey: [...BACKUPS, backup.id],
    queryFn: ({ signal }) => call("GET /system/backups/{id}", { path, signal }),
    enabled: asks === "restore" || said?.text === words.restore,
    refetchInterval: ({ state }) => (state.data?.restore?.state === "running" ? 1_500 : false),
  });
  const verify = useForm(async () => {
    const { whole, rows, parts } = await call("POST /system/backups/{id}/verify", { path });
    setSaid({ text: whole ? words.whole(rows, parts) : words.notWhole, isGood: whole });
  });
  const remove = useForm(async () => {
    await call("DELETE /system/backups/{id}", { path });
    await client.invalidateQueries({ queryKey: BACKUPS });
    setAsks(undefined);
  });
  const restore = detail?.restore;
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2">
      <span className="w-40">
        <Time ms={backup.began_at} />
      </span>
      <Chip tone={isDone ? "ok" : backup.state === "failed" ? "bad" : "warn"}>
        {isDone ? words.done : backup.state === "running" ? words.running : visible(backup.state)}
      </Chip>
      <span className="min-w-0 flex-1 text-ink2">
        {count(backup.rows, locale)} {words.rows} · {(backup.bytes / 2 ** 20).toFixed(1)} MiB
      </span>
      {isDone && (
        <>
          <Button busy={verify.busy} onClick={() => verify.submit()}>
            {words.verify}
          </Button>
          <Button onClick={() => setAsks("restore")}>{words.restore}</Button>
        </>
      )}
      <Button
        look="quiet"
        icon="trash"
        aria-label={`${words.remove}: ${backup.id}`}
        onClick={() => setAsks("remove")}
      />
      {said && (
        <p role="status" className={`w-full text-table ${said.isGood ? "text-ok" : "text-bad"}`}>
          {said.text}
        </p>
      )}
      {restore && (
        <p role="status" className="w-full text-table text-ink2">
          {restore.state === "failed"
            ? visible(restore.error ?? words.failed)
            : restore.state === "done"
              ? words.done
              : words.restoring(restore.written, restore.parts)}
          <progress
            className="mt-1 block h-1.5 w-full"
            value={restore.written}
            max={Math.max(1, restore.parts)}
            aria-label={words.restore}
          />
        </p>
      )}
      {verify.rest()}
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
      {asks === "restore" && (
        <Restore
          id={backup.id}
          onClose={(isBegun) => {
            setAsks(undefined);
            if (isBegun) {
              setSaid({ text: words.restore, isGood: true });
              client.invalidateQueries({ queryKey: BACKUPS });
            }
          }}
        />
      )}
    </li>
  );
}

function Restore({ id, onClose }: { id: string; onClose: (isBegun: boolean) => void }) {
  const words = useWords();
  const [replace, setReplace] = useState(false);
  const form = useForm(async () => {
    await call("POST /system/backups/{id}/restore", { path: { id }, body: { replace } });
    onClose(true);
  });
  return (
    <Dialog title={words.restoreTitle} onClose={() => onClose(false)}>
      <form onSubmit={form.submit} className="flex flex-col gap-3">
        <p className="text-ink2">{words.restoreText}</p>
        <Check label={words.replace} checked={replace} onChange={(event) => setReplace(event.target.checked)} />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={() => onClose(false)}>{words.cancel}</Button>
          <Button type="submit" look="danger" busy={form.busy}>
            {words.restore}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
