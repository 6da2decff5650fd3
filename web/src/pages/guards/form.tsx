// Writing a rule or a webhook. Beside it stands a box to try it in, before it is saved.

import { useState } from "react";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Secret } from "../../ui/secret.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { DETECTORS } from "./detectors.ts";
import { type Draft, bodyOf, draftOf, newOf } from "./draft.ts";
import { type Guard, useGuardWrites } from "./queries.ts";
import { TryIt } from "./try-it.tsx";
import { useWords } from "./words.ts";

interface Props {
  guard?: Guard;
  kind: Draft["kind"];
  onClose: () => void;
}

export function GuardForm({ guard, kind, onClose }: Props) {
  const words = useWords();
  const writes = useGuardWrites();
  const [draft, setDraft] = useState<Draft>(() => (guard ? draftOf(guard) : newOf(kind)));
  const [secret, setSecret] = useState<string>();
  const form = useForm(async () => {
    const body = bodyOf(draft);
    const made = guard ? await writes.update(guard.id, body) : await writes.create(body);
    if (made.secret) setSecret(made.secret);
    else onClose();
  });
  const set = (change: Partial<Draft>) => setDraft((now) => ({ ...now, ...change }));
  const typed = (name: "name" | "patterns" | "words" | "models" | "keys" | "url" | "timeout_ms") => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => set({ [name]: event.target.value }),
    error: form.errorOf(name),
    spellCheck: false,
  });
  if (secret)
    return (
      <Dialog title={words.secretMade} onClose={onClose} canClose={false}>
        <Secret value={secret} variable="NEXUS_GUARD_SECRET" onDone={onClose} />
      </Dialog>
    );
  const isContent = draft.kind === "content";
  return (
    <Dialog title={guard ? words.edit : isContent ? words.add : words.addWebhook} onClose={onClose} width="wide">
      <div className={isContent ? "grid grid-cols-2 gap-8 max-lg:grid-cols-1" : "max-w-form"}>
        <form onSubmit={form.submit} className="flex min-w-0 flex-col gap-4">
          <Field label={words.name} hint={words.nameHint} required {...typed("name")} />
          <Choice
            label={words.direction}
            value={draft.direction}
            onChange={(event) => set({ direction: event.target.value as Draft["direction"] })}
            error={form.errorOf("direction")}
          >
            <option value="both">{words.both}</option>
            <option value="request">{words.request}</option>
            <option value="answer">{words.answer}</option>
          </Choice>
          {isContent ? (
            <Content draft={draft} set={set} typed={typed} errorOf={form.errorOf} />
          ) : (
            <>
              <Field label={words.url} hint={words.urlHint} required type="url" {...typed("url")} />
              <Field label={words.timeout} inputMode="numeric" {...typed("timeout_ms")} />
              <Choice
                label={words.onFailure}
                value={draft.on_failure}
                onChange={(event) => set({ on_failure: event.target.value as Draft["on_failure"] })}
                error={form.errorOf("on_failure")}
              >
                <option value="closed">{words.closed}</option>
                <option value="open">{words.openly}</option>
              </Choice>
            </>
          )}
          <Field label={words.models} optional hint={words.modelsHint} {...typed("models")} />
          <Field label={words.keys} optional hint={words.keysHint} {...typed("keys")} />
          {form.rest()}
          <div className="flex justify-end gap-2">
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy}>
              {guard ? words.save : words.create}
            </Button>
          </div>
        </form>
        {isContent && (
          <section aria-label={words.tryIt} className="min-w-0 lg:border-l lg:border-line lg:pl-8">
            <h3 className="mb-2 text-section font-semibold">{words.tryIt}</h3>
            <TryIt draft={draft} />
          </section>
        )}
      </div>
    </Dialog>
  );
}

interface ContentProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  typed: (name: "patterns" | "words") => object;
  errorOf: (field: string) => string | null;
}

function Content({ draft, set, typed, errorOf }: ContentProps) {
  const words = useWords();
  const hints = { log: words.logHint, mask: words.maskHint, block: words.blockHint };
  const error = errorOf("detectors");
  return (
    <>
      <div className="flex flex-col gap-1">
        <span aria-hidden="true" className="font-medium">
          {words.action}
        </span>
        <div>
          <Segmented
            label={words.action}
            value={draft.action}
            options={(["log", "mask", "block"] as const).map((value) => ({ value, label: words[value] }))}
            onChange={(action) => set({ action })}
          />
        </div>
        <p className="text-table text-ink3">{hints[draft.action]}</p>
      </div>
      {draft.action === "mask" && (
        <Check
          label={words.restore}
          checked={draft.restore}
          onChange={(event) => set({ restore: event.target.checked })}
        />
      )}
      <fieldset className="min-w-0">
        <legend className="font-medium">{words.detectors}</legend>
        <p className="mb-1 text-table text-ink3">{words.precisionHint}</p>
        {DETECTORS.map(({ name, precision, recall }) => {
          const isChosen = draft.detectors.includes(name);
          return (
            <div key={name}>
              <Check
                label={words[name]}
                checked={isChosen}
                onChange={() =>
                  set({
                    detectors: isChosen ? draft.detectors.filter((one) => one !== name) : [...draft.detectors, name],
                  })
                }
              />
              {isChosen && (
                <p className="mb-1 ml-6 text-table text-ink3">
                  {words.precision(precision, recall)}
                  {name === "prompt_injection" && `. ${words.injectionHint}`}
                </p>
              )}
            </div>
          );
        })}
        {error && (
          <p role="alert" className="text-table text-bad">
            {error}
          </p>
        )}
      </fieldset>
      <Area label={words.patterns} optional rows={2} hint={words.patternsHint} {...typed("patterns")} />
      <Area label={words.words} optional rows={2} hint={words.wordsHint} {...typed("words")} />
    </>
  );
}
