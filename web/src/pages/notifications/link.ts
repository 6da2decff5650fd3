// Where the link of a notification leads. The gateway names things by their address in the API; pages of the console are elsewhere.

export type Target = { kind: "page"; to: string; search: Record<string, string> } | { kind: "away"; href: string };

const MOVED: [RegExp, (id: string) => Target][] = [
  [/^\/providers\/submissions\/([^/]+)$/, (id) => ({ kind: "page", to: `/submissions/${id}`, search: {} })],
  [/^\/alerts\/([^/]+)$/, (open) => ({ kind: "page", to: "/alerts", search: { open } })],
  [/^\/probe-tasks\/([^/]+)$/, (id) => ({ kind: "page", to: `/probes/${id}`, search: {} })],
];

/** `null` where there is no link, or none that a page may lead to. */
export function targetOf(link: string | null): Target | null {
  if (!link) return null;
  if (/^https?:\/\//i.test(link)) return URL.canParse(link) ? { kind: "away", href: link } : null;
  // `//host` is another origin.
  if (!/^\/(?![/\\])/.test(link)) return null;
  const address = link.replace(/^\/console(?=\/|$)/, "") || "/";
  for (const [pattern, target] of MOVED) {
    const found = pattern.exec(address)?.[1];
    if (found) return target(found);
  }
  const [to = "/", query = ""] = address.split("?");
  return { kind: "page", to, search: Object.fromEntries(new URLSearchParams(query)) };
}
