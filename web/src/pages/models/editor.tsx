// A logical model: its candidates with weights (sliders, by mouse and arrow keys) and priorities (buttons, or Alt with the arrow keys),
// and what would change, before it is saved.

import { type KeyboardEvent, useRef, useState } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { percent, visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Failure } from "../../ui/states.tsx";
import { changes, type Draft, MAX_WEIGHT, moved, ordered, same, shareOf } from "./candidates.ts";
import { type Logical, STRATEGIES, type Strategy, useModels, useProviderNames, useRefresh } from "./queries.ts";
import { useDragging } from "./dragging.ts";
import { useWords } from "./words.ts";

export function Editor({ logical, onClose }: { logical: Logical | undefined; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const refresh = useRefresh();
  const names = useProviderNames(may("admin_view_providers"));
  const before = valuesOf(logical);
  const [now, setNow] = useState(before);
  const [asks, setAsks] = useState(false);
  const set = (change: Partial<typeof now>) => setNow((values) => ({ ...values, ...change }));
  const nameOf = (one: Draft) => `${names.get(one.provider_id) ?? one.provider_id}/${one.model}`;
  const changed = changes(flat(before, nameOf), flat(now, nameOf));
  const form = useForm(async () => {
    const body = bodyOf(now, logical ? before : undefined);
    if (logical) await call("PUT /logical-models/{id}", { path: { id: String(logical.id) }, body });
    else await call("POST /logical-models", { body: { ...body, name: now.name.trim() } });
    await refresh();
    onClose();
  });
  const remove = useForm(async () => {
    await call("DELETE /logical-models/{id}", { path: { id: String(logical?.id) } });
    await refresh();
    onClose();
  });
  const mayChange = may("manage_models");
  const labels: Record<string, string> = {
    name: words.name,
    strategy: words.strategy,
    description: words.description,
    fallbacks: words.fallbacks,
    hedge_after_ms: words.hedge,
    sticky: words.sticky,
    enabled: words.takes,
  };
  return (
    <Dialog title={logical ? visible(logical.name) : words.add} onClose={onClose} drawer canClose={!form.busy}>
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <div className="grid grid-cols-2 gap-3 max-sm:grid-cols-1">
          <Field
            label={words.name}
            hint={words.nameHint}
            required
            value={now.name}
            onChange={(event) => set({ name: event.target.value })}
            error={form.errorOf("name")}
          />
          <Choice
            label={words.strategy}
            value={now.strategy}
            onChange={(event) => set({ strategy: event.target.value })}
            error={form.errorOf("strategy")}
          >
            <option value="">{words.default}</option>
            {STRATEGIES.map((strategy) => (
              <option key={strategy}>{strategy}</option>
            ))}
          </Choice>
        </div>
        <Candidates candidates={now.candidates} nameOf={nameOf} onChange={(candidates) => set({ candidates })} />
        {form.errorOf("candidates") && (
          <p role="alert" className="text-bad">
            {form.errorOf("candidates")}
          </p>
        )}
        <Field
          label={words.fallbacks}
          hint={words.fallbacksHint}
          value={now.fallbacks}
          onChange={(event) => set({ fallbacks: event.target.value })}
          error={form.errorOf("fallbacks")}
        />
        <div className="grid grid-cols-2 gap-3 max-sm:grid-cols-1">
          <Field
            label={words.hedge}
            inputMode="numeric"
            value={now.hedge_after_ms}
            onChange={(event) => set({ hedge_after_ms: event.target.value })}
            error={form.errorOf("hedge_after_ms")}
          />
          <Field
            label={words.description}
            value={now.description}
            onChange={(event) => set({ description: event.target.value })}
            error={form.errorOf("description")}
          />
        </div>
        <Check label={words.sticky} checked={now.sticky} onChange={(event) => set({ sticky: event.target.checked })} />
        <Check label={words.takes} checked={now.enabled} onChange={(event) => set({ enabled: event.target.checked })} />
        <section className="rounded-m border border-line bg-bg p-3">
          <h3 className="font-semibold">{words.changes}</h3>
          {changed.length === 0 ? (
            <p className="text-ink3">{words.nothing}</p>
          ) : (
            <ul>
              {changed.map(({ what, was, is }) => (
                <li key={what} className="[overflow-wrap:anywhere]">
                  <span className="text-ink3">{visible(labels[what] ?? what)}:</span>{" "}
                  {was !== null && <del className="text-bad">{visible(was)}</del>}{" "}
                  {is !== null && <ins className="text-ok no-underline">{visible(is)}</ins>}
                </li>
              ))}
            </ul>
          )}
        </section>
        {form.rest()}
        {mayChange && (
          <div className="flex flex-wrap justify-end gap-2">
            {logical && (
              <Button look="danger" icon="trash" className="mr-auto" onClick={() => setAsks(true)}>
                {words.remove}
              </Button>
            )}
            <Button onClick={onClose}>{words.cancel}</Button>
            <Button type="submit" look="primary" busy={form.busy} disabled={changed.length === 0}>
              {logical ? words.save : words.create}
            </Button>
          </div>
        )}
      </form>
      {asks && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setAsks(false)}
        />
      )}
    </Dialog>
  );
}

const keyOf = ({ provider_id, model }: Draft) => `${provider_id} ${model}`;

function Candidates({
  candidates,
  nameOf,
  onChange,
}: {
  candidates: Draft[];
  nameOf: (one: Draft) => string;
  onChange: (candidates: Draft[]) => void;
}) {
  const words = useWords();
  const change = (one: Draft, part: Partial<Draft>) =>
    onChange(candidates.map((candidate) => (same(candidate, one) ? { ...candidate, ...part } : candidate)));
  const onKey = (one: Draft) => (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    onChange(moved(candidates, one, event.key === "ArrowUp" ? -1 : 1));
  };
  const list = useRef<HTMLUListElement>(null);
  const grab = useDragging(list, (key, by) => {
    const one = candidates.find((candidate) => keyOf(candidate) === key);
    if (one) onChange(moved(candidates, one, by));
  });
  // Fine enough for the usual weights, and as long as the largest.
  const most = Math.max(200, ...candidates.map(({ weight }) => weight));
  return (
    <fieldset className="min-w-0">
      <legend className="font-medium">{words.candidates}</legend>
      <p className="mb-2 text-table text-ink3">
        {words.candidatesHint} {words.keys}
      </p>
      <ul ref={list} className="border-t border-line">
        {ordered(candidates).map((one) => (
          <li
            key={keyOf(one)}
            data-key={keyOf(one)}
            onKeyDown={onKey(one)}
            className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-1.5"
          >
            <span
              aria-hidden="true"
              title={words.drag}
              className="cursor-grab touch-none px-1 text-ink3 select-none active:cursor-grabbing"
              onPointerDown={(event) => grab(event, keyOf(one))}
            >
              ⠿
            </span>
            <span className="w-6 text-right text-ink3" title={words.priority}>
              {one.priority}
            </span>
            <span className="flex">
              <Button
                look="quiet"
                icon="up"
                aria-label={`${words.earlier}: ${nameOf(one)}`}
                onClick={() => onChange(moved(candidates, one, -1))}
              />
              <Button
                look="quiet"
                icon="down"
                aria-label={`${words.later}: ${nameOf(one)}`}
                onClick={() => onChange(moved(candidates, one, 1))}
              />
            </span>
            <span className={`min-w-32 flex-1 truncate ${one.enabled ? "" : "text-ink3 line-through"}`}>
              {visible(nameOf(one))}
            </span>
            <input
              type="range"
              min={0}
              max={most}
              step={5}
              value={one.weight}
              aria-label={`${words.weight}: ${nameOf(one)}`}
              onChange={(event) => change(one, { weight: Number(event.target.value) })}
              className="w-32"
            />
            <input
              type="number"
              min={0}
              max={MAX_WEIGHT}
              value={one.weight}
              aria-label={`${words.weight}: ${nameOf(one)}`}
              onChange={(event) =>
                change(one, { weight: Math.max(0, Math.min(MAX_WEIGHT, Math.trunc(Number(event.target.value)) || 0)) })
              }
              className="control w-18!"
            />
            <span className="w-12 text-right text-ink2" title={words.share(percent(shareOf(candidates, one), 0))}>
              {percent(shareOf(candidates, one), 0)}
            </span>
            <Check
              label={words.enabled}
              checked={one.enabled}
              onChange={(event) => change(one, { enabled: event.target.checked })}
            />
            <Button
              look="quiet"
              icon="trash"
              aria-label={`${words.removeCandidate}: ${nameOf(one)}`}
              onClick={() => onChange(candidates.filter((other) => !same(other, one)))}
            />
          </li>
        ))}
      </ul>
      <NewCandidate candidates={candidates} nameOf={nameOf} onAdd={(one) => onChange([...candidates, one])} />
    </fieldset>
  );
}

function NewCandidate({
  candidates,
  nameOf,
  onAdd,
}: {
  candidates: Draft[];
  nameOf: (one: Draft) => string;
  onAdd: (one: Draft) => void;
}) {
  const words = useWords();
  const { data, error, refetch } = useModels();
  const free = (data ?? [])
    .map(({ provider_id, model_name }) => ({ provider_id, model: model_name, weight: 100, priority: 0, enabled: true }))
    .filter((one) => !candidates.some((other) => same(one, other)));
  if (error) return <Failure error={error} retry={refetch} />;
  return (
    <select
      aria-label={words.addCandidate}
      value=""
      onChange={(event) => {
        const one = free[Number(event.target.value)];
        if (one && event.target.value !== "")
          onAdd({ ...one, priority: Math.max(0, ...candidates.map(({ priority }) => priority)) });
      }}
      className="control mt-2 w-auto! max-w-full"
    >
      <option value="">{words.addCandidate}…</option>
      {free.map((one, index) => (
        <option key={`${one.provider_id} ${one.model}`} value={index}>
          {visible(nameOf(one))}
        </option>
      ))}
    </select>
  );
}

function valuesOf(logical: Logical | undefined) {
  return {
    name: logical?.name ?? "",
    strategy: logical?.strategy ?? "",
    description: logical?.description ?? "",
    fallbacks: logical?.fallbacks.join(", ") ?? "",
    hedge_after_ms: logical?.hedge_after_ms ? String(logical.hedge_after_ms) : "",
    sticky: logical?.sticky ?? true,
    enabled: logical?.enabled ?? true,
    // With what is not edited here, such as time-outs: the list is replaced as a whole.
    candidates: (logical?.candidates ?? []) as Draft[],
  };
}

type Values = ReturnType<typeof valuesOf>;

/** The values as a list of texts by name, for the comparison. */
function flat({ candidates, ...values }: Values, nameOf: (one: Draft) => string): Record<string, unknown> {
  const said = ({ weight, priority, enabled }: Draft) => `${priority} · ${weight}${enabled ? "" : " · ○"}`;
  return { ...values, ...Object.fromEntries(candidates.map((one) => [nameOf(one), said(one)])) };
}

const namesIn = (text: string) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

/** What is sent: of a change only what differs. */
function bodyOf(now: Values, before: Values | undefined) {
  const all = {
    name: now.name.trim(),
    strategy: (now.strategy || null) as Strategy | null,
    description: now.description,
    fallbacks: namesIn(now.fallbacks),
    hedge_after_ms: /^\d+$/.test(now.hedge_after_ms.trim()) ? Number(now.hedge_after_ms) : null,
    sticky: now.sticky,
    enabled: now.enabled,
    candidates: now.candidates,
  };
  if (!before) return all;
  const isChanged = (name: keyof Values) => JSON.stringify(now[name]) !== JSON.stringify(before[name]);
  return Object.fromEntries(Object.entries(all).filter(([name]) => isChanged(name as keyof Values)));
}
