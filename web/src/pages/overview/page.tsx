// Is anything wrong, and what does it cost? A sentence first, then the figures that it is made of, each leading to its rows.

import type { Overview as Answer } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { money, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Span, spanOf } from "../../lib/range.ts";
import { useFilters } from "../../lib/url.ts";
import { LinkButton } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Scrubber } from "../../ui/scrubber.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Cards, total } from "./cards.tsx";
import { Charts } from "./charts.tsx";
import { type Asked, useOverview, useTotal } from "./queries.ts";
import { Causes, Upstreams } from "./tables.tsx";
import { useWords } from "./words.ts";

const RANGES = ["1h", "24h", "7d", "30d"];
/** How far back the time can be moved. */
const MOST_MS = 90 * 86_400_000;
/** More than this share of failed requests is trouble. */
const TROUBLE = 0.02;

export default function Overview() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const span = spanOf(
    { ...filters, range: RANGES.includes(filters.range ?? "") ? (filters.range ?? "") : "24h" },
    "24h",
  );
  const asked = useOverview(span);
  const { overview } = asked;
  const isNew = useIsNew(overview.data);
  return (
    <Page
      title={words.title}
      actions={
        <>
          {!isNew && (
            <Scrubber
              span={span}
              most={MOST_MS}
              onChange={(to) => setFilters({ from: to && String(to.from), to: to && String(to.to) })}
            />
          )}
          <Segmented
            label={words.range}
            value={span.range ?? ""}
            options={RANGES.map((value) => ({ value, label: value.replace("h", " h").replace("d", " d") }))}
            onChange={(value) =>
              setFilters({ range: value === "24h" ? undefined : value, from: undefined, to: undefined })
            }
          />
        </>
      }
    >
      {overview.data ? (
        <Figures answer={overview.data} asked={asked} span={span} />
      ) : overview.error ? (
        <Failure error={overview.error} retry={() => overview.refetch()} />
      ) : (
        <Skeleton rows={12} />
      )}
    </Page>
  );
}

/** Whether nothing was ever asked: then there is no time to move back to. */
function useIsNew(answer: Answer | undefined): boolean {
  const total = useTotal(answer !== undefined && isQuiet(answer));
  return total.data?.total_rounds === 0;
}

const isQuiet = ({ figures, before }: Answer) => figures.requests === 0 && before.requests === 0;

function Figures({ answer, asked, span }: { answer: Answer; asked: Asked; span: Span }) {
  if (isQuiet(answer)) return <Quiet />;
  return (
    <>
      <Sentence answer={answer} asked={asked} />
      <Cards answer={answer} outcomes={asked.outcomes.data} span={span} />
      <Charts answer={answer} asked={asked} />
      <div className="grid gap-x-8 lg:grid-cols-[2fr_1fr]">
        {asked.ranking.data && asked.ranking.data.providers.length > 0 && (
          <Upstreams providers={asked.ranking.data.providers} />
        )}
        <Causes asked={asked} span={span} />
      </div>
    </>
  );
}

/** No request in this time: the gateway is new, or nothing was asked lately. */
function Quiet() {
  const words = useWords();
  const may = useMay();
  const total = useTotal(true);
  if (!may("view_all_statistics")) {
    return <Empty action={<LinkButton to="/connect">{words.toConnect}</LinkButton>}>{words.emptyOwn}</Empty>;
  }
  if (total.isPending) return <Skeleton rows={3} />;
  if (total.data && total.data.total_rounds > 0) {
    return <Empty action={<LinkButton to="/requests">{words.toLog}</LinkButton>}>{words.noRequests}</Empty>;
  }
  return (
    <Empty
      action={
        <LinkButton to="/start" look="primary">
          {words.toGuide}
        </LinkButton>
      }
    >
      {words.getStarted}
    </Empty>
  );
}

function Sentence({ answer: { figures, before }, asked }: { answer: Answer; asked: Asked }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const providers = asked.ranking.data?.providers ?? [];
  const resting = providers.filter(({ circuit }) => circuit.state === "open").length;
  const firing = asked.alerts.data?.alerts.length ?? 0;
  const isTroubled = (figures.error_rate ?? 0) > TROUBLE;
  const growth = before.cost_micros > 0 ? figures.cost_micros / before.cost_micros - 1 : null;
  const share = percent(Math.abs(growth ?? 0), 0);
  const dearest = [...(asked.models.data?.lines ?? [])].sort((a, b) => total(b.cost_micros) - total(a.cost_micros))[0];
  const parts = [
    isTroubled ? words.troubled(percent(figures.error_rate)) : resting === 0 && firing === 0 ? words.allWell : "",
    firing > 0 ? words.firing(firing) : "",
    resting > 0 ? words.resting(resting, providers.length) : "",
  ];
  const spent = [
    words.spent(money(figures.cost_micros, locale)),
    growth !== null && (Math.abs(growth) < 0.005 ? words.same : growth > 0 ? words.more(share) : words.less(share)),
    dearest?.name && total(dearest.cost_micros) > 0 && words.mostly(visible(dearest.name)),
  ];
  return (
    <p className="mb-4 max-w-text text-section">
      <span
        className={
          isTroubled || firing > 0
            ? "font-semibold text-bad"
            : resting > 0
              ? "font-semibold text-warn"
              : "font-semibold text-ok"
        }
      >
        {parts.filter(Boolean).join(" ")}
      </span>{" "}
      {figures.requests === 0 ? words.noRequests : words.sentence(spent.filter(Boolean) as string[])}
    </p>
  );
}
