// Services that are linked to the account, and linking others. Linking leads to the service and back here.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type Answer, call } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { Button } from "../../ui/button.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Time } from "../../ui/time.tsx";
import { useWords } from "./words.ts";

type Identity = Answer<"GET /auth/identities">["identities"][number];
const IDENTITIES = ["identities"];

/** What the gateway has for signing in. */
export const useSignInOptions = () =>
  useQuery({
    queryKey: ["sign-in-options"],
    queryFn: ({ signal }) => call("GET /auth/options", { signal }),
    staleTime: 300_000,
  });

export function Services() {
  const words = useWords();
  const [filters] = useFilters();
  const linked = useQuery({
    queryKey: IDENTITIES,
    queryFn: async ({ signal }) => (await call("GET /auth/identities", { signal })).identities,
  });
  const options = useSignInOptions();
  const error = linked.error ?? options.error;
  const services = options.data?.services ?? [];
  const others = services.filter(({ id }) => !linked.data?.some(({ provider_id }) => provider_id === id));
  const link = (id: string) =>
    location.assign(
      `/auth/with/${encodeURIComponent(id)}?${new URLSearchParams({ link: "true", return_to: "/console/account" })}`,
    );
  return (
    <Section
      title={words.services}
      actions={others.map(({ id, name }) => (
        <Button key={id} icon="door" onClick={() => link(id)}>
          {words.linkTo(visible(name))}
        </Button>
      ))}
    >
      {filters.failed && (
        <div role="alert" className="mb-2 rounded-m border border-bad bg-bad-soft p-3">
          <p className="font-medium text-bad">{words.linkFailed}</p>
          {filters.failed === "identity_taken" && <p>{words.linkTaken}</p>}
          <p className="font-mono text-table text-ink2">{filters.failed.replace(/[^a-z0-9_]/gi, "").slice(0, 80)}</p>
        </div>
      )}
      {error ? (
        <Failure error={error} retry={() => Promise.all([linked.refetch(), options.refetch()])} />
      ) : !linked.data || !options.data ? (
        <Skeleton rows={2} />
      ) : services.length + linked.data.length === 0 ? (
        <p className="text-ink2">{words.noServices}</p>
      ) : (
        <ul aria-label={words.services}>
          {linked.data.map((identity) => (
            <Linked
              key={identity.provider_id}
              identity={identity}
              name={services.find(({ id }) => id === identity.provider_id)?.name ?? identity.provider_id}
            />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Linked({ identity, name }: { identity: Identity; name: string }) {
  const words = useWords();
  const queries = useQueryClient();
  const form = useForm(async () => {
    await call("DELETE /auth/identities/{id}", { path: { id: identity.provider_id } });
    await queries.invalidateQueries({ queryKey: IDENTITIES });
  });
  return (
    <li className="border-t border-line py-1.5">
      <div className="flex flex-wrap items-center gap-x-3">
        <span className="font-medium">{visible(name)}</span>
        <span className="min-w-0 flex-1 basis-40 truncate text-ink2">
          {visible(identity.email ?? identity.subject)}
        </span>
        <span className="text-table text-ink3">
          <Time ms={identity.created_at} style="date" />
        </span>
        <Button look="quiet" icon="trash" busy={form.busy} onClick={() => form.submit()}>
          {words.unlink}
        </Button>
      </div>
      {form.rest()}
    </li>
  );
}
