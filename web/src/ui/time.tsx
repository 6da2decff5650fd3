// Times, money and numbers as elements: in the language and zone of the person, with what is exact in the tooltip.

import { useEffect, useState } from "react";
import { type TimeStyle, money, relative, time } from "../lib/format.ts";
import { localeOf, usePreferences, zoneOf } from "../lib/preferences.ts";

export function Time({ ms, style = "moment" }: { ms: number; style?: TimeStyle }) {
  const chosen = usePreferences();
  const locale = localeOf(chosen);
  return (
    <time dateTime={new Date(ms).toISOString()} title={time(ms, "full", locale, zoneOf(chosen))}>
      {time(ms, style, locale, zoneOf(chosen))}
    </time>
  );
}

/** "2 minutes ago", kept true. */
export function Ago({ ms }: { ms: number }) {
  const chosen = usePreferences();
  const locale = localeOf(chosen);
  const now = useNow(10_000);
  return (
    <time dateTime={new Date(ms).toISOString()} title={time(ms, "full", locale, zoneOf(chosen))}>
      {relative(ms, now, locale)}
    </time>
  );
}

export function useNow(every: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function Money({ micros }: { micros: number | null | undefined }) {
  const locale = localeOf(usePreferences());
  return (
    <span title={micros === null || micros === undefined ? undefined : `${micros / 1e6} USD`}>
      {money(micros, locale)}
    </span>
  );
}
