// The form of a webhook. The secret of its signatures is shown once.

import { useState } from "react";
import type { Severity, WebhookView } from "../../api/schema.d.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { useAlertWrites } from "./queries.ts";
import { useWords } from "./words.ts";

export const EVENTS = ["alert.firing", "alert.resolved"] as const;

/** What an event is called. */
export function useEventName(): (event: string) => string {
  const words = useWords();
  return (event) =>
    event === "alert.firing" ? words.event_firing : event === "alert.resolved" ? words.event_resolved : event;
}

export function WebhookForm({ webhook, onClose }: { webhook?: WebhookView; onClose: () => void }) {
  const words = useWords();
  const eventName = useEventName();
  const writes = useAlertWrites();
  const [name, setName] = useState(webhook?.name ?? "");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [severity, setSeverity] = useState<Severity>(webhook?.min_severity ?? "warning");
  const [events, setEvents] = useState<string[]>(webhook?.events ?? [...EVENTS]);
  const [secret, setSecret] = useState<string>();
  const form = useForm(async () => {
    const isAll = EVENTS.every((event) => events.includes(event));
    const body = { name: name.trim(), url: url.trim(), min_severity: severity, events: isAll ? null : events };
    if (webhook) {
      await writes.updateWebhook(webhook.id, body);
      onClose();
    } else {
      setSecret((await writes.createWebhook(body)).secret ?? undefined);
    }
  });
  if (secret) {
    return (
      <Dialog title={words.webhookMade} onClose={onClose} canClose={false}>
        <Secret value={secret} variable="NEXUS_WEBHOOK_SECRET" onDone={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title={webhook ? words.edit : words.newWebhook} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field
          label={words.name}
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={form.errorOf("name")}
        />
        <Field
          label={words.url}
          required
          type="url"
          spellCheck={false}
          value={url}
          onChange={(event) => setUrl(event.target.value)}
          error={form.errorOf("url")}
          hint={words.urlHint}
        />
        <Choice
          label={words.minSeverity}
          value={severity}
          onChange={(event) => setSeverity(event.target.value as Severity)}
          error={form.errorOf("min_severity")}
        >
          <option value="info">{words.info}</option>
          <option value="warning">{words.warning}</option>
          <option value="critical">{words.critical}</option>
        </Choice>
        <fieldset className="flex flex-col">
          <legend className="font-medium">{words.events}</legend>
          {EVENTS.map((event) => (
            <Check
              key={event}
              label={eventName(event)}
              checked={events.includes(event)}
              onChange={({ target }) =>
                setEvents(target.checked ? [...events, event] : events.filter((other) => other !== event))
              }
            />
          ))}
        </fieldset>
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy} disabled={events.length === 0}>
            {webhook ? words.save : words.createWebhook}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
