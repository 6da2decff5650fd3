// What was sent to webhooks, what was given up, and sending it again.

import { useState } from "react";
import type { WebhookDelivery } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { DeliveryChip } from "./chips.tsx";
import { type DeliveryState, useAlertWrites, useDeliveries, useDelivery, useWebhooks } from "./queries.ts";
import { useWords } from "./words.ts";

const STATES: DeliveryState[] = ["pending", "delivered", "dead"];

export function Deliveries() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const webhooks = useWebhooks();
  const names = new Map(webhooks.data?.webhooks.map(({ id, name }) => [id, name]));
  const state = STATES.find((one) => one === filters.state) ?? "";
  const list = useDeliveries(state, filters.webhook ?? "");
  const rows = list.data?.pages.flatMap(({ deliveries }) => deliveries) ?? [];
  const labels = { pending: words.waiting, delivered: words.delivered, dead: words.dead };
  return (
    <>
      <div className="mb-3 flex flex-wrap gap-2">
        <select
          aria-label={words.state}
          value={state}
          data-filter
          onChange={(event) => setFilters({ state: event.target.value || undefined })}
          className="control w-auto!"
        >
          <option value="">{words.anyState}</option>
          {STATES.map((one) => (
            <option key={one} value={one}>
              {labels[one]}
            </option>
          ))}
        </select>
        <select
          aria-label={words.webhook}
          value={filters.webhook ?? ""}
          onChange={(event) => setFilters({ webhook: event.target.value || undefined })}
          className="control w-auto! max-w-60"
        >
          <option value="">{words.anyWebhook}</option>
          {[...names].map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </div>
      {list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton height={44} />
      ) : rows.length === 0 ? (
        <Empty>{words.noDeliveries}</Empty>
      ) : (
        <ul className="border-t border-line">
          {rows.map((row) => (
            <Row key={row.id} row={row} name={names.get(row.webhook_id)} onOpen={() => setFilters({ open: row.id })} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button className="mt-3 self-start" busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {words.more}
        </Button>
      )}
      {filters.open && <Detail id={filters.open} names={names} onClose={() => setFilters({ open: undefined })} />}
    </>
  );
}

interface RowProps {
  row: WebhookDelivery;
  name: string | undefined;
  onOpen: () => void;
}

function Row({ row, name, onOpen }: RowProps) {
  const words = useWords();
  return (
    <li className="border-b border-line">
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full flex-wrap items-center gap-x-4 gap-y-1 px-2 py-2 text-left hover:bg-sunken"
      >
        <span className="w-28">
          <DeliveryChip state={row.state} />
        </span>
        <span className="min-w-0 flex-1 basis-60">
          <span className="font-mono text-table">{visible(row.event)}</span> → {visible(name ?? words.gone)}
          {row.error && <span className="block truncate text-table text-ink2">{visible(row.error)}</span>}
        </span>
        <span className="text-table text-ink2">{words.attemptsOf(row.attempts)}</span>
        <span className="w-28 text-right text-table text-ink3 max-sm:text-left">
          <Time ms={row.updated_at} />
        </span>
      </button>
    </li>
  );
}

interface DetailProps {
  id: string;
  names: Map<string, string>;
  onClose: () => void;
}

function Detail({ id, names, onClose }: DetailProps) {
  const words = useWords();
  const { data, error, refetch } = useDelivery(id);
  const [isAgain, setAgain] = useState(false);
  const writes = useAlertWrites();
  const replay = useForm(async () => {
    await writes.replay(id);
    setAgain(true);
  });
  return (
    <Dialog drawer title={data ? visible(data.event) : words.deliveries} onClose={onClose}>
      {error ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !data ? (
        <Skeleton rows={8} />
      ) : (
        <>
          <div className="mb-4 flex flex-wrap items-center gap-3">
            <Button icon="refresh" busy={replay.busy} onClick={() => replay.submit()}>
              {words.replay}
            </Button>
            {isAgain && (
              <span role="status" className="text-ok">
                ● {words.replayDone}
              </span>
            )}
          </div>
          {replay.rest()}
          <Facts
            facts={[
              [words.state, <DeliveryChip key="s" state={data.state} />],
              [words.webhook, visible(names.get(data.webhook_id) ?? words.gone)],
              [words.attempts, words.attemptsOf(data.attempts)],
              [words.answer, data.status],
              [words.error, data.error && visible(data.error)],
              [words.nextTry, data.state === "pending" && <Time key="n" ms={data.next_at} style="full" />],
              [words.changed, <Time key="c" ms={data.updated_at} style="full" />],
              [words.eventId, <span key="e" className="font-mono text-table">{`${data.event_id}`}</span>],
            ]}
          />
          <h3 className="mt-4 flex items-center gap-2 text-label text-ink2">
            {words.body} <Copy text={data.body} small />
          </h3>
          <pre
            tabIndex={0}
            className="mt-1 max-h-96 overflow-auto rounded-m border border-line bg-sunken p-3 font-mono text-table whitespace-pre-wrap [overflow-wrap:anywhere]"
          >
            {visible(pretty(data.body))}
          </pre>
        </>
      )}
    </Dialog>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
