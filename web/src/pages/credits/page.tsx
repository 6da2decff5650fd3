// Credits: the accounts, and of one that is open its balance and its ledger.

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Time } from "../../ui/time.tsx";
import { Issue, TopUp } from "./add.tsx";
import { useWords } from "./words.ts";

type Account = Answer<"GET /credits/accounts">["accounts"][number];
type Kind = Answer<"GET /credits/accounts/{id}/transactions">["transactions"][number]["kind"];
export const CREDITS = ["credits"];
const MICROS = 1e6;

export default function Credits() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const { data, error, isPending, refetch } = useQuery({
    queryKey: [...CREDITS, "accounts"],
    queryFn: async ({ signal }) => (await call("GET /credits/accounts", { signal })).accounts,
  });
  const [adds, setAdds] = useState<"top-up" | "token">();
  const open = (to: string | undefined) => navigate({ to: "/credits/{-$id}", params: { id: to } } as never);
  const locale = localeOf(usePreferences());
  const columns = useMemo<Column<Account>[]>(
    () => [
      {
        id: "account",
        title: words.account,
        width: "minmax(160px, 2fr)",
        cell: (row) => <span className="font-medium">{visible(row.account)}</span>,
      },
      {
        id: "auto",
        title: words.auto,
        width: "minmax(120px, 1.4fr)",
        cell: (row) =>
          row.auto_top_up &&
          words.autoOf(
            money(row.auto_top_up.min_balance * MICROS, locale),
            money(row.auto_top_up.target_balance * MICROS, locale),
          ),
      },
      { id: "created", title: words.created, width: "120px", cell: (row) => <Time ms={row.created_at} style="date" /> },
    ],
    [words, locale],
  );
  const actions = may("manage_credits") ? (
    <>
      <Button onClick={() => setAdds("token")}>{words.issue}</Button>
      <Button look="primary" icon="plus" onClick={() => setAdds("top-up")}>
        {words.topUp}
      </Button>
    </>
  ) : null;
  return (
    <Page title={words.title} actions={actions} fill>
      {error && !data ? (
        <Failure error={error} retry={refetch} />
      ) : isPending ? (
        <Skeleton />
      ) : data.length === 0 ? (
        <Empty>{words.none}</Empty>
      ) : (
        <Table
          label={words.title}
          rows={data}
          columns={columns}
          idOf={({ account }) => account}
          onOpen={({ account }) => open(account)}
          current={id}
          phone={(row) => (
            <>
              <p className="truncate font-medium">{visible(row.account)}</p>
              <p className="text-ink3">
                <Time ms={row.created_at} style="date" />
              </p>
            </>
          )}
        />
      )}
      {id && <Ledger account={id} onClose={() => open(undefined)} />}
      {adds === "top-up" && <TopUp account={id} onClose={() => setAdds(undefined)} />}
      {adds === "token" && <Issue onClose={() => setAdds(undefined)} />}
    </Page>
  );
}

function Ledger({ account, onClose }: { account: string; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const locale = localeOf(usePreferences());
  const [kind, setKind] = useState("");
  const [adds, setAdds] = useState(false);
  const path = { id: account };
  const standing = useQuery({
    queryKey: [...CREDITS, account, "standing"],
    queryFn: ({ signal }) => call("GET /credits/accounts/{id}", { path, signal }),
  });
  const summary = useQuery({
    queryKey: [...CREDITS, account, "summary"],
    queryFn: ({ signal }) =>
      call("GET /credits/accounts/{id}/consumption/summary", { path, query: { time_range: "30d" }, signal }),
  });
  const ledger = useInfiniteQuery({
    queryKey: [...CREDITS, account, "ledger", kind],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      call("GET /credits/accounts/{id}/transactions", {
        path,
        query: { limit: 50, kind: (kind || undefined) as Kind, after: pageParam || undefined } as object,
        signal,
      }),
    getNextPageParam: (page) => page.next,
  });
  const entries = ledger.data?.pages.flatMap(({ transactions }) => transactions) ?? [];
  const text = (credits: number) => money(credits * MICROS, locale);
  // The ledger's newest entry stands at the balance; each older one before the amounts after it. Only for the whole ledger.
  let running = standing.data?.balance ?? 0;
  const balances = entries.map(({ amount }) => {
    const after = running;
    running -= amount;
    return after;
  });
  return (
    <Dialog title={visible(account)} onClose={onClose} drawer>
      {standing.error ? (
        <Failure error={standing.error} retry={() => standing.refetch()} />
      ) : standing.data ? (
        <div className="flex flex-wrap gap-x-10 gap-y-3">
          <Figure label={words.balance} value={text(standing.data.balance)} />
          <Figure label={words.available} value={text(standing.data.available)} />
          {standing.data.reserved > 0 && <Figure label={words.reserved} value={text(standing.data.reserved)} isFaint />}
          {summary.data && (
            <Figure
              label={words.spent}
              value={text(summary.data.spent)}
              note={
                summary.data.projected_days_left !== null
                  ? words.daysLeft(Math.floor(summary.data.projected_days_left))
                  : undefined
              }
            />
          )}
        </div>
      ) : (
        <Skeleton rows={2} />
      )}
      {standing.data && !standing.data.enforced && <p className="mt-3 text-warn">{words.notEnforced}</p>}
      <Section
        title={words.ledger}
        actions={
          may("manage_credits") && (
            <Button icon="plus" onClick={() => setAdds(true)}>
              {words.topUp}
            </Button>
          )
        }
      >
        <Segmented
          label={words.kind}
          value={kind}
          options={[
            { value: "", label: words.all },
            ...(["top_up", "grant", "auto_top_up", "charge"] as const).map((value) => ({ value, label: words[value] })),
          ]}
          onChange={setKind}
        />
        {ledger.error ? (
          <Failure error={ledger.error} retry={() => ledger.refetch()} />
        ) : ledger.isPending ? (
          <Skeleton rows={6} />
        ) : entries.length === 0 ? (
          <p className="mt-3 text-ink3">{words.noEntries}</p>
        ) : null}
        <ul className="mt-2 border-t border-line">
          {entries.map((entry, index) => (
            <li
              key={entry.id}
              className="grid grid-cols-[110px_1fr_90px_90px] gap-x-3 border-b border-line py-1.5 max-sm:grid-cols-[1fr_90px]"
            >
              <Time ms={entry.at} />
              <span className="min-w-0 truncate">
                {words[entry.kind]}{" "}
                <span className="text-ink3">
                  {visible([entry.description, entry.model].filter(Boolean).join(" · "))}
                </span>
              </span>
              <span className={`text-right ${entry.amount < 0 ? "" : "text-ok"}`}>{text(entry.amount)}</span>
              <span className="text-right text-ink3">{kind === "" ? text(balances[index] ?? 0) : ""}</span>
            </li>
          ))}
        </ul>
        {ledger.hasNextPage && (
          <Button className="mt-2" busy={ledger.isFetchingNextPage} onClick={() => ledger.fetchNextPage()}>
            {words.more}
          </Button>
        )}
      </Section>
      {adds && (
        <TopUp
          account={account}
          onClose={() => {
            setAdds(false);
            client.invalidateQueries({ queryKey: CREDITS });
          }}
        />
      )}
    </Dialog>
  );
}

function Figure({
  label,
  value,
  note,
  isFaint = false,
}: {
  label: string;
  value: string;
  note?: string | undefined;
  isFaint?: boolean;
}) {
  return (
    <div>
      <p className="text-table text-ink3">{label}</p>
      <p className={`text-figure font-semibold ${isFaint ? "text-ink3" : ""}`}>{value}</p>
      {note && <p className="text-table text-ink2">{note}</p>}
    </div>
  );
}
