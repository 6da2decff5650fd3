// Tests of a provider: one question with its latency and first token, and all models one after the other with progress.

import { useRef, useState } from "react";
import { type Answer, ApiFailure, call } from "../../api/client.ts";
import { duration, visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Progress } from "../../ui/progress.tsx";
import { Failure } from "../../ui/states.tsx";
import { useRefresh } from "./queries.ts";
import { useWords } from "./words.ts";

export type Tested = Answer<"POST /providers/{id}/test"> | Error;

/** Models that are asked at the same time. */
const AT_A_TIME = 4;

export function Result({ tested }: { tested: Tested }) {
  const words = useWords();
  if (tested instanceof Error) return <Failure error={tested} title={words.failed} />;
  const { success, status, latency_ms, first_token_ms, model, reply, error } = tested;
  return (
    <div role="status" className={`rounded-m border p-3 ${success ? "border-line" : "border-bad bg-bad-soft"}`}>
      <p className="flex flex-wrap items-center gap-x-4 gap-y-1">
        <span className={`font-medium ${success ? "text-ok" : "text-bad"}`}>
          <span aria-hidden="true">{success ? "● " : "✕ "}</span>
          {success ? words.answered : words.failed}
          {status ? ` ${status}` : ""}
        </span>
        <span>{visible(model)}</span>
        {first_token_ms !== null && first_token_ms !== undefined && (
          <span className="text-ink2">
            {words.firstToken} {duration(first_token_ms)}
          </span>
        )}
        <span className="text-ink2">
          {words.inAll} {duration(latency_ms)}
        </span>
      </p>
      {(reply || error) && <p className="mt-1 text-ink2 [overflow-wrap:anywhere]">{visible(reply ?? error ?? "")}</p>}
    </div>
  );
}

export function Test({ id, models }: { id: number; models: string[] }) {
  const words = useWords();
  const refresh = useRefresh();
  const [model, setModel] = useState("");
  const [tested, setTested] = useState<Tested>();
  const [busy, setBusy] = useState(false);
  const all = useAll(id);
  const ask = async () => {
    setBusy(true);
    setTested(undefined);
    const body = { stream: true, ...(model ? { model } : {}) };
    setTested(
      await call("POST /providers/{id}/test", { path: { id: String(id) }, body }).catch((error: Error) => error),
    );
    setBusy(false);
    await refresh();
  };
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <select
          aria-label={words.models}
          value={model}
          onChange={(event) => setModel(event.target.value)}
          className="control w-auto! max-w-64"
        >
          <option value="">{words.firstModel}</option>
          {models.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <Button look="primary" icon="play" busy={busy} onClick={ask}>
          {busy ? words.testing : words.test}
        </Button>
        {models.length > 1 &&
          (all.isRunning ? (
            <Button icon="stop" onClick={all.stop}>
              {words.stop}
            </Button>
          ) : (
            <Button onClick={() => all.run(models)}>{words.testAll}</Button>
          ))}
        <span className="text-table text-ink3">{words.testHint}</span>
      </div>
      {tested && <Result tested={tested} />}
      {all.of > 0 && (
        <div>
          <p role="status" className="mb-1">
            {words.progress(all.results.length, all.of)}
          </p>
          <Progress share={all.results.length / all.of} label={words.testAll} />
          <ul className="mt-2 border-t border-line">
            {all.results.map((result) => (
              <li key={result.model} className="flex flex-wrap items-baseline gap-x-3 border-b border-line py-1">
                <span className={result.success ? "text-ok" : "text-bad"}>
                  <span aria-hidden="true">{result.success ? "●" : "✕"}</span>{" "}
                  <span className="sr-only">{result.success ? words.answered : words.failed}</span>
                </span>
                <span className="min-w-0 flex-1 truncate">{visible(result.model)}</span>
                <span className="text-ink2">{duration(result.latency_ms)}</span>
                {!result.success && (
                  <span className="w-full pl-5 text-ink2 [overflow-wrap:anywhere]">{visible(result.error ?? "")}</span>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

type One = Answer<"POST /providers/{id}/validate-models">["results"][number];

/** Asks for each model once, a few at a time, and shows each as soon as it is known. */
function useAll(id: number) {
  const [results, setResults] = useState<One[]>([]);
  const [of, setOf] = useState(0);
  const [isRunning, setRunning] = useState(false);
  const stopped = useRef(false);
  const run = async (models: string[]) => {
    stopped.current = false;
    setResults([]);
    setOf(models.length);
    setRunning(true);
    const waiting = [...models];
    const work = async () => {
      for (let model = waiting.shift(); model !== undefined && !stopped.current; model = waiting.shift()) {
        const result = await askFor(id, model);
        setResults((now) => [...now, result]);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    setRunning(false);
  };
  return { results, of, isRunning, run, stop: () => (stopped.current = true) };
}

async function askFor(id: number, model: string): Promise<One> {
  try {
    const { results } = await call("POST /providers/{id}/validate-models", {
      path: { id: String(id) },
      body: { models: [model] },
    });
    if (results[0]) return results[0];
    throw new Error("no result");
  } catch (error) {
    const status = error instanceof ApiFailure ? error.status : null;
    return {
      model,
      success: false,
      status,
      latency_ms: 0,
      reply: null,
      error: String(error instanceof Error ? error.message : error),
    };
  }
}
