// Backups: made, verified, restored and deleted, with their progress. A restore is confirmed by typing the name of the backup.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import { count } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { BackupDetail } from "./backup.tsx";
import { BACKUPS, BackupState } from "./backup-state.tsx";
import { size } from "./size.ts";
import { useWords } from "./words.ts";

type Backup = Answer<"GET /system/backups">["backups"][number];

export function Backups() {
  const words = useWords();
  const client = useQueryClient();
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...BACKUPS, "list"],
    queryFn: async ({ signal }) => (await call("GET /system/backups", { signal })).backups,
    refetchInterval: ({ state }) => (state.data?.some((one) => one.state === "running") ? 2000 : 60_000),
  });
  const make = useForm(async () => {
    await call("POST /system/backups");
    await client.invalidateQueries({ queryKey: BACKUPS });
  });
  const add = (
    <Button look="primary" icon="backup" className="self-start" busy={make.busy} onClick={() => make.submit()}>
      {words.make}
    </Button>
  );
  return (
    <>
      <p className="mb-3 max-w-text text-table text-ink2">{words.backupsHint}</p>
      {make.rest()}
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton />
      ) : data.length === 0 ? (
        <Empty action={add}>{words.noBackup}</Empty>
      ) : (
        <>
          {add}
          <ul className="mt-3 border-t border-line">
            {data.map((backup) => (
              <One key={backup.id} backup={backup} onOpen={() => setFilters({ open: backup.id })} />
            ))}
          </ul>
        </>
      )}
      {filters.open && <BackupDetail id={filters.open} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

function One({ backup, onOpen }: { backup: Backup; onOpen: () => void }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex min-h-10 w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-1.5 text-left hover:bg-sunken"
      >
        <span className="w-32 font-medium">
          <Time ms={backup.began_at} />
        </span>
        <BackupState state={backup.state} />
        <span className="min-w-0 flex-1 text-ink2">
          {words.rowsOf(count(backup.rows, locale))} · {size(backup.bytes)}
        </span>
        <span className="font-mono text-table text-ink3">{backup.id}</span>
        {backup.state === "running" && (
          <span className="w-full">
            <Progress label={words.running} />
          </span>
        )}
      </button>
    </li>
  );
}
