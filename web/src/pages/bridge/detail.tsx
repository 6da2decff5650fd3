// One agent: what waits for an answer, what it is, its tools, trying one, and what happens at it.

import { useState } from "react";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Chip } from "../../ui/status.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { Live } from "./live.tsx";
import { NewAgent } from "./new.tsx";
import { Seen, Status, nameOf } from "./parts.tsx";
import { type Agent, useAgentWrites, useEvents } from "./queries.ts";
import { Questions } from "./questions.tsx";
import { Tools } from "./tools.tsx";
import { TryIt } from "./try-it.tsx";
import { useWords } from "./words.ts";

interface Props {
  actAs: string;
  agent: Agent;
}

const VIEWS = ["about", "tools", "try", "live"] as const;

export function Detail({ actAs, agent, onClose }: Props & { onClose: () => void }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const watched = useEvents(actAs, agent.agent_id);
  const view = VIEWS.find((one) => one === filters.view) ?? "about";
  return (
    <Dialog drawer title={visible(nameOf(agent))} onClose={onClose} actions={<Status agent={agent} />}>
      <Questions actAs={actAs} agent={agent} />
      <Segmented
        label={words.view}
        value={view}
        options={VIEWS.map((value) => ({ value, label: words[`view_${value}`] }))}
        onChange={(next) => setFilters({ view: next === "about" ? undefined : next })}
      />
      <div className="mt-4">
        {view === "about" && <About actAs={actAs} agent={agent} onGone={onClose} />}
        {view === "tools" && <Tools actAs={actAs} agent={agent} />}
        {view === "try" && <TryIt actAs={actAs} agent={agent} />}
        {view === "live" && <Live {...watched} />}
      </div>
    </Dialog>
  );
}

function About({ actAs, agent, onGone }: Props & { onGone: () => void }) {
  const words = useWords();
  const writes = useAgentWrites(actAs);
  const [doing, setDoing] = useState<"rename" | "token" | "remove" | null>(null);
  const stop = () => setDoing(null);
  const remove = useForm(async () => {
    await writes.remove(agent.agent_id);
    onGone();
  });
  const { hub } = agent;
  return (
    <>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button icon="edit" onClick={() => setDoing("rename")}>
          {words.rename}
        </Button>
        <Button icon="key" onClick={() => setDoing("token")}>
          {words.newToken}
        </Button>
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      <Facts
        facts={[
          [
            words.id,
            <span key="i" className="font-mono text-table">
              {visible(agent.agent_id)}
            </span>,
          ],
          [agent.status === "online" ? words.connectedSince : words.seen, <Seen key="s" agent={agent} />],
          [words.version, hub && visible([hub.version, hub.os].filter(Boolean).join(", "))],
          [words.running, hub?.running],
          [
            words.tokenUntil,
            agent.token_expires_at > Date.now() ? (
              <Ago key="t" ms={agent.token_expires_at} />
            ) : (
              <span key="t" className="text-bad">
                ✕ {words.tokenOver}
              </span>
            ),
          ],
          [words.tokens, agent.token_version],
          [words.created, <Time key="c" ms={agent.created_at} style="full" />],
        ]}
      />
      <Section title={words.servers}>
        {!hub || hub.servers.length === 0 ? (
          <p className="text-ink2">{words.noServers}</p>
        ) : (
          <ul aria-label={words.servers} className="border-t border-line">
            {hub.servers.map(({ name, state, era }) => (
              <li key={name} className="flex flex-wrap items-center gap-3 border-b border-line py-1.5">
                <span className="min-w-0 flex-1 basis-40 truncate font-medium">{visible(name)}</span>
                {era && <span className="text-table text-ink3">{visible(era)}</span>}
                <Chip tone={state === "ready" ? "ok" : state === "failed" ? "bad" : "plain"}>
                  <span aria-hidden="true">{state === "ready" ? "●" : state === "failed" ? "✕" : "○"}</span>
                  {words[`server_${state}` as "server_ready"] ?? visible(state)}
                </Chip>
              </li>
            ))}
          </ul>
        )}
      </Section>
      {doing === "rename" && <Rename actAs={actAs} agent={agent} onClose={stop} />}
      {doing === "token" && <NewAgent actAs={actAs} agent={agent} onClose={stop} />}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={stop}
        />
      )}
    </>
  );
}

function Rename({ actAs, agent, onClose }: Props & { onClose: () => void }) {
  const words = useWords();
  const writes = useAgentWrites(actAs);
  const [label, setLabel] = useState(agent.label);
  const form = useForm(async () => {
    await writes.rename(agent.agent_id, label.trim());
    onClose();
  });
  return (
    <Dialog title={words.rename} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.label}
          maxLength={100}
          value={label}
          onChange={(event) => setLabel(event.target.value)}
          error={form.errorOf("label")}
        />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {words.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
