// Keys that work everywhere, unless something is being typed: ⌘K or Ctrl+K, `g` and a letter, `/`, `?`.

import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { type PageRow, addressOf } from "../routes.tsx";

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

/** Not 0, which is less than the wait for the letter before a page that was loaded just now. */
const NEVER = Number.NEGATIVE_INFINITY;

export function useShortcuts(pages: PageRow[], open: (what: "palette" | "help") => void) {
  const navigate = useNavigate();
  // Milliseconds since the page was loaded, as events have them; kept while the frame is drawn anew between two keys.
  const wasG = useRef(NEVER);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey)) {
        event.preventDefault();
        open("palette");
        return;
      }
      if (
        isTyping(event.target) ||
        event.metaKey ||
        event.ctrlKey ||
        event.altKey ||
        document.querySelector("dialog[open]")
      )
        return;
      const page = event.timeStamp - wasG.current < 1500 ? pages.find(({ key }) => key === event.key) : undefined;
      wasG.current = event.key === "g" ? event.timeStamp : NEVER;
      if (page) navigate({ to: addressOf(page) });
      else if (event.key === "?") open("help");
      else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLElement>("[data-filter]")?.focus();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [pages, open, navigate]);
}
