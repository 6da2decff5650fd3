// The tools of an agent as `/mcp` has them, a server at a time, with what is to be accepted.

import { useState } from "react";
import { ApiFailure } from "../../api/client.ts";
import { visible } from "../../lib/format.ts";
import { LinkButton } from "../../ui/button.tsx";
import { Segmented } from "../../ui/segmented.tsx";
import { Empty, Failure, Skeleton } from "../../ui/states.tsx";
import { ToolReview } from "../../ui/tools/review.tsx";
import { type Agent, useAgentWrites, useReview } from "./queries.ts";
import { useWords } from "./words.ts";

export function Tools({ actAs, agent }: { actAs: string; agent: Agent }) {
  const words = useWords();
  const servers = agent.hub?.servers ?? [];
  const [chosen, setChosen] = useState("");
  const server = servers.find(({ name }) => name === chosen) ?? servers[0];
  if (!server) return <p className="text-ink2">{words.noServers}</p>;
  return (
    <>
      {servers.length > 1 && (
        <div className="mb-3">
          <Segmented
            apart
            label={words.servers}
            value={server.name}
            options={servers.map(({ name }) => ({ value: name, label: visible(name) }))}
            onChange={setChosen}
          />
        </div>
      )}
      <Review key={server.name} actAs={actAs} agent={agent} server={server.name} />
    </>
  );
}

function Review({ actAs, agent, server }: { actAs: string; agent: Agent; server: string }) {
  const words = useWords();
  const writes = useAgentWrites(actAs);
  const { data, error, refetch } = useReview(actAs, agent.agent_id, server);
  if (data) return <ToolReview review={data} accept={(names) => writes.accept(agent.agent_id, server, names)} />;
  // A server that the key is not granted is as if it did not exist.
  if (error instanceof ApiFailure && error.code === "mcp_server_not_found")
    return (
      <Empty action={<LinkButton to={`/keys/${actAs}`}>{words.toKey}</LinkButton>}>
        {words.notGranted(`agent/${agent.agent_id}/${server}/*`)}
      </Empty>
    );
  return error ? <Failure error={error} retry={() => refetch()} /> : <Skeleton rows={4} />;
}
