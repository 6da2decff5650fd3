// The form of a key: who it is for, what it may use, how much, how long, and the same said in words.

import { type KeyboardEvent, type ReactNode, useId, useState } from "react";
import { count, money, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Area, Choice, Field, type useForm } from "../../ui/field.tsx";
import type { Draft } from "./draft.ts";
import { useModelNames } from "./queries.ts";
import { useWords } from "./words.ts";

interface Props {
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
  form: ReturnType<typeof useForm>;
  isNew: boolean;
  action: string;
  /** Whether the owner can be chosen: those who manage only their own keys are it. */
  canOwn: boolean;
}

export function KeyForm({ draft, onChange, form, isNew, action, canOwn }: Props) {
  const words = useWords();
  const set = (name: keyof Draft) => (event: { target: { value: string } }) => onChange({ [name]: event.target.value });
  const amount = (
    name: "requests_per_minute" | "tokens_per_minute" | "requests_per_day" | "concurrency",
    label: string,
  ) => (
    <Field
      label={label}
      inputMode="numeric"
      pattern="[0-9]*"
      placeholder={words.unlimited}
      value={draft[name]}
      onChange={set(name)}
      error={form.errorOf(`limits.${name}`)}
    />
  );
  const tools = (name: "allow_tools" | "deny_tools", label: string, hint: string) => (
    <Area
      label={label}
      optional
      rows={2}
      spellCheck={false}
      value={draft[name]}
      onChange={set(name)}
      error={form.errorOf(name)}
      hint={hint}
    />
  );
  return (
    <form onSubmit={form.submit} className="flex flex-col gap-6">
      <Group title={words.who}>
        <Field
          label={words.name}
          required
          value={draft.name}
          onChange={set("name")}
          error={form.errorOf("name")}
          hint={words.nameHint}
        />
        {canOwn && (
          <Field
            label={words.owner}
            optional
            value={draft.owner}
            onChange={set("owner")}
            error={form.errorOf("owner")}
            hint={words.ownerHint}
          />
        )}
      </Group>
      <Group title={words.what}>
        <div className="sm:col-span-2">
          <Models
            names={draft.models}
            onChange={(models) => onChange({ models })}
            error={form.errorOf("allowed_models")}
          />
        </div>
        {tools("allow_tools", words.allowTools, words.allowToolsHint)}
        {tools("deny_tools", words.denyTools, words.denyToolsHint)}
        <Field
          label={words.defaultToolset}
          optional
          spellCheck={false}
          value={draft.default_toolset}
          onChange={set("default_toolset")}
          error={form.errorOf("default_toolset")}
          hint={words.defaultToolsetHint}
        />
        <Choice
          label={words.toolApproval}
          value={draft.tool_approval}
          onChange={set("tool_approval")}
          error={form.errorOf("tool_approval")}
        >
          <option value="never">{words.approvalNever}</option>
          <option value="rules">{words.approvalRules}</option>
          <option value="always">{words.approvalAlways}</option>
        </Choice>
      </Group>
      <Group title={words.howMuch}>
        <Field
          label={words.amount}
          inputMode="decimal"
          placeholder={words.unlimited}
          value={draft.amount}
          onChange={set("amount")}
          error={form.errorOf("budget")}
        />
        <Choice label={words.period} value={draft.period} onChange={set("period")} hint={words.utc}>
          <option value="day">{words.day}</option>
          <option value="week">{words.week1}</option>
          <option value="month">{words.month}</option>
          <option value="total">{words.total}</option>
        </Choice>
        {amount("requests_per_minute", words.rpm)}
        {amount("tokens_per_minute", words.tpm)}
        {amount("requests_per_day", words.rpd)}
        {amount("concurrency", words.concurrency)}
        <Field
          label={words.toolCalls}
          inputMode="numeric"
          pattern="[0-9]*"
          placeholder={words.unlimited}
          value={draft.max_tool_calls_per_day}
          onChange={set("max_tool_calls_per_day")}
          error={form.errorOf("max_tool_calls_per_day")}
        />
      </Group>
      <Group title={words.howLong}>
        <Choice
          label={words.expiry}
          value={draft.expires_in}
          onChange={set("expires_in")}
          error={form.errorOf("expires_in")}
        >
          {!isNew && <option value="">{words.keep}</option>}
          <option value="never">{words.forEver}</option>
          <option value="week">{words.forWeek}</option>
          <option value="month">{words.forMonth}</option>
          <option value="year">{words.forYear}</option>
        </Choice>
        <Choice label={words.store} value={draft.store} onChange={set("store")}>
          <option value="none">{words.storeNone}</option>
          <option value="metadata">{words.storeMetadata}</option>
          <option value="full">{words.storeFull}</option>
        </Choice>
      </Group>
      <Summary draft={draft} />
      {form.rest()}
      <div className="flex justify-end">
        <Button type="submit" look="primary" busy={form.busy}>
          {action}
        </Button>
      </div>
    </form>
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

function Models({
  names,
  onChange,
  error,
}: {
  names: string[];
  onChange: (names: string[]) => void;
  error: string | null;
}) {
  const words = useWords();
  const known = useModelNames();
  const list = useId();
  const [text, setText] = useState("");
  const add = () => {
    const name = text.trim();
    if (name && !names.includes(name)) onChange([...names, name]);
    setText("");
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && text.trim()) {
      event.preventDefault();
      add();
    }
    if (event.key === "Backspace" && text === "") onChange(names.slice(0, -1));
  };
  return (
    <>
      <Field
        label={words.models}
        optional
        list={list}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKey}
        onBlur={add}
        error={error}
        hint={words.modelsHint}
      />
      <datalist id={list}>
        {known.slice(0, 200).map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {names.length > 0 && (
        <ul className="mt-2 flex flex-wrap gap-1">
          {names.map((name) => (
            <li key={name} className="inline-flex items-center rounded-s border border-line pl-2 font-mono text-table">
              {visible(name)}
              <Button
                look="quiet"
                icon="close"
                className="min-h-6! w-6!"
                aria-label={words.remove(name)}
                onClick={() => onChange(names.filter((other) => other !== name))}
              />
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Summary({ draft }: { draft: Draft }) {
  const words = useWords();
  const budget = useBudgetText();
  const locale = localeOf(usePreferences());
  const times = { week: words.forWeek, month: words.forMonth, year: words.forYear };
  const parts = [
    draft.models.length > 0 ? words.sumModels(draft.models.join(", ")) : words.sumAll,
    Number(draft.amount) > 0 ? words.sumBudget(budget(Number(draft.amount), draft.period)) : words.sumNoBudget,
    Number(draft.requests_per_minute) > 0 ? words.sumRate(count(Number(draft.requests_per_minute), locale)) : "",
    draft.expires_in in times ? words.sumExpires(times[draft.expires_in as keyof typeof times]) : "",
  ];
  return (
    <div className="rounded-m border border-line bg-sunken p-3">
      <p className="text-label text-ink2">{words.summary}</p>
      <p className="[overflow-wrap:anywhere]">{words.sentence(parts.filter(Boolean))}</p>
    </div>
  );
}

/** "$50 a month" */
export function useBudgetText(): (amount: number, period: string) => string {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return (amount, period) => {
    const dollars = money(amount * 1e6, locale);
    const names: Record<string, string> = { day: words.day, week: words.week1, month: words.month };
    return names[period] ? words.each(dollars, names[period]) : words.inTotal(dollars);
  };
}
