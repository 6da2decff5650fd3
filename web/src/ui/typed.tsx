// A filter that is typed. It counts when it is finished: on Enter, or when the field is left.

import { useEffect, useState } from "react";

interface Props {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  /** Whether `/` leads to it. */
  isFirst?: boolean;
  /** The id of a list of suggestions. */
  list?: string;
}

export function Typed({ label, value, onChange, isFirst = false, list }: Props) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const send = () => {
    if (draft.trim() !== value) onChange(draft.trim() || undefined);
  };
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      list={list}
      data-filter={isFirst || undefined}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={send}
      onKeyDown={(event) => {
        if (event.key === "Enter") send();
      }}
      className="control"
    />
  );
}
