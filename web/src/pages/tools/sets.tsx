// Sets of tools: which tools of which servers stand together, and the addresses at which clients and requests find them.

import { type ReactNode, useMemo, useState } from "react";
import { useMayWith } from "../../api/me.ts";
import { visible } from "../../lib/format.ts";
import { useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Section } from "../../ui/page.tsx";
import type { Column } from "../../ui/table.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { type Toolset, useSetWrites, useSets } from "./queries.ts";
import { SetForm } from "./set-form.tsx";
import { useSetWords } from "./set-words.ts";
import { useWords } from "./words.ts";

export function Sets({ add }: { add: ReactNode }) {
  const shared = useWords();
  const words = useSetWords();
  const [id, open] = useOpened("/tools");
  const sets = useSets();
  const columns = useColumns();
  const opened = sets.data?.find((set) => set.id === id);
  return (
    <>
      <List
        query={sets}
        rows={sets.data}
        none={words.none}
        action={add}
        label={shared.sets}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.name)} state={words.lines(row.tools.length)}>
            {visible(row.description ?? serversOf(row))}
          </PhoneRow>
        )}
      />
      {id === "new" && (
        <Dialog title={words.add} onClose={() => open(undefined)} width="wide">
          <SetForm onClose={open} />
        </Dialog>
      )}
      {opened && <Detail key={opened.id} set={opened} onClose={() => open(undefined)} />}
    </>
  );
}

const serversOf = (set: Toolset) => [...new Set(set.tools.map(({ server }) => server))].join(", ");

function useColumns(): Column<Toolset>[] {
  const words = useSetWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      {
        id: "description",
        title: words.description,
        width: "minmax(160px, 2fr)",
        cell: (row) => visible(row.description ?? "–"),
      },
      { id: "servers", title: words.servers, width: "minmax(120px, 1.4fr)", cell: (row) => visible(serversOf(row)) },
      { id: "lines", title: words.tools, width: "90px", cell: (row) => words.lines(row.tools.length) },
      {
        id: "owner",
        title: words.owner,
        width: "minmax(100px, 1fr)",
        cell: (row) => visible(row.owner ?? words.everyKey),
      },
      { id: "changed", title: words.changed, width: "110px", cell: (row) => <Ago ms={row.updated_at} /> },
    ],
    [words],
  );
}

function Detail({ set, onClose }: { set: Toolset; onClose: () => void }) {
  const words = useSetWords();
  const mayWith = useMayWith(set.owner);
  const writes = useSetWrites();
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const stop = () => setDoing(null);
  const remove = useForm(async () => {
    await writes.remove(set.id);
    onClose();
  });
  const address = `${location.origin}/mcp/toolset/${set.name}`;
  const named = `nexus:toolset/${set.name}`;
  return (
    <Dialog drawer title={visible(set.name)} onClose={onClose}>
      {mayWith("manage_tools", "manage_own_api_keys") && (
        <div className="mb-4 flex flex-wrap gap-2">
          <Button icon="edit" onClick={() => setDoing("edit")}>
            {words.edit}
          </Button>
          <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
            {words.remove}
          </Button>
        </div>
      )}
      <Facts
        facts={[
          [words.description, set.description && visible(set.description)],
          [words.owner, visible(set.owner ?? words.everyKey)],
          [
            words.clients,
            <span key="c" className="font-mono text-table">
              {address} <Copy text={address} small />
            </span>,
          ],
          [
            words.requests,
            <span key="r" className="font-mono text-table">
              {named} <Copy text={named} small />
            </span>,
          ],
          [words.created, <Time key="t" ms={set.created_at} style="full" />],
        ]}
      />
      <Section title={words.tools}>
        <p className="mb-2 text-table text-ink3">{words.grantsNothing}</p>
        <ul aria-label={words.tools} className="border-t border-line">
          {set.tools.map(({ server, tool, name, description }) => (
            <li key={`${server}/${tool}`} className="border-b border-line py-2">
              <p className="[overflow-wrap:anywhere] font-mono text-table">
                {visible(`${server}/${tool}`)}
                {name && <span className="text-ink2"> → {visible(name)}</span>}
              </p>
              {description && <p className="[overflow-wrap:anywhere] text-ink2">{visible(description)}</p>}
            </li>
          ))}
        </ul>
      </Section>
      {doing === "edit" && (
        <Dialog title={words.edit} onClose={stop} width="wide">
          <SetForm set={set} onClose={stop} />
        </Dialog>
      )}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={stop}
        />
      )}
    </Dialog>
  );
}
