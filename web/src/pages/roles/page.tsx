// Roles: named sets of permissions. The built-in ones are the same in every deployment, the others are made here.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { RoleForm } from "./form.tsx";
import { type Role, useRoles } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Roles() {
  const words = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters] = useFilters();
  const { data, error, isPending, refetch } = useRoles();
  const columns = useColumns();
  const open = (to: string | undefined, like?: string) =>
    navigate({ to: "/roles/{-$id}", params: { id: to }, search: like ? { like } : {} } as never);
  const opened = data?.find(({ code }) => code === id);
  return (
    <Page
      title={words.title}
      fill
      actions={
        <Button look="primary" icon="plus" onClick={() => open("new")}>
          {words.add}
        </Button>
      }
    >
      <p className="mb-3 max-w-text text-ink2">{words.intro}</p>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={6} />
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={(row) => row.code}
          onOpen={(row) => open(row.code)}
          current={id}
          phone={(row) => (
            <>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
                <Kind role={row} />
              </p>
              <p className="truncate text-ink3">
                <span className="font-mono">{visible(row.code)}</span> · {words.permissionsCount}{" "}
                {row.permissions.length}
              </p>
            </>
          )}
        />
      )}
      {(opened || (id === "new" && data)) && (
        <RoleForm
          key={`${id} ${filters.like ?? ""}`}
          role={opened}
          like={data?.find(({ code }) => code === filters.like)}
          onLike={(code) => open("new", code)}
          onClose={() => open(undefined)}
        />
      )}
    </Page>
  );
}

function useColumns(): Column<Role>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      {
        id: "code",
        title: words.code,
        width: "minmax(100px, 1fr)",
        cell: (row) => <span className="font-mono">{visible(row.code)}</span>,
      },
      { id: "for", title: words.description, width: "minmax(0, 2fr)", cell: (row) => visible(row.description) },
      {
        id: "permissions",
        title: words.permissionsCount,
        width: "100px",
        right: true,
        cell: (row) => row.permissions.length,
      },
      { id: "kind", title: words.kind, width: "140px", cell: (row) => <Kind role={row} /> },
      {
        id: "changed",
        title: words.changed,
        width: "110px",
        cell: (row) => (row.updated_at === null ? "–" : <Time ms={row.updated_at} style="date" />),
      },
    ],
    [words],
  );
}

function Kind({ role }: { role: Role }) {
  const words = useWords();
  return <Chip tone={role.is_built_in ? "plain" : "info"}>{role.is_built_in ? words.builtIn : words.own}</Chip>;
}
