// The playground: one question to up to four models, as one of the person's keys, and what each of them made of it.

import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { type Settings, configOf } from "../../api/chat.ts";
import { useUsableKeys } from "../../api/keys.ts";
import { call } from "../../api/client.ts";
import type { Content } from "../../lib/chat.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Area, Field } from "../../ui/field.tsx";
import { Page } from "../../ui/page.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { ColumnView, type Handle } from "./column.tsx";
import { Composer } from "./composer.tsx";
import { useModels } from "./queries.ts";
import { useWords } from "./words.ts";

const MOST_COLUMNS = 4;
const NO_SETTINGS: Settings = { system: "", temperature: "", maxTokens: "", tools: "" };

export default function Playground() {
  const words = useWords();
  const keys = useUsableKeys();
  if (keys.isPending || keys.error || keys.data?.length === 0) {
    return (
      <Page title={words.title}>
        {keys.error ? (
          <Failure error={keys.error} retry={() => keys.refetch()} />
        ) : keys.isPending ? (
          <Skeleton rows={8} />
        ) : (
          <Empty
            action={
              <LinkButton to="/keys" search={{ new: "1" }} look="primary" icon="key">
                {words.makeKey}
              </LinkButton>
            }
          >
            {words.noKey}
          </Empty>
        )}
      </Page>
    );
  }
  return <Asking keys={keys.data ?? []} />;
}

function Asking({ keys }: { keys: { id: string; name: string; store: string }[] }) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const key = keys.find(({ id }) => id === filters.key) ?? keys.find(({ store }) => store === "full") ?? keys[0];
  const actAs = key?.id ?? "";
  const models = useModels(actAs);
  const chosen = (filters.model ?? "").split(",").filter(Boolean).slice(0, MOST_COLUMNS);
  const shown = chosen.length > 0 ? chosen : (models.data?.slice(0, 1) ?? []);
  const choose = (next: string[]) => setFilters({ model: next.join(",") || undefined });
  const [settings, setSettings] = useState(NO_SETTINGS);
  const [text, setText] = useState("");
  const [run, setRun] = useState(0);
  const [edited, setEdited] = useState<number | null>(null);
  const [front, setFront] = useState(0);
  const [hasBegun, setBegun] = useState(false);
  const [busy, setBusy] = useState<Record<string, boolean>>({});
  const handles = useRef(new Map<string, Handle>());
  useRepeat(filters.from, setText);
  const all = (act: (handle: Handle) => void) => [...handles.current.values()].forEach(act);
  const send = (content: Content) => {
    all((handle) => handle.ask(content));
    setBegun(true);
    setEdited(null);
  };
  const edit = (index: number, asked: string) => {
    setEdited(index);
    setText(asked);
    document.querySelector<HTMLElement>("[data-filter]")?.focus();
  };
  const isBusy = shown.some((model) => busy[model]);
  const bad = !isJson(settings.tools);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="flex flex-wrap items-center gap-2 border-b border-line px-4 py-2 sm:px-6">
        <h1 className="mr-2 text-section font-semibold">{words.title}</h1>
        <select
          aria-label={words.asKey}
          value={actAs}
          onChange={(event) => setFilters({ key: event.target.value })}
          className="control w-auto! max-w-44"
        >
          {keys.map(({ id, name }) => (
            <option key={id} value={id}>
              {visible(name)}
            </option>
          ))}
        </select>
        <ModelPick models={models.data ?? []} shown={shown} onChoose={choose} />
        <Popover label={words.settings} icon="settings" text={words.settings}>
          {() => (
            <div className="flex w-80 max-w-[90vw] flex-col gap-3 p-3">
              <Area
                label={words.system}
                rows={3}
                value={settings.system}
                onChange={(event) => setSettings({ ...settings, system: event.target.value })}
              />
              <Field
                label={words.temperature}
                inputMode="decimal"
                placeholder={words.byModel}
                value={settings.temperature}
                onChange={(event) => setSettings({ ...settings, temperature: event.target.value })}
              />
              <Field
                label={words.maxTokens}
                inputMode="numeric"
                placeholder={words.byModel}
                value={settings.maxTokens}
                onChange={(event) => setSettings({ ...settings, maxTokens: event.target.value })}
              />
              <Area
                label={words.tools}
                rows={4}
                className="font-mono"
                spellCheck={false}
                error={bad ? words.badTools : null}
                value={settings.tools}
                onChange={(event) => setSettings({ ...settings, tools: event.target.value })}
              />
            </div>
          )}
        </Popover>
        <Button
          look="quiet"
          icon="plus"
          className="ml-auto"
          onClick={() => {
            setRun(run + 1);
            setBegun(false);
          }}
        >
          {words.fresh}
        </Button>
      </header>
      {models.error && (
        <div className="px-4">
          <Failure error={models.error} retry={() => models.refetch()} />
        </div>
      )}
      {shown.length > 1 && (
        <div className="px-4 py-2 sm:hidden">
          <Segmented
            label={words.model}
            value={String(front)}
            options={shown.map((model, index) => ({ value: String(index), label: visible(model) }))}
            onChange={(index) => setFront(Number(index))}
          />
        </div>
      )}
      {shown.length === 0 && !models.isPending && <p className="p-6 text-ink2">{words.noModels}</p>}
      <div
        className={`grid min-h-0 flex-1 ${["", "", "sm:grid-cols-2", "sm:grid-cols-3", "sm:grid-cols-4"][shown.length] ?? ""}`}
        key={`${run} ${actAs}`}
      >
        {shown.map((model, index) => (
          <div key={model} className={`grid min-h-0 min-w-0 ${index === front ? "" : "max-sm:hidden"}`}>
            <ColumnView
              model={model}
              actAs={actAs}
              settings={settings}
              canKeep={key?.store === "full"}
              handle={(handle) => {
                if (handle) handles.current.set(model, handle);
                else handles.current.delete(model);
              }}
              onBusy={(is) => setBusy((before) => (before[model] === is ? before : { ...before, [model]: is }))}
              onEdit={edit}
              onRemove={shown.length > 1 ? () => choose(shown.filter((other) => other !== model)) : undefined}
            />
          </div>
        ))}
      </div>
      {!hasBegun && text === "" && <Suggestions onPick={setText} />}
      <Composer
        text={text}
        onText={setText}
        isBusy={isBusy}
        isEditing={edited !== null}
        canSend={shown.length > 0 && !bad}
        onNotEdit={() => {
          setEdited(null);
          setText("");
        }}
        onSend={(content) => {
          if (edited !== null) all((handle) => handle.cut(edited));
          // The columns ask with what is left, which they have after the next drawing.
          requestAnimationFrame(() => send(content));
        }}
        onStop={() => all((handle) => handle.stop())}
      />
    </div>
  );
}

function isJson(text: string): boolean {
  try {
    configOf({ ...NO_SETTINGS, tools: text });
    return true;
  } catch {
    return false;
  }
}

/** The last question of a request of the log, if its text is kept. */
function useRepeat(id: string | undefined, onText: (text: string) => void) {
  const { data } = useQuery({
    queryKey: ["request", id],
    queryFn: ({ signal }) => call("GET /requests/{id}", { path: { id: id ?? "" }, signal }),
    enabled: Boolean(id),
    staleTime: 60_000,
  });
  const asked = data?.messages?.findLast(({ role, content }) => role === "user" && content)?.content;
  const seen = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (!asked || seen.current === id) return;
    seen.current = id;
    onText(asked);
  }, [asked, id, onText]);
}

function ModelPick({
  models,
  shown,
  onChoose,
}: {
  models: string[];
  shown: string[];
  onChoose: (models: string[]) => void;
}) {
  const words = useWords();
  const [first = "", ...others] = shown;
  const options = [...new Set([...shown, ...models])];
  const choices = (except: string[]) =>
    options
      .filter((model) => !except.includes(model))
      .map((model) => (
        <option key={model} value={model}>
          {visible(model)}
        </option>
      ));
  return (
    <>
      <select
        aria-label={words.model}
        value={first}
        onChange={(event) => onChoose([event.target.value, ...others])}
        className="control w-auto! max-w-56"
      >
        {choices(others)}
      </select>
      {shown.length > 0 && shown.length < MOST_COLUMNS && options.length > shown.length && (
        <select
          aria-label={words.addModel}
          value=""
          onChange={(event) => event.target.value && onChoose([...shown, event.target.value])}
          className="control w-auto! max-w-36"
        >
          <option value="">+ {words.addModel}</option>
          {choices(shown)}
        </select>
      )}
    </>
  );
}

function Suggestions({ onPick }: { onPick: (text: string) => void }) {
  const words = useWords();
  return (
    <div className="flex flex-wrap items-center gap-2 px-4 pb-3 sm:px-6">
      <p className="w-full text-ink2">{words.empty}</p>
      {[words.try1, words.try2, words.try3].map((text) => (
        <Button key={text} className="max-w-full text-table! font-normal! max-sm:hidden" onClick={() => onPick(text)}>
          <span className="truncate">{text}</span>
        </Button>
      ))}
    </div>
  );
}
