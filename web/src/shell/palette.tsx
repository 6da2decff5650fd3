// Everything by its name: pages, keys, models; and the id of a request, which opens it.

import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type KeyboardEvent, useId, useState } from "react";
import { call } from "../api/client.ts";
import { useMay } from "../api/session.ts";
import { useShellWords } from "../i18n/shell.ts";
import { type PageRow, addressOf } from "../routes.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon, type IconName } from "../ui/icon.tsx";

interface Hit {
  id: string;
  icon: IconName;
  text: string;
  kind: string;
  to: string;
  search?: Record<string, string>;
}

const MOST = 12;
/** Ids of events, and those of requests that the gateway made. */
const IS_REQUEST_ID = /^(req_)?[0-9a-z]{20,}$/i;

export function Palette({ pages, onClose }: { pages: PageRow[]; onClose: () => void }) {
  const words = useShellWords();
  const navigate = useNavigate();
  const list = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const hits = useHits(pages, text);
  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    onClose();
    navigate({ to: hit.to, search: hit.search ?? {} } as never);
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setAt((at + step + hits.length) % Math.max(1, hits.length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(hits[at]);
    }
  };
  return (
    <Dialog title={words.search} onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={hits[at] ? `${list}-${at}` : undefined}
        aria-label={words.search}
        placeholder={words.searchHint}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
        className="control"
      />
      <div id={list} role="listbox" aria-label={words.search} className="mt-2 min-h-40">
        {hits.map((hit, index) => (
          <div
            key={hit.id}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => go(hit)}
            onKeyDown={onKey}
            className={`flex min-h-9 cursor-pointer items-center gap-2.5 rounded-s px-2 ${index === at ? "bg-accent-soft text-accent" : ""}`}
          >
            <Icon name={hit.icon} />
            <span className="min-w-0 flex-1 truncate">{hit.text}</span>
            <span className="text-label text-ink3">{hit.kind}</span>
          </div>
        ))}
      </div>
      {hits.length === 0 && (
        <p role="status" className="px-2 text-ink3">
          {words.nothing}
        </p>
      )}
    </Dialog>
  );
}

function useHits(pages: PageRow[], text: string): Hit[] {
  const words = useShellWords();
  const may = useMay();
  const keys = useQuery({
    queryKey: ["keys"],
    queryFn: ({ signal }) => call("GET /keys", { signal }),
    enabled: may("view_all_api_keys", "manage_own_api_keys"),
  });
  const models = useQuery({
    queryKey: ["logical-models"],
    queryFn: ({ signal }) => call("GET /logical-models", { signal }),
    enabled: may("view_models"),
  });
  const wanted = text.trim().toLowerCase();
  const hits: Hit[] = pages.map((row) => ({
    id: row.path,
    icon: row.icon,
    text: words[row.title],
    kind: words.page,
    to: addressOf(row),
  }));
  for (const key of keys.data?.keys ?? []) {
    hits.push({ id: key.id, icon: "key", text: `${key.name} ${key.prefix}`, kind: words.key, to: `/keys/${key.id}` });
  }
  for (const model of models.data?.logical_models ?? []) {
    hits.push({
      id: `m-${model.name}`,
      icon: "model",
      text: model.name,
      kind: words.model,
      to: "/requests",
      search: { model: model.name },
    });
  }
  const found = hits.filter((hit) => hit.text.toLowerCase().includes(wanted)).slice(0, MOST);
  if (IS_REQUEST_ID.test(wanted)) {
    found.unshift({
      id: "request",
      icon: "requests",
      text: text.trim(),
      kind: words.openRequest,
      to: `/requests/${text.trim()}`,
    });
  }
  return found;
}
