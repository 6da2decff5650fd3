// What a new deployment does to a page that is open. It says so when it finds that the gateway serves another page than the one that was
// loaded: the tag of the page changes with every build, and asking for it costs no run of the Worker.
//
// A new deployment removes the files of the old one. A page that is still open then fails to load its next part, and is loaded
// anew, once: what fails after that is a mistake and shown as one.

import { useQuery } from "@tanstack/react-query";

const EVERY_MS = 300_000;
const MARK = "nexus.reloaded";

export function reloadOnLostChunk() {
  window.addEventListener("vite:preloadError", (event) => {
    const last = Number(sessionStorage.getItem(MARK) ?? 0);
    if (Date.now() - last < 10_000) return;
    event.preventDefault();
    sessionStorage.setItem(MARK, String(Date.now()));
    location.reload();
  });
}

async function tagOfPage(): Promise<string | null> {
  const response = await fetch("/console/", { method: "HEAD", cache: "no-store" });
  // A page that cannot be reached, or that has no tag, is no news.
  return response.ok ? response.headers.get("etag") : null;
}

let loaded: string | null = null;

/** Whether the gateway serves another console than the one that is open. */
export function useHasNewVersion(): boolean {
  const { data } = useQuery({
    queryKey: ["tag of the page"],
    queryFn: async () => {
      const tag = await tagOfPage();
      loaded ??= tag;
      return tag;
    },
    staleTime: EVERY_MS / 2,
    refetchInterval: EVERY_MS,
    retry: false,
  });
  return Boolean(data && loaded && data !== loaded);
}
