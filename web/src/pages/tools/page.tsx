// Tools of the Model Context Protocol: the servers that offer them, sets of them, and the calls. Each view is for those who may see it.

import { useNavigate } from "@tanstack/react-router";
import { useMay } from "../../api/session.ts";
import { useFilters, useOpened } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Calls } from "./calls.tsx";
import { Servers } from "./servers.tsx";
import { useSetWords } from "./set-words.ts";
import { Sets } from "./sets.tsx";
import { useWords } from "./words.ts";

export default function Tools() {
  const words = useWords();
  const setWords = useSetWords();
  const may = useMay();
  const navigate = useNavigate();
  const [filters] = useFilters();
  const [, open] = useOpened("/tools");
  const allowed = [
    ...(may("manage_tools") ? (["servers"] as const) : []),
    ...(may("manage_tools", "manage_own_api_keys") ? (["sets"] as const) : []),
    ...(may("view_all_requests", "view_own_requests") ? (["calls"] as const) : []),
  ];
  const view = allowed.find((one) => one === filters.of) ?? allowed[0];
  const add = view !== "calls" && (
    <Button look="primary" icon="plus" onClick={() => open("new")}>
      {view === "sets" ? setWords.add : words.add}
    </Button>
  );
  return (
    <Page title={words.title} actions={add} fill>
      {allowed.length > 1 && (
        <div className="mb-3">
          <Segmented
            label={words.which}
            value={view ?? "servers"}
            options={allowed.map((value) => ({ value, label: words[value] }))}
            onChange={(of) => navigate({ to: "/tools", search: of === allowed[0] ? {} : { of } } as never)}
          />
        </div>
      )}
      {view === "calls" ? <Calls /> : view === "sets" ? <Sets add={add} /> : <Servers add={add} />}
    </Page>
  );
}
