// What was sent to users and is still kept.

import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { call } from "../../api/client.ts";
import { NOTIFICATIONS, useRefreshNotifications } from "../../api/notifications.ts";
import type { Notification } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/dialog.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { Said } from "./said.tsx";
import { useWords } from "./words.ts";

const PAGE = 50;

export function Sent({ action }: { action: ReactNode }) {
  const words = useWords();
  const [asked, setAsked] = useState<Notification>();
  const list = useInfiniteQuery({
    queryKey: [...NOTIFICATIONS, "sent"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /notifications/sent", {
        query: { limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const rows = list.data?.pages.flatMap((page) => page.notifications) ?? [];
  if (list.error && rows.length === 0) return <Failure error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <Skeleton rows={6} height={56} />;
  if (rows.length === 0) return <Empty action={action}>{words.noneSent}</Empty>;
  return (
    <>
      <ul aria-label={words.sent} className="border-t border-line">
        {rows.map((row) => (
          <li key={row.id} className="flex flex-wrap items-start gap-x-3 gap-y-1 border-b border-line py-3">
            <div className="min-w-0 flex-1 basis-72">
              <Said notification={row} />
              <p className="text-table text-ink3">
                <span className="font-mono">{visible(row.recipients)}</span> · {words.until}{" "}
                <Time ms={row.expires_at} style="date" />
              </p>
            </div>
            <Button look="quiet" icon="trash" onClick={() => setAsked(row)}>
              {words.takeBack}
            </Button>
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Button className="mt-3" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
      {asked && <TakeBack id={asked.id} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function TakeBack({ id, onClose }: { id: string; onClose: () => void }) {
  const words = useWords();
  const refresh = useRefreshNotifications();
  const form = useForm(async () => {
    await call("DELETE /notifications/{id}", { path: { id } });
    await refresh();
    onClose();
  });
  return (
    <Confirm
      title={words.takeBackTitle}
      consequence={words.takeBackText}
      action={words.takeBack}
      busy={form.busy}
      error={form.rest()}
      onConfirm={() => form.submit()}
      onClose={onClose}
    />
  );
}
