// Services that users sign in with: adding one, what it may do, and the address that has to be registered there.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { ServiceForm } from "./form.tsx";
import { useWords } from "./words.ts";

export type Service = Answer<"GET /identity-providers">["identity_providers"][number];
const SERVICES = ["identity-providers"];

export default function Identity() {
  const words = useWords();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const { data, error, isPending, refetch } = useQuery({
    queryKey: SERVICES,
    queryFn: async ({ signal }) => (await call("GET /identity-providers", { signal })).identity_providers,
  });
  const columns = useColumns();
  const open = (to: string | undefined) => navigate({ to: "/identity/{-$id}", params: { id: to } } as never);
  const opened = data?.find((service) => service.id === id);
  const add = (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton rows={4} />
      ) : data.length === 0 ? (
        <Empty action={add}>{words.none}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={(row) => row.id}
          onOpen={(row) => open(row.id)}
          current={id}
          phone={(row) => (
            <>
              <p className="flex items-center gap-2">
                <span className="min-w-0 flex-1 truncate font-medium">{visible(row.name)}</span>
                <State service={row} />
              </p>
              <p className="truncate text-ink3">{visible(row.issuer)}</p>
            </>
          )}
        />
      )}
      {id === "new" && <NewService onClose={open} />}
      {opened && <Detail key={opened.id} service={opened} onClose={() => open(undefined)} />}
    </Page>
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
      { id: "state", title: words.state, width: "90px", cell: (row) => <State service={row} /> },
    ],
    [words],
  );
}

function State({ service }: { service: Service }) {
  const words = useWords();
  return (
    <Chip tone={service.enabled ? "ok" : "plain"}>
      <span aria-hidden="true">{service.enabled ? "●" : "○"}</span>
      {service.enabled ? words.on : words.off}
    </Chip>
  );
}

function useReadAnew(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    await Promise.all([SERVICES, ["sign-in-options"]].map((queryKey) => queries.invalidateQueries({ queryKey })));
  };
}

function NewService({ onClose }: { onClose: (made?: string) => void }) {
  const words = useWords();
  const readAnew = useReadAnew();
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
  const readAnew = useReadAnew();
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
    <Dialog drawer title={visible(service.name)} onClose={onClose} actions={<State service={service} />}>
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
