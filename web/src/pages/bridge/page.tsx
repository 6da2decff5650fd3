// Agents on users' machines, as the owner of one of the person's keys has them.

import { useMemo } from "react";
import { useUsableKeys } from "../../api/keys.ts";
import type { KeyView } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import type { Column } from "../../ui/table.tsx";
import { Detail } from "./detail.tsx";
import { NewAgent } from "./new.tsx";
import { Seen, Status, Waiting, nameOf } from "./parts.tsx";
import { type Agent, useAgents } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Bridge() {
  const words = useWords();
  const keys = useUsableKeys();
  const makeKey = (
    <LinkButton to="/keys" search={{ new: "1" }} look="primary" icon="key">
      {words.makeKey}
    </LinkButton>
  );
  if (keys.data && keys.data.length > 0) return <Agents keys={keys.data} />;
  return (
    <Page title={words.title}>
      {keys.error ? (
        <Failure error={keys.error} retry={() => keys.refetch()} />
      ) : keys.isPending ? (
        <Skeleton rows={6} />
      ) : (
        <Empty action={makeKey}>{words.noKey}</Empty>
      )}
    </Page>
  );
}

function Agents({ keys }: { keys: KeyView[] }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const [id, open] = useOpened("/bridge");
  const actAs = (keys.find((key) => key.id === filters.key) ?? keys[0])?.id ?? "";
  const agents = useAgents(actAs);
  const columns = useColumns();
  const opened = agents.data?.find((agent) => agent.agent_id === id);
  const add = (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      <label className="mb-3 flex max-w-form flex-wrap items-center gap-x-3 gap-y-1">
        <span className="font-medium">{words.actAs}</span>
        <select
          className="control min-w-0 flex-1"
          value={actAs}
          onChange={(event) => setFilters({ key: event.target.value })}
        >
          {keys.map((key) => (
            <option key={key.id} value={key.id}>
              {visible(key.owner ? `${key.name} (${key.owner})` : key.name)}
            </option>
          ))}
        </select>
      </label>
      <List
        query={agents}
        rows={agents.data}
        none={words.none}
        action={add}
        label={words.agents}
        columns={columns}
        idOf={(row) => row.agent_id}
        onOpen={(row) => open(row.agent_id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(nameOf(row))} state={<Status agent={row} />}>
            <Waiting agent={row} /> <Seen agent={row} />
          </PhoneRow>
        )}
      />
      {filters.new === "1" && (
        <NewAgent
          actAs={actAs}
          onClose={(made) => (made ? open(made, { new: undefined }) : setFilters({ new: undefined }))}
        />
      )}
      {opened && (
        <Detail
          key={`${actAs} ${opened.agent_id}`}
          actAs={actAs}
          agent={opened}
          onClose={() => open(undefined, { view: undefined })}
        />
      )}
    </Page>
  );
}

function useColumns(): Column<Agent>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(140px, 1.4fr)",
        cell: (row) => <span className="font-medium">{visible(nameOf(row))}</span>,
      },
      { id: "state", title: words.state, width: "120px", cell: (row) => <Status agent={row} /> },
      { id: "seen", title: words.seen, width: "minmax(110px, 1fr)", cell: (row) => <Seen agent={row} /> },
      {
        id: "version",
        title: words.version,
        width: "minmax(100px, 1fr)",
        cell: (row) => visible([row.hub?.version, row.hub?.os].filter(Boolean).join(", ")) || "–",
      },
      {
        id: "servers",
        title: words.servers,
        width: "minmax(120px, 1.4fr)",
        cell: (row) => visible(row.hub?.servers.map(({ name }) => name).join(", ") || "–"),
      },
      { id: "waiting", title: words.questions, width: "140px", cell: (row) => <Waiting agent={row} /> },
    ],
    [words],
  );
}
