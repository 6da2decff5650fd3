// States by shape and word, never by colour alone.

import type { Kind } from "../lib/outcome.ts";
import { useUiWords } from "./words.ts";

const SHAPES: Record<
  Kind,
  { mark: string; colour: string; word: "answered" | "rescued" | "refused" | "errored" | "left" }
> = {
  answered: { mark: "●", colour: "text-ok", word: "answered" },
  rescued: { mark: "◆", colour: "text-info", word: "rescued" },
  refused: { mark: "▲", colour: "text-warn", word: "refused" },
  failed: { mark: "✕", colour: "text-bad", word: "errored" },
  left: { mark: "◌", colour: "text-ink3", word: "left" },
};

export function Outcome({ kind, detail }: { kind: Kind; detail?: string | number | null }) {
  const words = useUiWords();
  const { mark, colour, word } = SHAPES[kind];
  return (
    <span className="inline-flex max-w-full min-w-0 items-center gap-1.5 align-bottom">
      <span aria-hidden="true" className={`shrink-0 ${colour}`}>
        {mark}
      </span>
      <span className="truncate">{detail ?? words[word]}</span>
      {detail !== undefined && <span className="sr-only">{words[word]}</span>}
    </span>
  );
}

/** A short word in a frame: the state of a thing. */
export function Chip({
  tone = "plain",
  children,
}: {
  tone?: "plain" | "ok" | "warn" | "bad" | "info";
  children: React.ReactNode;
}) {
  const tones = { plain: "text-ink2", ok: "text-ok", warn: "text-warn", bad: "text-bad", info: "text-info" };
  return (
    <span
      className={`inline-flex items-center gap-1 rounded-s border border-line px-1.5 text-label whitespace-nowrap ${tones[tone]}`}
    >
      {children}
    </span>
  );
}

/** Whether a thing is turned on. */
export function OnOff({ on }: { on: boolean }) {
  const words = useUiWords();
  return (
    <Chip tone={on ? "ok" : "plain"}>
      <span aria-hidden="true">{on ? "●" : "○"}</span>
      {on ? words.on : words.off}
    </Chip>
  );
}
