// Replacing the table of list prices: first what would change, then doing it.

import { type ChangeEvent, useState } from "react";
import type { TableChange } from "../../api/schema.d.ts";
import { count, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Check, Field, useForm } from "../../ui/field.tsx";
import { useCreditWrites } from "./queries.ts";
import { useWords } from "./words.ts";

type Table = Record<string, unknown>;

export function UploadTable({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const writes = useCreditWrites();
  const [table, setTable] = useState<Table>();
  const [isBroken, setBroken] = useState(false);
  const [change, setChange] = useState<TableChange>();
  const [isMeant, setMeant] = useState(false);
  const read = async (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    setChange(undefined);
    setMeant(false);
    const value = file && parsed(await file.text());
    setTable(value);
    setBroken(file !== undefined && value === undefined);
  };
  const form = useForm(async () => {
    if (!table) return;
    if (!change) {
      setChange(await writes.tryTable(table));
      return;
    }
    await writes.putTable(table, isMeant);
    onClose();
  });
  return (
    <Dialog title={words.upload} onClose={onClose} width="wide">
      <form onSubmit={form.submit} className="flex flex-col gap-4">
        <p className="text-ink2">{words.uploadHint}</p>
        <Field
          type="file"
          accept=".json,application/json"
          label={words.file}
          required
          onChange={read}
          error={isBroken ? words.notJson : null}
        />
        {change && <Changes change={change} />}
        {change && change.far > 0 && (
          <Check label={words.force} checked={isMeant} onChange={(event) => setMeant(event.target.checked)} />
        )}
        {form.rest()}
        <div className="flex justify-end">
          <Button
            type="submit"
            look={change ? "danger" : "primary"}
            busy={form.busy}
            disabled={!table || (change !== undefined && change.far > 0 && !isMeant)}
          >
            {change ? words.apply : words.compare}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Changes({ change }: { change: TableChange }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const [added, changed, removed] = [change.added, change.changed, change.removed].map((value) => count(value, locale));
  return (
    <div role="status">
      <p className="font-medium">{words.compared(added ?? "", changed ?? "", removed ?? "")}</p>
      {change.far > 0 && <p className="text-warn">{words.far(count(change.far, locale))}</p>}
      {change.changes.length > 0 && (
        <pre
          tabIndex={0}
          className="mt-2 max-h-60 overflow-auto rounded-m border border-line bg-sunken p-3 font-mono text-table"
        >
          {change.changes.map(visible).join("\n")}
        </pre>
      )}
    </div>
  );
}

function parsed(text: string): Table | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : undefined;
  } catch {
    return undefined;
  }
}
