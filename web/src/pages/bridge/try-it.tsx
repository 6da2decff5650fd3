// Calling a tool of an agent from here: its arguments as a form or as JSON, what it says while it runs, and its result.

import { useState } from "react";
import type { AgentTool } from "../../lib/agents.ts";
import { duration, visible } from "../../lib/format.ts";
import { useFilters } from "../../lib/url.ts";
import { definitionOf } from "../../lib/tools.ts";
import { Button } from "../../ui/button.tsx";
import { Choice } from "../../ui/field.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Failure, Skeleton } from "../../ui/states.tsx";
import { ArgumentFields, useArguments } from "../../ui/tools/arguments.tsx";
import { Text } from "../../ui/tools/review.tsx";
import { type Agent, useAgentTools } from "./queries.ts";
import { type Call, useCall } from "./use-call.ts";
import { useWords } from "./words.ts";

interface Props {
  actAs: string;
  agent: Agent;
}

export function TryIt({ actAs, agent }: Props) {
  const words = useWords();
  const [filters, setFilters] = useFilters();
  const { data, error, refetch } = useAgentTools(actAs, agent.agent_id);
  if (!data) return error ? <Failure error={error} retry={() => refetch()} /> : <Skeleton rows={4} />;
  const tool = data.find(({ name }) => name === filters.tool) ?? data[0];
  if (!tool) return <p className="text-ink2">{words.noTools}</p>;
  return (
    <>
      <Choice label={words.tool} value={tool.name} onChange={(event) => setFilters({ tool: event.target.value })}>
        {data.map(({ name }) => (
          <option key={name} value={name}>
            {visible(name)}
          </option>
        ))}
      </Choice>
      <TryTool key={tool.name} actAs={actAs} agent={agent} tool={tool} />
    </>
  );
}

function TryTool({ actAs, agent, tool }: Props & { tool: AgentTool }) {
  const words = useWords();
  const { title, description, schema } = definitionOf(tool.definition);
  const given = useArguments(schema);
  const { state, start, cancel } = useCall(actAs, agent.agent_id);
  const [isCancelling, setCancelling] = useState(false);
  const [refused, setRefused] = useState<unknown>();
  const isRunning = state?.isRunning ?? false;
  const run = () => {
    const value = given.read();
    if (value) void start(tool.name, value);
  };
  const stop = () => {
    setCancelling(true);
    setRefused(undefined);
    cancel()
      .catch(setRefused)
      .finally(() => setCancelling(false));
  };
  return (
    <form
      className="mt-3 flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        run();
      }}
    >
      {(title || description) && (
        <p className="whitespace-pre-line [overflow-wrap:anywhere] text-ink2">
          {visible([title, description].filter(Boolean).join(": "))}
        </p>
      )}
      <ArgumentFields of={given} />
      <div className="flex flex-wrap gap-2">
        <Button type="submit" look="primary" icon="play" busy={isRunning} disabled={agent.status !== "online"}>
          {isRunning ? words.calling : words.call}
        </Button>
        {isRunning && (
          <Button icon="stop" busy={isCancelling} onClick={stop}>
            {words.stop}
          </Button>
        )}
      </div>
      {agent.status !== "online" && <p className="text-ink2">{words.notOnline}</p>}
      {refused !== undefined && <Failure error={refused} />}
      {state && <Outcome call={state} />}
    </form>
  );
}

function Outcome({ call: { isRunning, isTaken, progress, log, result, failure } }: { call: Call }) {
  const words = useWords();
  const said = progress?.message ? visible(progress.message) : isTaken ? words.runs : words.sent;
  return (
    <div className="flex min-w-0 flex-col gap-2">
      {isRunning && (
        <>
          <Progress share={progress?.share} label={said} />
          <p role="status" className="text-table text-ink2">
            {said}
          </p>
        </>
      )}
      {log.length > 0 && <Text text={log.join("\n")} label={words.log} />}
      {failure !== undefined && <Failure error={failure} title={words.notCalled} />}
      {result && (
        <div role="status" className="min-w-0">
          <p className={result.ok && !result.isToolError ? "text-ok" : "text-bad"}>
            <span aria-hidden="true">{result.ok && !result.isToolError ? "● " : "✕ "}</span>
            {result.ok ? (result.isToolError ? words.toolFailed : words.done) : words.failed(visible(result.status))}
            <span className="text-ink2">
              {result.tookMs !== null && ` · ${duration(result.tookMs)}`}
              {!result.ok && ` · ${words[`executed_${result.executed}` as "executed_yes"] ?? ""}`}
            </span>
          </p>
          {result.text && <Text text={result.text} label={words.result} />}
          <details className="mt-1 text-table">
            <summary className="link">JSON</summary>
            <Text text={result.whole} label="JSON" />
          </details>
        </div>
      )}
    </div>
  );
}
