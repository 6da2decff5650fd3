// The account of who is signed in: who they are, the ways by which they sign in, where they are signed in.

import { useMe } from "../../api/me.ts";
import type { AccountView } from "../../api/schema.d.ts";
import { usePermissionNames } from "../../i18n/permissions.ts";
import { visible } from "../../lib/format.ts";
import { Page, Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { Passkeys } from "./passkeys.tsx";
import { Password } from "./password.tsx";
import { Profile } from "./profile.tsx";
import { Services } from "./services.tsx";
import { Sessions } from "./sessions.tsx";
import { useWords } from "./words.ts";

export default function Account() {
  const words = useWords();
  const { data, error, refetch } = useMe();
  return (
    <Page title={words.title}>
      {data ? (
        <div className="grid grid-cols-2 gap-x-12 max-lg:grid-cols-1">
          <div className="min-w-0">
            <Profile me={data} />
            <Password />
          </div>
          <div className="min-w-0">
            <Passkeys />
            <Services />
            <Sessions />
            <Allowed me={data} />
          </div>
        </div>
      ) : error ? (
        <Failure error={error} retry={refetch} />
      ) : (
        <Skeleton rows={8} />
      )}
    </Page>
  );
}

function Allowed({ me }: { me: AccountView }) {
  const words = useWords();
  const names = usePermissionNames();
  return (
    <Section title={words.permissions}>
      <details>
        <summary className="link">{me.permissions.length}</summary>
        <ul className="mt-2 columns-2 text-table max-sm:columns-1">
          {me.permissions.map((code) => (
            <li key={code} className="[overflow-wrap:anywhere]">
              {names(code) ?? <span className="font-mono">{visible(code)}</span>}
            </li>
          ))}
        </ul>
      </details>
    </Section>
  );
}
