// A labelled input with its hint and its error; a choice; a switch; and the form that maps an error of the API to its field.

import {
  type FormEvent,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
  useState,
} from "react";
import { ApiFailure } from "../api/client.ts";
import { besideField, concerns } from "../lib/field-error.ts";
import { Failure } from "./states.tsx";
import { useUiWords } from "./words.ts";

interface Frame {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | null;
  optional?: boolean;
}

function Around({ id, label, hint, error, optional, children }: Frame & { id: string; children: ReactNode }) {
  const words = useUiWords();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {label}
        {optional && <span className="ml-2 text-label font-normal text-ink3">{words.optional}</span>}
      </label>
      {children}
      {hint && !error && (
        <p id={`${id}-hint`} className="text-table text-ink3">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} role="alert" className="text-table text-bad">
          {error}
        </p>
      )}
    </div>
  );
}

const described = (id: string, { hint, error }: Pick<Frame, "hint" | "error">) =>
  error ? `${id}-error` : hint ? `${id}-hint` : undefined;

export function Field({ label, hint, error, optional, ...rest }: Frame & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <Around {...{ id, label, hint, error: error ?? null, optional: optional ?? false }}>
      <input
        autoComplete="off"
        {...rest}
        id={id}
        aria-invalid={Boolean(error)}
        aria-describedby={described(id, { hint, error: error ?? null })}
        className={`control ${rest.className ?? ""}`}
      />
    </Around>
  );
}

export function Area({ label, hint, error, optional, ...rest }: Frame & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  return (
    <Around {...{ id, label, hint, error: error ?? null, optional: optional ?? false }}>
      <textarea
        {...rest}
        id={id}
        aria-invalid={Boolean(error)}
        aria-describedby={described(id, { hint, error: error ?? null })}
        className={`control ${rest.className ?? ""}`}
      />
    </Around>
  );
}

export function Choice({
  label,
  hint,
  error,
  optional,
  children,
  ...rest
}: Frame & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  return (
    <Around {...{ id, label, hint, error: error ?? null, optional: optional ?? false }}>
      <select
        {...rest}
        id={id}
        aria-describedby={described(id, { hint, error: error ?? null })}
        className={`control ${rest.className ?? ""}`}
      >
        {children}
      </select>
    </Around>
  );
}

export function Check({ label, ...rest }: { label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <label htmlFor={id} className="inline-flex min-h-8 items-center gap-2">
      <input type="checkbox" {...rest} id={id} />
      {label}
    </label>
  );
}

/** A form that sends: `errorOf` answers what the API said of a field, `rest` is shown where no field is at fault. */
export function useForm(send: () => Promise<void>) {
  const words = useUiWords();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const [claimed] = useState(() => new Set<string>());
  claimed.clear();
  const refusal = failure instanceof ApiFailure ? failure : null;
  return {
    busy,
    errorOf: (field: string) => {
      claimed.add(field);
      return refusal && concerns(refusal, field) ? besideField(refusal, field, words.required) : null;
    },
    /** To be rendered after the fields. */
    rest: () =>
      failure && !(refusal && [...claimed].some((field) => concerns(refusal, field))) ? (
        <Failure error={failure} />
      ) : null,
    submit: async (event?: FormEvent) => {
      event?.preventDefault();
      setBusy(true);
      setFailure(undefined);
      try {
        await send();
      } catch (error) {
        setFailure(error);
      } finally {
        setBusy(false);
      }
    },
  };
}
