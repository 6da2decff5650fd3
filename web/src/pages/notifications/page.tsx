// Notifications: those for who is signed in, and, for who may send them, those that were sent.

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { NOTIFICATIONS, useRefreshNotifications, useUnread } from "../../api/notifications.ts";
import type { UserNotification } from "../../api/schema.d.ts";
import { useMay, useSession } from "../../api/session.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Compose } from "./compose.tsx";
import { targetOf } from "./link.ts";
import { Said } from "./said.tsx";
import { Sent } from "./sent.tsx";
import { useWords } from "./words.ts";

const PAGE = 50;

export default function Notifications() {
  const words = useWords();
  const may = useMay();
  const { data: session } = useSession();
  const [filters, setFilters] = useFilters();
  const isUser = session?.kind === "user";
  const canSend = may("manage_notifications");
  const view = canSend && (!isUser || filters.of === "sent") ? "sent" : "inbox";
  const send = canSend && (
    <Button look="primary" icon="send" onClick={() => setFilters({ new: "1" })}>
      {words.send}
    </Button>
  );
  return (
    <Page title={words.title} actions={send}>
      {canSend && isUser && (
        <div className="mb-4">
          <Segmented
            label={words.which}
            value={view}
            options={[
              { value: "inbox", label: words.inbox },
              { value: "sent", label: words.sent },
            ]}
            onChange={(of) => setFilters({ of: of === "sent" ? of : undefined, show: undefined })}
          />
        </div>
      )}
      {!isUser && <p className="mb-4 text-ink2">{words.adminToken}</p>}
      {view === "sent" ? <Sent action={send} /> : <Inbox />}
      {canSend && filters.new && <Compose onClose={() => setFilters({ new: undefined })} />}
    </Page>
  );
}

function Inbox() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const unread = useUnread();
  const refresh = useRefreshNotifications();
  const onlyUnread = filters.show === "unread";
  const list = useInfiniteQuery({
    queryKey: [...NOTIFICATIONS, "inbox", onlyUnread],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /notifications", {
        query: { limit: PAGE, ...(onlyUnread ? { unread: "true" } : {}), ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: 60_000,
  });
  const all = useForm(async () => {
    await call("POST /notifications/read-all");
    await refresh();
  });
  const rows = list.data?.pages.flatMap((page) => page.notifications) ?? [];
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center gap-3">
        <Segmented
          label={words.filter}
          value={onlyUnread ? "unread" : "all"}
          options={[
            { value: "all", label: words.all },
            { value: "unread", label: `${words.unread} (${unread})` },
          ]}
          onChange={(show) => setFilters({ show: show === "unread" ? show : undefined })}
        />
        <Button icon="check" disabled={unread === 0} busy={all.busy} onClick={() => all.submit()}>
          {words.readAll}
        </Button>
      </div>
      {all.rest()}
      {list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={6} height={56} />
      ) : rows.length === 0 ? (
        <Empty>{onlyUnread ? words.noneUnread : words.none}</Empty>
      ) : (
        <ul aria-label={words.inbox} className="border-t border-line">
          {rows.map((row) => (
            <Row key={row.id} row={row} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="mt-3" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
    </>
  );
}

function Row({ row }: { row: UserNotification }) {
  const words = useWords();
  const refresh = useRefreshNotifications();
  const [failure, setFailure] = useState<unknown>();
  const target = targetOf(row.link);
  const read = async () => {
    if (row.read) return;
    try {
      await call("POST /notifications/{id}/read", { path: { id: row.id } });
      await refresh();
    } catch (error) {
      setFailure(error);
    }
  };
  return (
    <li className="border-b border-line py-3">
      <div className="flex flex-wrap items-start gap-x-3 gap-y-1">
        <div className="min-w-0 flex-1 basis-72">
          <Said notification={row} isUnread={!row.read} />
        </div>
        <span className="flex items-center gap-1">
          {target?.kind === "page" && (
            <Link to={target.to} search={target.search as never} onClick={read} className="link px-2 py-1">
              {words.open}
            </Link>
          )}
          {target?.kind === "away" && (
            <a
              href={target.href}
              target="_blank"
              rel="noreferrer noopener nofollow"
              onClick={read}
              className="link px-2 py-1"
            >
              {words.open} ({URL.parse(target.href)?.host})
            </a>
          )}
          {!row.read && (
            <Button look="quiet" icon="check" onClick={read}>
              {words.read}
            </Button>
          )}
        </span>
      </div>
      {failure !== undefined && <Failure error={failure} />}
    </li>
  );
}
