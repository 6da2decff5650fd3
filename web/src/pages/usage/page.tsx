// What it cost, by what, and why that changed. Days are those of the zone that is shown, and what is downloaded is what is seen.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../../api/client.ts";
import type { FiguresView, Line, Ranking, Timeseries } from "../../api/schema.d.ts";
import { change, count, duration, moneyAt, percent, short, visible } from "../../lib/format.ts";
import { csv, download } from "../../lib/csv.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { RANGES, spanOf } from "../../lib/range.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Chart } from "../../ui/chart.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { Scrubber } from "../../ui/scrubber.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Money } from "../../ui/time.tsx";
import { DIMENSIONS, type Dimension, useUsage } from "./queries.ts";
import { WhyPanel } from "./why.tsx";
import { useWords } from "./words.ts";

const MEASURES = ["cost", "requests", "tokens"] as const;
type Measure = (typeof MEASURES)[number];
/** How far back figures of an hour are kept: those of a year are of days. */
const MOST_MS = 365 * 86_400_000;

export default function Usage() {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const by = (DIMENSIONS as readonly string[]).includes(filters.by ?? "") ? (filters.by as Dimension) : "model";
  const measure = (MEASURES as readonly string[]).includes(filters.measure ?? "")
    ? (filters.measure as Measure)
    : "cost";
  const span = spanOf(filters, "7d");
  const { series, groups } = useUsage(filters, by);
  const nameOf = useNames(by);
  const narrowed = DIMENSIONS.filter((name) => filters[name]);
  return (
    <Page
      title={words.title}
      actions={
        <>
          <Segmented
            label={words.range}
            value={span.range ?? "own"}
            options={[
              ...RANGES.map((value) => ({
                value: value as string,
                label: value.replace("h", " h").replace("d", " d"),
              })),
              ...(span.range ? [] : [{ value: "own", label: words.own }]),
            ]}
            onChange={(range) =>
              range !== "own" &&
              setFilters({ range: range === "7d" ? undefined : range, from: undefined, to: undefined })
            }
          />
          {groups.data && (
            <Button icon="download" onClick={() => save(groups.data, by, nameOf)}>
              {words.download}
            </Button>
          )}
        </>
      }
    >
      <div className="mb-4 flex flex-wrap items-center gap-3">
        <Segmented
          label={words.by}
          value={by}
          options={DIMENSIONS.map((value) => ({ value, label: words[value] }))}
          onChange={(value) => setFilters({ by: value === "model" ? undefined : value })}
        />
        <Segmented
          label={words.measure}
          value={measure}
          options={MEASURES.map((value) => ({ value, label: words[value] }))}
          onChange={(value) => setFilters({ measure: value === "cost" ? undefined : value })}
        />
        <Scrubber
          span={span}
          most={MOST_MS}
          onChange={(to) => setFilters({ from: to && String(to.from), to: to && String(to.to) })}
        />
        {narrowed.map((name) => (
          <Button
            key={name}
            icon="close"
            onClick={() => setFilters({ [name]: undefined })}
            aria-label={`${words.clear}: ${words[name]}`}
          >
            {words[name]}: {visible(filters[name] ?? "")}
          </Button>
        ))}
      </div>
      {series.error || groups.error ? (
        <Failure error={series.error ?? groups.error} retry={() => Promise.all([series.refetch(), groups.refetch()])} />
      ) : !series.data || !groups.data ? (
        <Skeleton rows={12} />
      ) : groups.data.total.requests === 0 ? (
        <Empty>{words.empty}</Empty>
      ) : (
        <>
          <Over
            series={series.data}
            measure={measure}
            nameOf={nameOf}
            onSelect={(from, to) => setFilters({ from: String(from), to: String(to) })}
            isPart={!span.range}
            onBack={() => setFilters({ from: undefined, to: undefined })}
          />
          <Notes figures={groups.data.total} />
          <Groups ranking={groups.data} by={by} nameOf={nameOf} />
          <WhyPanel filters={filters} />
        </>
      )}
    </Page>
  );
}

type NameOf = (name: string | null) => string;

/** The name of a group: keys are grouped by their id. */
function useNames(by: Dimension): NameOf {
  const words = useWords();
  const { data } = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => call("GET /keys", { signal }),
    enabled: by === "key",
    staleTime: 60_000,
  });
  const keys = new Map(data?.keys.map((key) => [key.id, key.name]));
  return (name) =>
    name === null ? words.others : name === "" ? words.none : visible((by === "key" && keys.get(name)) || name);
}

const VALUES: Record<Measure, (line: Line) => number[]> = {
  cost: (line) => line.cost_micros,
  requests: (line) => line.requests,
  tokens: (line) => line.prompt_tokens.map((prompt, index) => prompt + (line.completion_tokens[index] ?? 0)),
};

interface OverProps {
  series: Timeseries;
  measure: Measure;
  nameOf: NameOf;
  onSelect: (from: number, to: number) => void;
  isPart: boolean;
  onBack: () => void;
}

function Over({ series, measure, nameOf, onSelect, isPart, onBack }: OverProps) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { bucket, tz, to } = series.window;
  const lines = [...series.lines]
    .map((line) => ({ name: line.name, label: nameOf(line.name), values: VALUES[measure](line) }))
    .filter(({ values }) => values.some((value) => value > 0));
  return (
    <>
      <Chart
        title={`${words[measure]} · ${words.bucket(words[bucket as "hour"] ?? bucket, tz)}`}
        kind="bars"
        height={260}
        buckets={series.buckets}
        end={to}
        format={(value, axis) => (measure === "cost" ? moneyAt(value, axis, locale) : short(value, locale))}
        series={lines}
        onSelect={onSelect}
      />
      <p className="mt-1 flex items-center gap-3 text-table text-ink3">
        <span className="pointer-coarse:hidden">{words.zoomHint}</span>
        {isPart && <Button onClick={onBack}>{words.back}</Button>}
      </p>
    </>
  );
}

function Notes({ figures }: { figures: FiguresView }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (
    <>
      {figures.unpriced_requests > 0 && (
        <p className="text-table text-warn">{words.unpriced(count(figures.unpriced_requests, locale))}</p>
      )}
      {figures.estimated_requests > 0 && (
        <p className="text-table text-ink2">{words.estimated(count(figures.estimated_requests, locale))}</p>
      )}
    </>
  );
}

const tokensOf = (figures: FiguresView) => figures.prompt_tokens + figures.completion_tokens;

function Groups({ ranking, by, nameOf }: { ranking: Ranking; by: Dimension; nameOf: NameOf }) {
  const words = useWords();
  const [filters] = useFilters();
  const locale = localeOf(usePreferences());
  const then = ranking.groups.reduce((sum, group) => sum + group.before.cost_micros, 0);
  const row = (
    name: string,
    figures: FiguresView,
    before: number | null,
    share: number | null,
    link: boolean,
    raw: string,
  ) => (
    <tr key={raw} className={link ? "border-t border-line" : "border-t border-control font-medium"}>
      <td className="max-w-56 truncate p-1.5">
        {link && raw ? (
          <Link
            to="/requests"
            search={
              {
                [by]: raw,
                ...(filters.from ? { from: filters.from, to: filters.to } : { range: filters.range ?? "7d" }),
              } as never
            }
            className="link"
          >
            {name}
          </Link>
        ) : (
          name
        )}
      </td>
      <td className="p-1.5 text-right">
        <Money micros={figures.cost_micros} />
      </td>
      <td className="p-1.5 text-right max-sm:hidden">{percent(share, 0)}</td>
      <td className="p-1.5 text-right text-ink2 max-sm:hidden">{before === null ? "" : <Money micros={before} />}</td>
      <td className="p-1.5 text-right">{before ? change(figures.cost_micros, before) : ""}</td>
      <td className="p-1.5 text-right">{short(figures.requests, locale)}</td>
      <td className="p-1.5 text-right max-sm:hidden">{percent(figures.error_rate)}</td>
      <td className="p-1.5 text-right max-sm:hidden">{short(tokensOf(figures), locale)}</td>
      <td className="p-1.5 text-right max-lg:hidden">
        {figures.prompt_tokens > 0 ? percent(figures.cached_tokens / figures.prompt_tokens, 0) : ""}
      </td>
      <td className="p-1.5 text-right max-lg:hidden">{duration(figures.duration_ms.p95)}</td>
    </tr>
  );
  const heads: [string, string][] = [
    [words.cost, ""],
    [words.share, "max-sm:hidden"],
    [words.before, "max-sm:hidden"],
    [words.change, ""],
    [words.requests, ""],
    [words.errors, "max-sm:hidden"],
    [words.tokens, "max-sm:hidden"],
    [words.cached, "max-lg:hidden"],
    [words.duration, "max-lg:hidden"],
  ];
  return (
    <Section title={words[by]}>
      <table className="w-full text-table">
        <thead>
          <tr className="text-label text-ink2">
            <th className="p-1.5 text-left font-normal">{words[by]}</th>
            {heads.map(([title, hidden]) => (
              <th key={title} className={`p-1.5 text-right font-normal ${hidden}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ranking.groups.map(({ name, figures, before, cost_share }) =>
            row(nameOf(name), figures, before.cost_micros, cost_share, true, name),
          )}
          {ranking.others && row(words.others, ranking.others, null, null, true, "")}
          {row(words.sum, ranking.total, ranking.others ? null : then, 1, false, "sum")}
        </tbody>
      </table>
    </Section>
  );
}

/** Exactly the rows that are shown, with numbers that can be worked with. */
function save(ranking: Ranking, by: Dimension, nameOf: NameOf) {
  const rows = ranking.groups.map(({ name, figures, before }) => [
    nameOf(name),
    figures.cost_micros / 1e6,
    before.cost_micros / 1e6,
    figures.requests,
    figures.errors,
    figures.prompt_tokens,
    figures.cached_tokens,
    figures.completion_tokens,
  ]);
  const head = [
    by,
    "cost_usd",
    "cost_usd_before",
    "requests",
    "errors",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
  ];
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 16).replaceAll(":", "");
  download(`usage-${by}-${day(ranking.window.from)}-${day(ranking.window.to)}.csv`, csv([head, ...rows]));
}
