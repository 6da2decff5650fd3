// Copying, and telling the truth about it: without a secure connection the browser refuses, and then the text is selected for Ctrl+C.

import { useRef, useState } from "react";
import { Button } from "./button.tsx";
import { useUiWords } from "./words.ts";

type State = "ready" | "copied" | "refused";

export function Copy({
  text,
  label,
  small = false,
  look = "quiet",
}: {
  text: string;
  label?: string;
  small?: boolean;
  look?: "quiet" | "plain" | "primary";
}) {
  const words = useUiWords();
  const [state, setState] = useState<State>("ready");
  const fallback = useRef<HTMLTextAreaElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
      setTimeout(() => setState("ready"), 2000);
    } catch {
      setState("refused");
      requestAnimationFrame(() => fallback.current?.select());
    }
  };
  const said = state === "copied" ? words.copied : label;
  return (
    <span className="inline-flex items-center gap-1 align-middle">
      <Button
        look={look}
        icon={state === "copied" ? "check" : "copy"}
        onClick={copy}
        aria-label={said ? undefined : words.copy}
        className={small ? "min-h-6! w-6!" : ""}
      >
        {said}
      </Button>
      <span role="status" className={small && state === "copied" ? "text-label text-ok" : "sr-only"}>
        {state === "copied" ? words.copied : ""}
      </span>
      {state === "refused" && (
        <span className="inline-flex items-center gap-1">
          <textarea
            ref={fallback}
            readOnly
            rows={1}
            value={text}
            aria-label={words.copyFailed}
            className="control w-40! font-mono"
          />
          <span role="status" className="text-label text-warn">
            {words.copyFailed}
          </span>
        </span>
      )}
    </span>
  );
}

/** Text to copy, such as a command, with its button. */
export function Code({ text, label }: { text: string; label?: string }) {
  return (
    <figure className="relative m-0 min-w-0 rounded-m border border-line bg-sunken">
      {label && <figcaption className="border-b border-line px-3 py-1 text-label text-ink2">{label}</figcaption>}
      <pre
        tabIndex={0}
        className="overflow-x-auto p-3 pr-12 font-mono text-table leading-5 whitespace-pre-wrap [overflow-wrap:anywhere]"
      >
        <code>{text}</code>
      </pre>
      <span className={`absolute right-1 ${label ? "-top-0.5" : "top-1"}`}>
        <Copy text={text} />
      </span>
    </figure>
  );
}
