// One server: testing it, its tools, and what is known of it.

import { useState } from "react";
import type { McpServerTest } from "../../api/schema.d.ts";
import { useMay } from "../../api/session.ts";
import { count, duration, visible } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { fieldsOf, textOf } from "../../lib/tools.ts";
import { Button, LinkButton } from "../../ui/button.tsx";
import { Copy } from "../../ui/copy.tsx";
import { Confirm, Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/facts.tsx";
import { useForm } from "../../ui/field.tsx";
import { Section } from "../../ui/page.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { OnOff } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { ToolReview } from "../../ui/tools/review.tsx";
import { ServerForm } from "./form.tsx";
import { type Server, useServerWrites, useTools } from "./queries.ts";
import { useWords } from "./words.ts";

export function Detail({ server, onClose }: { server: Server; onClose: () => void }) {
  const words = useWords();
  const may = useMay();
  const writes = useServerWrites();
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const [tested, setTested] = useState<McpServerTest>();
  const test = useForm(async () => {
    setTested(undefined);
    setTested(await writes.test(server.id));
  });
  const toggle = useForm(async () => void (await writes.update(server.id, { enabled: !server.enabled })));
  const remove = useForm(async () => {
    await writes.remove(server.id);
    onClose();
  });
  return (
    <Dialog drawer title={visible(server.id)} onClose={onClose} actions={<OnOff on={server.enabled} />}>
      <div className="mb-4 flex flex-wrap gap-2">
        <Button look="primary" icon="play" busy={test.busy} onClick={() => test.submit()}>
          {test.busy ? words.testing : words.test}
        </Button>
        <Button icon="edit" onClick={() => setDoing("edit")}>
          {words.edit}
        </Button>
        <Button icon={server.enabled ? "pause" : "play"} busy={toggle.busy} onClick={() => toggle.submit()}>
          {server.enabled ? words.turnOff : words.turnOn}
        </Button>
        {may("view_all_requests", "view_own_requests") && (
          <LinkButton to="/tools" search={{ of: "calls", server: server.id }} icon="requests">
            {words.calls}
          </LinkButton>
        )}
        <Button look="danger" icon="trash" onClick={() => setDoing("remove")}>
          {words.remove}
        </Button>
      </div>
      {tested && <Tested server={server} test={tested} />}
      {test.rest()}
      {toggle.rest()}
      <Known server={server} />
      <Tools server={server} />
      {doing === "edit" && (
        <Dialog title={words.edit} onClose={() => setDoing(null)}>
          <ServerForm server={server} onClose={() => setDoing(null)} />
        </Dialog>
      )}
      {doing === "remove" && (
        <Confirm
          title={words.removeTitle}
          consequence={words.removeText}
          action={words.remove}
          busy={remove.busy}
          error={remove.rest()}
          onConfirm={() => remove.submit()}
          onClose={() => setDoing(null)}
        />
      )}
    </Dialog>
  );
}

function Known({ server }: { server: Server }) {
  const words = useWords();
  const address = `${location.origin}/mcp/server/${server.id}`;
  return (
    <Facts
      facts={[
        [words.url, <span key="u">{visible(server.url)}</span>],
        [
          words.clients,
          <span key="c" className="font-mono text-table">
            {address} <Copy text={address} small />
          </span>,
        ],
        [words.grant, words.grantHint(`${server.id}/*`)],
        [words.token, server.has_token ? "••••••" : words.noToken],
        [words.era, words[server.era as "auto"] ?? visible(server.era)],
        [words.transport, words[server.transport as "auto"] ?? visible(server.transport)],
        [words.pins, words[server.pins as "strict"] ?? visible(server.pins)],
        [words.allow, server.allow_tools && visible(server.allow_tools.join(", "))],
        [words.deny, server.deny_tools && visible(server.deny_tools.join(", "))],
        [words.approval, words[server.tool_approval]],
        [words.ask, server.ask_tools && visible(server.ask_tools.join(", "))],
        [words.headers, Object.keys(server.headers).map(visible).join(", ")],
        [words.timeout, server.timeout_ms / 1000],
        [words.created, <Time key="t" ms={server.created_at} style="full" />],
      ]}
    />
  );
}

/** What the server was asked, and what it answered. */
function Tested({ server, test }: { server: Server; test: McpServerTest }) {
  const words = useWords();
  const locale = localeOf(usePreferences());
  const info = fieldsOf(test.server_info);
  const name = [textOf(info.name), textOf(info.version)].filter(Boolean).join(" ");
  return (
    <div role="status" className="mb-4 rounded-m border border-line bg-sunken p-3">
      <p className="font-medium text-ok">
        <span aria-hidden="true">● </span>
        {words.answered(duration(test.took_ms))}
      </p>
      <p className="mb-2 [overflow-wrap:anywhere] text-table text-ink2">{words.asked(visible(server.url))}</p>
      <Facts
        facts={[
          [words.server, name && visible(name)],
          [words.version, `${test.version} (${words[test.era as "modern"] ?? test.era})`],
          [words.transport, words[test.transport as "sse"] ?? test.transport],
          [words.tools, words.toolCount(test.tools, count(test.tokens, locale))],
        ]}
      />
    </div>
  );
}

function Tools({ server }: { server: Server }) {
  const words = useWords();
  const writes = useServerWrites();
  const { data, error, isFetching, refetch } = useTools(server.id);
  return (
    <Section title={words.tools}>
      {data ? (
        <ToolReview review={data} accept={(names) => writes.accept(server.id, names)} />
      ) : error && !isFetching ? (
        <Failure error={error} title={words.notReached} retry={() => refetch()} />
      ) : (
        <Skeleton rows={3} />
      )}
    </Section>
  );
}
