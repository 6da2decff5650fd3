// A call of a tool while it runs: what it says, and how it ended. Leaving the page cancels it, as every caller who leaves does.

import { useEffect, useRef, useState } from "react";
import { call } from "../../api/client.ts";
import { stream } from "../../api/stream.ts";
import { type CallResult, type Progress, dataOf, lineOf, progressOf, resultOf } from "../../lib/agents.ts";

export interface Call {
  isRunning: boolean;
  /** Whether the agent has taken it. */
  isTaken: boolean;
  progress: Progress | null;
  log: string[];
  result?: CallResult;
  failure?: unknown;
}

/** Most lines of a log that are kept. */
const LINES = 100;
/** Most milliseconds of a call, as the API has it. */
const LONGEST_MS = 600_000;

export function useCall(actAs: string, agentId: string) {
  const [state, setState] = useState<Call>();
  const running = useRef<{ id: string; ending: AbortController }>(undefined);
  useEffect(() => () => running.current?.ending.abort(), []);
  const change = (next: (now: Call) => Partial<Call>) => setState((now) => now && { ...now, ...next(now) });

  const onEvent = (name: string, data: string) => {
    const said = dataOf(data);
    if (name === "tool_status" && said.status === "acked") change(() => ({ isTaken: true }));
    if (name === "tool_result") change(() => ({ result: resultOf(said) }));
    if (name !== "tool_log") return;
    const progress = progressOf(said);
    if (progress) change(() => ({ progress }));
    else change(({ log }) => ({ log: [...log, lineOf(said)].slice(-LINES) }));
  };

  const start = async (tool: string, given: Record<string, unknown>) => {
    const mine = { id: newId(), ending: new AbortController() };
    running.current = mine;
    setState({ isRunning: true, isTaken: false, progress: null, log: [] });
    try {
      const body = {
        agent_id: agentId,
        tool_name: tool,
        arguments: given,
        req_id: mine.id,
        timeout_ms: LONGEST_MS,
        stream: true,
      };
      await stream("POST /v1/bridge/invoke", { actAs, body, signal: mine.ending.signal }, ({ name, data }) =>
        onEvent(name, data),
      );
      change(() => ({ isRunning: false }));
    } catch (failure) {
      if (!mine.ending.signal.aborted) change(() => ({ isRunning: false, failure }));
    }
  };

  const cancel = async () => {
    const body = { agent_id: agentId, req_id: running.current?.id ?? "", reason: "canceled in the console" };
    await call("POST /v1/bridge/cancel", { actAs, body });
  };
  return { state, start, cancel };
}

/** An id of a call. `crypto.randomUUID` is there in secure contexts only. */
const newId = () =>
  [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
