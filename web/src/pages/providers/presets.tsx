// Presets of the operator's own: services of the house, beside those that the gateway knows, from which providers are made.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Area, Choice, Field, useForm } from "../../ui/field.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { KINDS, PRESETS, usePresets } from "./queries.ts";
import { useWords } from "./words.ts";

type Custom = Answer<"GET /provider-presets">["custom"][number];

function useReadAnew(): () => Promise<void> {
  const queries = useQueryClient();
  return () => queries.invalidateQueries({ queryKey: PRESETS });
}

export function Presets({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const { data, error, refetch } = usePresets();
  const [edited, setEdited] = useState<Custom | "new">();
  const [removed, setRemoved] = useState<Custom>();
  return (
    <Dialog title={words.ownPresets} onClose={onClose} width="wide">
      <p className="mb-3 max-w-text text-ink2">{words.ownPresetsHint}</p>
      {error ? (
        <Failure error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton rows={3} />
      ) : data.custom.length === 0 ? (
        <p className="text-ink2">{words.noOwnPresets}</p>
      ) : (
        <ul aria-label={words.ownPresets} className="border-t border-line">
          {data.custom.map((preset) => (
            <li key={preset.id} className="flex flex-wrap items-center gap-x-3 border-b border-line py-1.5">
              <span className="font-medium">{visible(preset.name)}</span>
              <span className="min-w-0 flex-1 basis-48 truncate text-ink2">
                {preset.kind} · {visible(preset.server_url)}
              </span>
              <Button look="quiet" icon="edit" onClick={() => setEdited(preset)}>
                {words.edit}
              </Button>
              <Button look="quiet" icon="trash" onClick={() => setRemoved(preset)}>
                {words.remove}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Button icon="plus" className="mt-3" onClick={() => setEdited("new")}>
        {words.newPreset}
      </Button>
      {edited && <PresetForm preset={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} />}
      {removed && <Remove preset={removed} onClose={() => setRemoved(undefined)} />}
    </Dialog>
  );
}

function PresetForm({ preset, onClose }: { preset: Custom | undefined; onClose: () => void }) {
  const words = useWords();
  const readAnew = useReadAnew();
  const [kind, setKind] = useState<string>(preset?.kind ?? "openai");
  const [values, setValues] = useState({
    id: "",
    name: preset?.name ?? "",
    server_url: preset?.server_url ?? "",
    description: preset?.description ?? "",
    models: preset?.models.join("\n") ?? "",
  });
  const form = useForm(async () => {
    const body = {
      name: values.name.trim(),
      kind: kind as (typeof KINDS)[number],
      server_url: values.server_url.trim(),
      description: values.description.trim(),
      models: values.models
        .split("\n")
        .map((model) => model.trim())
        .filter(Boolean),
    };
    if (preset) await call("PUT /provider-presets/{id}", { path: { id: preset.id }, body });
    else await call("POST /provider-presets", { body: { ...body, id: values.id.trim() } });
    await readAnew();
    onClose();
  });
  const typed = (name: keyof typeof values) => ({
    value: values[name],
    onChange: (event: { target: { value: string } }) => setValues({ ...values, [name]: event.target.value }),
    error: form.errorOf(name),
    spellCheck: false,
  });
  return (
    <Dialog title={preset ? words.edit : words.newPreset} onClose={onClose}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        {!preset && <Field label="ID" hint={words.presetIdHint} required {...typed("id")} />}
        <Field label={words.name} required {...typed("name")} />
        <Choice
          label={words.kind}
          value={kind}
          onChange={(event) => setKind(event.target.value)}
          error={form.errorOf("kind")}
        >
          {[...new Set([...KINDS, kind])].map((one) => (
            <option key={one}>{one}</option>
          ))}
        </Choice>
        <Field label={words.serverUrl} hint={words.serverUrlHint} required {...typed("server_url")} />
        <Field label={words.description} {...typed("description")} />
        <Area label={words.models} optional rows={3} hint={words.presetModelsHint} {...typed("models")} />
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

function Remove({ preset, onClose }: { preset: Custom; onClose: () => void }) {
  const words = useWords();
  const readAnew = useReadAnew();
  const form = useForm(async () => {
    await call("DELETE /provider-presets/{id}", { path: { id: preset.id } });
    await readAnew();
    onClose();
  });
  return (
    <Confirm
      title={words.removePreset}
      consequence={words.removePresetText}
      action={words.remove}
      busy={form.busy}
      error={form.rest()}
      onConfirm={() => form.submit()}
      onClose={onClose}
    />
  );
}
