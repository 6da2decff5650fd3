// Calls of tools: who called which, and how that ended. What was said is not kept.

import { useMemo } from "react";
import { duration, visible } from "../../lib/format.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { List, PhoneRow } from "../../ui/list.tsx";
import { Chip } from "../../ui/status.tsx";
import type { Column } from "../../ui/table.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { Typed } from "../../ui/typed.tsx";
import { useCallWords } from "./call-words.ts";
import { CALLERS, type Call, STATUSES, useCalls, useKeyNames } from "./queries.ts";
import { useWords } from "./words.ts";

const TYPED = ["server", "tool", "key", "owner", "request_id"] as const;

export function Calls() {
  const shared = useWords();
  const words = useCallWords();
  const [filters, setFilters] = useFilters();
  const [id, open] = useOpened("/tools");
  const chosen = Object.fromEntries(TYPED.map((name) => [name, filters[name]]));
  const calls = useCalls({
    ...chosen,
    caller: CALLERS.find((one) => one === filters.caller),
    status: STATUSES.find((one) => one === filters.status),
  });
  const rows = useMemo(() => calls.data?.pages.flatMap((page) => page.tool_calls) ?? [], [calls.data]);
  const columns = useColumns();
  const opened = rows.find((row) => row.id === id);
  const isFiltered = [...TYPED, "caller", "status"].some((name) => filters[name]);
  const more = calls.hasNextPage && (
    <Button busy={calls.isFetchingNextPage} onClick={() => calls.fetchNextPage()}>
      {words.more}
    </Button>
  );
  return (
    <>
      <div className="mb-3 grid grid-cols-4 gap-2 max-lg:grid-cols-3 max-sm:grid-cols-2">
        {TYPED.map((name, at) => (
          <Typed
            key={name}
            label={words[name]}
            isFirst={at === 0}
            value={filters[name] ?? ""}
            onChange={(value) => setFilters({ [name]: value })}
          />
        ))}
        <select
          aria-label={words.caller}
          className="control"
          value={filters.caller ?? ""}
          onChange={(event) => setFilters({ caller: event.target.value || undefined })}
        >
          <option value="">{words.anyCaller}</option>
          {CALLERS.map((caller) => (
            <option key={caller} value={caller}>
              {words[`caller_${caller}`]}
            </option>
          ))}
        </select>
        <select
          aria-label={words.status}
          className="control"
          value={filters.status ?? ""}
          onChange={(event) => setFilters({ status: event.target.value || undefined })}
        >
          <option value="">{words.anyStatus}</option>
          {STATUSES.map((status) => (
            <option key={status} value={status}>
              {words[status]}
            </option>
          ))}
        </select>
      </div>
      <List
        query={calls}
        rows={rows}
        none={calls.hasNextPage ? words.noneYet : isFiltered ? words.noneOf : words.none}
        action={more}
        label={shared.calls}
        columns={columns}
        idOf={(row) => row.id}
        onOpen={(row) => open(row.id)}
        current={id}
        phone={(row) => (
          <PhoneRow name={visible(`${row.server}/${row.tool}`)} state={<Status status={row.status} />}>
            {words[`caller_${row.caller}` as "caller_mcp"] ?? visible(row.caller)} · <Ago ms={row.ts} />
          </PhoneRow>
        )}
        foot={more || undefined}
      />
      {opened && <Detail key={opened.id} of={opened} onClose={() => open(undefined)} />}
    </>
  );
}

function useColumns(): Column<Call>[] {
  const words = useCallWords();
  const names = useKeyNames();
  return useMemo(
    () => [
      { id: "time", title: words.time, width: "130px", cell: (row) => <Time ms={row.ts} /> },
      {
        id: "tool",
        title: words.tool,
        width: "minmax(180px, 2fr)",
        cell: (row) => <span className="font-medium">{visible(`${row.server}/${row.tool}`)}</span>,
      },
      { id: "status", title: words.status, width: "150px", cell: (row) => <Status status={row.status} /> },
      {
        id: "caller",
        title: words.caller,
        width: "minmax(100px, 1fr)",
        cell: (row) => words[`caller_${row.caller}` as "caller_mcp"] ?? visible(row.caller),
      },
      {
        id: "key",
        title: words.key,
        width: "minmax(110px, 1fr)",
        cell: (row) => visible(names?.get(row.key_id) ?? row.key_id),
      },
      { id: "took", title: words.took, width: "90px", right: true, cell: (row) => duration(row.duration_ms) },
    ],
    [words, names],
  );
}

const LOOK = {
  ok: { mark: "●", tone: "ok" },
  tool_error: { mark: "✕", tone: "bad" },
  input_required: { mark: "◆", tone: "info" },
  refused: { mark: "▲", tone: "warn" },
  failed: { mark: "✕", tone: "bad" },
  cancelled: { mark: "◌", tone: "plain" },
} as const;

function Status({ status }: { status: Call["status"] }) {
  const words = useCallWords();
  const { mark, tone } = LOOK[status];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[status]}
    </Chip>
  );
}

function Detail({ of, onClose }: { of: Call; onClose: () => void }) {
  const words = useCallWords();
  const names = useKeyNames();
  return (
    <Dialog drawer title={visible(`${of.server}/${of.tool}`)} onClose={onClose} actions={<Status status={of.status} />}>
      <div className="mb-4 flex flex-wrap gap-2">
        {of.caller === "chat" && (
          <LinkButton to={`/requests/${of.request_id}`} icon="requests">
            {words.toRequest}
          </LinkButton>
        )}
        <LinkButton to={`/keys/${of.key_id}`} icon="key">
          {words.toKey}
        </LinkButton>
      </div>
      <Facts
        facts={[
          [words.time, <Time key="t" ms={of.ts} style="full" />],
          [words.took, duration(of.duration_ms)],
          [words.error, of.error_code && visible(of.error_code)],
          [words.caller, words[`caller_${of.caller}` as "caller_mcp"] ?? visible(of.caller)],
          [words.key, visible(names?.get(of.key_id) ?? of.key_id)],
          [words.owner, of.owner && visible(of.owner)],
          [words.request_id, visible(of.request_id)],
          [words.conversation, of.conversation_id && visible(of.conversation_id)],
          [words.bytes, words.inAndOut(of.bytes_in, of.bytes_out)],
        ]}
      />
      <p className="mt-4 text-table text-ink3">{words.notKept}</p>
    </Dialog>
  );
}
