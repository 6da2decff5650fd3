// Alerts: what is broken now, what was, the rules by which, and the webhooks that are told.

import { useMay } from "../../api/session.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Page } from "../../ui/page.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Deliveries } from "./deliveries.tsx";
import { Fired } from "./fired.tsx";
import { RuleForm } from "./rule-form.tsx";
import { Rules } from "./rules.tsx";
import { WebhookForm } from "./webhook-form.tsx";
import { Webhooks } from "./webhooks.tsx";
import { useWords } from "./words.ts";

const NONE = { open: undefined, rule: undefined, state: undefined, webhook: undefined, new: undefined };

export default function Alerts() {
  const words = useWords();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const views = [
    { value: "now", label: words.open },
    { value: "history", label: words.history },
    { value: "rules", label: words.rules },
    ...(may("manage_webhooks")
      ? [
          { value: "webhooks", label: words.webhooks },
          { value: "deliveries", label: words.deliveries },
        ]
      : []),
  ];
  const view = views.find(({ value }) => value === filters.of)?.value ?? "now";
  const isOfWebhooks = view === "webhooks" || view === "deliveries";
  const mayMake = may(isOfWebhooks ? "manage_webhooks" : "manage_alerts");
  const close = () => setFilters({ new: undefined });
  return (
    <Page
      title={words.title}
      actions={
        mayMake && (
          <Button look="primary" icon="plus" onClick={() => setFilters({ new: "1" })}>
            {isOfWebhooks ? words.newWebhook : words.newRule}
          </Button>
        )
      }
    >
      <div className="mb-4">
        <Segmented
          label={words.view}
          value={view}
          options={views}
          onChange={(of) => setFilters({ ...NONE, of: of === "now" ? undefined : of })}
        />
      </div>
      {(view === "now" || view === "history") && <Fired key={view} isHistory={view === "history"} />}
      {view === "rules" && <Rules />}
      {view === "webhooks" && <Webhooks />}
      {view === "deliveries" && <Deliveries />}
      {filters.new === "1" &&
        mayMake &&
        (isOfWebhooks ? <WebhookForm onClose={close} /> : <RuleForm onClose={close} />)}
    </Page>
  );
}
