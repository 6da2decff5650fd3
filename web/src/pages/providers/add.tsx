// Adding a provider: a service of the gallery, its key, a real question to it, and its models. It is created before it is asked, so
// that what was typed is not lost if it does not answer.

import { type ReactNode, useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { KINDS, type Provider, usePresets, useRefresh } from "./queries.ts";
import { Result, type Tested } from "./test.tsx";
import { useWords } from "./words.ts";

/** Kinds that are asked without an address. */
const OWN_ADDRESS = new Set(["workers_ai", "demo"]);

type Presets = Answer<"GET /provider-presets">;
type Known = Presets["presets"][number];
/** `isOwn`: one of the operator's, of which it is not known whether its service needs a key. */
type Preset = Pick<Known, "id" | "name" | "kind" | "server_url" | "auth" | "docs" | "models" | "regions"> & {
  isOwn?: boolean;
};

/** `onClose` is told the id of the provider, if one was made. */
export function Add({ onClose }: { onClose: (made?: number) => void }) {
  const words = useWords();
  const [chosen, setChosen] = useState<Preset | "custom">();
  const [made, setMade] = useState<{ provider: Provider; tested: Tested }>();
  const step = made ? 3 : chosen ? 2 : 1;
  return (
    <Dialog
      title={`${words.add} · ${words.step(step)}`}
      onClose={() => onClose(made?.provider.id)}
      width="wide"
      canClose={!made}
    >
      {made ? (
        <Models
          provider={made.provider}
          tested={made.tested}
          preset={chosen === "custom" ? undefined : chosen}
          onDone={() => onClose(made.provider.id)}
        />
      ) : chosen ? (
        <Connect
          preset={chosen === "custom" ? undefined : chosen}
          onBack={() => setChosen(undefined)}
          onMade={(provider, tested) => setMade({ provider, tested })}
        />
      ) : (
        <Gallery onChoose={setChosen} />
      )}
    </Dialog>
  );
}

function Gallery({ onChoose }: { onChoose: (preset: Preset | "custom") => void }) {
  const words = useWords();
  const { data, error, refetch } = usePresets();
  const [filter, setFilter] = useState("");
  if (error) return <Failure error={error} retry={refetch} />;
  if (!data) return <Skeleton rows={8} />;
  const wanted = filter.trim().toLowerCase();
  const all: Preset[] = [...data.custom.map(presetOf), ...data.presets];
  const found = all.filter(({ id, name }) => `${id} ${name}`.toLowerCase().includes(wanted));
  return (
    <>
      <div className="mb-3 flex flex-wrap items-end gap-2">
        <div className="w-64 max-sm:w-full">
          <input
            type="search"
            autoFocus
            aria-label={words.galleryFilter}
            placeholder={words.galleryFilter}
            className="control"
            value={filter}
            onChange={(event) => setFilter(event.target.value)}
          />
        </div>
      </div>
      <ul aria-label={words.gallery} className="grid grid-cols-[repeat(auto-fill,minmax(180px,1fr))] gap-2">
        {found.map((preset) => (
          <Card
            key={preset.id}
            title={preset.name}
            about={
              preset.models.length > 0
                ? preset.models
                    .slice(0, 2)
                    .map(({ name }) => name)
                    .join(", ")
                : preset.kind
            }
            onClick={() => onChoose(preset)}
          />
        ))}
        <Card title={words.custom} about={words.customHint} onClick={() => onChoose("custom")} />
      </ul>
      {found.length === 0 && <p className="mt-3 text-ink2">{words.noPreset}</p>}
    </>
  );
}

/** A preset of the operator's own, of which less is known. */
const presetOf = ({ id, name, kind, server_url, models }: Presets["custom"][number]): Preset => ({
  id,
  name,
  kind,
  server_url,
  isOwn: true,
  auth: OWN_ADDRESS.has(kind) ? "none" : "bearer",
  docs: "",
  regions: [],
  models: models.map((model) => ({
    name: model,
    context_length: null,
    max_output: null,
    deprecated: false,
    json_schema: false,
    reasoning: false,
    tools: false,
    vision: false,
    slow: false,
    retires: null,
    successor: null,
  })),
});

function Card({ title, about, onClick }: { title: string; about: string; onClick: () => void }) {
  return (
    <li>
      <button
        type="button"
        onClick={onClick}
        className="flex h-full w-full items-start gap-2 rounded-m border border-line bg-surface p-2 text-left hover:border-control hover:bg-sunken"
      >
        <span
          aria-hidden="true"
          className="grid size-8 shrink-0 place-items-center rounded-s bg-sunken font-semibold text-ink2"
        >
          {[...title][0]}
        </span>
        <span className="min-w-0">
          <span className="block truncate font-medium">{title}</span>
          <span className="block truncate text-table text-ink3">{about}</span>
        </span>
      </button>
    </li>
  );
}

function Connect({
  preset,
  onBack,
  onMade,
}: {
  preset: Preset | undefined;
  onBack: () => void;
  onMade: (provider: Provider, tested: Tested) => void;
}) {
  const words = useWords();
  const refresh = useRefresh();
  const needsKey = preset ? preset.auth !== "none" : true;
  const mustHaveKey = preset !== undefined && !preset.isOwn;
  const [region, setRegion] = useState("");
  const [isTesting, setTesting] = useState(false);
  const [values, setValues] = useState({
    name: preset?.id ?? "",
    kind: preset?.kind ?? "openai",
    server_url: preset?.server_url ?? "",
    server_key: "",
  });
  const set = (name: keyof typeof values) => (event: { target: { value: string } }) =>
    setValues((now) => ({ ...now, [name]: event.target.value }));
  const form = useForm(async () => {
    const body = {
      name: values.name.trim(),
      ...(preset ? { preset: preset.id } : { kind: values.kind as (typeof KINDS)[number] }),
      ...(values.server_url.trim() && values.server_url !== preset?.server_url
        ? { server_url: values.server_url.trim() }
        : {}),
      ...(values.server_key.trim() ? { server_key: values.server_key.trim() } : {}),
    };
    const provider = (await call("POST /providers", { body })) as Provider;
    setTesting(true);
    try {
      onMade(provider, await ask(provider, preset?.models.find(({ deprecated }) => !deprecated)?.name));
    } finally {
      setTesting(false);
      await refresh();
    }
  });
  return (
    <form onSubmit={form.submit} className="flex max-w-form flex-col gap-4">
      <Button look="quiet" icon="left" onClick={onBack} className="self-start">
        {words.back}
      </Button>
      <Field
        label={words.name}
        required
        maxLength={100}
        value={values.name}
        onChange={set("name")}
        error={form.errorOf("name")}
      />
      {!preset && (
        <Choice label={words.kind} value={values.kind} onChange={set("kind")} error={form.errorOf("kind")}>
          {KINDS.map((kind) => (
            <option key={kind}>{kind}</option>
          ))}
        </Choice>
      )}
      {preset && preset.regions.length > 0 && (
        <Choice
          label={words.region}
          value={region}
          onChange={(event) => {
            setRegion(event.target.value);
            const one = preset.regions.find(({ name }) => name === event.target.value);
            setValues((now) => ({ ...now, server_url: one?.server_url ?? preset.server_url ?? "" }));
          }}
        >
          <option value="">–</option>
          {preset.regions.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </Choice>
      )}
      <Field
        label={words.serverUrl}
        hint={words.serverUrlHint}
        required={!preset?.server_url && !OWN_ADDRESS.has(values.kind)}
        spellCheck={false}
        value={values.server_url}
        onChange={set("server_url")}
        error={form.errorOf("server_url")}
      />
      {needsKey ? (
        <Field
          label={words.secret}
          hint={mustHaveKey ? words.secretHint : words.secretHintOther}
          required={mustHaveKey}
          optional={!mustHaveKey}
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={values.server_key}
          onChange={set("server_key")}
          error={form.errorOf("server_key")}
        />
      ) : (
        <p className="text-ink2">{words.noKeyNeeded}</p>
      )}
      {preset?.docs && (
        <a href={preset.docs} target="_blank" rel="noreferrer noopener nofollow" className="link self-start">
          {words.docs} ({hostOf(preset.docs)})
        </a>
      )}
      {form.rest()}
      <div className="flex justify-end">
        <Button type="submit" look="primary" busy={form.busy}>
          {isTesting ? words.testing : words.create}
        </Button>
      </div>
    </form>
  );
}

/** Asks the new provider for something: a model of the preset, else the first that it lists. */
async function ask(provider: Provider, known: string | undefined): Promise<Tested> {
  const path = { id: String(provider.id) };
  try {
    const model = known ?? (await call("GET /providers/{id}/upstream-models", { path })).models[0]?.id;
    return await call("POST /providers/{id}/test", { path, body: { stream: true, ...(model ? { model } : {}) } });
  } catch (error) {
    return error as Error;
  }
}

const hostOf = (url: string) => URL.parse(url)?.host ?? "";

/** The models of the preset, or those that the service lists. */
function Models({
  provider,
  tested,
  preset,
  onDone,
}: {
  provider: Provider;
  tested: Tested;
  preset: Preset | undefined;
  onDone: () => void;
}) {
  const words = useWords();
  const refresh = useRefresh();
  const known = preset?.models.filter(({ deprecated }) => !deprecated) ?? [];
  const [chosen, setChosen] = useState(() => new Set(known.map(({ name }) => name)));
  const [offered, setOffered] = useState<string[]>();
  const names = known.length > 0 ? known.map(({ name }) => name) : (offered ?? []);
  const look = useForm(async () => {
    const { models } = await call("GET /providers/{id}/upstream-models", { path: { id: String(provider.id) } });
    setOffered(models.map(({ id }) => id));
    setChosen(new Set());
  });
  const form = useForm(async () => {
    for (const name of chosen) {
      const card = known.find((model) => model.name === name);
      await call("POST /provider_models", {
        body: { provider_id: provider.id, model_name: name, ...(card ? cardOf(card) : {}) },
      });
    }
    await refresh();
    onDone();
  });
  return (
    <div className="flex flex-col gap-4">
      <p>{words.created}</p>
      <Result tested={tested} />
      <fieldset className="min-w-0">
        <legend className="font-medium">{words.pick}</legend>
        <p className="mb-2 text-table text-ink3">{words.pickHint}</p>
        {names.length > 0 ? (
          <>
            <div className="mb-1 flex gap-2">
              <Button look="quiet" onClick={() => setChosen(new Set(names))}>
                {words.all}
              </Button>
              <Button look="quiet" onClick={() => setChosen(new Set())}>
                {words.clear}
              </Button>
            </div>
            <ul className="grid max-h-72 grid-cols-[repeat(auto-fill,minmax(220px,1fr))] gap-x-4 overflow-y-auto rounded-m border border-line p-2">
              {names.map((name) => (
                <li key={name} className="min-w-0 truncate">
                  <Check
                    label={visible(name)}
                    checked={chosen.has(name)}
                    onChange={() => setChosen((now) => toggled(now, name))}
                  />
                </li>
              ))}
            </ul>
          </>
        ) : (
          <Button busy={look.busy} onClick={() => look.submit()}>
            {words.discover}
          </Button>
        )}
      </fieldset>
      {look.rest()}
      {form.rest()}
      <Buttons>
        <Button onClick={onDone}>{words.done}</Button>
        <Button look="primary" disabled={chosen.size === 0} busy={form.busy} onClick={() => form.submit()}>
          {words.finish(chosen.size)}
        </Button>
      </Buttons>
    </div>
  );
}

function Buttons({ children }: { children: ReactNode }) {
  return <div className="flex justify-end gap-2">{children}</div>;
}

function toggled(set: Set<string>, name: string): Set<string> {
  const next = new Set(set);
  if (!next.delete(name)) next.add(name);
  return next;
}

/** What the preset knows of a model, as the API takes it. */
function cardOf({ context_length, max_output, slow, vision, tools, json_schema, reasoning }: Preset["models"][number]) {
  const capabilities = Object.entries({ vision, tools, json_schema, reasoning }).flatMap(([name, has]) =>
    has ? [name] : [],
  );
  return { context_length, max_output, slow, capabilities };
}
