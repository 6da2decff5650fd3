// The system: whether it is sound, its settings and configuration, backups and restores, exports, the master key, dead letters, sessions of the admin token, caches.

import { useMay } from "../../api/session.ts";
import { useFilters } from "../../lib/url.ts";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Backups } from "./backups.tsx";
import { Checks } from "./checks.tsx";
import { useConfigWords } from "./config-words.ts";
import { Config } from "./config.tsx";
import { Configuration } from "./configuration.tsx";
import { DeadLetters } from "./dead-letters.tsx";
import { Exports } from "./exports.tsx";
import { MasterKey, Sessions } from "./parts.tsx";
import { useWords } from "./words.ts";

export default function Settings() {
  const words = useWords();
  const config = useConfigWords();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const views = [
    ...(may("view_system_status") ? [{ value: "checks", label: words.checks }] : []),
    ...(may("view_system_status") ? [{ value: "config", label: config.settings }] : []),
    ...(may("manage_configuration") ? [{ value: "file", label: config.file }] : []),
    ...(may("manage_backups") ? [{ value: "backups", label: words.backups }] : []),
    ...(may("export_all_data") ? [{ value: "exports", label: words.exports }] : []),
    ...(may("view_system_status") ? [{ value: "secrets", label: words.secrets }] : []),
    ...(may("manage_system") ? [{ value: "dead", label: words.dead }] : []),
    ...(may("manage_users") ? [{ value: "sessions", label: words.sessions }] : []),
  ];
  const view = views.find(({ value }) => value === filters.of)?.value ?? views[0]?.value;
  return (
    <Page title={words.title}>
      <div className="mb-4">
        <Segmented
          label={words.which}
          value={view ?? ""}
          options={views}
          onChange={(of) => setFilters({ of, open: undefined, search: undefined })}
        />
      </div>
      {view === "checks" && <Checks />}
      {view === "config" && <Config />}
      {view === "file" && <Configuration />}
      {view === "backups" && <Backups />}
      {view === "exports" && <Exports />}
      {view === "secrets" && <MasterKey />}
      {view === "dead" && <DeadLetters />}
      {view === "sessions" && <Sessions />}
    </Page>
  );
}
