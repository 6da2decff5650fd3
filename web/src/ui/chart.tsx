// Stacked bars or lines over time, drawn by uPlot: at most seven series and "all others", bars from zero, a bucket that is not over
// yet is hatched. What it shows is also a table, for screen readers and for those who prefer numbers. Dragging selects a span.

import { Suspense, lazy, useState } from "react";
import { coloursOf } from "../lib/colours.ts";
import { time } from "../lib/format.ts";
import { localeOf, usePreferences, zoneOf } from "../lib/preferences.ts";
import { Button } from "./button.tsx";
import { Skeleton } from "./states.tsx";
import { useUiWords } from "./words.ts";

const Plot = lazy(() => import("./plot.tsx"));

export interface Series {
  /** `null`: all that are not among the others. */
  name: string | null;
  label: string;
  values: (number | null)[];
  /** The custom property of its colour, where it means something; without, the colour of its name. */
  colour?: string;
}

export interface ChartProps {
  title: string;
  /** The beginning of each bucket, in milliseconds. */
  buckets: number[];
  series: Series[];
  kind: "bars" | "lines";
  /** Of one value; with the values of an axis, so that all have the same digits. */
  format: (value: number, axis?: number[]) => string;
  height?: number;
  /** The end of the last bucket: where it is in the future, that bucket is not complete. */
  end?: number;
  onSelect?: (from: number, to: number) => void;
}

export function Chart(props: ChartProps) {
  const { title, buckets, series, format } = props;
  const words = useUiWords();
  const chosen = usePreferences();
  const [isTable, setTable] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const byName = coloursOf(series.map(({ name }) => name));
  const colours = series.map(({ colour }, index) => colour ?? byName[index] ?? "--series-other");
  const style = (buckets[1] ?? 0) - (buckets[0] ?? 0) >= 86_400_000 ? "date" : "moment";
  const moment = (ms: number) => time(ms, style, localeOf(chosen), zoneOf(chosen));
  const shown = at === null ? undefined : buckets[at];
  return (
    <figure className="m-0 min-w-0">
      <figcaption className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <span className="font-medium">{title}</span>
        <span className="text-table text-ink3">{shown !== undefined && !isTable ? moment(shown) : ""}</span>
        <Button look="quiet" className="ml-auto text-table!" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {words.asTable}
        </Button>
      </figcaption>
      {isTable ? (
        <div
          tabIndex={0}
          role="group"
          aria-label={title}
          className="overflow-auto border-y border-line"
          style={{ maxHeight: (props.height ?? 200) + 40 }}
        >
          <table className="w-full text-table">
            <thead>
              <tr>
                <th className="p-1 text-left font-normal text-ink2">{words.time}</th>
                {series.map(({ label }) => (
                  <th key={label} className="p-1 text-right font-normal text-ink2">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {buckets.map((bucket, index) => (
                <tr key={bucket} className="border-t border-line">
                  <td className="p-1 whitespace-nowrap">{moment(bucket)}</td>
                  {series.map(({ label, values }) => (
                    <td key={label} className="p-1 text-right">
                      {values[index] === null || values[index] === undefined ? "–" : format(values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <>
          <div aria-hidden="true" style={{ height: props.height ?? 200 }}>
            <Suspense fallback={<Skeleton rows={1} height={props.height ?? 200} />}>
              <Plot {...props} colours={colours} onCursor={setAt} />
            </Suspense>
          </div>
          {(series.length > 1 || at !== null) && (
            <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-table text-ink2">
              {series.map(({ label, values }, index) => (
                <li key={label} className="inline-flex max-w-full min-w-0 items-center gap-1.5">
                  <svg width="10" height="10" aria-hidden="true" className="shrink-0">
                    <rect width="10" height="10" fill={`var(${colours[index]})`} />
                  </svg>
                  <span className="truncate">{label}</span>
                  {at !== null && values[at] !== null && values[at] !== undefined && (
                    <span className="text-ink">{format(values[at])}</span>
                  )}
                </li>
              ))}
            </ul>
          )}
        </>
      )}
    </figure>
  );
}
