// The rules, each as a sentence.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import type { Measure } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Check, Choice, Field, useForm } from "../../ui/field.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { ALERTS, Bad } from "./fired.tsx";
import { useWords } from "./words.ts";

type Rule = Answer<"GET /alerts/rules">["rules"][number];
const RULES = ["alerts", "rules"];
const HOUR_MS = 3_600_000;
const MEASURES: Measure[] = [
  "error_rate",
  "server_error_rate",
  "errors",
  "server_errors",
  "requests",
  "limited",
  "timeouts",
  "cancelled",
  "retries",
  "failovers",
  "tokens",
  "cost",
  "unpriced_requests",
  "duration_p50",
  "duration_p95",
  "duration_p99",
  "first_byte_p50",
  "first_byte_p95",
  "first_byte_p99",
  "circuit_open",
  "budget_used",
  "credits",
  "active_sessions",
  "database_ms",
  "dead_letters",
  "dead_deliveries",
];
const GROUPS = ["provider", "model", "logical_model", "key", "owner", "app"];

export function Rules() {
  const words = useWords();
  const may = useMay();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: RULES,
    queryFn: async ({ signal }) => (await call("GET /alerts/rules", { signal })).rules,
  });
  const [edited, setEdited] = useState<Rule | "new">();
  const add = may("manage_alerts") ? (
    <Button icon="plus" className="self-start" onClick={() => setEdited("new")}>
      {words.addRule}
    </Button>
  ) : null;
  if (error && !data) return <Failure error={error} retry={refetch} />;
  if (isPending) return <Skeleton height={48} />;
  return (
    <>
      {add}
      {data.length === 0 ? (
        <Empty>{words.noRules}</Empty>
      ) : (
        <ul className="mt-3 border-t border-line">
          {data.map((rule) => (
            <One key={rule.id} rule={rule} onEdit={() => setEdited(rule)} />
          ))}
        </ul>
      )}
      {edited && <Edit rule={edited === "new" ? undefined : edited} onClose={() => setEdited(undefined)} />}
    </>
  );
}

function One({ rule, onEdit }: { rule: Rule; onEdit: () => void }) {
  const words = useWords();
  const may = useMay();
  const client = useQueryClient();
  const [failure, setFailure] = useState<unknown>();
  const isSilent = rule.silenced_until !== null && rule.silenced_until > Date.now();
  const change = async (body: { enabled?: boolean; silenced_until?: number | null }) => {
    setFailure(undefined);
    try {
      await call("PUT /alerts/rules/{id}", { path: { id: rule.id }, body });
      await client.invalidateQueries({ queryKey: ALERTS });
    } catch (error) {
      setFailure(error);
    }
  };
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2.5">
      <Bad severity={rule.severity} />
      <span className={`min-w-0 flex-1 basis-72 ${rule.enabled ? "" : "text-ink3"}`}>
        <span className="font-medium">{visible(rule.name)}</span>
        <span className="block text-table text-ink2">
          {words.rule(rule.measure, words[rule.comparison], String(rule.threshold), rule.window_minutes)}
          {rule.group_by && `, ${words.groupBy} ${rule.group_by}`}
          {rule.for_minutes > 0 && `, ${words.forMinutes(rule.for_minutes)}`}
        </span>
        {isSilent && rule.silenced_until !== null && (
          <span className="block text-table text-warn">
            {words.silenced} <Time ms={rule.silenced_until} />
          </span>
        )}
      </span>
      {may("manage_alerts") && (
        <span className="flex flex-wrap items-center gap-2">
          <Check
            label={words.enabled}
            checked={rule.enabled}
            onChange={(event) => change({ enabled: event.target.checked })}
          />
          <Button look="quiet" onClick={() => change({ silenced_until: isSilent ? null : Date.now() + HOUR_MS })}>
            {isSilent ? words.unsilence : words.silence}
          </Button>
          <Button look="quiet" icon="edit" aria-label={`${words.rules}: ${rule.name}`} onClick={onEdit} />
        </span>
      )}
      {failure !== undefined && <Failure error={failure} />}
    </li>
  );
}

function Edit({ rule, onClose }: { rule: Rule | undefined; onClose: () => void }) {
  const words = useWords();
  const client = useQueryClient();
  const [values, setValues] = useState({
    name: rule?.name ?? "",
    measure: rule?.measure ?? ("error_rate" as Measure),
    comparison: rule?.comparison ?? ("above" as const),
    threshold: String(rule?.threshold ?? 0.1),
    window_minutes: String(rule?.window_minutes ?? 5),
    for_minutes: String(rule?.for_minutes ?? 0),
    min_requests: String(rule?.min_requests ?? 10),
    group_by: rule?.group_by ?? "",
    severity: rule?.severity ?? ("warning" as const),
  });
  const [asks, setAsks] = useState(false);
  const typed = (name: keyof typeof values) => ({
    value: values[name],
    error: form.errorOf(name),
    onChange: (event: { target: { value: string } }) => setValues((now) => ({ ...now, [name]: event.target.value })),
  });
  const done = async () => {
    await client.invalidateQueries({ queryKey: ALERTS });
    onClose();
  };
  const form = useForm(async () => {
    const body = {
      ...values,
      threshold: Number(values.threshold),
      window_minutes: Number(values.window_minutes),
      for_minutes: Number(values.for_minutes),
      min_requests: Number(values.min_requests),
      group_by: values.group_by || null,
    };
    if (rule) await call("PUT /alerts/rules/{id}", { path: { id: rule.id }, body });
    else await call("POST /alerts/rules", { body });
    await done();
  });
  const remove = useForm(async () => {
    await call("DELETE /alerts/rules/{id}", { path: { id: rule?.id ?? "" } });
    await done();
  });
  return (
    <Dialog title={rule ? visible(rule.name) : words.addRule} onClose={onClose}>
      <form onSubmit={form.submit} className="grid grid-cols-2 gap-3">
        <div className="col-span-full">
          <Field label={words.name} required {...typed("name")} />
        </div>
        <div className="col-span-full">
          <Choice label={words.measure} {...typed("measure")}>
            {(MEASURES.includes(values.measure) ? MEASURES : [values.measure, ...MEASURES]).map((measure) => (
              <option key={measure}>{measure}</option>
            ))}
          </Choice>
        </div>
        <Choice label={words.comparison} {...typed("comparison")}>
          <option value="above">{words.above}</option>
          <option value="below">{words.below}</option>
        </Choice>
        <Field label={words.threshold} required inputMode="decimal" {...typed("threshold")} />
        <Field label={words.window} required inputMode="numeric" {...typed("window_minutes")} />
        <Field label={words.duration} inputMode="numeric" {...typed("for_minutes")} />
        <Choice label={words.groupBy} {...typed("group_by")}>
          <option value="">{words.all}</option>
          {GROUPS.map((group) => (
            <option key={group}>{group}</option>
          ))}
        </Choice>
        <Field label={words.minRequests} inputMode="numeric" {...typed("min_requests")} />
        <Choice label={words.severity} {...typed("severity")}>
          <option value="info">{words.info}</option>
          <option value="warning">{words.warning}</option>
          <option value="critical">{words.critical}</option>
        </Choice>
        <div className="col-span-full">{form.rest()}</div>
        <div className="col-span-full flex justify-end gap-2">
          {rule && (
            <Button look="danger" className="mr-auto" onClick={() => setAsks(true)}>
              {words.remove}
            </Button>
          )}
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="primary" busy={form.busy}>
            {rule ? words.save : words.create}
          </Button>
        </div>
      </form>
      {asks && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeRule}
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
