// The webhooks, and one of them in detail: a test, its secret, its deliveries.

import { useState } from "react";
import type { WebhookDelivery, WebhookView } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Chip } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { SeverityChip } from "./chips.tsx";
import { useAlertWrites, useWebhooks } from "./queries.ts";
import { WebhookForm, useEventName } from "./webhook-form.tsx";
import { useWords } from "./words.ts";

export function Webhooks() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const { data, error, isPending, refetch } = useWebhooks();
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton height={52} />;
  const opened = data.webhooks.find(({ id }) => id === filters.open);
  return (
    <>
      {data.webhooks.length === 0 ? (
        <Empty>{words.noWebhooks}</Empty>
      ) : (
        <ul className="border-t border-line">
          {data.webhooks.map((webhook) => (
            <Row key={webhook.id} webhook={webhook} onOpen={() => setFilters({ open: webhook.id })} />
          ))}
        </ul>
      )}
      {opened && <Detail webhook={opened} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

function Enabled({ webhook }: { webhook: WebhookView }) {
  const words = useWords();
  return webhook.enabled ? <Chip tone="ok">● {words.enabled}</Chip> : <Chip>◌ {words.disabled}</Chip>;
}

function Row({ webhook, onOpen }: { webhook: WebhookView; onOpen: () => void }) {
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-2 text-left hover:bg-sunken"
      >
        <span className="min-w-0 flex-1 basis-72">
          <span className="font-medium">{visible(webhook.name)}</span>
          <span className="block truncate font-mono text-table text-ink2">{visible(webhook.url)}</span>
        </span>
        <SeverityChip severity={webhook.min_severity} />
        <Enabled webhook={webhook} />
      </button>
    </li>
  );
}

type Doing = "edit" | "secret" | "remove" | null;

function Detail({ webhook, onClose }: { webhook: WebhookView; onClose: () => void }) {
  const words = useWords();
  const eventName = useEventName();
  const [, setFilters] = useFilters();
  const [doing, setDoing] = useState<Doing>(null);
  const [tested, setTested] = useState<WebhookDelivery>();
  const writes = useAlertWrites();
  const test = useForm(async () => {
    setTested(undefined);
    setTested(await writes.test(webhook.id));
  });
  const toggle = useForm(async () => {
    await writes.updateWebhook(webhook.id, { enabled: !webhook.enabled });
  });
  const remove = useForm(() => writes.removeWebhook(webhook.id).then(onClose));
  return (
    <Dialog drawer title={visible(webhook.name)} onClose={onClose}>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button look="primary" icon="send" busy={test.busy} onClick={() => test.submit()}>
          {words.test}
        </Button>
        <Button icon={webhook.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {webhook.enabled ? words.disable : words.enable}
        </Button>
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        <Button icon="key" onClick={() => setDoing("secret")}>
          {words.newSecret}
        </Button>
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {test.busy && <p role="status">{words.testing}</p>}
      {tested && <Tested delivery={tested} />}
      {test.rest()}
      {toggle.rest()}
      <Facts
        facts={[
          [words.state, <Enabled key="e" webhook={webhook} />],
          [
            words.url,
            <span key="u" className="font-mono text-table">
              {visible(webhook.url)}
            </span>,
          ],
          [words.minSeverity, <SeverityChip key="s" severity={webhook.min_severity} />],
          [words.events, webhook.events?.map(eventName).join(", ") ?? words.allEvents],
          ["ID", <span key="i" className="font-mono text-table">{`${webhook.id}`}</span>],
          [words.made, <Time key="m" ms={webhook.created_at} style="full" />],
        ]}
      />
      <div className="mt-6">
        <Button onClick={() => setFilters({ of: "deliveries", open: undefined, webhook: webhook.id })}>
          {words.itsDeliveries}
        </Button>
      </div>
      {doing === "edit" && <WebhookForm webhook={webhook} onClose={() => setDoing(null)} />}
      {doing === "secret" && <NewSecret webhook={webhook} onClose={() => setDoing(null)} />}
      {doing === "remove" && (
        <Confirm
          title={words.remove}
          consequence={words.removeWebhookText(visible(webhook.name))}
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

function Tested({ delivery }: { delivery: WebhookDelivery }) {
  const words = useWords();
  const isThere = delivery.state === "delivered";
  const answer = delivery.status === null ? "" : String(delivery.status);
  return (
    <p role="status" className={`mb-4 font-medium ${isThere ? "text-ok" : "text-bad"}`}>
      {isThere ? `● ${words.testOk(answer)}` : `✕ ${words.testFailed(visible(delivery.error ?? answer))}`}
    </p>
  );
}

function NewSecret({ webhook, onClose }: { webhook: WebhookView; onClose: () => void }) {
  const words = useWords();
  const writes = useAlertWrites();
  const [secret, setSecret] = useState<string>();
  const form = useForm(async () => {
    setSecret((await writes.updateWebhook(webhook.id, { secret: null })).secret ?? undefined);
  });
  return secret ? (
    <Dialog title={words.newSecret} onClose={onClose} canClose={false}>
      <Secret value={secret} variable="NEXUS_WEBHOOK_SECRET" onDone={onClose} />
    </Dialog>
  ) : (
    <Confirm
      title={words.newSecret}
      consequence={words.newSecretText}
      action={words.newSecret}
      busy={form.busy}
      error={form.rest()}
      onConfirm={() => form.submit()}
      onClose={onClose}
    />
  );
}
