// Credits: accounts with their ledgers, and the prices by which requests are charged.

import { useNavigate, useParams } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { useMay, useSession } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { type Filters, useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { type Column, Table } from "../../ui/table.tsx";
import { Money, Time } from "../../ui/time.tsx";
import { AccountDetail } from "./account.tsx";
import { useAutoText } from "./auto.ts";
import { IssueToken } from "./forms.tsx";
import { Prices } from "./prices.tsx";
import { type Account, useAccounts, useStandings } from "./queries.ts";
import { useWords } from "./words.ts";

export default function Credits() {
  const words = useWords();
  const may = useMay();
  const navigate = useNavigate();
  const { id } = useParams({ strict: false }) as { id?: string };
  const [filters, setFilters] = useFilters();
  const mayAccounts = may("view_all_credits", "view_own_credits");
  const view = filters.view === "prices" || !mayAccounts ? "prices" : "accounts";
  const open = useCallback(
    (to: string | undefined) =>
      navigate({ to: "/credits/{-$id}", params: { id: to }, search: (now: Filters) => now } as never),
    [navigate],
  );
  return (
    <Page
      title={words.title}
      fill
      actions={
        may("manage_credits") && (
          <Button icon="plus" onClick={() => setFilters({ token: "1" })}>
            {words.issue}
          </Button>
        )
      }
    >
      {mayAccounts && may("view_prices") && (
        <div className="mb-3">
          <Segmented
            label={words.view}
            value={view}
            options={[
              { value: "accounts", label: words.accounts },
              { value: "prices", label: words.prices },
            ]}
            onChange={(to) => setFilters({ view: to === "prices" ? to : undefined, search: undefined })}
          />
        </div>
      )}
      {view === "prices" ? <Prices /> : <Accounts current={id} onOpen={open} />}
      {filters.token === "1" && may("manage_credits") && (
        <IssueToken account="" onClose={() => setFilters({ token: undefined })} />
      )}
      {id && mayAccounts && <AccountDetail account={id} onClose={() => open(undefined)} />}
    </Page>
  );
}

function Accounts({ current, onOpen }: { current: string | undefined; onOpen: (account: string) => void }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const [isAsked, setAsked] = useState(false);
  const accounts = useAccounts(true);
  const own = useOwnAccount();
  const listed: Omit<Account, "standing">[] = accounts.data?.accounts ?? [];
  const isMissing = own !== undefined && accounts.data && !listed.some(({ account }) => account === own);
  const all = isMissing ? [{ account: own, created_at: null, auto_top_up: null }, ...listed] : listed;
  const standings = useStandings(
    all.map(({ account }) => account),
    isAsked,
  );
  const columns = useColumns(isAsked);
  const search = (filters.search ?? "").trim();
  const rows = all
    .map((account, at): Account => ({ ...account, standing: standings[at]?.data }))
    .filter(({ account }) => account.toLowerCase().includes(search.toLowerCase()));
  // What is least comes first, once it is known.
  if (isAsked) rows.sort((a, b) => (a.standing?.available ?? 1e9) - (b.standing?.available ?? 1e9));
  const isListed = all.some(({ account }) => account === search);
  return (
    <>
      <form
        className="mb-3 flex flex-wrap items-center gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          if (search) onOpen(search);
        }}
      >
        <input
          type="search"
          data-filter
          aria-label={words.search}
          placeholder={words.search}
          value={filters.search ?? ""}
          onChange={(event) => setFilters({ search: event.target.value || undefined })}
          className="control max-w-80"
        />
        {search && !isListed && <Button type="submit">{words.openAccount(visible(search))}</Button>}
        {all.length > 0 && !isAsked && (
          <Button icon="credit" onClick={() => setAsked(true)}>
            {words.balances}
          </Button>
        )}
        <p className="w-full text-table text-ink3">{words.accountsHint}</p>
      </form>
      {accounts.error ? (
        <Failure error={accounts.error} retry={() => accounts.refetch()} />
      ) : accounts.isPending ? (
        <Skeleton rows={8} />
      ) : rows.length === 0 ? (
        <Empty>{search ? words.nothing : words.empty}</Empty>
      ) : (
        <Table
          label={words.accounts}
          rows={rows}
          columns={columns}
          idOf={idOf}
          phone={phoneRow}
          current={current}
          onOpen={({ account }) => onOpen(account)}
        />
      )}
    </>
  );
}

/** The account of a person who does not see those of others: it exists also without a top-up. */
function useOwnAccount(): string | undefined {
  const may = useMay();
  const { data } = useSession();
  return may("view_all_credits") ? undefined : data?.user?.id;
}

const idOf = ({ account }: Account) => account;
const phoneRow = (item: Account) => <PhoneRow item={item} />;

function useColumns(withBalances: boolean): Column<Account>[] {
  const words = useWords();
  const auto = useAutoText();
  const amounts: Column<Account>[] = (["balance", "reserved", "available"] as const).map((name) => ({
    id: name,
    title: words[name === "reserved" ? "reservedShort" : name],
    width: "112px",
    right: true,
    cell: ({ standing }) =>
      standing && (
        <span className={name === "reserved" ? "text-ink3" : standing[name] <= 0 ? "text-bad" : ""}>
          <Money micros={standing[name] * 1e6} />
        </span>
      ),
  }));
  return [
    { id: "account", title: words.account, width: "minmax(140px, 1.5fr)", cell: ({ account }) => visible(account) },
    ...(withBalances ? amounts : []),
    {
      id: "auto",
      title: words.auto,
      width: "minmax(160px, 2fr)",
      cell: ({ auto_top_up }) => auto_top_up && auto(auto_top_up),
    },
    {
      id: "since",
      title: words.since,
      width: "160px",
      cell: ({ created_at }) => created_at !== null && <Time ms={created_at} style="date" />,
    },
  ];
}

function PhoneRow({ item: { account, standing, auto_top_up, created_at } }: { item: Account }) {
  const auto = useAutoText();
  return (
    <>
      <div className="flex items-center gap-2">
        <span className="min-w-0 flex-1 truncate font-medium">{visible(account)}</span>
        {standing ? (
          <Money micros={standing.available * 1e6} />
        ) : (
          created_at !== null && <Time ms={created_at} style="date" />
        )}
      </div>
      <p className="mt-1 truncate text-ink2">{auto_top_up && auto(auto_top_up)}</p>
    </>
  );
}
