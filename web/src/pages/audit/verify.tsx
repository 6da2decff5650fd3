// The check of the log's chain of hashes: its button, how far it is, and what came of it.

import { count } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { Button } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Failure } from "../../ui/states.tsx";
import type { useVerify } from "./queries.ts";
import { useWords } from "./words.ts";

type Verify = ReturnType<typeof useVerify>;

export function VerifyButton({ verify }: { verify: Verify }) {
  const words = useWords();
  return verify.check?.isRunning ? (
    <Button icon="stop" onClick={verify.stop}>
      {words.stop}
    </Button>
  ) : (
    <Button icon="check" title={words.verifyHint} onClick={verify.start}>
      {words.verify}
    </Button>
  );
}

export function VerifyResult({ verify }: { verify: Verify }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const { check } = verify;
  if (!check) return null;
  if (check.error) return <Failure error={check.error} retry={verify.start} />;
  const { result } = check;
  const entries = count(check.checked, locale);
  return (
    <div role="status" className="mb-3 rounded-m border border-line bg-sunken p-3">
      {!result ? (
        <p>{words.verifying(entries)}</p>
      ) : result.ok ? (
        <>
          <p className="font-medium text-ok">● {words.sound(entries)}</p>
          <p className="mt-1 text-table text-ink2">{words.noteHash(result.last)}</p>
          <p className="mt-1 font-mono text-table [overflow-wrap:anywhere]">
            {result.hash} <Copy text={result.hash} small />
          </p>
        </>
      ) : (
        <p className="font-medium text-bad">✕ {words.broken(result.broken_at ?? result.last + 1)}</p>
      )}
    </div>
  );
}
