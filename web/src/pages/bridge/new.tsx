// A new agent, or a new token of one: the token is shown once, with what is to be written on its machine.

import { useState } from "react";
import type { AgentToken } from "../../api/schema.d.ts";
import { Button } from "../../ui/button.tsx";
import { Code } from "../../ui/copy.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { type Agent, useAgentWrites } from "./queries.ts";
import { START, configurationOf, keepToken } from "./setup.ts";
import { useWords } from "./words.ts";

interface Props {
  actAs: string;
  /** The agent that gets another token. */
  agent?: Agent;
  /** Told the id of the agent, once it has a token. */
  onClose: (made?: string) => void;
}

export function NewAgent({ actAs, agent, onClose }: Props) {
  const words = useWords();
  const writes = useAgentWrites(actAs);
  const [values, setValues] = useState({ id: agent?.agent_id ?? "", label: agent?.label ?? "", days: "90" });
  const [made, setMade] = useState<AgentToken>();
  const form = useForm(async () => {
    const body = {
      agent_id: values.id.trim(),
      label: values.label.trim(),
      expires_in_days: Number(values.days),
      reset: agent !== undefined,
    };
    setMade(await writes.makeToken(body));
  });
  const typed = (name: keyof typeof values, field: string) => ({
    value: values[name],
    onChange: (event: { target: { value: string } }) => setValues({ ...values, [name]: event.target.value }),
    error: form.errorOf(field),
    spellCheck: false,
  });
  if (made)
    return (
      <Dialog title={words.tokenMade} onClose={() => onClose(made.agent_id)} canClose={false}>
        <Setup id={made.agent_id} label={values.label} />
        <Secret value={made.token} variable="AI_BRIDGE_SERVER_TOKEN" onDone={() => onClose(made.agent_id)} />
      </Dialog>
    );
  return (
    <Dialog title={agent ? words.newToken : words.add} onClose={() => onClose()}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        {agent ? (
          <p className="text-ink2">{words.newTokenText}</p>
        ) : (
          <>
            <Field
              label={words.id}
              hint={words.idHint}
              required
              minLength={3}
              maxLength={64}
              placeholder="my-laptop"
              {...typed("id", "agent_id")}
            />
            <Field label={words.label} optional maxLength={100} {...typed("label", "label")} />
          </>
        )}
        <Field label={words.days} type="number" min={1} max={365} {...typed("days", "expires_in_days")} />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={() => onClose()}>{words.cancel}</Button>
          <Button type="submit" look="primary" icon="key" busy={form.busy}>
            {words.makeToken}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The steps on the machine of the agent. */
function Setup({ id, label }: { id: string; label: string }) {
  const words = useWords();
  const steps = [
    [words.stepKeep, keepToken(), "bash"],
    [words.stepWrite, configurationOf(location.origin, id, label), "~/.ai-bridge/config.yaml"],
    [words.stepStart, START, "sh"],
  ] as const;
  return (
    <ol className="mb-6 flex flex-col gap-3">
      {steps.map(([what, text, where], at) => (
        <li key={what} className="min-w-0">
          <p className="mb-1">
            <span className="font-medium">{at + 1}.</span> {what}
          </p>
          <Code text={text} label={where} />
        </li>
      ))}
    </ol>
  );
}
