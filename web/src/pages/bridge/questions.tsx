// What calls wait for: approvals, and input that a server asks for.

import type { Question } from "../../lib/agents.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { ArgumentFields, useArguments } from "../../ui/tools/arguments.tsx";
import { Text } from "../../ui/tools/review.tsx";
import { type Agent, useAgentWrites } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  actAs: string;
  agent: Agent;
}

export function Questions({ actAs, agent }: Props) {
  const words = useWords();
  const questions = agent.hub?.questions ?? [];
  if (questions.length === 0) return null;
  return (
    <section aria-label={words.questions} className="mb-4 rounded-m border border-warn p-3">
      <h3 className="mb-2 font-medium text-warn">
        <span aria-hidden="true">▲ </span>
        {words.questionsTitle}
      </h3>
      <ul className="flex flex-col gap-4">
        {questions.map((question) => (
          <li key={question.id} className="min-w-0">
            {question.kind === "approval" ? (
              <Approval actAs={actAs} agent={agent} question={question} />
            ) : (
              <Input actAs={actAs} agent={agent} question={question} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

const DECISIONS = ["once", "session", "always"] as const;

function Approval({ actAs, agent, question }: Props & { question: Question }) {
  const words = useWords();
  const { tool, why, id } = question;
  const writes = useAgentWrites(actAs);
  const decide = (decision: string) => writes.answer(id, { agent_id: agent.agent_id, decision });
  return (
    <>
      <p className="[overflow-wrap:anywhere]">
        {words.mayRun} <span className="font-mono text-table font-medium">{visible(tool)}</span>
      </p>
      {why && <p className="[overflow-wrap:anywhere] text-ink2">{visible(why)}</p>}
      {question.arguments && <Text text={question.arguments} label={words.with} />}
      <div className="mt-2 flex flex-wrap gap-2">
        {DECISIONS.map((decision) => (
          <Decide
            key={decision}
            {...(decision === "once" ? { look: "primary" as const } : {})}
            label={words[decision]}
            send={() => decide(decision)}
          />
        ))}
        <Decide look="danger" label={words.deny} send={() => decide("deny")} />
      </div>
    </>
  );
}

/** What a server asks its user, answered as the protocol has it: accepted with the values, or declined. */
function Input({ actAs, agent, question }: Props & { question: Question }) {
  const words = useWords();
  const given = useArguments(question.schema);
  const writes = useAgentWrites(actAs);
  const respond = (response: unknown) => writes.answer(question.id, { agent_id: agent.agent_id, response });
  const accept = async () => {
    const content = given.read();
    if (content) await respond({ action: "accept", content });
  };
  return (
    <>
      <p className="[overflow-wrap:anywhere]">
        <span className="font-mono text-table font-medium">{visible(question.tool)}</span> {words.asks}
      </p>
      {question.message ? (
        <p className="mb-2 whitespace-pre-line [overflow-wrap:anywhere]">{visible(question.message)}</p>
      ) : (
        <Text text={question.whole} label={words.questions} />
      )}
      <ArgumentFields of={given} />
      <div className="mt-2 flex flex-wrap gap-2">
        <Decide look="primary" label={words.answer} send={accept} />
        <Decide look="danger" label={words.decline} send={() => respond({ action: "decline" })} />
      </div>
    </>
  );
}

function Decide({ label, look, send }: { label: string; look?: "primary" | "danger"; send: () => Promise<unknown> }) {
  const form = useForm(async () => {
    await send();
  });
  return (
    <>
      <Button look={look ?? "plain"} busy={form.busy} onClick={() => form.submit()}>
        {label}
      </Button>
      {form.rest()}
    </>
  );
}
