// Who would answer a model: the candidates in the order in which they would be asked, with the terms of their scores and the reasons of
// those that are left out, for a key and what a request needs; and a simulation of many requests.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { count, percent, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field } from "../../ui/field.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { type Explanation, STRATEGIES, type Strategy, useKeyNames } from "./queries.ts";
import { useWords } from "./words.ts";

const NEEDS = ["vision", "tools", "json_schema", "reasoning"] as const;
const SIMULATED = 1000;

export function Explain({ name, onClose }: { name: string; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const keys = useKeyNames(may("view_all_api_keys"));
  const [needs, setNeeds] = useState<Partial<Record<(typeof NEEDS)[number], boolean>>>({});
  const [strategy, setStrategy] = useState("");
  const [key, setKey] = useState("");
  const [tokens, setTokens] = useState("");
  const [isSimulated, setSimulated] = useState(false);
  const body = {
    logical_model: name,
    ...needs,
    ...(strategy ? { strategy: strategy as Strategy } : {}),
    ...(key ? { key_id: key } : {}),
    ...(/^\d+$/.test(tokens) ? { prompt_tokens: Number(tokens) } : {}),
    ...(isSimulated ? { simulate: SIMULATED } : {}),
  };
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["decide", body],
    queryFn: ({ signal }) => call("POST /routing/decide", { body, signal }),
    placeholderData: (before) => before,
    staleTime: 0,
  });
  return (
    <Dialog title={words.explainOf(visible(name))} onClose={onClose} drawer>
      <p className="mb-3 text-ink2">{words.explainHint}</p>
      <div className="grid grid-cols-3 gap-3 max-sm:grid-cols-1">
        <Choice label={words.strategy} value={strategy} onChange={(event) => setStrategy(event.target.value)}>
          <option value="">{words.asSet}</option>
          {STRATEGIES.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </Choice>
        {keys.length > 0 && (
          <Choice label={words.asKey} value={key} onChange={(event) => setKey(event.target.value)}>
            <option value="">{words.anyKey}</option>
            {keys.map(([id, label]) => (
              <option key={id} value={id}>
                {visible(label)}
              </option>
            ))}
          </Choice>
        )}
        <Field
          label={words.promptTokens}
          inputMode="numeric"
          value={tokens}
          onChange={(event) => setTokens(event.target.value)}
        />
      </div>
      <fieldset className="mt-3 flex flex-wrap items-center gap-x-4">
        <legend className="float-left mr-4 pt-1 font-medium">{words.needs}</legend>
        {NEEDS.map((need) => (
          <Check
            key={need}
            label={words[need]}
            checked={needs[need] ?? false}
            onChange={(event) => setNeeds((now) => ({ ...now, [need]: event.target.checked || undefined }))}
          />
        ))}
      </fieldset>
      <div className="mt-4 flex gap-2">
        <Button icon="refresh" busy={isFetching} onClick={() => refetch()}>
          {words.ask}
        </Button>
        <Button onClick={() => setSimulated(true)} disabled={isSimulated}>
          {words.simulate}
        </Button>
      </div>
      {error ? <Failure error={error} retry={refetch} /> : !data ? <Skeleton rows={5} /> : <Plan plan={data} />}
    </Dialog>
  );
}

function Plan({ plan }: { plan: Explanation }) {
  const words = useWords();
  const rows = plan.all_candidates.toSorted((a, b) => (a.position ?? 999) - (b.position ?? 999));
  const best = Math.max(...rows.map(({ score }) => Math.abs(score?.total ?? 0)), 0.01);
  return (
    <>
      <p role="status" className="mt-4 font-medium [overflow-wrap:anywhere]">
        {visible(plan.reasoning)}
      </p>
      <ol className="mt-2 border-t border-line">
        {rows.map((row) => (
          <li
            key={`${row.logical_model} ${row.provider_id} ${row.model}`}
            className={`grid grid-cols-[28px_1fr_auto] gap-x-3 border-b border-line py-2 ${row.kept ? "" : "text-ink3"}`}
          >
            <span className="text-right tabular-nums">{row.position ?? "–"}</span>
            <span className="min-w-0 [overflow-wrap:anywhere]">
              <span className="font-medium">{visible(row.provider)}</span> / {visible(row.model)}
              <span className="ml-2 text-table text-ink3">
                {words.priority} {row.priority} · {words.weight} {row.weight}
              </span>
              {row.reason && (
                <span className="block text-table text-warn">
                  {row.position === null ? words.leftOut : words.lastResort}: {visible(row.reason)}
                  {row.until_ms ? (
                    <>
                      {" "}
                      (<Time ms={row.until_ms} style="time" />)
                    </>
                  ) : null}
                </span>
              )}
              {row.score && (
                <span className="block text-table text-ink3">
                  {words.parts(
                    ...(["latency", "errors", "cost", "penalty"].map((part) =>
                      deduction(Number(row.score?.[part as "latency"] ?? 0)),
                    ) as [string, string, string, string]),
                  )}
                </span>
              )}
            </span>
            {row.score && (
              <span className="flex w-28 items-center gap-2" title={words.score}>
                <span
                  aria-hidden="true"
                  className="h-1.5 rounded-full bg-accent"
                  style={{ width: `${(Math.max(0, row.score.total) / best) * 64}px` }}
                />
                <span className="tabular-nums">{row.score.total.toFixed(2)}</span>
              </span>
            )}
          </li>
        ))}
      </ol>
      {plan.simulated && <Simulated rows={plan.simulated} />}
    </>
  );
}

function Simulated({ rows }: { rows: NonNullable<Explanation["simulated"]> }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (
    <section className="mt-6">
      <h3 className="mb-2 font-semibold">{words.simulated}</h3>
      <ul className="border-t border-line">
        {rows.map((row) => (
          <li key={`${row.provider_id} ${row.model}`} className="flex items-center gap-3 border-b border-line py-1.5">
            <span className="min-w-0 flex-1 truncate">
              {visible(row.provider)} / {visible(row.model)}
            </span>
            <span className="w-40">
              <span
                aria-hidden="true"
                className="block h-2 rounded-full bg-accent"
                style={{ width: `${row.share * 100}%` }}
              />
            </span>
            <span className="w-24 text-right">
              {count(row.count, locale)} ({percent(row.share, 0)})
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What is taken off the score, without a sign where that is nothing. */
function deduction(points: number): string {
  const size = Math.abs(points).toFixed(2);
  return size === "0.00" ? "0" : `−${size}`;
}
