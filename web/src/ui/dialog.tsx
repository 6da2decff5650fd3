// A modal dialog and a drawer at the right edge: both are the browser's `<dialog>`, which keeps the focus inside, gives it back, and
// closes with Escape. On a phone both fill the screen.

import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./button.tsx";
import { useUiWords } from "./words.ts";

const FIELD = "[data-body] :is(input, select, textarea):not([type=checkbox], [type=radio], [readonly])";

interface Props {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  /** Beside the title. */
  actions?: ReactNode;
  /** Whether Escape and a click beside it close it; `false` while something would be lost. */
  canClose?: boolean;
  drawer?: boolean;
  width?: "narrow" | "wide";
}

export function Dialog({
  title,
  onClose,
  children,
  actions,
  canClose = true,
  drawer = false,
  width = "narrow",
}: Props) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  const words = useUiWords();
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    // What is to be typed first, else the heading: the close button is no place to begin.
    const field = dialog?.querySelector<HTMLElement>(FIELD) ?? dialog?.querySelector<HTMLElement>("h2");
    field?.focus();
    return () => dialog?.close();
  }, []);
  const place = drawer
    ? "ml-auto mr-0 my-0 h-dvh max-h-dvh w-full sm:w-[min(760px,92vw)] sm:border-l"
    : `m-auto max-h-[92dvh] w-full max-sm:h-dvh max-sm:max-h-dvh max-sm:max-w-none sm:rounded-m sm:border ${
        width === "wide" ? "sm:w-[min(880px,92vw)]" : "sm:w-[min(520px,92vw)]"
      }`;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the same, and the browser's.
    <dialog
      ref={element}
      aria-labelledby={heading}
      className={`${place} max-w-none scroll-pt-20 overflow-y-auto border-line bg-surface p-0 text-ink open:flex open:flex-col ${drawer ? "" : "shadow-[0_12px_40px_rgb(0_0_0/0.25)]"}`}
      onCancel={(event) => {
        event.preventDefault();
        if (canClose) onClose();
      }}
      onClick={(event) => {
        if (canClose && event.target === element.current) onClose();
      }}
    >
      <header className="sticky top-0 z-10 flex items-center gap-2 border-b border-line bg-surface px-4 py-2">
        <h2 id={heading} tabIndex={-1} className="min-w-0 outline-none flex-1 truncate text-section font-semibold">
          {title}
        </h2>
        {actions}
        {canClose && <Button look="quiet" icon="close" aria-label={words.close} onClick={onClose} />}
      </header>
      <div data-body className="flex-1 p-4">
        {children}
      </div>
    </dialog>
  );
}

/** Asks before something that cannot be undone, and says what it does. */
export function Confirm({
  title,
  consequence,
  action,
  onConfirm,
  onClose,
  busy = false,
  error,
}: {
  title: string;
  consequence: ReactNode;
  action: string;
  onConfirm: () => void;
  onClose: () => void;
  busy?: boolean;
  error?: ReactNode;
}) {
  const words = useUiWords();
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="text-ink2">{consequence}</p>
      {error}
      <div className="mt-6 flex justify-end gap-2">
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button look="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
