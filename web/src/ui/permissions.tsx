// Choosing permissions: a list with a filter, in which those that the person lacks cannot be given.

import { useState } from "react";
import { useMay } from "../api/session.ts";
import type { PermissionCode } from "../api/schema.d.ts";
import { usePermissionNames } from "../i18n/permissions.ts";
import { visible } from "../lib/format.ts";
import { Check } from "./field.tsx";
import { useUiWords } from "./words.ts";

interface Props {
  label: string;
  /** All that there are, with what the API says of them. */
  all: { code: string; description: string }[];
  chosen: string[];
  onChange?: (chosen: string[]) => void;
  error?: string | null;
}

export function Permissions({ label, all, chosen, onChange, error }: Props) {
  const words = useUiWords();
  const names = usePermissionNames();
  const may = useMay();
  const [filter, setFilter] = useState("");
  // Those that were chosen when it was opened stand first, and no row moves while it is ticked.
  const [before] = useState(() => new Set(chosen));
  const wanted = filter.trim().toLowerCase();
  const textOf = ({ code, description }: Props["all"][number]) => names(code) ?? description;
  // Without `onChange` only what is chosen is shown.
  const sorted = all.toSorted((a, b) => Number(before.has(b.code)) - Number(before.has(a.code)));
  const shown = sorted.filter(
    (one) => (onChange || chosen.includes(one.code)) && `${one.code} ${textOf(one)}`.toLowerCase().includes(wanted),
  );
  return (
    <fieldset className="min-w-0">
      <legend className="font-medium">
        {label} ({chosen.length})
      </legend>
      <input
        type="search"
        aria-label={words.filter}
        placeholder={words.filter}
        className="control my-2"
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      <ul
        aria-label={label}
        // Where nothing in it takes the focus, it takes it itself, or it could not be scrolled by keyboard.
        tabIndex={onChange ? undefined : 0}
        className="max-h-96 overflow-y-auto border-y border-line"
      >
        {shown.map((one) => {
          const isChosen = chosen.includes(one.code);
          const text = (
            <span className="min-w-0 py-1">
              <span className="block">{visible(textOf(one))}</span>
              <span className="block font-mono text-label text-ink3">{visible(one.code)}</span>
            </span>
          );
          return (
            <li key={one.code} className="border-b border-line px-1 last:border-b-0">
              {onChange ? (
                <Check
                  label={text}
                  checked={isChosen}
                  disabled={!may(one.code as PermissionCode)}
                  onChange={() =>
                    onChange(isChosen ? chosen.filter((code) => code !== one.code) : [...chosen, one.code])
                  }
                />
              ) : (
                text
              )}
            </li>
          );
        })}
      </ul>
      {error && (
        <p role="alert" className="text-table text-bad">
          {error}
        </p>
      )}
    </fieldset>
  );
}
