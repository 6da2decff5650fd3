// Teams: all of them for those who may see all, else those that one is in.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useMe } from "../../api/me.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { Typed } from "../../ui/typed.tsx";
import { TeamDetail } from "./detail.tsx";
import { type Team, useTeamWrites, useTeams } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Teams() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useTeams();
  const columns = useColumns();
  const open = (to: string | undefined) =>
    navigate({
      to: "/teams/{-$id}",
      params: { id: to },
      search: ({ new: _, ...rest }: Filters) => rest,
    } as never);
  const wanted = (filters.search ?? "").toLowerCase();
  const found = (data ?? []).filter((team) => `${team.name} ${team.id}`.toLowerCase().includes(wanted));
  const add = may("manage_teams") && (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      <div className="mb-3 w-64 max-sm:w-full">
        <Typed label={words.find} isFirst value={filters.search ?? ""} onChange={(search) => setFilters({ search })} />
      </div>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton />
      ) : data.length === 0 ? (
        <Empty action={add}>{may("view_teams") ? words.none : words.noneOwn}</Empty>
      ) : found.length === 0 ? (
        <Empty>{words.nothing}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={found}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => (
            <>
              <p className="truncate font-medium">{visible(row.name)}</p>
              <p className="truncate font-mono text-ink3">{row.id}</p>
            </>
          )}
        />
      )}
      {filters.new === "1" && may("manage_teams") && (
        <NewTeam onClose={() => setFilters({ new: undefined })} onMade={open} />
      )}
      {id && <TeamDetail key={id} id={id} onClose={() => open(undefined)} />}
    </Page>
  );
}

function useColumns(): Column<Team>[] {
  const words = useWords();
  const { data: me } = useMe();
  return useMemo(() => {
    const columns: Column<Team>[] = [
      {
        id: "name",
        title: words.name,
        width: "minmax(140px, 1.5fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      {
        id: "id",
        title: words.id,
        width: "minmax(220px, 1fr)",
        cell: (row) => <span className="font-mono">{row.id}</span>,
      },
    ];
    if (me) {
      const roleIn = new Map(me.teams.map(({ id, role }) => [id, role]));
      columns.push({
        id: "yours",
        title: words.yours,
        width: "100px",
        cell: ({ id }) => {
          const role = roleIn.get(id);
          return role ? words[role] : "–";
        },
      });
    }
    columns.push({
      id: "created",
      title: words.created,
      width: "110px",
      cell: (row) => <Time ms={row.created_at} style="date" />,
    });
    return columns;
  }, [words, me]);
}

function NewTeam({ onClose, onMade }: { onClose: () => void; onMade: (id: string) => void }) {
  const words = useWords();
  const writes = useTeamWrites();
  const [name, setName] = useState("");
  const form = useForm(async () => onMade((await writes.create(name.trim())).id));
  return (
    <Dialog title={words.add} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.name}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={form.errorOf("name")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
