// The five figures of the overview, each leading to the rows that it is made of.

import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { FiguresView, Overview, Timeseries } from "../../api/schema.d.ts";
import { change, count, duration, money, percent, short } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Span, searchOf } from "../../lib/range.ts";
import { Spark } from "../../ui/spark.tsx";
import { useWords } from "./words.ts";

export const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
const sums = (series: Timeseries | undefined, of: "requests" | "errors" | "cost_micros") =>
  series?.buckets.map((_, index) => series.lines.reduce((sum, line) => sum + (line[of][index] ?? 0), 0)) ?? [];

export function Cards({
  answer: { figures, before },
  outcomes,
  span,
}: {
  answer: Overview;
  outcomes: Timeseries | undefined;
  span: Span;
}) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const cards: {
    title: string;
    value: string;
    under: ReactNode;
    now: number;
    earlier: number;
    to: string;
    search: Record<string, string>;
    spark?: number[];
  }[] = [
    {
      title: words.requests,
      value: short(figures.requests, locale),
      under: words.before(short(before.requests, locale)),
      now: figures.requests,
      earlier: before.requests,
      to: "/requests",
      search: searchOf(span),
      spark: sums(outcomes, "requests"),
    },
    {
      title: words.errors,
      value: short(figures.errors, locale),
      under: words.ofRequests(percent(figures.error_rate)),
      now: figures.errors,
      earlier: before.errors,
      to: "/requests",
      search: { ...searchOf(span), status: worst(figures) },
      spark: sums(outcomes, "errors"),
    },
    {
      title: words.cost,
      value: money(figures.cost_micros, locale),
      under:
        figures.unpriced_requests > 0
          ? words.unpriced(count(figures.unpriced_requests, locale))
          : words.before(money(before.cost_micros, locale)),
      now: figures.cost_micros,
      earlier: before.cost_micros,
      to: "/usage",
      search: searchOf(span),
      spark: sums(outcomes, "cost_micros"),
    },
    {
      title: words.duration,
      value: duration(figures.duration_ms.p95),
      under: words.median(duration(figures.duration_ms.p50)),
      now: figures.duration_ms.p95 ?? 0,
      earlier: before.duration_ms.p95 ?? 0,
      to: "/requests",
      search: { ...searchOf(span), min_ms: String(Math.floor(figures.duration_ms.p95 ?? 0)) },
    },
    {
      title: words.tokens,
      value: short(tokens(figures), locale),
      under: words.promptAnswer(short(figures.prompt_tokens, locale), short(figures.completion_tokens, locale)),
      now: tokens(figures),
      earlier: tokens(before),
      to: "/usage",
      search: { ...searchOf(span), measure: "tokens" },
    },
  ];
  return (
    <ul className="grid grid-cols-2 border-y border-line sm:grid-cols-3 lg:grid-cols-5">
      {cards.map((card) => (
        <li key={card.title} className="min-w-0 border-line p-3 max-sm:odd:border-r sm:border-r sm:last:border-r-0">
          <Link to={card.to} search={card.search as never} className="group block no-underline">
            <span className="block text-table text-ink2 group-hover:text-accent group-hover:underline">
              {card.title}
            </span>
            <span className="flex flex-wrap items-baseline gap-x-2">
              <span className="text-figure font-medium">{card.value}</span>
              <span className="text-table text-ink2">{change(card.now, card.earlier)}</span>
            </span>
            <span className="flex flex-wrap items-end justify-between gap-x-2">
              <span className="text-table text-ink3">{card.under}</span>
              {card.spark && card.spark.length > 1 && (
                <span className="max-sm:hidden">
                  <Spark values={merged(card.spark, 24)} label={card.title} width={48} />
                </span>
              )}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The largest class of errors, which the log can be narrowed to. */
function worst({ server_errors, timeouts, limited, client_errors }: FiguresView): string {
  const classes = { server: server_errors, timeout: timeouts, limited, client: client_errors };
  return Object.entries(classes).reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

const tokens = (figures: FiguresView) => figures.prompt_tokens + figures.completion_tokens;

/** At most so many values, by adding neighbours up. */
function merged(values: number[], most: number): number[] {
  const each = Math.ceil(values.length / most);
  return Array.from({ length: Math.ceil(values.length / each) }, (_, index) =>
    total(values.slice(index * each, (index + 1) * each)),
  );
}
