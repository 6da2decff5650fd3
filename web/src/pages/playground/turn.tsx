// A question and its answer, with what it took: first token, speed, tokens, cost, provider and attempts.

import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { type ToolResult, type Turn, isOver, speedOf, textOf } from "../../lib/chat.ts";
import { count, duration, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { attemptsOf } from "../../lib/trail.ts";
import { Button } from "../../ui/button.tsx";
import { Code, Copy } from "../../ui/copy.tsx";
import { Area } from "../../ui/field.tsx";
import { Markdown } from "../../ui/markdown.tsx";
import { Money } from "../../ui/time.tsx";
import { Glyph } from "../../ui/waterfall.tsx";
import { useLogged } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  turn: Turn;
  session: string | undefined;
  onEdit: () => void;
  /** Given where the turn is the last one, whose calls can be answered. */
  onResults: ((results: ToolResult[]) => void) | undefined;
}

export function TurnView({ turn, session, onEdit, onResults }: Props) {
  const words = useWords();
  const [isThinkingOpen, setThinkingOpen] = useState(false);
  const pictures =
    typeof turn.asked === "string"
      ? []
      : turn.asked.flatMap((part) => (part.type === "image_url" ? [part.image_url.url] : []));
  return (
    <li className="border-b border-line px-3 py-3 [content-visibility:auto] [contain-intrinsic-size:auto_200px]">
      <div className="group flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <p className="text-label text-ink3">{turn.results ? words.results : words.you}</p>
          {turn.results ? (
            turn.results.map(({ id, content }) => <Code key={id} text={pretty(content)} />)
          ) : (
            <p className="whitespace-pre-wrap [overflow-wrap:anywhere]">{textOf(turn.asked)}</p>
          )}
          {pictures.map((picture) => (
            <img key={picture.slice(-40)} src={picture} alt="" className="mt-2 max-h-40 rounded-s border border-line" />
          ))}
        </div>
        {!turn.results && (
          <Button look="quiet" icon="edit" aria-label={words.edit} title={words.edit} onClick={onEdit} />
        )}
      </div>
      {turn.thinking && (
        <details
          className="mt-2 border-l-2 border-line pl-3 text-ink2"
          open={isThinkingOpen || !turn.answer}
          onToggle={(event) => setThinkingOpen(event.currentTarget.open && turn.answer !== "")}
        >
          <summary className="text-table">{words.thinking}</summary>
          <p className="whitespace-pre-wrap text-table [overflow-wrap:anywhere]">{turn.thinking}</p>
        </details>
      )}
      <div className="mt-3" aria-live="polite" aria-busy={!isOver(turn)}>
        {turn.answer && <Markdown text={turn.answer} />}
        {turn.tools.map((tool) => (
          <div key={tool.id} className="mt-2">
            <Code label={`${words.tool}: ${visible(tool.name)}`} text={pretty(tool.arguments)} />
          </div>
        ))}
        {turn.state === "waiting" && <p className="text-ink3">{words.waiting}</p>}
      </div>
      {turn.error && (
        <p role="alert" className="mt-2 rounded-m border border-bad bg-bad-soft p-2 [overflow-wrap:anywhere]">
          <span className="font-mono text-table text-bad">{visible(turn.error.code)}</span>{" "}
          {visible(turn.error.message)}
        </p>
      )}
      {onResults && turn.state === "done" && turn.tools.length > 0 && <Results tools={turn.tools} onSend={onResults} />}
      {isOver(turn) && <Took turn={turn} session={session} />}
    </li>
  );
}

/** What the tools that were called answer: the person stands in for them. */
function Results({ tools, onSend }: { tools: Turn["tools"]; onSend: (results: ToolResult[]) => void }) {
  const words = useWords();
  const [texts, setTexts] = useState<Record<string, string>>({});
  return (
    <form
      className="mt-3 flex flex-col gap-3 border-l-2 border-line pl-3"
      onSubmit={(event) => {
        event.preventDefault();
        onSend(tools.map(({ id }) => ({ id, content: texts[id] ?? "" })));
      }}
    >
      {tools.map(({ id, name }) => (
        <Area
          key={id}
          label={words.resultOf(visible(name))}
          rows={2}
          className="font-mono"
          spellCheck={false}
          value={texts[id] ?? ""}
          onChange={(event) => setTexts({ ...texts, [id]: event.target.value })}
        />
      ))}
      <div>
        <Button type="submit" icon="send">
          {words.sendResults}
        </Button>
      </div>
    </form>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

function Took({ turn, session }: { turn: Turn; session: string | undefined }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const logged = useLogged(turn, session);
  const { first, perSecond } = speedOf(turn);
  const attempts = logged ? attemptsOf(logged).length : 0;
  const facts: [string, ReactNode][] = [
    [words.first, first === null ? null : duration(first)],
    [words.speed, perSecond === null ? null : perSecond.toFixed(1)],
    [
      words.tokens,
      turn.usage && `${count(turn.usage.prompt_tokens, locale)} → ${count(turn.usage.completion_tokens, locale)}`,
    ],
    [words.cost, logged && <Money key="m" micros={logged.cost_micros} />],
    [words.servedBy, visible(logged?.provider_name ?? turn.provider ?? "")],
  ];
  return (
    <div className="mt-3 flex flex-wrap items-end gap-x-5 gap-y-1 text-table">
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <span key={name} className="min-w-0">
            <span className="block text-label text-ink3">{name}</span>
            <span className="[overflow-wrap:anywhere]">{value}</span>
          </span>
        ))}
      {logged && attempts > 0 && (
        <span>
          <span className="block text-label text-ink3">
            {attempts === 1 ? words.oneAttempt : words.attempts(attempts)}
          </span>
          <Glyph
            attempts={attemptsOf(logged)}
            total={logged.duration_ms}
            answered={logged.status < 400 && !logged.error_code}
          />
        </span>
      )}
      {turn.state === "stopped" && <span className="text-ink3">{words.stopped}</span>}
      <span className="ml-auto inline-flex items-center gap-2">
        {logged && (
          <Link to="/requests/{-$id}" params={{ id: logged.id } as never} className="link">
            {words.inLog}
          </Link>
        )}
        {turn.answer && <Copy text={turn.answer} />}
      </span>
    </div>
  );
}
