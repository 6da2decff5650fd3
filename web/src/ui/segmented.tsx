// One of a few, side by side: radio buttons by nature, so that arrow keys move between them.

import { useId } from "react";

interface Props<Value extends string> {
  label: string;
  value: Value;
  options: { value: Value; label: string }[];
  onChange: (value: Value) => void;
  /** For more options than fit into a line. */
  apart?: boolean;
}

export function Segmented<Value extends string>({ label, value, options, onChange, apart = false }: Props<Value>) {
  const name = useId();
  return (
    <fieldset className={`inline-flex max-w-full flex-wrap ${apart ? "gap-1" : "rounded-s border border-control"}`}>
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={`relative inline-flex min-h-7.5 cursor-pointer items-center px-2.5 text-table has-checked:bg-accent-soft has-checked:font-medium has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-accent ${
            apart
              ? "rounded-s border border-line has-checked:border-accent"
              : "first-of-type:rounded-l-s last-of-type:rounded-r-s not-last:border-r not-last:border-line"
          }`}
        >
          <input
            type="radio"
            name={name}
            checked={value === option.value}
            onChange={() => onChange(option.value)}
            className="absolute inset-0 cursor-pointer opacity-0"
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
