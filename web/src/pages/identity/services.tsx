// Services that users sign in with: adding one, what it may do, and the address that has to be registered there.

import { type ReactNode, useMemo, useState } from "react";
import { call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { OnOff } from "../../ui/status.tsx";
import type { Column } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { ServiceForm } from "./form.tsx";
import { type Service, useServices, useServicesAnew } from "./queries.ts";
import { useWords } from "./words.ts";

export function Services({ add }: { add: ReactNode }) {
  const words = useWords();
  const [id, open] = useOpened("/identity");
  const services = useServices();
  const columns = useColumns();
  const opened = services.data?.find((service) => service.id === id);
  return (
    <>
      <List
        query={services}
        rows={services.data}
        none={words.none}
        action={add}
        label={words.services}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(row.name)} state={<OnOff on={row.enabled} />}>
            {visible(row.issuer)}
          </PhoneRow>
        )}
      />
      {id === "new" && <NewService onClose={open} />}
      {opened && <Detail key={opened.id} service={opened} onClose={() => open(undefined)} />}
    </>
  );
}

function useColumns(): Column<Service>[] {
  const words = useWords();
  return useMemo(
    () => [
      {
        id: "name",
        title: words.name,
        width: "minmax(120px, 1fr)",
        cell: (row) => <span className="font-medium">{visible(row.name)}</span>,
      },
      { id: "kind", title: words.kind, width: "140px", cell: (row) => words[row.kind as "oidc"] ?? row.kind },
      { id: "issuer", title: words.issuer, width: "minmax(160px, 2fr)", cell: (row) => visible(row.issuer) },
      {
        id: "accounts",
        title: words.accounts,
        width: "minmax(130px, 1fr)",
        cell: (row) => (row.makes_accounts ? words.makes : words.links),
      },
      { id: "state", title: words.state, width: "90px", cell: (row) => <OnOff on={row.enabled} /> },
    ],
    [words],
  );
}

function NewService({ onClose }: { onClose: (made?: string) => void }) {
  const words = useWords();
  const readAnew = useServicesAnew();
  return (
    <Dialog title={words.add} onClose={() => onClose()}>
      <ServiceForm
        send={async (body) => {
          const made = await call("POST /identity-providers", { body });
          await readAnew();
          onClose(made.id);
        }}
        onClose={() => onClose()}
      />
    </Dialog>
  );
}

function Detail({ service, onClose }: { service: Service; onClose: () => void }) {
  const words = useWords();
  const readAnew = useServicesAnew();
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const path = { id: service.id };
  const toggle = useForm(async () => {
    await call("PUT /identity-providers/{id}", { path, body: { enabled: !service.enabled } });
    await readAnew();
  });
  const remove = useForm(async () => {
    await call("DELETE /identity-providers/{id}", { path });
    await readAnew();
    onClose();
  });
  return (
    <Dialog drawer title={visible(service.name)} onClose={onClose} actions={<OnOff on={service.enabled} />}>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        <Button icon={service.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {service.enabled ? words.turnOff : words.turnOn}
        </Button>
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {toggle.rest()}
      <div className="mb-4 rounded-m border border-line bg-sunken p-3">
        <p className="font-medium">{words.redirect}</p>
        <p className="mt-1 font-mono text-table [overflow-wrap:anywhere]">
          {service.redirect_uri} <Copy text={service.redirect_uri} small />
        </p>
        <p className="mt-1 text-table text-ink3">{words.redirectHint}</p>
      </div>
      <Facts
        facts={[
          [words.id, service.id],
          [words.kind, words[service.kind as "oidc"] ?? service.kind],
          [words.issuer, visible(service.issuer)],
          [service.kind === "access" ? words.audience : words.clientId, visible(service.client_id)],
          [words.secret, service.has_client_secret && "••••••"],
          [words.scope, service.kind !== "access" && visible(service.scope)],
          [words.authorization, service.authorization_endpoint],
          [words.token, service.token_endpoint],
          [words.user, service.user_endpoint],
          [words.emails, service.emails_endpoint],
          [words.accounts, service.makes_accounts ? words.makes : words.links],
          [words.roles, service.makes_accounts && visible(service.roles.join(", "))],
          [
            words.roleMap,
            service.role_map.length > 0 && (
              <ul key="m">
                {service.role_map.map(({ group, roles }) => (
                  <li key={group}>
                    {visible(group)}: {visible(roles.join(", "))}
                  </li>
                ))}
              </ul>
            ),
          ],
          [words.created, <Time key="c" ms={service.created_at} style="full" />],
        ]}
      />
      {doing === "edit" && (
        <Dialog title={words.edit} onClose={() => setDoing(null)}>
          <ServiceForm
            service={service}
            send={async (body) => {
              await call("PUT /identity-providers/{id}", { path, body });
              await readAnew();
              setDoing(null);
            }}
            onClose={() => setDoing(null)}
          />
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
          onClose={() => setDoing(null)}
        />
      )}
    </Dialog>
  );
}
