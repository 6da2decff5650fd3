// Servers of the Model Context Protocol whose tools the gateway offers.

import { type ReactNode, useMemo } from "react";
import { visible } from "../../lib/format.ts";
import { useOpened } from "../../lib/url.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { OnOff } from "../../ui/status.tsx";
import type { Column } from "../../ui/table.tsx";
import { Detail } from "./detail.tsx";
import { ServerForm } from "./form.tsx";
import { type Server, useServers } from "./queries.ts";
import { useWords } from "./words.ts";

export function Servers({ add }: { add: ReactNode }) {
  const words = useWords();
  const [id, open] = useOpened("/tools");
  const servers = useServers();
  const columns = useColumns();
  const opened = servers.data?.find((server) => server.id === id);
  return (
    <>
      <List
        query={servers}
        rows={servers.data}
        none={words.none}
        action={add}
        label={words.servers}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.id)} state={<OnOff on={row.enabled} />}>
            {visible(row.url)}
          </PhoneRow>
        )}
      />
      {id === "new" && (
        <Dialog title={words.add} onClose={() => open(undefined)}>
          <ServerForm onClose={open} />
        </Dialog>
      )}
      {opened && <Detail key={opened.id} server={opened} onClose={() => open(undefined)} />}
    </>
  );
}

function useColumns(): Column<Server>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "id",
        title: words.id,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.id)}</span>,
      },
      { id: "url", title: words.url, width: "minmax(200px, 2fr)", cell: (row) => visible(row.url) },
      {
        id: "pins",
        title: words.pins,
        width: "minmax(160px, 1fr)",
        cell: (row) => words[row.pins as "strict"] ?? visible(row.pins),
      },
      {
        id: "offers",
        title: words.offers,
        width: "minmax(140px, 1fr)",
        cell: (row) =>
          row.allow_tools || row.deny_tools
            ? words.some(row.allow_tools?.length ?? 0, row.deny_tools?.length ?? 0)
            : words.all,
      },
      { id: "state", title: words.state, width: "90px", cell: (row) => <OnOff on={row.enabled} /> },
    ],
    [words],
  );
}
