// The upstreams with their circuits, and what failed.

import { Link } from "@tanstack/react-router";
import type { RankedProvider } from "../../api/schema.d.ts";
import { count, duration, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Span, searchOf } from "../../lib/range.ts";
import { Section } from "../../ui/page.tsx";
import { Spark } from "../../ui/spark.tsx";
import { Chip } from "../../ui/status.tsx";
import type { Asked } from "./queries.ts";
import { useWords } from "./words.ts";

export function Upstreams({ providers }: { providers: RankedProvider[] }) {
  const words = useWords();
  const tone = { closed: "ok", open: "bad", half_open: "warn" } as const;
  return (
    <Section title={words.upstreams}>
      <div tabIndex={0} role="group" aria-label={words.upstreams} className="overflow-x-auto">
        <table className="w-full text-table">
          <thead>
            <tr className="text-left text-label text-ink2">
              <th className="p-1.5 font-normal">{words.provider}</th>
              <th className="p-1.5 font-normal">{words.circuit}</th>
              <th className="p-1.5 text-right font-normal">{words.success}</th>
              <th className="hidden p-1.5 font-normal sm:table-cell">{words.trend}</th>
              <th className="p-1.5 text-right font-normal">{words.p95}</th>
              <th className="p-1.5 text-right font-normal">{words.share}</th>
            </tr>
          </thead>
          <tbody>
            {providers.map((provider) => (
              <tr key={provider.name} className="border-t border-line">
                <td className="max-w-40 truncate p-1.5">
                  <Link to="/requests" search={{ provider: provider.name } as never} className="link">
                    {visible(provider.name)}
                  </Link>
                </td>
                <td className="p-1.5">
                  <Chip tone={tone[provider.circuit.state]}>{words[provider.circuit.state]}</Chip>
                </td>
                <td className="p-1.5 text-right">{percent(provider.success_rate)}</td>
                <td className="hidden p-1.5 sm:table-cell">
                  <Spark
                    values={provider.trend.map((value) => value ?? 0)}
                    label={`${words.trend}: ${percent(provider.success_rate)}`}
                  />
                </td>
                <td className="p-1.5 text-right">{duration(provider.figures.duration_ms.p95)}</td>
                <td className="p-1.5 text-right">{percent(provider.share, 0)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

export function Causes({ asked, span }: { asked: Asked; span: Span }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const groups = asked.errors.data?.groups.filter(({ name }) => name !== "") ?? [];
  return (
    <Section title={words.causes}>
      {groups.length === 0 ? (
        <p className="text-ink2">{words.noErrors}</p>
      ) : (
        <table className="w-full text-table">
          <thead>
            <tr className="text-left text-label text-ink2">
              <th className="p-1.5 font-normal">{words.code}</th>
              <th className="p-1.5 text-right font-normal">{words.times}</th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ name, figures }) => (
              <tr key={name} className="border-t border-line">
                <td className="p-1.5 font-mono">
                  <Link to="/requests" search={{ error: name, ...searchOf(span) } as never} className="link">
                    {visible(name)}
                  </Link>
                </td>
                <td className="p-1.5 text-right">{count(figures.requests, locale)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
