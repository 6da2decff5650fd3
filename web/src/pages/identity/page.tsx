// Who the gateway takes users from: services that they sign in with, and directories that keep them.

import { useNavigate } from "@tanstack/react-router";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Directories } from "./directories.tsx";
import { useDirectoryWords } from "./directory-words.ts";
import { Services } from "./services.tsx";
import { useWords } from "./words.ts";

export default function Identity() {
  const words = useWords();
  const directoryWords = useDirectoryWords();
  const navigate = useNavigate();
  const [filters] = useFilters();
  const [, open] = useOpened("/identity");
  const view = filters.of === "directories" ? "directories" : "services";
  const add = (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {view === "directories" ? directoryWords.add : words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      <div className="mb-3">
        <Segmented
          label={words.which_view}
          value={view}
          options={[
            { value: "services", label: words.services },
            { value: "directories", label: words.directories },
          ]}
          onChange={(of) => navigate({ to: "/identity", search: of === "services" ? {} : { of } } as never)}
        />
      </div>
      {view === "directories" ? <Directories add={add} /> : <Services add={add} />}
    </Page>
  );
}
