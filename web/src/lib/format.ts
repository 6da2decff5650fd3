// Numbers, money, durations and times as text. Pure: language and zone are arguments.

/** Millionths of a dollar: two digits from a dollar on, else four that count; never an exponent. */
export function money(micros: number | null | undefined, locale = "en-GB"): string {
  if (micros === null || micros === undefined) return "–";
  const dollars = micros / 1e6;
  const size = Math.abs(dollars);
  if (size === 0) return "$0";
  // What four digits would round to a dollar is written like a dollar.
  const digits =
    size >= 0.999_95
      ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
      : { maximumSignificantDigits: size < 0.01 ? 2 : 4 };
  const text = new Intl.NumberFormat(locale, { ...digits, useGrouping: true }).format(size);
  return `${dollars < 0 ? "−" : ""}$${text}`;
}

/** A price of a million tokens in dollars: as it was set, as prices are compared to the last digit. */
export function price(dollars: number, locale = "en-GB"): string {
  const digits = { minimumFractionDigits: dollars === 0 ? 0 : 2, maximumFractionDigits: 6 };
  return `$${new Intl.NumberFormat(locale, digits).format(dollars)}`;
}

/** Money at an axis: as many digits for all values as the smallest step needs. */
export function moneyAt(micros: number, axis: number[] | undefined, locale = "en-GB"): string {
  if (!axis || axis.length < 2) return money(micros, locale);
  const step = Math.abs((axis[1] ?? 0) - (axis[0] ?? 0)) / 1e6;
  const digits = step > 0 ? Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)) : 0;
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `$${format.format(micros / 1e6)}`;
}

export function count(value: number | null | undefined, locale = "en-GB"): string {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat(locale).format(value);
}

/** A large number in three digits: 12.3k, 4.56M. Chinese counts in ten thousands. */
export function short(value: number | null | undefined, locale = "en-GB"): string {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) < 10_000) return count(Math.round(value), locale);
  // British English has small letters for thousands and millions.
  const compact = locale === "en-GB" ? "en-US" : locale;
  return new Intl.NumberFormat(compact, { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/** A share from 0 to 1. */
export function percent(share: number | null | undefined, digits = 1): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  const value = share * 100;
  if (value !== 0 && Math.abs(value) < 0.1) return value < 0 ? "−<0.1 %" : "<0.1 %";
  return `${value
    .toFixed(Math.abs(value) >= 100 ? 0 : digits)
    .replace(/\.0$/, "")
    .replace("-", "−")} %`;
}

/** The change from one value to another, with its sign; `null` where there was nothing before. */
export function change(now: number, before: number): string | null {
  if (before === 0) return null;
  if (Math.abs(now / before - 1) < 0.005) return "±0 %";
  const text = percent(now / before - 1, 0);
  return now > before ? `+${text}` : text;
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  // The unit is chosen by what the number is rounded to: never 1000 ms or 60.0 s.
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export type TimeStyle = "time" | "date" | "moment" | "full" | "hour" | "day";

const STYLES: Record<TimeStyle, Intl.DateTimeFormatOptions> = {
  time: { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false },
  hour: { hour: "2-digit", minute: "2-digit", hour12: false },
  date: { year: "numeric", month: "short", day: "numeric" },
  day: { month: "short", day: "numeric" },
  moment: { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false },
  full: {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
    timeZoneName: "short",
  },
};

const formats = new Map<string, Intl.DateTimeFormat>();

/** A time in milliseconds since the epoch, in a zone. Formats are kept: making one takes longer than using it. */
export function time(ms: number, style: TimeStyle, locale: string, timeZone: string): string {
  const key = `${style} ${locale} ${timeZone}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale, { ...STYLES[style], timeZone });
    formats.set(key, format);
  }
  return format.format(ms);
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

/**
 * How long ago, or in how much time: in the largest unit that fits. Days are 24 hours and not those of the calendar: what was 23 hours
 * ago may be of today, so none of them is called yesterday and nothing is rounded up to the first.
 */
export function relative(ms: number, now: number, locale: string): string {
  const difference = ms - now;
  // Below a day by the rounded number: never 60 minutes.
  const least = (unit: string, size: number, next = 0) => (unit === "day" ? size : size - next / 2);
  const [unit, length] = UNITS.find(
    ([name, size], at) => Math.abs(difference) >= least(name, size, UNITS[at + 1]?.[1]),
  ) ?? ["second" as const, 1000];
  const numeric = unit === "day" ? "always" : "auto";
  return new Intl.RelativeTimeFormat(locale, { numeric, style: "short" }).format(Math.round(difference / length), unit);
}

/** Text from elsewhere with its direction controls made visible: they could make an id look like another one. */
export const visible = (text: string) =>
  text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
