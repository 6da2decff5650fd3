// One account: how it stands, what was spent, its rule, and its ledger with the balance after each row.

import { useState } from "react";
import { useMay } from "../../api/session.ts";
import { count, money, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Chart } from "../../ui/chart.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Money } from "../../ui/time.tsx";
import { useAutoText } from "./auto.ts";
import { AddCredits, AutoRule, IssueToken } from "./forms.tsx";
import { Ledger } from "./ledger.tsx";
import { useAccounts, useByProvider, useCreditWrites, useSpending, useStanding, useSummary } from "./queries.ts";
import { byDay } from "./rows.ts";
import { useWords } from "./words.ts";

type Doing = "topUp" | "grant" | "issue" | "auto" | "removeAuto" | null;

export function AccountDetail({ account, onClose }: { account: string; onClose: () => void }) {
  const { data, error, refetch } = useStanding(account);
  return (
    <Dialog drawer title={visible(account)} onClose={onClose}>
      {error && !data ? (
        <Failure error={error} retry={() => refetch()} />
      ) : !data ? (
        <Skeleton rows={10} />
      ) : (
        <>
          <Standing standing={data} />
          <Actions account={account} />
          <Spending account={account} />
          <Ledger account={account} reserved={data.reserved} />
        </>
      )}
    </Dialog>
  );
}

function Standing({
  standing,
}: {
  standing: { balance: number; available: number; reserved: number; enforced: boolean };
}) {
  const words = useWords();
  return (
    <>
      <div className="flex flex-wrap gap-x-10 gap-y-3">
        {(["balance", "available", "reserved"] as const).map((name) => (
          <div key={name}>
            <p className="text-label text-ink2">{words[name === "reserved" ? "reservedShort" : name]}</p>
            <p
              className={`text-figure font-semibold ${name === "reserved" ? "text-ink3" : standing[name] <= 0 ? "text-bad" : ""}`}
            >
              <Money micros={standing[name] * 1e6} />
            </p>
          </div>
        ))}
      </div>
      {!standing.enforced && <p className="mt-2 text-table text-warn">{words.notEnforced}</p>}
    </>
  );
}

function Actions({ account }: { account: string }) {
  const words = useWords();
  const may = useMay();
  const auto = useAutoText();
  const [doing, setDoing] = useState<Doing>(null);
  const accounts = useAccounts(true);
  const rule = accounts.data?.accounts.find((one) => one.account === account)?.auto_top_up ?? null;
  const writes = useCreditWrites();
  const remove = useForm(() => writes.removeAuto(account).then(() => setDoing(null)));
  const close = () => setDoing(null);
  return (
    <>
      {may("manage_credits") && (
        <div className="mt-4 flex flex-wrap gap-2">
          <Button look="primary" icon="plus" onClick={() => setDoing("topUp")}>
            {words.topUp}
          </Button>
          <Button onClick={() => setDoing("grant")}>{words.grant}</Button>
          <Button onClick={() => setDoing("issue")}>{words.issue}</Button>
          <Button icon="refresh" onClick={() => setDoing("auto")}>
            {words.auto}
          </Button>
          {rule && (
            <Button look="danger" icon="trash" onClick={() => setDoing("removeAuto")}>
              {words.removeAuto}
            </Button>
          )}
          {may("view_audit") && (
            <LinkButton to="/audit" search={{ target: account }} icon="audit">
              {words.history}
            </LinkButton>
          )}
        </div>
      )}
      {rule && (
        <p className="mt-2 text-table text-ink2">
          {words.auto}: {auto(rule)}
        </p>
      )}
      {(doing === "topUp" || doing === "grant") && <AddCredits account={account} how={doing} onClose={close} />}
      {doing === "issue" && <IssueToken account={account} onClose={close} />}
      {doing === "auto" && <AutoRule account={account} rule={rule} onClose={close} />}
      {doing === "removeAuto" && (
        <Confirm
          title={words.removeAuto}
          consequence={words.removeAutoText}
          action={words.removeAuto}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={close}
        />
      )}
    </>
  );
}

function Spending({ account }: { account: string }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const summary = useSummary(account);
  const series = useSpending(account);
  const providers = useByProvider(account);
  const error = summary.error ?? series.error ?? providers.error;
  if (error)
    return (
      <Failure error={error} retry={() => Promise.all([summary.refetch(), series.refetch(), providers.refetch()])} />
    );
  if (!summary.data || !series.data) return <Skeleton rows={6} />;
  const days = byDay(series.data.points, Date.now(), 30);
  const { spent, spent_before, average_a_day, projected_days_left: left } = summary.data;
  return (
    <>
      <Section title={words.lastDays}>
        <Facts
          facts={[
            [words.spent, <Money key="s" micros={spent * 1e6} />],
            [words.spentBefore, <Money key="b" micros={spent_before * 1e6} />],
            [words.average, <Money key="a" micros={average_a_day * 1e6} />],
            [words.left, left !== null && words.days(count(left, locale))],
          ]}
        />
      </Section>
      {days.some((day) => day.spent > 0) && (
        <div className="mt-4">
          <Chart
            title={words.spending}
            kind="bars"
            height={120}
            buckets={days.map(({ at }) => at)}
            series={[{ name: account, label: words.spent, values: days.map((day) => day.spent) }]}
            format={(value) => money(value * 1e6, locale)}
          />
        </div>
      )}
      {(providers.data?.providers.length ?? 0) > 0 && (
        <Section title={words.byProvider}>
          <table className="w-full text-table">
            <tbody>
              {providers.data?.providers.map((one) => (
                <tr key={one.provider_id ?? "none"} className="border-t border-line last:border-b">
                  <td className="max-w-56 truncate p-1.5">{visible(one.provider_name ?? words.noProvider)}</td>
                  <td className="p-1.5 text-right">
                    <Money micros={one.spent * 1e6} />
                  </td>
                  <td className="p-1.5 text-right text-ink2">{percent(one.percentage / 100, 0)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
    </>
  );
}
