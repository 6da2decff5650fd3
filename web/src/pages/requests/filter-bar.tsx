// The filters of the log. What is typed goes to the address when it is finished: on Enter, or when the field is left.

import { type ReactNode, useEffect, useState } from "react";
import { request } from "../../api/client.ts";
import { download } from "../../lib/csv.ts";
import type { Filters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Check, Field } from "../../ui/field.tsx";
import { Popover } from "../../ui/popover.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { FILTERS, queryOf, useKeyNames } from "./queries.ts";
import { useWords } from "./words.ts";

const STATUSES = ["ok", "client", "limited", "timeout", "server", "cancelled"] as const;
const BEHIND = ["error", "provider", "owner", "app", "conversation", "min_ms"] as const;

interface Props {
  filters: Filters;
  onChange: (change: Record<string, string | undefined>) => void;
  isLive: boolean;
}

export function FilterBar({ filters, onChange, isLive }: Props) {
  const words = useWords();
  const names = useKeyNames();
  const behind = BEHIND.filter((name) => filters[name]).length;
  const labels: Record<(typeof BEHIND)[number], string> = {
    error: words.error,
    provider: words.provider,
    owner: words.owner,
    app: words.app,
    conversation: words.conversation,
    min_ms: words.minMs,
  };
  const choices = (
    <>
      <Pick
        label={words.status}
        value={filters.status ?? ""}
        onChange={(status) => onChange({ status })}
        any={words.anyStatus}
      >
        {STATUSES.map((status) => (
          <option key={status} value={status}>
            {words[status]}
          </option>
        ))}
      </Pick>
      <Pick label={words.key} value={filters.key ?? ""} onChange={(key) => onChange({ key })} any={words.anyKey}>
        {[...names].map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Pick>
    </>
  );
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <Segmented
        label={words.range}
        value={(filters.range ?? "") as string}
        options={[
          { value: "1h", label: "1 h" },
          { value: "24h", label: "24 h" },
          { value: "7d", label: "7 d" },
          { value: "30d", label: "30 d" },
          { value: "", label: words.all },
        ]}
        onChange={(range) => onChange({ range, from: undefined, to: undefined })}
      />
      <div className="w-44 max-sm:hidden">
        <Typed label={words.model} value={filters.model ?? ""} onChange={(model) => onChange({ model })} isFirst />
      </div>
      <div className="contents max-sm:hidden">{choices}</div>
      <Popover label={words.more} icon="filter" text={behind > 0 ? `${words.more} (${behind})` : words.more}>
        {() => (
          <div className="flex w-72 flex-col gap-3 p-3">
            <div className="flex flex-col gap-3 sm:hidden">
              <Labelled
                label={words.model}
                value={filters.model ?? ""}
                onChange={(model) => onChange({ model })}
                hint={undefined}
              />
              {choices}
            </div>
            {BEHIND.map((name) => (
              <Labelled
                key={name}
                label={labels[name]}
                value={filters[name] ?? ""}
                onChange={(value) => onChange({ [name]: value })}
                hint={name === "error" ? words.errorHint : undefined}
              />
            ))}
          </div>
        )}
      </Popover>
      {[...FILTERS, "range"].some((name) => filters[name]) && (
        <Button
          look="quiet"
          icon="close"
          onClick={() => onChange(Object.fromEntries([...FILTERS, "range"].map((name) => [name, undefined])))}
        >
          {words.clear}
        </Button>
      )}
      <span className="ml-auto flex items-center gap-2">
        <Export filters={filters} />
        <span title={words.liveHint} className="inline-flex items-center gap-2">
          <Check
            label={words.live}
            checked={filters.live === "1"}
            onChange={(event) => onChange({ live: event.target.checked ? "1" : undefined })}
          />
          {filters.live === "1" && (
            <span
              role="status"
              className={isLive ? "text-ok" : "text-warn"}
              title={isLive ? words.liveHint : words.noConnection}
            >
              {isLive ? "●" : "◌"}
              <span className="sr-only">{isLive ? words.liveHint : words.noConnection}</span>
            </span>
          )}
        </span>
      </span>
    </div>
  );
}

function Export({ filters }: { filters: Filters }) {
  const words = useWords();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const response = await fetch(`/export/requests?${new URLSearchParams({ ...queryOf(filters), format: "csv" })}`, {
        headers: { "x-nexus-csrf": "1" },
      });
      if (response.ok) download("requests.csv", await response.text());
      else await request("GET /export/requests", { query: queryOf(filters) });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button
      look="quiet"
      icon="download"
      busy={busy}
      onClick={save}
      title={words.exportCsv}
      aria-label={words.exportCsv}
    />
  );
}

function Pick({
  label,
  value,
  onChange,
  any,
  children,
}: {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  any: string;
  children: ReactNode;
}) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.target.value || undefined)}
      className="control sm:w-auto! sm:max-w-44"
    >
      <option value="">{any}</option>
      {children}
    </select>
  );
}

/** What is being typed, until it is finished. */
function useDraft(value: string, onChange: (value: string | undefined) => void) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const send = () => {
    if (draft.trim() !== value) onChange(draft.trim() || undefined);
  };
  return {
    value: draft,
    onChange: (event: { target: { value: string } }) => setDraft(event.target.value),
    onBlur: send,
    onKeyDown: (event: { key: string }) => {
      if (event.key === "Enter") send();
    },
  };
}

function Typed({
  label,
  value,
  onChange,
  isFirst,
}: {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  isFirst: boolean;
}) {
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={label}
      className="control"
      data-filter={isFirst || undefined}
      {...useDraft(value, onChange)}
    />
  );
}

function Labelled({
  label,
  value,
  onChange,
  hint,
}: {
  label: string;
  value: string;
  onChange: (value: string | undefined) => void;
  hint: string | undefined;
}) {
  return <Field label={label} hint={hint} {...useDraft(value, onChange)} />;
}
