// Keys that work everywhere, unless something is being typed: ⌘K or Ctrl+K, `g` and a letter, `/`, `?`.

import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { type PageRow, addressOf } from "../routes.tsx";

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function useShortcuts(pages: PageRow[], open: (what: "palette" | "help") => void) {
  const navigate = useNavigate();
  useEffect(() => {
    let wasG = 0;
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
      const page = event.timeStamp - wasG < 1500 ? pages.find(({ key }) => key === event.key) : undefined;
      wasG = event.key === "g" ? event.timeStamp : 0;
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
