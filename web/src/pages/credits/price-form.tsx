// Setting a price: for a model, a model of one provider, or everything of a provider.

import { type ReactNode, useId, useState } from "react";
import type { PriceSettingView } from "../../api/schema.d.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { useCreditWrites, useNames } from "./queries.ts";
import { type PriceDraft, type PriceName, priceBodyOf, priceDraftOf } from "./rows.ts";
import { useWords } from "./words.ts";

const MORE: PriceName[] = [
  "cache_write_1h",
  "reasoning",
  "audio_input",
  "audio_output",
  "image_input",
  "image_output",
  "per_1k_requests",
  "per_1k_web_searches",
];

export function PriceForm({ setting, onClose }: { setting?: PriceSettingView; onClose: () => void }) {
  const words = useWords();
  const writes = useCreditWrites();
  const [draft, setDraft] = useState(() => priceDraftOf(setting));
  const form = useForm(async () => {
    await writes.setPrice(setting?.subject ?? `${draft.kind}:${draft.name.trim()}`, priceBodyOf(draft, setting));
    onClose();
  });
  const price = (name: PriceName | "factor", label: string, placeholder = "", hint: ReactNode = undefined) => (
    <Field
      key={name}
      label={label}
      inputMode="decimal"
      placeholder={placeholder}
      value={draft[name]}
      onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
      error={form.errorOf(name)}
      hint={hint}
    />
  );
  const hasPrices = draft.kind !== "provider";
  return (
    <Dialog title={words.setPrice} onClose={onClose} width="wide">
      <form onSubmit={form.submit} className="flex flex-col gap-6">
        {setting ? (
          <p className="font-mono [overflow-wrap:anywhere]">{setting.subject}</p>
        ) : (
          <Subject draft={draft} onChange={setDraft} error={form.errorOf("subject")} />
        )}
        {hasPrices && (
          <>
            <Group title={words.pricesLegend}>
              {price("input", words.input)}
              {price("output", words.output)}
              {price("cached_input", words.cached_input, words.asInput)}
              {price("cache_write", words.cache_write, words.asInput)}
            </Group>
            <details>
              <summary className="text-ink2">{words.morePrices}</summary>
              <div className="mt-3 grid gap-4 sm:grid-cols-2">
                {MORE.map((name) => price(name, words[name], name.startsWith("per_") ? "" : placeOf(name, words)))}
              </div>
            </details>
          </>
        )}
        <Group title={words.factor}>{price("factor", words.factor, "1", words.factorHint)}</Group>
        {(setting?.tiers?.length || setting?.peak) && <p className="text-table text-ink2">{words.kept}</p>}
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy}>
            {words.savePrice}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

const placeOf = (name: PriceName, words: ReturnType<typeof useWords>) =>
  /output|reasoning/.test(name) ? words.asOutput : name === "cache_write_1h" ? words.cache_write : words.asInput;

interface SubjectProps {
  draft: PriceDraft;
  onChange: (draft: PriceDraft) => void;
  error: string | null;
}

function Subject({ draft, onChange, error }: SubjectProps) {
  const words = useWords();
  const list = useId();
  const names = useNames();
  const choices = draft.kind === "provider" ? names.providers : names.models;
  return (
    <Group title={words.priceKind}>
      <Choice
        label={words.priceKind}
        value={draft.kind}
        onChange={(event) => onChange({ ...draft, kind: event.target.value as PriceDraft["kind"], name: "" })}
      >
        <option value="model">{words.of_model}</option>
        <option value="provider_model">{words.of_provider_model}</option>
        <option value="provider">{words.of_provider}</option>
      </Choice>
      {draft.kind === "model" ? (
        <>
          <Field
            label={words.name}
            required
            list={list}
            value={draft.name}
            onChange={(event) => onChange({ ...draft, name: event.target.value })}
            error={error}
          />
          <datalist id={list}>
            {[...new Set(names.models.map(({ model }) => model))].map((model) => (
              <option key={model} value={model} />
            ))}
          </datalist>
        </>
      ) : (
        <Choice
          label={words.name}
          required
          value={draft.name}
          onChange={(event) => onChange({ ...draft, name: event.target.value })}
          error={error}
        >
          <option value="" />
          {choices.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Choice>
      )}
    </Group>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="grid gap-4 border-t border-line pt-3 sm:grid-cols-2">
      <legend className="pr-3 text-table text-ink2">{title}</legend>
      {children}
    </fieldset>
  );
}
