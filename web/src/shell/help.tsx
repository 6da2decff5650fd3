// The keys.

import { useShellWords } from "../i18n/shell.ts";
import type { PageRow } from "../routes.tsx";
import { Dialog } from "../ui/dialog.tsx";

export function Help({ pages, onClose }: { pages: PageRow[]; onClose: () => void }) {
  const words = useShellWords();
  const rows: [string, string][] = [
    ["⌘K · Ctrl K", words.helpSearch],
    ["/", words.helpFilter],
    ["j · k", words.helpRows],
    ["Enter", words.helpOpen],
    ["[ · ]", words.helpNeighbours],
    ["Esc", words.helpClose],
    ...pages.map(({ key, title }): [string, string] => [`g ${key}`, words[title]]),
  ];
  return (
    <Dialog title={words.help} onClose={onClose}>
      <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-1.5">
        {rows.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="font-mono text-table text-ink2">{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
