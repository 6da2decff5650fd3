// The form of a probe task.

import { useState } from "react";
import type { ProbeTaskUpdate } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { type Task, useProviders, useTaskWrites } from "./queries.ts";
import { useWords } from "./words.ts";

const INTERVALS = [300, 900, 1800, 3600, 6 * 3600, 24 * 3600];

/** A length of time in the largest unit in which it is whole. */
export function useEvery(): (seconds: number) => string {
  const words = useWords();
  return (seconds) => (seconds % 3600 === 0 ? words.hours(seconds / 3600) : words.minutes(Math.round(seconds / 60)));
}

export function TaskForm({ task, onClose }: { task?: Task; onClose: (made?: string) => void }) {
  const words = useWords();
  const every = useEvery();
  const writes = useTaskWrites();
  const providers = useProviders().data;
  const [values, setValues] = useState({
    name: task?.name ?? "",
    provider: "",
    model: task?.model ?? "",
    prompt: task?.prompt ?? "",
    interval: String(task?.interval_s ?? 3600),
    daily: String(task?.daily_runs ?? 96),
    tokens: String(task?.max_tokens ?? 16),
  });
  const [stream, setStream] = useState(task?.stream ?? true);
  const provider = values.provider || String(providers?.[0]?.id ?? "");
  const form = useForm(async () => {
    const body = {
      name: values.name.trim(),
      model: values.model.trim() || null,
      prompt: values.prompt.trim() || null,
      interval_s: Number(values.interval),
      daily_runs: Number(values.daily),
      max_tokens: Number(values.tokens),
      stream,
    } satisfies ProbeTaskUpdate;
    if (task) {
      await writes.update(task.id, body);
      onClose();
    } else onClose((await writes.create({ ...body, provider_id: Number(provider) })).id);
  });
  const typed = (name: keyof typeof values, field: string) => ({
    value: values[name],
    onChange: (event: { target: { value: string } }) => setValues({ ...values, [name]: event.target.value }),
    error: form.errorOf(field),
  });
  const intervals = [...new Set([...INTERVALS, Number(values.interval)])].sort((a, b) => a - b);
  const close = () => onClose();
  if (providers?.length === 0)
    return (
      <Dialog title={words.add} onClose={close}>
        <p className="mb-3">{words.noProviders}</p>
        <LinkButton to="/providers">{words.toProviders}</LinkButton>
      </Dialog>
    );
  return (
    <Dialog title={task ? words.edit : words.add} onClose={close}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <Field label={words.name} required {...typed("name", "name")} />
        {!task && (
          <Choice label={words.provider} {...typed("provider", "provider_id")} value={provider}>
            {providers?.map(({ id, name }) => (
              <option key={id} value={id}>
                {visible(name)}
              </option>
            ))}
          </Choice>
        )}
        <Field label={words.model} optional hint={words.modelHint} spellCheck={false} {...typed("model", "model")} />
        <Area label={words.prompt} optional rows={3} hint={words.promptHint} {...typed("prompt", "prompt")} />
        <Choice label={words.interval} {...typed("interval", "interval_s")}>
          {intervals.map((seconds) => (
            <option key={seconds} value={seconds}>
              {every(seconds)}
            </option>
          ))}
        </Choice>
        <div className="grid grid-cols-2 gap-3">
          <Field label={words.daily} type="number" min={1} max={288} {...typed("daily", "daily_runs")} />
          <Field label={words.tokens} type="number" min={1} max={256} {...typed("tokens", "max_tokens")} />
        </div>
        <Check label={words.stream} checked={stream} onChange={(event) => setStream(event.target.checked)} />
        {form.rest()}
        <div className="flex justify-end gap-2">
          <Button onClick={close}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {task ? words.save : words.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
