// The tools of a server for those who decide about them: what is offered, what stands out, what is not as it was accepted, and
// accepting it. What a server writes is shown as text.

import type { McpServerTools, ReviewedTool } from "../../api/schema.d.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { type Gate, type MemberChange, changesOf, definitionOf, findingsOf, gateOf, json } from "../../lib/tools.ts";
import { Button } from "../button.tsx";
import { useForm } from "../field.tsx";
import { Chip } from "../status.tsx";
import { Ago } from "../time.tsx";
import { useToolWords } from "./words.ts";

interface Props {
  review: McpServerTools;
  /** Accepts tools as they are now: those of these names, or all, which also forgets those that are gone. */
  accept: (names?: string[]) => Promise<unknown>;
}

const LOOK = {
  accepted: { mark: "●", tone: "ok" },
  new: { mark: "◆", tone: "info" },
  changed: { mark: "▲", tone: "warn" },
  unusable: { mark: "✕", tone: "bad" },
} as const;
const isWaiting = (gate: Gate) => gate === "new" || gate === "changed";

export function ToolReview({ review, accept }: Props) {
  const words = useToolWords();
  const locale = localeOf(usePreferences());
  const { members, removed } = changesOf(review.changes);
  const waiting = review.tools.filter(({ state }) => isWaiting(gateOf(state)));
  const all = useForm(async () => void (await accept()));
  if (review.tools.length === 0 && removed.length === 0) return <p className="text-ink2">{words.none}</p>;
  return (
    <>
      <p className="mb-2 text-table text-ink2">
        {words.summary(review.tools.length, count(review.tokens, locale))} · {words.read} <Ago ms={review.read_at} />
      </p>
      {waiting.length + removed.length > 0 && (
        <div className="my-2 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-m border border-line bg-sunken p-3">
          <div className="min-w-0 flex-1 basis-60">
            {waiting.length > 0 && <p>{words.acceptHint}</p>}
            {removed.length > 0 && (
              <p className="[overflow-wrap:anywhere]">{words.removed(visible(removed.join(", ")))}</p>
            )}
          </div>
          <Button icon="check" busy={all.busy} onClick={() => all.submit()}>
            {waiting.length > 0 ? words.acceptAll(waiting.length) : words.forget}
          </Button>
        </div>
      )}
      {all.rest()}
      <ul aria-label={words.tools} className="border-t border-line">
        {review.tools.map((tool) => (
          <Tool key={tool.name} tool={tool} members={members.get(tool.name) ?? []} accept={accept} />
        ))}
      </ul>
    </>
  );
}

function Tool({ tool, members, accept }: { tool: ReviewedTool; members: MemberChange[]; accept: Props["accept"] }) {
  const words = useToolWords();
  const locale = localeOf(usePreferences());
  const gate = gateOf(tool.state);
  const { mark, tone } = LOOK[gate];
  const { title, description } = definitionOf(tool.definition);
  const findings = findingsOf(tool.findings);
  const one = useForm(async () => void (await accept([tool.name])));
  return (
    <li className="border-b border-line py-2">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <span className="min-w-0 [overflow-wrap:anywhere] font-mono text-table font-medium">{visible(tool.name)}</span>
        <Chip tone={tone}>
          <span aria-hidden="true">{mark}</span>
          {words[gate]}
        </Chip>
        <span className="text-table text-ink3">
          {tool.offered ? words.offered : words.hidden} · {words.tokens(count(tool.tokens, locale))}
        </span>
        {isWaiting(gate) && (
          <Button className="ml-auto" icon="check" busy={one.busy} onClick={() => one.submit()}>
            {words.accept}
          </Button>
        )}
      </p>
      {(title || description) && (
        <p className="mt-1 line-clamp-3 [overflow-wrap:anywhere] whitespace-pre-line text-ink2">
          {visible([title, description].filter(Boolean).join(": "))}
        </p>
      )}
      {findings.length > 0 && (
        <ul aria-label={words.findings} className="mt-1 text-table">
          {findings.map(({ hides, rule, path, detail }) => (
            <li key={`${rule} ${path} ${detail}`} className="[overflow-wrap:anywhere] text-warn">
              <span aria-hidden="true">▲ </span>
              {words[`rule_${rule}` as "rule_schema"] ?? visible(rule)}
              {hides && ` (${words.hides})`}
              {path && <span className="font-mono"> {visible(path)}</span>}
              {detail && `: ${visible(detail)}`}
            </li>
          ))}
        </ul>
      )}
      {members.map((change) => (
        <Difference key={change.member} change={change} />
      ))}
      <details className="mt-1 text-table">
        <summary className="link">{words.definition}</summary>
        <Text text={json(tool.definition)} label={words.definition} />
      </details>
      {one.rest()}
    </li>
  );
}

function Difference({ change: { member, before, after } }: { change: MemberChange }) {
  const words = useToolWords();
  const sides = [
    ["−", words.before, before, "text-bad"],
    ["+", words.after, after, "text-ok"],
  ] as const;
  return (
    <div className="mt-2 text-table">
      <p className="font-mono font-medium">{visible(member)}</p>
      <div className="grid gap-2 sm:grid-cols-2">
        {sides.map(
          ([sign, label, text, colour]) =>
            text !== undefined && (
              <div key={sign} className="min-w-0">
                <p className={colour}>
                  <span aria-hidden="true">{sign} </span>
                  {label}
                </p>
                <Text text={text} label={`${member}, ${label}`} />
              </div>
            ),
        )}
      </div>
    </div>
  );
}

/** What a server wrote, in a frame that scrolls and can be reached by keyboard. */
export function Text({ text, label }: { text: string; label: string }) {
  return (
    <pre
      tabIndex={0}
      role="group"
      aria-label={label}
      className="mt-1 max-h-60 overflow-auto rounded-s bg-sunken p-2 font-mono text-table whitespace-pre-wrap [overflow-wrap:anywhere]"
    >
      {visible(text)}
    </pre>
  );
}
