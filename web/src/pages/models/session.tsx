// A sticky session: to which upstream it is bound, and unbinding it, after which its next request is routed as if it were the first.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { Choice, Field, useForm } from "../../ui/field.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Ago, Time } from "../../ui/time.tsx";
import { useKeyNames, useProviderNames } from "./queries.ts";
import { useWords } from "./words.ts";

const BINDING = ["session-binding"];

export function StickySession({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const keys = useKeyNames(may("view_all_api_keys"));
  const [id, setId] = useState(filters.session ?? "");
  const [isUnbound, setUnbound] = useState(false);
  return (
    <Dialog title={words.sessions} onClose={onClose}>
      <p className="mb-3 text-ink2">{words.sessionsHint}</p>
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          setUnbound(false);
          setFilters({ session: id.trim() });
        }}
      >
        <Field
          label={words.sessionId}
          required
          spellCheck={false}
          value={id}
          onChange={(event) => setId(event.target.value)}
        />
        {keys.length > 0 && (
          <Choice
            label={words.asKey}
            value={filters.key ?? ""}
            onChange={(event) => setFilters({ key: event.target.value || undefined })}
          >
            <option value="">{words.anyKey}</option>
            {keys.map(([key, label]) => (
              <option key={key} value={key}>
                {visible(label)}
              </option>
            ))}
          </Choice>
        )}
        <div>
          <Button type="submit" look="primary" icon="search">
            {words.find}
          </Button>
        </div>
      </form>
      {isUnbound && (
        <p role="status" className="mt-4 text-ok">
          <span aria-hidden="true">● </span>
          {words.unbound}
        </p>
      )}
      {filters.session && !isUnbound && (
        <Binding id={filters.session} keyId={filters.key} onUnbound={() => setUnbound(true)} />
      )}
    </Dialog>
  );
}

interface Props {
  id: string;
  /** One of the keys that use the id, where there are several. */
  keyId: string | undefined;
  onUnbound: () => void;
}

function Binding({ id, keyId, onUnbound }: Props) {
  const words = useWords();
  const may = useMay();
  const queries = useQueryClient();
  const names = useProviderNames(may("admin_view_providers"));
  const keys = new Map(useKeyNames(may("view_all_api_keys")));
  const query = keyId ? { key_id: keyId } : {};
  const { data, error, refetch } = useQuery({
    queryKey: [...BINDING, id, keyId],
    queryFn: ({ signal }) => call("GET /routing/sessions/{id}", { path: { id }, query, signal }),
    retry: false,
  });
  const unbind = useForm(async () => {
    await call("DELETE /routing/sessions/{id}", { path: { id }, query: { key_id: data?.api_key_id ?? "" } });
    queries.removeQueries({ queryKey: BINDING });
    onUnbound();
  });
  if (error) return <Failure error={error} title={words.notBound} retry={() => refetch()} />;
  if (!data) return <Skeleton rows={4} />;
  return (
    <section aria-label={words.sessions} className="mt-4 border-t border-line pt-4">
      <Facts
        facts={[
          [words.name, visible(data.logical_model)],
          [words.boundTo, visible(`${names.get(data.provider_id) ?? data.provider_id} / ${data.model_id}`)],
          [words.upstreamKey, data.provider_key_id && visible(data.provider_key_id)],
          [words.asKey, visible(keys.get(data.api_key_id) ?? data.api_key_id)],
          [words.boundAt, <Time key="b" ms={data.created_at} style="full" />],
          [words.lastUsed, <Ago key="l" ms={data.last_used_at} />],
        ]}
      />
      {may("operate_providers") && (
        <Button className="mt-4" look="danger" busy={unbind.busy} onClick={() => unbind.submit()}>
          {words.unbind}
        </Button>
      )}
      {unbind.rest()}
    </section>
  );
}
