// Conversations: what was said, as far as keys keep it. Those who see their own keys only choose one of them.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useMay } from "../../api/session.ts";
import { count, short, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { type Conversation, useConversations, useKeys } from "./queries.ts";
import { Thread } from "./thread.tsx";
import { useWords } from "./words.ts";

export default function Conversations() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const keys = useKeys();
  const seesAll = may("view_all_conversations");
  const isWanted = seesAll || Boolean(filters.key);
  const list = useConversations(filters, isWanted);
  const rows = useMemo(() => list.data?.pages.flatMap(({ conversations }) => conversations) ?? [], [list.data]);
  const open = (row: Conversation | undefined) =>
    navigate({
      to: "/conversations/{-$id}",
      params: { id: row?.conversation_id },
      search: (now: Filters) => ({ ...now, of: row?.key_id }),
    } as never);
  const columns = useColumns(keys);
  const isFiltered = Boolean(filters.q || filters.model || filters.key);
  return (
    <Page title={words.title} fill>
      <div className="mb-3 flex flex-wrap items-center gap-2">
        <Typed label={words.search} value={filters.q ?? ""} onChange={(q) => setFilters({ q })} isFirst />
        <Typed label={words.model} value={filters.model ?? ""} onChange={(model) => setFilters({ model })} />
        <select
          aria-label={words.key}
          value={filters.key ?? ""}
          onChange={(event) => setFilters({ key: event.target.value || undefined })}
          className="control w-auto! max-w-44"
        >
          <option value="">{seesAll ? words.anyKey : words.chooseKey}</option>
          {keys.map(([key, name]) => (
            <option key={key} value={key}>
              {visible(name)}
            </option>
          ))}
        </select>
        {isFiltered && (
          <Button
            look="quiet"
            icon="close"
            onClick={() => setFilters({ q: undefined, model: undefined, key: undefined })}
          >
            {words.clear}
          </Button>
        )}
      </div>
      {!isWanted ? (
        <Empty>{words.chooseKeyHint}</Empty>
      ) : list.error && rows.length === 0 ? (
        <Failure error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <Skeleton rows={12} />
      ) : rows.length === 0 && !list.hasNextPage ? (
        <Empty action={<LinkButton to="/playground">{words.tryOne}</LinkButton>}>
          {isFiltered ? words.none : words.noneAtAll}
        </Empty>
      ) : (
        <Table
          label={words.title}
          rows={rows}
          columns={columns}
          idOf={({ key_id, conversation_id }) => `${key_id}-${conversation_id}`}
          onOpen={open}
          current={id && filters.of ? `${filters.of}-${id}` : undefined}
          phone={(row) => (
            <>
              <p className="truncate font-medium">{visible(row.title ?? words.untitled)}</p>
              <p className="truncate text-ink3">
                <Time ms={row.last_seen} /> · {visible(row.model_name)} · {row.rounds}
              </p>
            </>
          )}
          foot={
            list.hasNextPage ? (
              <Button busy={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                {words.more}
              </Button>
            ) : undefined
          }
        />
      )}
      {id && filters.of && (
        <Thread
          key={`${filters.of} ${id}`}
          id={id}
          keyId={filters.of}
          row={rows.find((row) => row.conversation_id === id && row.key_id === filters.of)}
          onClose={() => open(undefined)}
        />
      )}
    </Page>
  );
}

function useColumns(keys: [string, string][]): Column<Conversation>[] {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return useMemo(() => {
    const names = new Map(keys);
    return [
      { id: "last", title: words.last, width: "116px", cell: (row) => <Time ms={row.last_seen} /> },
      {
        id: "opening",
        title: words.opening,
        width: "minmax(0, 2.6fr)",
        cell: (row) => (
          <>
            {row.parent_id && <span title={words.branch}>⑂ </span>}
            {visible(row.title ?? words.untitled)}
          </>
        ),
      },
      { id: "model", title: words.model, width: "minmax(100px, 1fr)", cell: (row) => visible(row.model_name) },
      {
        id: "key",
        title: words.key,
        width: "minmax(80px, 1fr)",
        cell: (row) => visible(names.get(row.key_id) ?? row.key_id),
      },
      { id: "rounds", title: words.rounds, width: "64px", right: true, cell: (row) => count(row.rounds, locale) },
      {
        id: "tokens",
        title: words.tokens,
        width: "84px",
        right: true,
        cell: (row) => short(row.prompt_tokens + row.completion_tokens, locale),
      },
    ];
  }, [words, keys, locale]);
}

/** A filter that goes to the address when it is finished: on Enter, or when it is left. */
function Typed({
  label,
  value,
  onChange,
  isFirst,
}: {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  isFirst?: boolean;
}) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const send = () => {
    if (draft.trim() !== value) onChange(draft.trim() || undefined);
  };
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      data-filter={isFirst || undefined}
      className="control w-48! max-sm:w-full!"
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => {
        if (event.key === "Enter") send();
      }}
    />
  );
}
