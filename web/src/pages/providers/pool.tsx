// The pool of keys of a provider: masked, with their weights as bars, and which of them rest.

import { useState } from "react";
import { call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Field, useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { type Provider, useKeysOf, useRefresh } from "./queries.ts";
import { useWords } from "./words.ts";

/** The weight of the provider's own key. */
const OWN_WEIGHT = 100;

export function Pool({ provider }: { provider: Provider }) {
  const words = useWords();
  const refresh = useRefresh();
  const { data, error, refetch } = useKeysOf(provider.id, true);
  const [isAdding, setAdding] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const change = async (work: () => Promise<unknown>) => {
    setFailure(undefined);
    try {
      await work();
      await refresh();
    } catch (problem) {
      setFailure(problem);
    }
  };
  const all = [
    ...(provider.server_key
      ? [{ id: "primary", label: words.primary, key: provider.server_key, weight: OWN_WEIGHT, enabled: true }]
      : []),
    ...(data ?? []),
  ];
  const most = Math.max(...all.map(({ weight }) => weight), 1);
  const resting = new Map(provider.state?.live.resting_keys.map((one) => [one.name, one.until_ms]));
  return (
    <Section
      title={words.keyPool}
      actions={
        <Button icon="plus" onClick={() => setAdding(true)}>
          {words.addKey}
        </Button>
      }
    >
      {error ? <Failure error={error} retry={refetch} /> : !data ? <Skeleton rows={2} /> : null}
      {data && data.length === 0 && <p className="mb-2 text-ink2">{words.noKeys}</p>}
      <ul className="border-t border-line">
        {all.map(({ id, label, key, weight, enabled }) => (
          <li key={id} className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b border-line py-1">
            <span className={`min-w-0 flex-1 truncate ${enabled ? "" : "text-ink3 line-through"}`}>
              {visible(label)}
            </span>
            <span className="font-mono text-table text-ink2">{key}</span>
            <span className="inline-flex w-24 items-center gap-2" title={`${words.weight} ${weight}`}>
              <span
                className="h-1.5 rounded-full bg-accent"
                style={{ width: `${(weight / most) * 60}px` }}
                aria-hidden="true"
              />
              <span className="text-table text-ink2">{weight}</span>
            </span>
            {resting.has(id) && (
              <span className="text-warn">
                <span aria-hidden="true">▲ </span>
                {words.restsUntil} <Until ms={resting.get(id)} />
              </span>
            )}
            {id !== "primary" && (
              <>
                <Button
                  look="quiet"
                  onClick={() =>
                    change(() =>
                      call("PUT /providers/{id}/keys/{key_id}", {
                        path: { id: String(provider.id), key_id: id },
                        body: { enabled: !enabled },
                      }),
                    )
                  }
                >
                  {enabled ? words.turnOff : words.turnOn}
                </Button>
                <Button
                  look="quiet"
                  icon="trash"
                  aria-label={`${words.remove}: ${label}`}
                  onClick={() =>
                    change(() =>
                      call("DELETE /providers/{id}/keys/{key_id}", { path: { id: String(provider.id), key_id: id } }),
                    )
                  }
                />
              </>
            )}
          </li>
        ))}
      </ul>
      {failure !== undefined && <Failure error={failure} />}
      {isAdding && <New id={provider.id} onDone={() => setAdding(false)} />}
    </Section>
  );
}

function Until({ ms }: { ms: number | null | undefined }) {
  return ms ? <Time ms={ms} style="time" /> : "–";
}

function New({ id, onDone }: { id: number; onDone: () => void }) {
  const words = useWords();
  const refresh = useRefresh();
  const [label, setLabel] = useState("");
  const [key, setKey] = useState("");
  const [weight, setWeight] = useState("100");
  const form = useForm(async () => {
    const body = { label: label.trim(), key: key.trim(), weight: /^\d+$/.test(weight) ? Number(weight) : null };
    await call("POST /providers/{id}/keys", { path: { id: String(id) }, body });
    await refresh();
    onDone();
  });
  return (
    <form onSubmit={form.submit} className="mt-3 grid grid-cols-[1fr_2fr_80px] gap-3 max-sm:grid-cols-1">
      <Field
        label={words.label}
        required
        autoFocus
        value={label}
        onChange={(event) => setLabel(event.target.value)}
        error={form.errorOf("label")}
      />
      <Field
        label={words.secret}
        required
        type="password"
        value={key}
        onChange={(event) => setKey(event.target.value)}
        error={form.errorOf("key")}
      />
      <Field
        label={words.weight}
        inputMode="numeric"
        value={weight}
        onChange={(event) => setWeight(event.target.value)}
        error={form.errorOf("weight")}
      />
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
