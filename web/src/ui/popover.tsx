// A small surface that belongs to a button: the browser's popover, which closes with Escape and a click elsewhere.

import { type ReactNode, useId, useRef, useState } from "react";
import { Button } from "./button.tsx";
import type { IconName } from "./icon.tsx";

interface Props {
  label: string;
  icon?: IconName;
  /** What the button shows; without, its label is read to screen readers only. */
  text?: ReactNode;
  children: (close: () => void) => ReactNode;
}

export function Popover({ label, icon, text, children }: Props) {
  const id = useId();
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLSpanElement>(null);
  const surface = useRef<HTMLDivElement>(null);
  const place = () => {
    const [at, box] = [button.current?.getBoundingClientRect(), surface.current];
    if (!at || !box) return;
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const below = at.bottom + 4 + height <= window.innerHeight || at.top < height;
    box.style.left = `${Math.max(8, Math.min(at.left, window.innerWidth - width - 8))}px`;
    box.style.top = `${below ? at.bottom + 4 : at.top - height - 4}px`;
  };
  return (
    <span ref={button} className="inline-flex">
      <Button
        look="quiet"
        {...(icon ? { icon } : {})}
        {...(text ? { title: label } : { "aria-label": label })}
        popoverTarget={id}
        aria-expanded={isOpen}
      >
        {text}
      </Button>
      <div
        id={id}
        ref={surface}
        popover="auto"
        className="fixed inset-auto m-0 max-h-[80dvh] min-w-44 overflow-y-auto rounded-m border border-line bg-surface p-1 text-ink"
        onToggle={(event) => {
          setOpen(event.newState === "open");
          if (event.newState === "open") requestAnimationFrame(place);
        }}
      >
        {isOpen && children(() => surface.current?.hidePopover())}
      </div>
    </span>
  );
}

export function MenuItem({
  icon,
  danger = false,
  children,
  onClick,
}: {
  icon?: IconName;
  danger?: boolean;
  children: ReactNode;
  onClick: () => void;
}) {
  return (
    <Button
      look="quiet"
      {...(icon ? { icon } : {})}
      onClick={onClick}
      className={`w-full justify-start! ${danger ? "text-bad!" : ""}`}
    >
      {children}
    </Button>
  );
}
