// The ledger of an account, the newest rows first.

import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { count, money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Money, Time } from "../../ui/time.tsx";
import { type Kind, useLedger } from "./queries.ts";
import { type Entry, withBalances } from "./rows.ts";
import { useWords } from "./words.ts";

const KINDS: Kind[] = ["initial", "top_up", "grant", "auto_top_up", "charge"];

export function Ledger({ account, reserved }: { account: string; reserved: number }) {
  const words = useWords();
  const [kind, setKind] = useState<Kind | "">("");
  const ledger = useLedger(account, kind);
  const pages = ledger.data?.pages ?? [];
  const rows = withBalances(
    pages.flatMap(({ transactions }) => transactions),
    pages[0]?.balance ?? null,
  );
  return (
    <Section
      title={words.ledger}
      actions={
        <select
          aria-label={words.why}
          value={kind}
          onChange={(event) => setKind(event.target.value as Kind | "")}
          className="control w-auto!"
        >
          <option value="">{words.anyKind}</option>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {words[one]}
            </option>
          ))}
        </select>
      }
    >
      {ledger.error ? (
        <Failure error={ledger.error} retry={() => ledger.refetch()} />
      ) : ledger.isPending ? (
        <Skeleton rows={6} />
      ) : (
        <>
          <table className="w-full table-fixed text-table">
            <thead>
              <tr className="text-label text-ink2">
                <th className="w-28 p-1.5 text-left font-normal max-sm:w-20">{words.when}</th>
                <th className="p-1.5 text-left font-normal">{words.why}</th>
                <th className="w-24 p-1.5 text-right font-normal">{words.change}</th>
                {kind === "" && <th className="w-24 p-1.5 text-right font-normal max-sm:hidden">{words.after}</th>}
              </tr>
            </thead>
            <tbody>
              {reserved > 0 && kind === "" && (
                <tr className="border-t border-line text-ink3">
                  <td className="p-1.5" />
                  <td className="p-1.5">{words.reserved}</td>
                  <td className="p-1.5 text-right">
                    <Money micros={-reserved * 1e6} />
                  </td>
                  <td className="p-1.5 max-sm:hidden" />
                </tr>
              )}
              {rows.map((row) => (
                <Row key={row.id} row={row} withBalance={kind === ""} />
              ))}
            </tbody>
          </table>
          {rows.length === 0 && <p className="border-t border-line py-3 text-ink2">{words.noRows}</p>}
          {ledger.hasNextPage && (
            <Button className="mt-2" busy={ledger.isFetchingNextPage} onClick={() => ledger.fetchNextPage()}>
              {words.more}
            </Button>
          )}
        </>
      )}
    </Section>
  );
}

function Row({ row, withBalance }: { row: Entry; withBalance: boolean }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const text = [row.model, row.provider_name, row.tokens === null ? "" : words.tokens(count(row.tokens, locale))];
  return (
    <tr className="border-t border-line align-top">
      <td className="p-1.5">
        <Time ms={row.at} />
      </td>
      <td className="p-1.5 [overflow-wrap:anywhere]">
        {row.request_id ? (
          <Link to="/requests/{-$id}" params={{ id: row.request_id } as never} className="link">
            {words[row.kind]}
          </Link>
        ) : (
          words[row.kind]
        )}{" "}
        <span className="text-ink2">
          {[row.description, ...text].flatMap((part) => (part ? [visible(part)] : [])).join(" · ")}
        </span>
      </td>
      <td className={`p-1.5 text-right ${row.amount > 0 ? "text-ok" : ""}`}>
        {row.amount > 0 ? "+" : ""}
        {money(row.amount * 1e6, locale)}
      </td>
      {withBalance && (
        <td className="p-1.5 text-right text-ink2 max-sm:hidden">
          {row.after === null ? "" : money(row.after * 1e6, locale)}
        </td>
      )}
    </tr>
  );
}
