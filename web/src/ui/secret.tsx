// A secret that is shown once: a large field, copying, a file. It lives in the state of its parent and is gone when that closes.

import { useId, useState } from "react";
import { download } from "../lib/csv.ts";
import { Button } from "./button.tsx";
import { Copy } from "./copy.tsx";
import { useUiWords } from "./words.ts";

export function Secret({ value, variable, onDone }: { value: string; variable: string; onDone: () => void }) {
  const words = useUiWords();
  const id = useId();
  const [isSaved, setSaved] = useState(false);
  return (
    <div className="flex flex-col gap-3">
      <p className="text-warn">{words.secretOnce}</p>
      <input
        readOnly
        value={value}
        aria-label={variable}
        autoComplete="off"
        spellCheck={false}
        className="control font-mono text-section"
        onFocus={(event) => event.target.select()}
      />
      <div className="flex flex-wrap gap-2">
        <Copy text={value} label={words.copy} look="primary" />
        <Button icon="download" onClick={() => download(".env", `${variable}=${value}\n`, "text/plain")}>
          .env
        </Button>
      </div>
      <label htmlFor={id} className="flex items-center gap-2">
        <input id={id} type="checkbox" checked={isSaved} onChange={(event) => setSaved(event.target.checked)} />
        {words.saved}
      </label>
      <div className="flex justify-end">
        <Button disabled={!isSaved} onClick={onDone}>
          {words.close}
        </Button>
      </div>
    </div>
  );
}
