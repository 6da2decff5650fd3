// The form of a rule. Below it stands the rule as a sentence, and how often it would have fired.

import { type ReactNode, useDeferredValue, useState } from "react";
import type { AlertRuleView, Measure } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Area, Choice, Field, useForm } from "../../ui/field.tsx";
import { type Draft, NEW, bodyOf, draftOf, filtersOf } from "./draft.ts";
import { DIMENSIONS, MEASURES, WINDOWS, isOfRequests } from "./measures.ts";
import { useAlertWrites } from "./queries.ts";
import { Replay } from "./replayed.tsx";
import { useSentence, useSpan } from "./say.ts";
import { useWords } from "./words.ts";

export function RuleForm({ rule, onClose }: { rule?: AlertRuleView; onClose: () => void }) {
  const words = useWords();
  const writes = useAlertWrites();
  const [draft, setDraft] = useState<Draft>(() => (rule ? draftOf(rule) : NEW));
  const form = useForm(async () => {
    const body = bodyOf(draft);
    await (rule ? writes.updateRule(rule.id, body) : writes.createRule(body));
    onClose();
  });
  const fieldOf = (name: keyof Draft, param: string) => ({
    value: draft[name],
    error: form.errorOf(param),
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [name]: event.target.value }),
  });
  const filters = filtersOf(draft.filters);
  return (
    <Dialog title={rule ? words.edit : words.newRule} onClose={onClose} width="wide">
      <form onSubmit={form.submit} className="flex flex-col gap-6">
        <div className="grid gap-4 sm:grid-cols-2">
          <Field label={words.name} required {...fieldOf("name", "name")} />
          <Choice label={words.severity} {...fieldOf("severity", "severity")}>
            <option value="info">{words.info}</option>
            <option value="warning">{words.warning}</option>
            <option value="critical">{words.critical}</option>
          </Choice>
        </div>
        <What draft={draft} fieldOf={fieldOf} />
        {isOfRequests(draft.measure) && (
          <Group title={words.which}>
            <Choice label={words.groupBy} {...fieldOf("group", "group_by")}>
              <option value="">{words.together}</option>
              {DIMENSIONS.map((dimension) => (
                <option key={dimension} value={dimension}>
                  {words[dimension]}
                </option>
              ))}
            </Choice>
            <Field label={words.least} inputMode="numeric" pattern="[0-9]*" {...fieldOf("least", "min_requests")} />
            <div className="sm:col-span-2">
              <Area
                label={words.filters}
                optional
                rows={2}
                spellCheck={false}
                hint={words.filtersHint}
                {...fieldOf("filters", "filters")}
                error={"wrong" in filters ? words.wrongFilter(visible(filters.wrong)) : form.errorOf("filters")}
              />
            </div>
          </Group>
        )}
        <Group title={words.when}>
          <Field label={words.lasting} inputMode="numeric" pattern="[0-9]*" {...fieldOf("lasting", "for_minutes")} />
          <Field
            label={words.clear}
            optional
            inputMode="decimal"
            hint={words.clearHint}
            {...fieldOf("clear", "clear_threshold")}
          />
          <div className="sm:col-span-2">
            <Area label={words.description} optional rows={2} {...fieldOf("description", "description")} />
          </div>
        </Group>
        <InWords draft={draft} />
        {form.rest()}
        <div className="flex justify-end">
          <Button type="submit" look="primary" busy={form.busy} disabled={"wrong" in filters}>
            {rule ? words.save : words.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface WhatProps {
  draft: Draft;
  fieldOf: (
    name: keyof Draft,
    param: string,
  ) => { value: string; error: string | null; onChange: (event: { target: { value: string } }) => void };
}

function What({ draft, fieldOf }: WhatProps) {
  const words = useWords();
  const span = useSpan();
  return (
    <Group title={words.what}>
      <Choice label={words.measure} {...fieldOf("measure", "measure")}>
        {(Object.keys(MEASURES) as Measure[]).map((measure) => (
          <option key={measure} value={measure}>
            {words[measure]}
          </option>
        ))}
      </Choice>
      {draft.measure === "credits" && <Field label={words.account} required {...fieldOf("subject", "subject")} />}
      <Choice label={words.comparison} {...fieldOf("comparison", "comparison")}>
        <option value="above">{words.above}</option>
        <option value="below">{words.below}</option>
      </Choice>
      <Field
        label={words.threshold}
        required
        inputMode="decimal"
        hint={words[`unit_${MEASURES[draft.measure]}`]}
        {...fieldOf("threshold", "threshold")}
      />
      <Choice label={words.window} {...fieldOf("window", "window_minutes")}>
        {WINDOWS.map((minutes) => (
          <option key={minutes} value={minutes}>
            {span(minutes)}
          </option>
        ))}
      </Choice>
    </Group>
  );
}

function InWords({ draft }: { draft: Draft }) {
  const words = useWords();
  const sentence = useSentence();
  const body = bodyOf(useDeferredValue(draft));
  const said = {
    measure: body.measure,
    comparison: body.comparison ?? "above",
    threshold: body.threshold,
    clear_threshold: body.clear_threshold ?? null,
    window_minutes: body.window_minutes ?? 15,
    for_minutes: body.for_minutes ?? 0,
    min_requests: body.min_requests ?? 0,
    group_by: body.group_by ?? null,
    filters: body.filters ?? {},
    subject: body.subject ?? null,
  };
  if (!Number.isFinite(said.threshold)) return null;
  return (
    <div className="rounded-m border border-line bg-sunken p-3">
      <p className="text-label text-ink2">{words.inWords}</p>
      <p className="mb-2 [overflow-wrap:anywhere]">{sentence(said)}.</p>
      <Replay rule={said} />
    </div>
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
