// What happens at an agent, from when it was opened.

import type { AgentEvent } from "../../lib/agents.ts";
import { visible } from "../../lib/format.ts";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

export function Live({ events, isLive }: { events: AgentEvent[]; isLive: boolean }) {
  const words = useWords();
  return (
    <>
      <p role="status" className="mb-2 text-table">
        <span className={isLive ? "text-ok" : "text-ink3"}>
          <span aria-hidden="true">{isLive ? "● " : "◌ "}</span>
          {isLive ? words.watching : words.notWatching}
        </span>
      </p>
      {events.length === 0 ? (
        <p className="text-ink2">{words.noEvents}</p>
      ) : (
        <ul aria-label={words.view_live} className="border-t border-line">
          {events.map(({ id, at, name, requestId, text }) => (
            <li key={id} className="border-b border-line py-1.5 text-table">
              <p className="flex flex-wrap items-baseline gap-x-3">
                <span className="font-medium">{words[`event_${name}` as "event_tool_status"] ?? visible(name)}</span>
                <span className="text-ink3">
                  <Time ms={at} style="full" />
                </span>
                {requestId && (
                  <span className="ml-auto min-w-0 truncate font-mono text-label text-ink3">{visible(requestId)}</span>
                )}
              </p>
              {text && <p className="[overflow-wrap:anywhere] text-ink2">{visible(text)}</p>}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
