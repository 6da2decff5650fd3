// A text against the rules, or against one that is being written: what would be passed on, and which rules act.

import { useState } from "react";
import { type Answer, call } from "../../api/client.ts";
import type { GuardDirection } from "../../api/schema.d.ts";
import { visible } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Area, Choice, Field, useForm } from "../../ui/field.tsx";
import { type Draft, bodyOf } from "./draft.ts";
import { actions, marked } from "./detectors.ts";
import { useWords } from "./words.ts";

type Result = Answer<"POST /guards/test">;

export function TryIt({ draft }: { draft?: Draft }) {
  const words = useWords();
  const [text, setText] = useState(words.trySample);
  const [model, setModel] = useState("");
  const [direction, setDirection] = useState<Exclude<GuardDirection, "both">>("request");
  const [result, setResult] = useState<Result>();
  const form = useForm(async () => {
    setResult(undefined);
    setResult(
      await call("POST /guards/test", {
        body: {
          text,
          direction,
          ...(model.trim() ? { model: model.trim() } : {}),
          ...(draft ? { rule: { ...bodyOf(draft), name: draft.name.trim() || "draft" } } : {}),
        },
      }),
    );
  });
  return (
    // Not a form: it stands beside the fields of one.
    <div className="flex flex-col gap-3">
      <p className="text-table text-ink3">{draft ? words.tryThis : words.tryAll}</p>
      <Area
        label={words.tryText}
        rows={4}
        value={text}
        onChange={(event) => setText(event.target.value)}
        error={form.errorOf("text")}
      />
      <div className="grid grid-cols-2 gap-3 max-sm:grid-cols-1">
        <Choice
          label={words.direction}
          value={direction}
          onChange={(event) => setDirection(event.target.value as typeof direction)}
        >
          <option value="request">{words.request}</option>
          <option value="answer">{words.answer}</option>
        </Choice>
        {!draft && (
          <Field label={words.tryModel} optional value={model} onChange={(event) => setModel(event.target.value)} />
        )}
      </div>
      <div>
        <Button icon="play" busy={form.busy} disabled={text === ""} onClick={() => form.submit()}>
          {words.tryIt}
        </Button>
      </div>
      {form.rest()}
      {result && <Outcome result={result} />}
    </div>
  );
}

function Outcome({ result }: { result: Result }) {
  const words = useWords();
  if (result.acted === null)
    return (
      <p role="status" className="text-ok">
        ● {words.nothingFound}
      </p>
    );
  return (
    <div role="status" className="flex flex-col gap-2">
      {result.text === null ? (
        <p className="font-medium text-bad">✕ {words.blocked}</p>
      ) : (
        <>
          <p className="font-medium">{words.passedOn}</p>
          <p className="rounded-s bg-sunken p-2 whitespace-pre-wrap [overflow-wrap:anywhere]">
            {marked(result.text).map(({ text, isMask }, at) =>
              isMask ? (
                <mark key={at} className="rounded-s bg-accent-soft px-0.5 font-mono text-table text-accent">
                  {text}
                </mark>
              ) : (
                <span key={at}>{visible(text)}</span>
              ),
            )}
          </p>
        </>
      )}
      <p className="text-table text-ink2">
        {words.acted}:{" "}
        {actions(result.acted)
          .map(({ way, action, rule }) => {
            const said = words[action as "mask"] ?? action;
            return `${visible(rule)} (${said}, ${words[way as "request"] ?? way})`;
          })
          .join("; ")}
      </p>
    </div>
  );
}
