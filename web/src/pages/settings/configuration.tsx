// The configuration as a file: saving it, and importing one after a look at what it would change.

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import { download } from "../../lib/csv.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Chip } from "../../ui/status.tsx";
import { useConfigWords } from "./config-words.ts";

type Result = Answer<"POST /import/configuration">;

export function Configuration() {
  const words = useConfigWords();
  const queries = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<{ name: string; body: Record<string, unknown> }>();
  const [result, setResult] = useState<Result>();
  const save = useForm(async () => {
    const found = await call("GET /export/configuration");
    download("configuration.json", `${JSON.stringify(found, null, 2)}\n`, "application/json");
  });
  const look = useForm(async () => {
    const chosen = input.current?.files?.[0];
    if (!chosen) return;
    setFile(undefined);
    setResult(undefined);
    const body = parse(await chosen.text());
    if (!body) throw new Error(words.notJson);
    setResult(await call("POST /import/configuration", { query: { dry_run: "true" }, body }));
    setFile({ name: chosen.name, body });
  });
  const write = useForm(async () => {
    if (!file) return;
    setResult(await call("POST /import/configuration", { body: file.body }));
    setFile(undefined);
    await queries.invalidateQueries();
  });
  return (
    <>
      <p className="mb-3 max-w-text text-ink2">{words.fileHint}</p>
      <div className="flex flex-wrap gap-2">
        <Button icon="download" busy={save.busy} onClick={() => save.submit()}>
          {words.exportFile}
        </Button>
        <input
          ref={input}
          type="file"
          accept="application/json,.json"
          aria-label={words.chooseFile}
          className="sr-only"
          tabIndex={-1}
          onChange={() => look.submit()}
          // The same file can be chosen again after it was changed.
          onClick={(event) => {
            event.currentTarget.value = "";
          }}
        />
        <Button busy={look.busy} onClick={() => input.current?.click()}>
          {result ? words.again : words.importFile}
        </Button>
      </div>
      {save.rest()}
      {look.rest()}
      {result && (
        <div className="mt-4">
          <p role="status" className={`font-medium ${result.dry_run ? "" : "text-ok"}`}>
            {result.dry_run ? `${file ? `${visible(file.name)}: ` : ""}${words.dryRun}` : `● ${words.imported}`}
          </p>
          <p className="text-ink2">
            {[
              words.wouldCreate(result.created),
              words.wouldUpdate(result.updated),
              words.unchanged(result.unchanged),
            ].join(", ")}
          </p>
          <Records result={result} />
          {result.dry_run && result.created + result.updated > 0 && (
            <Button look="primary" className="mt-3" busy={write.busy} onClick={() => write.submit()}>
              {words.doImport}
            </Button>
          )}
          {write.rest()}
        </div>
      )}
    </>
  );
}

function Records({ result }: { result: Result }) {
  const words = useConfigWords();
  const records = result.records.filter(({ action }) => action !== "unchanged");
  if (records.length === 0) return null;
  return (
    <ul className="mt-2 border-t border-line">
      {records.map((record) => (
        <li key={`${record.kind} ${record.name}`} className="border-b border-line py-1.5">
          <p className="flex flex-wrap items-center gap-2">
            <Chip tone={record.action === "create" ? "ok" : "info"}>
              {record.action === "create" ? words.create : words.update}
            </Chip>
            <span className="text-ink3">{record.kind.replaceAll("_", " ")}</span>
            <span className="min-w-0 font-medium [overflow-wrap:anywhere]">{visible(record.name)}</span>
          </p>
          {record.changes.length > 0 && (
            <ul className="mt-1 text-table text-ink2">
              {record.changes.map(({ field, before, after }) => (
                <li key={field} className="[overflow-wrap:anywhere]">
                  <span className="font-mono">{field}</span>: {said(before)} → {said(after)}
                </li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  );
}

const said = (value: unknown) => visible(typeof value === "string" ? value : JSON.stringify(value ?? null));

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
