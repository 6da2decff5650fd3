// Requests by outcome, and the cost by model; where nothing costs anything, how long answers took.

import type { Overview, Timeseries } from "../../api/schema.d.ts";
import { duration, moneyAt, short, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Chart, type Series } from "../../ui/chart.tsx";
import { useUiWords } from "../../ui/words.ts";
import { total } from "./cards.tsx";
import type { Asked } from "./queries.ts";
import { useWords } from "./words.ts";

const OUTCOMES: Record<string, string> = {
  ok: "--series-0",
  client: "--series-4",
  limited: "--series-1",
  timeout: "--series-3",
  server: "--bad",
  cancelled: "--series-other",
};

export function Charts({ answer, asked }: { answer: Overview; asked: Asked }) {
  const words = useWords();
  const ui = useUiWords();
  const locale = localeOf(usePreferences());
  const outcomes = asked.outcomes.data;
  const models = asked.models.data;
  const names: Record<string, string> = {
    ok: words.ok,
    client: words.client,
    limited: words.limited,
    timeout: words.timeout,
    server: words.server,
    cancelled: words.cancelled,
  };
  const costs: Series[] = (models?.lines ?? [])
    .filter((line) => total(line.cost_micros) > 0)
    .map((line) => ({
      name: line.name,
      label: line.name === null ? ui.others : visible(line.name) || words.none,
      values: line.cost_micros,
    }));
  const hasCost = costs.length > 0;
  return (
    <div className="mt-6 grid gap-8 lg:grid-cols-2">
      {outcomes && (
        <Chart
          title={words.byOutcome}
          kind="bars"
          buckets={outcomes.buckets}
          end={answer.window.to}
          format={(value) => short(value, locale)}
          series={outcomes.lines.map((line) => ({
            name: line.name,
            label: names[line.name ?? ""] ?? ui.others,
            values: line.requests,
            colour: OUTCOMES[line.name ?? ""] ?? "--series-other",
          }))}
        />
      )}
      {models && hasCost && (
        <Chart
          title={words.costByModel}
          kind="bars"
          buckets={models.buckets}
          end={answer.window.to}
          format={(value, axis) => moneyAt(value, axis, locale)}
          series={costs}
        />
      )}
      {models && !hasCost && <Durations series={models} />}
    </div>
  );
}

function Durations({ series }: { series: Timeseries }) {
  const words = useWords();
  const slowest = series.lines[0];
  if (!slowest) return null;
  return (
    <Chart
      title={`${words.durations} · ${visible(slowest.name ?? "") || words.none}`}
      kind="lines"
      buckets={series.buckets}
      format={duration}
      series={[
        { name: "p50", label: "50 %", values: slowest.duration_p50_ms, colour: "--series-0" },
        { name: "p95", label: "95 %", values: slowest.duration_p95_ms, colour: "--series-1" },
        { name: "p99", label: "99 %", values: slowest.duration_p99_ms, colour: "--series-3" },
      ]}
    />
  );
}
