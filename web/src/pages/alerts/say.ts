// How values of measures and rules are said.

import type { AlertRuleView, Measure } from "../../api/schema.d.ts";
import { count, duration, money, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Dimension, MEASURES } from "./measures.ts";
import { useWords } from "./words.ts";

/** A value of a measure in its unit: "5 %", "$12.00", "1.20 s". */
export function useValue(): (measure: Measure, value: number) => string {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (measure, value) => {
    switch (MEASURES[measure]) {
      case "share":
        return percent(value, 2)
          .replace(/(\.\d*?)0+(?= %$)/, "$1")
          .replace(". %", " %");
      case "dollars":
        return money(value * 1e6, locale);
      case "ms":
        return duration(value);
      case "flag":
        return value >= 1 ? words.isOpen : count(value, locale);
      default:
        return count(value, locale);
    }
  };
}

/** "15 minutes", "an hour", "a day" */
export function useSpan(): (minutes: number) => string {
  const words = useWords();
  return (minutes) =>
    minutes === 1440
      ? words.day
      : minutes >= 60 && minutes % 60 === 0
        ? words.hours(minutes / 60)
        : words.minutes(minutes);
}

export type Said = Pick<
  AlertRuleView,
  | "measure"
  | "comparison"
  | "threshold"
  | "window_minutes"
  | "for_minutes"
  | "min_requests"
  | "group_by"
  | "filters"
  | "subject"
>;

/** A rule in words: "Share of errors of each provider above 5 % over 15 minutes, for 5 minutes, …" */
export function useSentence(): (rule: Said) => string {
  const words = useWords();
  const value = useValue();
  const span = useSpan();
  const locale = localeOf(usePreferences());
  return (rule) => {
    const of = rule.group_by
      ? words.ofEach(words[rule.group_by as Dimension] ?? rule.group_by)
      : rule.subject
        ? words.ofSubject(visible(rule.subject))
        : "";
    const filters = Object.entries(rule.filters).map(
      ([name, values]) => `${words[name as Dimension] ?? name} ${visible(values)}`,
    );
    const parts = [
      words.sentence(
        words[rule.measure],
        of,
        words[rule.comparison],
        value(rule.measure, rule.threshold),
        span(rule.window_minutes),
      ),
      rule.for_minutes > 0 ? words.lastingText(span(rule.for_minutes)) : "",
      rule.min_requests > 0 ? words.leastText(count(rule.min_requests, locale)) : "",
      filters.length > 0 ? words.onlyText(filters.join(", ")) : "",
    ];
    return parts.filter(Boolean).join(locale === "zh-CN" ? "，" : ", ");
  };
}
