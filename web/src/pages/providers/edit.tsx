// Changing a provider: only what was changed is sent, so that what others change meanwhile stays.

import { useState } from "react";
import { call } from "../../api/client.ts";
import { Button } from "../../ui/button.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { type Provider, useRefresh } from "./queries.ts";
import { useWords } from "./words.ts";

export function Edit({ provider, onDone }: { provider: Provider; onDone: () => void }) {
  const words = useWords();
  const refresh = useRefresh();
  const before = {
    name: provider.name,
    server_url: provider.server_url,
    server_key: "",
    description: provider.description,
    weight: String(provider.weight),
    priority: String(provider.priority),
    probe_interval_s: provider.probe_interval_s === null ? "" : String(provider.probe_interval_s),
    enabled: provider.enabled,
    probe_enabled: provider.probe_enabled,
  };
  const [now, setNow] = useState(before);
  const typed = (name: Exclude<keyof typeof before, "enabled" | "probe_enabled">) => ({
    value: now[name],
    error: form.errorOf(name),
    onChange: (event: { target: { value: string } }) => setNow((values) => ({ ...values, [name]: event.target.value })),
  });
  const form = useForm(async () => {
    const changed = Object.entries(now).filter(([name, value]) => value !== before[name as keyof typeof before]);
    const body = Object.fromEntries(changed.map(([name, value]) => [name, bodyOf(name, value)]));
    if (changed.length > 0) await call("PUT /providers/{id}", { path: { id: String(provider.id) }, body });
    await refresh();
    onDone();
  });
  return (
    <form
      onSubmit={form.submit}
      className="mt-4 grid grid-cols-2 gap-3 rounded-m border border-line bg-bg p-3 max-sm:grid-cols-1"
    >
      <Field label={words.name} required {...typed("name")} />
      <Field label={words.serverUrl} spellCheck={false} {...typed("server_url")} />
      <Field label={words.newKey} hint={words.newKeyHint} type="password" autoComplete="off" {...typed("server_key")} />
      <Field label={words.description} {...typed("description")} />
      <Field label={words.weight} inputMode="numeric" {...typed("weight")} />
      <Field label={words.priority} hint={words.priorityHint} inputMode="numeric" {...typed("priority")} />
      <Field label={words.probeInterval} inputMode="numeric" {...typed("probe_interval_s")} />
      <div className="flex flex-col justify-end">
        <Check
          label={words.enabledField}
          checked={now.enabled}
          onChange={(event) => setNow({ ...now, enabled: event.target.checked })}
        />
        <Check
          label={words.probeEnabled}
          checked={now.probe_enabled}
          onChange={(event) => setNow({ ...now, probe_enabled: event.target.checked })}
        />
      </div>
      <div className="col-span-full">{form.rest()}</div>
      <div className="col-span-full flex justify-end gap-2">
        <Button onClick={onDone}>{words.cancel}</Button>
        <Button type="submit" look="primary" busy={form.busy}>
          {words.save}
        </Button>
      </div>
    </form>
  );
}

const NUMBERS = ["weight", "priority", "probe_interval_s"];

/** A value as the API takes it: an empty number removes it, and what is no number is refused there by its field. */
function bodyOf(name: string, value: string | boolean): unknown {
  if (typeof value === "boolean" || !NUMBERS.includes(name)) return value;
  const text = value.trim();
  if (text === "") return null;
  return /^\d+$/.test(text) ? Number(text) : text;
}
