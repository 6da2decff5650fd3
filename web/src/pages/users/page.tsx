// Users: who may sign in, and what they may do.

import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { One, State, USERS, type User } from "./one.tsx";
import { RegistrationView } from "./registration.tsx";
import { useWords } from "./words.ts";

const PAGE = 100;

export default function Users() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const list = useInfiniteQuery({
    queryKey: [...USERS, filters.email ?? ""],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) =>
      (
        await call("GET /users", {
          query: { limit: PAGE, after: pageParam || undefined, email: filters.email } as object,
          signal,
        })
      ).users,
    getNextPageParam: (page) => (page.length === PAGE ? page.at(-1)?.id : undefined),
  });
  const rows = useMemo(() => list.data?.pages.flat() ?? [], [list.data]);
  const open = (to: string | undefined) => navigate({ to: "/users/{-$id}", params: { id: to } } as never);
  const columns = useMemo<Column<User>[]>(
    () => [
      {
        id: "email",
        title: words.email,
        width: "minmax(180px, 1.6fr)",
        cell: (row) => <span className="font-medium">{visible(row.email)}</span>,
      },
      { id: "name", title: words.name, width: "minmax(100px, 1fr)", cell: (row) => visible(row.name) },
      { id: "roles", title: words.roles, width: "minmax(100px, 1fr)", cell: (row) => visible(row.roles.join(", ")) },
      { id: "status", title: words.status, width: "160px", cell: (row) => <State user={row} /> },
      { id: "created", title: words.created, width: "110px", cell: (row) => <Time ms={row.created_at} style="date" /> },
    ],
    [words],
  );
  const add = may("manage_users") ? (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {words.add}
    </Button>
  ) : null;
  const opened = rows.find((row) => row.id === id);
  const view = filters.of === "registration" && may("manage_registration") ? "registration" : "accounts";
  return (
    <Page title={words.title} actions={add} fill>
      {may("manage_registration") && (
        <div className="mb-4">
          <Segmented
            label={words.which}
            value={view}
            options={[
              { value: "accounts", label: words.accountsView },
              { value: "registration", label: words.registration },
            ]}
            onChange={(of) => setFilters({ of: of === "registration" ? of : undefined })}
          />
        </div>
      )}
      {view === "registration" ? (
        <div className="min-h-0 flex-1 overflow-y-auto pb-8">
          <RegistrationView />
        </div>
      ) : (
        <>
          <div className="mb-3 w-64 max-sm:w-full">
            <input
              type="search"
              data-filter
              aria-label={words.find}
              placeholder={words.find}
              className="control"
              defaultValue={filters.email ?? ""}
              onBlur={(event) => setFilters({ email: event.target.value.trim() || undefined })}
              onKeyDown={(event) => {
                if (event.key === "Enter") setFilters({ email: event.currentTarget.value.trim() || undefined });
              }}
            />
          </div>
          {list.error && rows.length === 0 ? (
            <Failure error={list.error} retry={() => list.refetch()} />
          ) : list.isPending ? (
            <Skeleton />
          ) : rows.length === 0 ? (
            <Empty action={add}>{words.none}</Empty>
          ) : (
            <Table
              label={words.title}
              rows={rows}
              columns={columns}
              idOf={(row) => row.id}
              onOpen={(row) => open(row.id)}
              current={id}
              phone={(row) => (
                <>
                  <p className="flex gap-2">
                    <span className="min-w-0 flex-1 truncate font-medium">{visible(row.email)}</span>
                    <State user={row} />
                  </p>
                  <p className="truncate text-ink3">{visible(row.roles.join(", "))}</p>
                </>
              )}
              foot={
                list.hasNextPage ? (
                  <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                    {words.more}
                  </Button>
                ) : undefined
              }
            />
          )}
        </>
      )}
      {(opened || id === "new") && <One key={id} user={opened} onClose={() => open(undefined)} />}
    </Page>
  );
}
