// Content rules and webhooks that judge: what is done with what callers send and models answer.

import { useMemo } from "react";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Page } from "../../ui/page.tsx";
import { OnOff } from "../../ui/status.tsx";
import type { Column } from "../../ui/table.tsx";
import { Detail } from "./detail.tsx";
import { GuardForm } from "./form.tsx";
import { Concerns, LooksFor, What } from "./parts.tsx";
import { type Guard, useGuards } from "./queries.ts";
import { TryIt } from "./try-it.tsx";
import { useWords } from "./words.ts";

export default function Guards() {
  const words = useWords();
  const may = useMay();
  const [id, open] = useOpened("/guards");
  const [filters, setFilters] = useFilters();
  const guards = useGuards();
  const columns = useColumns();
  const canChange = may("manage_guards");
  const opened = guards.data?.find((guard) => guard.id === id);
  const close = () => setFilters({ do: undefined });
  const add = canChange && (
    <>
      <Button icon="play" onClick={() => setFilters({ do: "try" })}>
        {words.tryRules}
      </Button>
      <Button icon="plus" onClick={() => setFilters({ do: "webhook" })}>
        {words.addWebhook}
      </Button>
      <Button look="primary" icon="plus" onClick={() => setFilters({ do: "rule" })}>
        {words.add}
      </Button>
    </>
  );
  return (
    <Page title={words.title} actions={add} fill>
      <List
        query={guards}
        rows={guards.data}
        none={words.none}
        label={words.title}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.name)} state={<OnOff on={row.enabled} />}>
            <What guard={row} /> <LooksFor guard={row} />
          </PhoneRow>
        )}
      />
      {opened && <Detail key={opened.id} guard={opened} onClose={() => open(undefined)} />}
      {canChange && filters.do === "rule" && <GuardForm kind="content" onClose={close} />}
      {canChange && filters.do === "webhook" && <GuardForm kind="webhook" onClose={close} />}
      {canChange && filters.do === "try" && (
        <Dialog title={words.tryRules} onClose={close}>
          <TryIt />
        </Dialog>
      )}
    </Page>
  );
}

function useColumns(): Column<Guard>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      { id: "what", title: words.what, width: "minmax(180px, 1.2fr)", cell: (row) => <What guard={row} /> },
      { id: "for", title: words.looksFor, width: "minmax(160px, 2fr)", cell: (row) => <LooksFor guard={row} /> },
      { id: "concerns", title: words.concerns, width: "minmax(120px, 1fr)", cell: (row) => <Concerns guard={row} /> },
      { id: "state", title: words.state, width: "90px", cell: (row) => <OnOff on={row.enabled} /> },
    ],
    [words],
  );
}
