// The form of a server of tools.

import { type ReactNode, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Area, Check, Choice, Field, useForm } from "../../ui/field.tsx";
import {
  APPROVALS,
  type Approval,
  type Draft,
  type Era,
  NEW,
  type Pins,
  TRANSPORTS,
  type Transport,
  changeOf,
  draftOf,
  newOf,
} from "./draft.ts";
import { type Server, useServerWrites } from "./queries.ts";
import { useWords } from "./words.ts";

type Text = Exclude<keyof Draft, "sendsNone" | "sendsNoHeaders" | "era" | "transport" | "pins" | "approval">;

/** `onClose` is told the id of the server that was stored. */
export function ServerForm({ server, onClose }: { server?: Server; onClose: (stored?: string) => void }) {
  const words = useWords();
  const writes = useServerWrites();
  const [draft, setDraft] = useState<Draft>(() => (server ? draftOf(server) : NEW));
  const form = useForm(async () => {
    const stored = server ? await writes.update(server.id, changeOf(draft, server)) : await writes.create(newOf(draft));
    onClose(stored.id);
  });
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  const typed = (name: Text, field: string = name) => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }),
    error: form.errorOf(field),
    spellCheck: false,
  });
  const sent = Object.keys(server?.headers ?? {});
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-4">
      {!server && <Field label={words.id} hint={words.idHint} required {...typed("id")} />}
      <Field label={words.url} type="url" hint={words.urlHint} required {...typed("url")} />
      {!draft.sendsNone && (
        <Field
          label={words.token}
          type="password"
          optional={!server?.has_token}
          hint={server?.has_token ? words.tokenKeep : words.tokenHint}
          {...typed("token")}
        />
      )}
      {server?.has_token && (
        <Check
          label={words.sendsNone}
          checked={draft.sendsNone}
          onChange={(event) => set({ sendsNone: event.target.checked, token: "" })}
        />
      )}
      <Choice
        label={words.pins}
        value={draft.pins}
        hint={words[`pins_${draft.pins}`]}
        onChange={(event) => set({ pins: event.target.value as Pins })}
      >
        {(["strict", "warn", "off"] as const).map((pins) => (
          <option key={pins} value={pins}>
            {words[pins]}
          </option>
        ))}
      </Choice>
      <More label={words.more}>
        <Area label={words.allow} optional rows={2} hint={words.allowHint} {...typed("allow", "allow_tools")} />
        <Area label={words.deny} optional rows={2} hint={words.denyHint} {...typed("deny", "deny_tools")} />
        <Choice
          label={words.approval}
          value={draft.approval}
          hint={words[`approval_${draft.approval}`]}
          onChange={(event) => set({ approval: event.target.value as Approval })}
        >
          {APPROVALS.map((approval) => (
            <option key={approval} value={approval}>
              {words[approval]}
            </option>
          ))}
        </Choice>
        <Area label={words.ask} optional rows={2} hint={words.askHint} {...typed("ask", "ask_tools")} />
        {!draft.sendsNoHeaders && (
          <Area
            label={words.headers}
            optional
            rows={2}
            hint={sent.length > 0 ? words.headersKeep(sent.join(", ")) : words.headersHint}
            {...typed("headers")}
          />
        )}
        {sent.length > 0 && (
          <Check
            label={words.sendsNoHeaders}
            checked={draft.sendsNoHeaders}
            onChange={(event) => set({ sendsNoHeaders: event.target.checked, headers: "" })}
          />
        )}
        <Choice label={words.era} value={draft.era} onChange={(event) => set({ era: event.target.value as Era })}>
          {(["auto", "modern", "legacy"] as const).map((era) => (
            <option key={era} value={era}>
              {words[era]}
            </option>
          ))}
        </Choice>
        <Choice
          label={words.transport}
          value={draft.transport}
          error={form.errorOf("transport")}
          onChange={(event) => set({ transport: event.target.value as Transport })}
        >
          {TRANSPORTS.map((transport) => (
            <option key={transport} value={transport}>
              {words[transport]}
            </option>
          ))}
        </Choice>
        <Field label={words.timeout} type="number" min={1} max={600} step="any" {...typed("timeout", "timeout_ms")} />
      </More>
      {form.rest()}
      <div className="flex justify-end gap-2">
        <Button onClick={() => onClose()}>{words.cancel}</Button>
        <Button type="submit" look="primary" busy={form.busy}>
          {server ? words.save : words.create}
        </Button>
      </div>
    </form>
  );
}

function More({ label, children }: { label: string; children: ReactNode }) {
  return (
    <details>
      <summary className="link py-1">{label}</summary>
      <div className="mt-2 flex flex-col gap-4">{children}</div>
    </details>
  );
}
