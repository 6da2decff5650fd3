// Dead letters: messages of the usage queue that could not be recorded. They are read, recorded after all, or deleted.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { size } from "./size.ts";
import { useWords } from "./words.ts";

type Letter = Answer<"GET /system/dead-letters">["dead_letters"][number];
const LETTERS = ["dead letters"];

export function DeadLetters() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const letters = useInfiniteQuery({
    queryKey: LETTERS,
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /system/dead-letters", {
        query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const rows = letters.data?.pages.flatMap((page) => page.dead_letters) ?? [];
  return (
    <>
      <p className="mb-3 max-w-text text-table text-ink2">{words.deadHint}</p>
      {letters.error && rows.length === 0 ? (
        <Failure error={letters.error} retry={() => letters.refetch()} />
      ) : letters.isPending ? (
        <Skeleton rows={4} />
      ) : rows.length === 0 ? (
        <Empty>{words.noDead}</Empty>
      ) : (
        <ul className="border-t border-line">
          {rows.map((letter) => (
            <Row key={letter.id} letter={letter} onOpen={() => setFilters({ open: letter.id })} />
          ))}
        </ul>
      )}
      {letters.hasNextPage && (
        <Button className="mt-3 self-start" busy={letters.isFetchingNextPage} onClick={() => letters.fetchNextPage()}>
          {words.more}
        </Button>
      )}
      {filters.open && <LetterDetail id={filters.open} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

function Row({ letter, onOpen }: { letter: Letter; onOpen: () => void }) {
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex min-h-10 w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-1.5 text-left hover:bg-sunken"
      >
        <span className="w-32">
          <Time ms={letter.kept_at} />
        </span>
        <span className="min-w-0 flex-1 basis-48 [overflow-wrap:anywhere]">{visible(letter.reason)}</span>
        <span className="text-table text-ink3">{size(letter.bytes)}</span>
      </button>
    </li>
  );
}

function LetterDetail({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [asks, setAsks] = useState(false);
  const [recorded, setRecorded] = useState<number>();
  const path = { id };
  const letter = useQuery({
    queryKey: [...LETTERS, id],
    queryFn: ({ signal }) => call("GET /system/dead-letters/{id}", { path, signal }),
    enabled: recorded === undefined,
  });
  const replay = useForm(async () => {
    setRecorded((await call("POST /system/dead-letters/{id}/replay", { path })).events);
    await client.invalidateQueries({ queryKey: LETTERS, exact: true });
  });
  const remove = useForm(async () => {
    await call("DELETE /system/dead-letters/{id}", { path });
    await client.invalidateQueries({ queryKey: LETTERS, exact: true });
    onClose();
  });
  const { data, error } = letter;
  return (
    <Dialog drawer title={words.deadLetter} onClose={onClose}>
      {recorded !== undefined ? (
        <p role="status" className="font-medium text-ok">
          ● {words.recorded(recorded)}
        </p>
      ) : error ? (
        <Failure error={error} retry={() => letter.refetch()} />
      ) : !data ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <div className="mb-4 flex flex-wrap gap-2">
            <Button look="primary" icon="refresh" busy={replay.busy} onClick={() => replay.submit()}>
              {words.replay}
            </Button>
            <Button look="danger" icon="trash" onClick={() => setAsks(true)}>
              {words.remove}
            </Button>
          </div>
          {replay.rest()}
          <Facts
            facts={[
              [words.keptAt, <Time key="t" ms={data.kept_at} style="full" />],
              [words.reason, visible(data.reason)],
              [words.size, size(data.bytes)],
              ["ID", <span key="i" className="font-mono text-table">{`${data.id}`}</span>],
            ]}
          />
          <h3 className="mt-4 flex items-center gap-2 text-label text-ink2">
            {words.body} <Copy text={data.body} small />
          </h3>
          <pre
            tabIndex={0}
            className="mt-1 max-h-96 overflow-auto rounded-m border border-line bg-sunken p-3 font-mono text-table whitespace-pre-wrap [overflow-wrap:anywhere]"
          >
            {visible(data.body)}
          </pre>
        </>
      )}
      {asks && (
        <Confirm
          title={words.removeDead}
          consequence={words.removeDeadText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setAsks(false)}
        />
      )}
    </Dialog>
  );
}
