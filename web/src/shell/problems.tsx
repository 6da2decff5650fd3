// What stands in place of a page that does not exist or that stopped.

import type { ErrorComponentProps } from "@tanstack/react-router";
import { Button, LinkButton } from "../ui/button.tsx";
import { useShellWords } from "../i18n/shell.ts";
import { Page } from "../ui/page.tsx";
import { Failure } from "../ui/states.tsx";

export function NotFound() {
  const words = useShellWords();
  return (
    <Page title="404">
      <p className="mb-4 text-ink2">{words.notFound}</p>
      <div>
        <LinkButton to="/">{words.toOverview}</LinkButton>
      </div>
    </Page>
  );
}

export function Crashed({ error, reset }: ErrorComponentProps) {
  const words = useShellWords();
  return (
    <Page title={words.crashed}>
      <Failure error={error} title={words.crashed} />
      <div>
        <Button icon="refresh" onClick={reset}>
          {words.reload}
        </Button>
      </div>
    </Page>
  );
}
