// Keys: who may use what, how much is left of it, and when it was used.

import { useNavigate, useParams } from "@tanstack/react-router";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { useMay } from "../../api/session.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { useForm } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Spark } from "../../ui/spark.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Ago, Money, Time } from "../../ui/time.tsx";
import { Bulk } from "./bulk.tsx";
import { KeyDetail } from "./detail.tsx";
import { NEW, bodyOf } from "./draft.ts";
import { KeyForm, useBudgetText } from "./form.tsx";
import { KeyState } from "./state.tsx";
import { type Key, useKeyWrites, useKeys } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Keys() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const [text, setText] = useState(filters.search ?? "");
  const keys = useKeys(filters.search ?? "", filters.owner ?? "");
  const rows = useMemo(() => keys.data?.pages.flatMap((page) => page.keys) ?? [], [keys.data]);
  const [chosen, setChosen] = useState<Set<string>>();
  const toggle = useCallback(
    (key: string) =>
      setChosen((now) =>
        now?.has(key) ? new Set([...now].filter((one) => one !== key)) : new Set([...(now ?? []), key]),
      ),
    [],
  );
  const columns = useColumns(chosen, toggle);
  const { hasNextPage, isFetching, fetchNextPage } = keys;
  // What is typed is asked for when typing pauses.
  useEffect(() => {
    const timer = setTimeout(() => setFilters({ search: text.trim() || undefined }), 250);
    return () => clearTimeout(timer);
  }, [text, setFilters]);
  const open = useCallback(
    (to: string | undefined) =>
      navigate({ to: "/keys/{-$id}", params: { id: to }, search: (now: Filters) => now } as never),
    [navigate],
  );
  const canMake = may("manage_all_api_keys", "manage_own_api_keys");
  const make = canMake && (
    <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
      {words.make}
    </Button>
  );
  const found = rows.filter((key) => matches(key, filters.search ?? ""));
  return (
    <Page
      title={words.title}
      fill
      actions={
        canMake && (
          <>
            {!chosen && found.length > 1 && (
              <Button icon="check" onClick={() => setChosen(new Set())}>
                {words.bulkBegin}
              </Button>
            )}
            {make}
          </>
        )
      }
    >
      {filters.owner && (
        <p className="mb-3 flex flex-wrap items-center gap-2">
          {words.owner}: <span className="font-mono text-table">{visible(filters.owner)}</span>
          <Button look="quiet" icon="close" onClick={() => setFilters({ owner: undefined })}>
            {words.allOwners}
          </Button>
        </p>
      )}
      <input
        type="search"
        data-filter
        aria-label={words.search}
        placeholder={words.search}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="control mb-3 max-w-80"
      />
      {chosen && (
        <Bulk
          chosen={rows.filter((key) => chosen.has(key.id))}
          onAll={() => setChosen(new Set(found.map(idOf)))}
          onDone={(left) => setChosen(new Set(left))}
          onClose={() => setChosen(undefined)}
        />
      )}
      {keys.error ? (
        <Failure error={keys.error} retry={() => keys.refetch()} />
      ) : keys.isPending ? (
        <Skeleton rows={10} />
      ) : found.length === 0 ? (
        <Empty action={filters.search ? undefined : make}>{filters.search ? words.nothing : words.empty}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={found}
          columns={columns}
          idOf={idOf}
          phone={(key) => <PhoneRow item={key} box={chosen && <Box item={key} chosen={chosen} onToggle={toggle} />} />}
          current={id}
          onOpen={(key) => (chosen ? toggle(key.id) : open(key.id))}
          onEnd={() => hasNextPage && !isFetching && fetchNextPage()}
        />
      )}
      {filters.new === "1" && canMake && (
        <NewKey owner={filters.owner ?? ""} onClose={() => setFilters({ new: undefined })} />
      )}
      {id && <KeyDetail id={id} onClose={() => open(undefined)} />}
    </Page>
  );
}

const idOf = (key: Key) => key.id;

/** The same comparison as that of the API, for gateways that answer all keys at once. */
function matches(key: Key, search: string): boolean {
  const wanted = search.toLowerCase();
  return [key.name, key.owner ?? "", key.prefix, key.id].some((text) => text.toLowerCase().includes(wanted));
}

interface BoxProps {
  item: Key;
  chosen: Set<string>;
  onToggle: (id: string) => void;
}

/** Its row does the same when it is clicked or opened. */
function Box({ item, chosen, onToggle }: BoxProps) {
  return (
    <input
      type="checkbox"
      aria-label={visible(item.name)}
      checked={chosen.has(item.id)}
      onClick={(event) => event.stopPropagation()}
      onChange={() => onToggle(item.id)}
    />
  );
}

function useColumns(chosen: Set<string> | undefined, onToggle: (id: string) => void): Column<Key>[] {
  const words = useWords();
  const budget = useBudgetText();
  const locale = localeOf(usePreferences());
  const box: Column<Key>[] = chosen
    ? [{ id: "box", title: "", width: "20px", cell: (key) => <Box item={key} chosen={chosen} onToggle={onToggle} /> }]
    : [];
  return [
    ...box,
    {
      id: "name",
      title: words.name,
      width: "minmax(140px, 2fr)",
      cell: (key) => (
        <>
          <span className="font-medium">{visible(key.name)}</span>{" "}
          <span className="font-mono text-ink3">{key.prefix}</span>
        </>
      ),
    },
    { id: "owner", title: words.owner, width: "minmax(80px, 1fr)", cell: (key) => visible(key.owner ?? "") },
    { id: "state", title: words.state, width: "128px", cell: (key) => <KeyState item={key} /> },
    {
      id: "week",
      title: words.week,
      width: "84px",
      cell: (key) =>
        key.usage && (
          <Spark values={key.usage.days.map(({ requests }) => requests)} label={count(key.usage.requests, locale)} />
        ),
    },
    {
      id: "spent",
      title: words.spent,
      width: "112px",
      right: true,
      cell: (key) => key.usage && <Money micros={key.usage.cost_micros} />,
    },
    {
      id: "budget",
      title: words.budget,
      width: "minmax(96px, 1fr)",
      cell: (key) =>
        key.budget ? budget(key.budget.amount, key.budget.period) : <span className="text-ink3">{words.noBudget}</span>,
    },
    {
      id: "used",
      title: words.lastUsed,
      width: "104px",
      cell: (key) =>
        key.last_used_at ? <Ago ms={key.last_used_at} /> : <span className="text-ink3">{words.never}</span>,
    },
    {
      id: "expires",
      title: words.expires,
      width: "104px",
      cell: (key) =>
        key.expires_at ? <Time ms={key.expires_at} style="date" /> : <span className="text-ink3">{words.never}</span>,
    },
  ];
}

function PhoneRow({ item, box }: { item: Key; box: ReactNode }) {
  const words = useWords();
  return (
    <>
      <div className="flex items-center gap-2">
        {box}
        <span className="min-w-0 flex-1 truncate font-medium">{visible(item.name)}</span>
        <KeyState item={item} />
      </div>
      <div className="mt-1 flex gap-3 text-ink3">
        <span className="min-w-0 flex-1 truncate">{visible(item.owner ?? item.prefix)}</span>
        {item.usage && <Money micros={item.usage.cost_micros} />}
        <span>{item.last_used_at ? <Ago ms={item.last_used_at} /> : words.never}</span>
      </div>
    </>
  );
}

/** `owner` is whose it is to be, such as a team; those who manage their own keys own it themselves otherwise. */
function NewKey({ owner: given, onClose }: { owner: string; onClose: () => void }) {
  const words = useWords();
  const canOwn = useMay()("manage_all_api_keys");
  const writes = useKeyWrites();
  const [draft, setDraft] = useState({ ...NEW, owner: given });
  const [made, setMade] = useState<{ id: string; key: string }>();
  const form = useForm(async () => {
    const { owner, ...body } = bodyOf(draft);
    const key = await writes.create(canOwn || owner ? { ...body, owner: owner ?? null } : body);
    if (key.key) setMade({ id: key.id, key: key.key });
  });
  return made ? (
    <Dialog title={words.made} onClose={onClose} canClose={false}>
      <Secret value={made.key} variable="NEXUS_API_KEY" onDone={onClose} />
      <div className="mt-4">
        <LinkButton to="/connect" search={{ key: made.id }} icon="plug">
          {words.connect}
        </LinkButton>
      </div>
    </Dialog>
  ) : (
    <Dialog title={words.make} onClose={onClose} width="wide">
      <KeyForm
        draft={draft}
        onChange={(change) => setDraft({ ...draft, ...change })}
        form={form}
        isNew
        canOwn={canOwn}
        action={words.create}
      />
    </Dialog>
  );
}
