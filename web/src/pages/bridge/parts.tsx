// What list and detail both say of an agent.

import { Chip } from "../../ui/status.tsx";
import { Ago } from "../../ui/time.tsx";
import type { Agent } from "./queries.ts";
import { useWords } from "./words.ts";

/** What an agent is called: its label, or its id. */
export const nameOf = ({ label, agent_id }: Agent) => label || agent_id;

const LOOK = {
  online: { mark: "●", tone: "ok" },
  offline: { mark: "○", tone: "plain" },
  unknown: { mark: "◌", tone: "warn" },
} as const;

export function Status({ agent }: { agent: Agent }) {
  const words = useWords();
  const status = agent.status === "online" || agent.status === "offline" ? agent.status : "unknown";
  const { mark, tone } = LOOK[status];
  return (
    <Chip tone={tone}>
      <span aria-hidden="true">{mark}</span>
      {words[status]}
    </Chip>
  );
}

/** Since when it is connected, or when it was there last. */
export function Seen({ agent: { hub, status } }: { agent: Agent }) {
  const words = useWords();
  if (!hub?.connectedAt) return <span className="text-ink3">{words.never}</span>;
  if (status === "online") return <Ago ms={hub.connectedAt} />;
  return <Ago ms={hub.lostAt ?? hub.connectedAt} />;
}

/** How many questions its calls wait for. */
export function Waiting({ agent: { hub } }: { agent: Agent }) {
  const words = useWords();
  if (!hub || hub.questions.length === 0) return null;
  return (
    <Chip tone="warn">
      <span aria-hidden="true">▲</span>
      {words.waits(hub.questions.length)}
    </Chip>
  );
}
