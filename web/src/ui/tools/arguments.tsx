// The arguments of a tool, or any other value with a JSON Schema: as a form, or as JSON.

import { useState } from "react";
import { visible } from "../../lib/format.ts";
import { type SchemaField, Unreadable, fieldsOfSchema, objectOf, textsOf, objectFrom } from "../../lib/schema-form.ts";
import { json } from "../../lib/tools.ts";
import { Area, Choice, Field } from "../field.tsx";
import { Segmented } from "../segmented.tsx";
import { useToolWords } from "./words.ts";

export interface Arguments {
  fields: SchemaField[];
  isForm: boolean;
  texts: Record<string, string>;
  text: string;
  fault: Unreadable | undefined;
  setField: (name: string, text: string) => void;
  setText: (text: string) => void;
  setForm: (isForm: boolean) => void;
  /** The value, or nothing where a field cannot be read, which is then shown beside it. */
  read: () => Record<string, unknown> | undefined;
}

export function useArguments(schema: unknown): Arguments {
  const [fields] = useState(() => fieldsOfSchema(schema));
  const [isForm, setIsForm] = useState(fields.length > 0);
  const [texts, setTexts] = useState<Record<string, string>>({});
  const [text, setText] = useState("{}");
  const [fault, setFault] = useState<Unreadable>();
  const read = () => {
    try {
      setFault(undefined);
      return isForm ? objectFrom(fields, texts) : objectOf(text);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      setFault(error);
    }
  };
  return {
    fields,
    isForm,
    texts,
    text,
    fault,
    setField: (name, value) => setTexts((now) => ({ ...now, [name]: value })),
    setText,
    setForm: (next) => {
      const value = read();
      if (value === undefined) return;
      if (next) setTexts(textsOf(fields, value));
      else setText(json(value));
      setIsForm(next);
    },
    read,
  };
}

export function ArgumentFields({ of }: { of: Arguments }) {
  const words = useToolWords();
  const { fields, isForm, fault } = of;
  return (
    <div className="flex flex-col gap-3">
      {fields.length > 0 && (
        <div>
          <Segmented
            label={words.writtenAs}
            value={isForm ? "form" : "json"}
            options={[
              { value: "form", label: words.form },
              { value: "json", label: "JSON" },
            ]}
            onChange={(value) => of.setForm(value === "form")}
          />
        </div>
      )}
      {isForm ? (
        fields.map((field) => <Member key={field.name} field={field} of={of} />)
      ) : (
        <Area
          label={words.arguments}
          rows={6}
          spellCheck={false}
          className="font-mono"
          value={of.text}
          onChange={(event) => of.setText(event.target.value)}
          error={fault ? words.noJson(fault.message) : null}
        />
      )}
    </div>
  );
}

function Member({ field, of }: { field: SchemaField; of: Arguments }) {
  const words = useToolWords();
  const { name, kind, isRequired } = field;
  const shared = {
    label: visible(field.label),
    hint: field.hint && visible(field.hint),
    optional: !isRequired,
    value: of.texts[name] ?? field.initial,
    onChange: (event: { target: { value: string } }) => of.setField(name, event.target.value),
    error: of.fault?.field === name ? words.noJson(of.fault.message) : null,
    spellCheck: false,
  };
  if (kind === "json") return <Area {...shared} rows={3} placeholder="JSON" className="font-mono" />;
  if (kind === "number") return <Field {...shared} required={isRequired} type="number" step="any" />;
  if (kind === "text") return <Field {...shared} />;
  const options = kind === "boolean" ? ["true", "false"] : field.options.map(json);
  return (
    <Choice {...shared} required={isRequired}>
      <option value="">–</option>
      {options.map((option, at) => (
        <option key={option} value={kind === "boolean" ? option : at}>
          {visible(option)}
        </option>
      ))}
    </Choice>
  );
}
