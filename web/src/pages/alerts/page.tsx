// Alerts: what fires now, what fired, the rules by which, and whom it is told.

import { useMay } from "../../api/session.ts";
import { useFilters } from "../../lib/url.ts";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Fired } from "./fired.tsx";
import { Rules } from "./rules.tsx";
import { Deliveries, Webhooks } from "./webhooks.tsx";
import { useWords } from "./words.ts";

export default function Alerts() {
  const words = useWords();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const views = [
    { value: "now", label: words.now },
    { value: "history", label: words.history },
    { value: "rules", label: words.rules },
    ...(may("manage_webhooks")
      ? [
          { value: "webhooks", label: words.webhooks },
          { value: "deliveries", label: words.deliveries },
        ]
      : []),
  ];
  const view = views.some(({ value }) => value === filters.of) ? (filters.of ?? "now") : "now";
  return (
    <Page title={words.title}>
      <div className="mb-4">
        <Segmented
          label={words.which}
          value={view}
          options={views}
          onChange={(of) => setFilters({ of: of === "now" ? undefined : of })}
        />
      </div>
      {view === "now" && <Fired key="now" isNow />}
      {view === "history" && <Fired key="history" isNow={false} />}
      {view === "rules" && <Rules />}
      {view === "webhooks" && <Webhooks />}
      {view === "deliveries" && <Deliveries />}
    </Page>
  );
}
