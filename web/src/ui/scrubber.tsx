// Moving a span of time along its past: by a slider, by steps of its own length, and back to now.

import { useEffect, useState } from "react";
import { time } from "../lib/format.ts";
import { localeOf, usePreferences, zoneOf } from "../lib/preferences.ts";
import { type Span, lengthOf, movedTo } from "../lib/range.ts";
import { Button } from "./button.tsx";
import { useNow } from "./time.tsx";
import { useUiWords } from "./words.ts";

interface Props {
  span: Span;
  /** How far back it goes, in milliseconds. */
  most: number;
  /** Without a span: it is the one that ends now. */
  onChange: (span: { from: number; to: number } | undefined) => void;
}

export function Scrubber({ span, most, onChange }: Props) {
  const words = useUiWords();
  const chosen = usePreferences();
  const now = useNow(60_000);
  const length = lengthOf(span);
  // A quarter of the span at a time, so that what is looked for does not jump past.
  const step = length / 4;
  const least = -Math.floor((most - length) / step);
  const at = span.to === undefined ? 0 : Math.round((span.to - now) / step);
  const [draft, setDraft] = useState(at);
  useEffect(() => setDraft(at), [at]);
  const go = (to: number) => {
    const next = Math.max(least, Math.min(0, to));
    setDraft(next);
    if (next !== at) onChange(next === 0 ? undefined : movedTo(span, now + next * step));
  };
  const shown = draft === 0 ? undefined : draft === at && span.to ? span : movedTo(span, now + draft * step);
  const say = (ms: number) => time(ms, "moment", localeOf(chosen), zoneOf(chosen));
  const text = shown?.from === undefined ? words.now : `${say(shown.from)} – ${say(shown.to ?? 0)}`;
  return (
    <div className="flex min-w-0 flex-wrap items-center gap-1">
      <Button look="quiet" icon="left" aria-label={words.earlier} title={words.earlier} onClick={() => go(at - 4)} />
      <input
        type="range"
        aria-label={words.scrubber}
        aria-valuetext={text}
        min={least}
        max={0}
        step={1}
        value={draft}
        className="w-48 min-w-0 max-sm:flex-1"
        onChange={(event) => setDraft(Number(event.target.value))}
        // What it shows is asked for when it stays: every step of a drag would be a question of its own.
        onPointerUp={() => go(draft)}
        onKeyUp={() => go(draft)}
        onBlur={() => go(draft)}
      />
      <Button
        look="quiet"
        icon="right"
        aria-label={words.later}
        title={words.later}
        disabled={at === 0}
        onClick={() => go(at + 4)}
      />
      <span aria-hidden="true" className="text-table text-ink2">
        {text}
      </span>
      {at !== 0 && (
        <Button look="quiet" onClick={() => go(0)}>
          {words.toNow}
        </Button>
      )}
    </div>
  );
}
