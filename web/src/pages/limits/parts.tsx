// How limits are said: the name of a subject, one limit with what is used of it, and all limits in a line.

import type { LimitUsage, SubjectLimits } from "../../api/schema.d.ts";
import { count, duration, money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Meter } from "../../ui/meter.tsx";
import { AMOUNTS, subjectOf } from "./draft.ts";
import type { Limited } from "./queries.ts";
import { useWords } from "./words.ts";

export function useName(): (item: Pick<Limited, "subject" | "name">) => string {
  return ({ subject, name }) => visible(name ?? subjectOf(subject).name);
}

export function SubjectName({ item }: { item: Pick<Limited, "subject" | "name"> }) {
  const words = useWords();
  const name = useName();
  return (
    <>
      <span className="text-ink3">{words[subjectOf(item.subject).kind]}</span>{" "}
      <span className="font-medium">{name(item)}</span>
    </>
  );
}

/** "38 of 40 requests a minute" */
export function useUsageText(): (usage: LimitUsage) => string {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (usage) => {
    const show = (value: number) => (usage.limit.startsWith("budget") ? money(value, locale) : count(value, locale));
    return `${words.used(show(usage.used), show(usage.max))} ${words[usage.limit]}`;
  };
}

/** All limits of a subject in a line. */
export function useSummary(): (item: Pick<SubjectLimits, "limits" | "budget">) => string {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return ({ limits, budget }) => {
    const parts = AMOUNTS.flatMap((amount) => {
      const value = limits[amount];
      return value === null || value === undefined ? [] : [`${count(value, locale)} ${words[amount]}`];
    });
    if (budget) parts.unshift(`${money(budget.amount * 1e6, locale)} ${words[budget.period as "day"]}`);
    return parts.join(" · ");
  };
}

/** The limit of which most is used. */
export function nearestOf(usage: LimitUsage[]): LimitUsage | undefined {
  const share = ({ used, max }: LimitUsage) => (max > 0 ? used / max : 1);
  return usage.reduce<LimitUsage | undefined>(
    (most, one) => (most === undefined || share(one) > share(most) ? one : most),
    undefined,
  );
}

export function Nearest({ item }: { item: Limited }) {
  const words = useWords();
  const text = useUsageText();
  if (item.usage === null) return <span className="text-warn">{words.noUsage}</span>;
  const nearest = item.usage && nearestOf(item.usage);
  if (!nearest) return null;
  return (
    <span className="flex items-center gap-2">
      <span className="w-16 shrink-0">
        <Meter used={nearest.used} of={nearest.max} label={text(nearest)} />
      </span>
      <span className="truncate" title={text(nearest)}>
        {text(nearest)}
      </span>
    </span>
  );
}

export function UsedLimit({ usage }: { usage: LimitUsage }) {
  const words = useWords();
  const text = useUsageText();
  return (
    <div className="border-t border-line py-2 last:border-b">
      <p className="mb-1 flex flex-wrap justify-between gap-x-4">
        <span>{text(usage)}</span>
        {usage.used > 0 && (
          <span className="text-table text-ink3">
            {words.resets}: {usage.reset_ms === null ? words.never : duration(usage.reset_ms)}
          </span>
        )}
      </p>
      <Meter used={usage.used} of={usage.max} label={text(usage)} />
    </div>
  );
}
