// The attempts of a request on an axis of time: pause, queue, waiting, first token, stream. As a list that screen readers read, and
// as a glyph of 60 px for rows.

import { duration, visible } from "../lib/format.ts";
import { type Attempt, type Part, type Step, spanOf, steps } from "../lib/trail.ts";
import { useUiWords } from "./words.ts";

const FILL: Record<Part, string> = {
  pause: "var(--line)",
  queue: "var(--control)",
  wait: "var(--series-2)",
  answer: "var(--series-6)",
  stream: "var(--series-0)",
};
const FAILED: Partial<Record<Part, string>> = { wait: "var(--bad)", answer: "var(--bad)" };
const fillOf = (state: Step["state"], part: Part) =>
  (state === "failed" && FAILED[part]) || (state === "lost" ? "var(--control)" : FILL[part]);

interface Props {
  attempts: Attempt[];
  total: number;
  answered: boolean;
}

/** The attempts in the space of a cell. */
export function Glyph({ attempts, total, answered }: Props) {
  const words = useUiWords();
  const span = spanOf(attempts, total);
  const rows = steps(attempts, total, answered).slice(0, 4);
  const height = Math.max(1, Math.floor(14 / Math.max(1, rows.length)));
  return (
    <svg role="img" aria-label={`${words.attempt}: ${attempts.length}`} width="60" height="16" className="block">
      {rows.flatMap(({ bars, state, attempt }, row) =>
        bars.length === 0
          ? [
              <rect
                key={`${row}-s`}
                x={((attempt.started_ms ?? 0) / span) * 58}
                y={1 + row * height}
                width="2"
                height={Math.max(1, height - 1)}
                fill="var(--control)"
              />,
            ]
          : bars.map((bar) => (
              <rect
                key={`${row}-${bar.part}`}
                x={(bar.from / span) * 60}
                y={1 + row * height}
                width={Math.max(1, ((bar.to - bar.from) / span) * 60)}
                height={Math.max(1, height - 1)}
                fill={fillOf(state, bar.part)}
              />
            )),
      )}
    </svg>
  );
}

export function Waterfall({ attempts, total, answered }: Props) {
  const words = useUiWords();
  const span = spanOf(attempts, total);
  return (
    <div>
      <ol className="divide-y divide-line border-y border-line">
        {steps(attempts, total, answered).map(({ attempt, state, bars }, index) => (
          <li key={index} className="grid gap-x-4 py-2 sm:grid-cols-[200px_1fr]">
            <div className="min-w-0">
              <p className="truncate font-medium">{visible(attempt.provider)}</p>
              <p className="truncate text-table text-ink3">
                {visible(attempt.model)}
                {attempt.key ? ` · ${attempt.key}` : ""}
                {attempt.hedge ? ` · ${words.hedged}` : ""}
              </p>
            </div>
            <div className="min-w-0">
              <svg width="100%" height="14" className="block" aria-hidden="true">
                <line x1="0" x2="100%" y1="13.5" y2="13.5" stroke="var(--line)" />
                {bars.map((bar) => (
                  <rect
                    key={bar.part}
                    x={`${(bar.from / span) * 100}%`}
                    y="2"
                    width={`${Math.max(0.3, ((bar.to - bar.from) / span) * 100)}%`}
                    height="10"
                    fill={fillOf(state, bar.part)}
                  />
                ))}
              </svg>
              <p className="mt-1 text-table text-ink2">
                {state === "skipped"
                  ? `${words.skipped}: ${attempt.skipped}`
                  : state === "lost"
                    ? words.lost
                    : bars.map((bar) => `${words[bar.part]} ${duration(bar.to - bar.from)}`).join(" · ")}
                {attempt.error_class && <span className="text-bad"> · {attempt.error_class}</span>}
                {attempt.status ? ` · ${attempt.status}` : ""}
              </p>
            </div>
          </li>
        ))}
      </ol>
      <p className="mt-2 flex flex-wrap gap-x-4 text-label text-ink2">
        {(Object.keys(FILL) as Part[]).map((part) => (
          <span key={part} className="inline-flex items-center gap-1">
            <svg width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" fill={FILL[part]} />
            </svg>
            {words[part]}
          </span>
        ))}
      </p>
    </div>
  );
}
