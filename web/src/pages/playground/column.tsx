// A column of the playground: the model, what was said, and the same as a call from other languages.

import { useEffect, useImperativeHandle, useRef, useState } from "react";
import type { Settings } from "../../api/chat.ts";
import { type Content, messagesOf, textOf } from "../../lib/chat.ts";
import { visible } from "../../lib/format.ts";
import { SNIPPETS } from "../../lib/snippets.ts";
import { Button } from "../../ui/button.tsx";
import { Code } from "../../ui/copy.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { TurnView } from "./turn.tsx";
import { useColumn } from "./use-column.ts";
import { useWords } from "./words.ts";

/** What the page tells its columns. */
export interface Handle {
  ask: (content: Content) => void;
  stop: () => void;
  cut: (index: number) => void;
}

interface Props {
  handle: (handle: Handle | null) => void;
  model: string;
  actAs: string;
  settings: Settings;
  canKeep: boolean;
  onBusy: (isBusy: boolean) => void;
  onEdit: (index: number, text: string) => void;
  onRemove: (() => void) | undefined;
}

type View = "answer" | "raw" | keyof typeof SNIPPETS;

export function ColumnView({ handle, model, actAs, settings, canKeep, onBusy, onEdit, onRemove }: Props) {
  const words = useWords();
  const column = useColumn(model, actAs, settings, canKeep);
  const [view, setView] = useState<View>("answer");
  const end = useRef<HTMLDivElement>(null);
  const { turns, isBusy, line } = column;
  useImperativeHandle(handle, () => ({ ask: column.ask, stop: column.stop, cut: column.cut }));
  useEffect(() => onBusy(isBusy), [isBusy, onBusy]);
  const length = turns.at(-1)?.answer.length ?? 0;
  // Follows the answer as long as the reader has not scrolled away from the end.
  useEffect(() => {
    const frame = end.current?.parentElement;
    if (frame && length >= 0 && frame.scrollHeight - frame.scrollTop - frame.clientHeight < 160)
      frame.scrollTop = frame.scrollHeight;
  }, [length]);
  const messages = messagesOf(turns, settings.system)
    .filter(({ role, content }) => role !== "tool" && content !== null)
    .map(({ role, content }) => ({ role, content: textOf(content) }));
  return (
    <section aria-label={model} className="flex min-h-0 min-w-0 flex-col border-line not-last:border-r">
      <header className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-1.5">
        <h2 className="min-w-0 flex-1 truncate font-medium" title={model}>
          {visible(model)}
        </h2>
        {turns.length > 0 && !isBusy && (
          <Button look="quiet" icon="refresh" aria-label={words.again} title={words.again} onClick={column.again} />
        )}
        {onRemove && <Button look="quiet" icon="close" aria-label={words.removeModel(model)} onClick={onRemove} />}
      </header>
      {line === "lost" && (
        <p role="status" className="border-b border-line px-3 py-1.5 text-table text-warn">
          {words.lost}
        </p>
      )}
      {line === "resumed" && (
        <p role="status" className="border-b border-line px-3 py-1.5 text-table text-ok">
          {words.resumed}
        </p>
      )}
      <div className="min-h-0 flex-1 overflow-y-auto" role="group" tabIndex={0} aria-label={words.views}>
        {turns.length > 0 && (
          <div className="px-3 pt-2">
            <Segmented
              apart
              label={words.views}
              value={view}
              options={[
                { value: "answer", label: words.answer },
                { value: "raw", label: words.raw },
                { value: "curl", label: "curl" },
                { value: "python", label: "Python" },
                { value: "node", label: "Node" },
                { value: "anthropic", label: "Anthropic" },
                { value: "gemini", label: "Gemini" },
              ]}
              onChange={setView}
            />
          </div>
        )}
        {view === "answer" ? (
          <ol>
            {turns.map((turn, index) => (
              <TurnView
                key={turn.id}
                turn={turn}
                session={column.session}
                onEdit={() => onEdit(index, textOf(turn.asked))}
                onResults={index === turns.length - 1 ? column.answer : undefined}
              />
            ))}
          </ol>
        ) : view === "raw" ? (
          <div className="p-3">
            <p className="mb-2 text-table text-ink3">{column.isHttp ? words.overHttp : words.overSocket}</p>
            <Code text={column.raw.join("\n")} />
          </div>
        ) : (
          <div className="p-3">
            <Code text={SNIPPETS[view]({ origin: location.origin, model, messages })} />
          </div>
        )}
        <div ref={end} />
      </div>
    </section>
  );
}
