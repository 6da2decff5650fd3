// uPlot, loaded with the first chart.

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { time } from "../lib/format.ts";
import { localeOf, usePreferences, zoneOf } from "../lib/preferences.ts";
import type { ChartProps } from "./chart.tsx";

interface Props extends ChartProps {
  /** Names of custom properties. */
  colours: string[];
  onCursor: (index: number | null) => void;
}

/** All charts of a page show the same moment. */
const together = uPlot.sync("time");

export default function Plot(props: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chosen = usePreferences();
  const latest = useRef(props);
  latest.current = props;
  const { buckets, series, kind, height = 200, colours } = props;
  const data = JSON.stringify([buckets, series.map(({ values }) => values), colours]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew when what it shows changes, told apart by value.
  useEffect(() => {
    const element = place.current;
    if (!element || buckets.length === 0) return;
    const colourOf = colourReader(element);
    const plot = new uPlot(
      options(latest, element, colourOf, localeOf(chosen), zoneOf(chosen)),
      shape(latest.current),
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const repaint = () => plot.redraw(false);
    scheme.addEventListener("change", repaint);
    return () => {
      scheme.removeEventListener("change", repaint);
      observer.disconnect();
      plot.destroy();
      element.replaceChildren();
    };
  }, [data, kind, height, chosen]);
  return <div ref={place} className="w-full" />;
}

/** What a custom property is worth in the present theme: `light-dark()` is only resolved where it is the colour of something. */
function colourReader(element: HTMLElement): (name: string) => string {
  const probe = element.appendChild(document.createElement("span"));
  return (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
}

/** The columns of uPlot: bars lie over one another, the sum of all first. */
function shape({ buckets, series, kind }: Props): uPlot.AlignedData {
  const times = buckets.map((ms) => ms / 1000);
  if (kind === "lines") return [times, ...series.map(({ values }) => values)];
  const sums: number[][] = [];
  for (const { values } of series) {
    const below = sums.at(-1);
    sums.push(values.map((value, index) => (value ?? 0) + (below?.[index] ?? 0)));
  }
  return [times, ...sums.reverse()];
}

function options(
  latest: { current: Props },
  element: HTMLElement,
  colourOf: (name: string) => string,
  locale: string,
  zone: string,
): uPlot.Options {
  const { series, kind, height = 200, colours, format, buckets, end } = latest.current;
  const step = (buckets[1] ?? (buckets[0] ?? 0) + 60_000) - (buckets[0] ?? 0);
  const order = kind === "bars" ? [...series.keys()].reverse() : [...series.keys()];
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = {
    stroke: () => colourOf("--ink3"),
    font,
    ticks: { show: false },
    grid: { stroke: () => colourOf("--line"), width: 1 },
  };
  const style = step >= 86_400_000 ? "day" : "hour";
  return {
    width: element.clientWidth,
    height,
    padding: [8, 8, 0, 0],
    cursor: {
      sync: { key: together.key },
      y: false,
      drag: { x: Boolean(latest.current.onSelect), y: false, setScale: false },
    },
    legend: { show: false },
    scales: {
      x: {
        time: true,
        range: (_, low, high) => (kind === "bars" ? [low - step / 2000, high + step / 2000] : [low, high]),
      },
      y: { range: (_, __, high) => [0, high > 0 ? high * 1.05 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 70,
        values: (_, ticks) =>
          ticks.map((at) =>
            step < 86_400_000 && isMidnight(at * 1000, zone)
              ? time(at * 1000, "day", locale, zone)
              : time(at * 1000, style, locale, zone),
          ),
      },
      {
        ...axis,
        size: (_, values) => 14 + 6.2 * Math.max(3, ...(values ?? []).map((text) => text.length)),
        values: (_, ticks) => ticks.map((value) => format(value, ticks)),
      },
    ],
    series: [
      {},
      ...order.map((index) => ({
        stroke: () => colourOf(colours[index] ?? "--series-other"),
        width: kind === "bars" ? 0 : 1.5,
        points: { show: false },
        spanGaps: false,
        ...(kind === "bars"
          ? {
              fill: () => colourOf(colours[index] ?? "--series-other"),
              paths: uPlot.paths.bars?.({ size: [0.85, 48], gap: 1 }) as uPlot.Series.PathBuilder,
            }
          : {}),
      })),
    ],
    hooks: {
      setCursor: [(plot) => latest.current.onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          const [from, to] = [plot.select.left, plot.select.left + plot.select.width].map(
            (at) => plot.posToVal(at, "x") * 1000,
          );
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          latest.current.onSelect?.(Math.round(from ?? 0), Math.round(to ?? 0));
        },
      ],
      draw: [
        (plot) =>
          kind === "bars" && end !== undefined && end > Date.now() ? hatch(plot, colourOf("--surface")) : undefined,
      ],
    },
  };
}

const isMidnight = (ms: number, timeZone: string) => time(ms, "hour", "en-GB", timeZone) === "00:00";

/** Stripes over the last bucket, which is not over yet. */
function hatch(plot: uPlot, colour: string) {
  const times = plot.data[0];
  const at = times.at(-1);
  if (at === undefined || times.length < 2) return;
  const step = at - (times.at(-2) ?? at);
  const left = plot.valToPos(at - step / 2, "x", true);
  const right = Math.min(plot.valToPos(at + step / 2, "x", true), plot.bbox.left + plot.bbox.width);
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * devicePixelRatio;
  for (let x = left - bbox.height; x < right; x += 6 * devicePixelRatio) {
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
    ctx.stroke();
  }
  ctx.restore();
}
