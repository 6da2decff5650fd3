// The icons: strokes on a grid of 24. Each has a word beside it or names its button, and is hidden from screen readers.

const PATHS = {
  overview: "M4 19V11M10 19V5M16 19v-6M21 19H3",
  requests: "M4 6h16M4 12h10M4 18h13",
  usage: "M4 18l5-6 4 3 7-9M15 6h5v5",
  play: "M7 5l11 7-11 7z",
  chat: "M4 5h16v11H9l-5 4z",
  key: "M14 10a4 4 0 1 0-4 4l1-.3L13 16h2v2h2v2h3v-3l-6.3-6.3z",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4",
  provider: "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
  model: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  limit: "M5 17a8 8 0 1 1 14 0M12 13l4-4",
  credit: "M3 7h18v11H3zM3 11h18M7 15h3",
  users:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.5a3.5 3.5 0 0 1 0 6.5M18 14a6 6 0 0 1 3.5 6",
  audit: "M6 3h9l4 4v14H6zM15 3v4h4M9 12h7M9 16h5",
  alert: "M12 4a5 5 0 0 1 5 5v4l2 3H5l2-3V9a5 5 0 0 1 5-5zM10 19a2 2 0 0 0 4 0",
  bell: "M4 13l3-8h10l3 8v6H4zM4 13h5a3 3 0 0 0 6 0h5",
  review: "M5 4h14v16H5zM8.5 12.5l2.5 2.5 4.5-5.5",
  team: "M8 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM16 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2.5 19a5.5 5.5 0 0 1 11 0M13 14a5.5 5.5 0 0 1 8.5 5",
  role: "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6z",
  guard: "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6zM9 12l2.5 2.5L15.5 10",
  tool: "M14.5 6a4 4 0 0 1 5-1l-3 3 .5 2 2 .5 3-3a4 4 0 0 1-5 5L9 20.5a2.1 2.1 0 0 1-3-3l8-8a4 4 0 0 1 .5-3.5z",
  bridge: "M3 9v9M21 9v9M3 12c6-6 12-6 18 0M3 15h18M8 10v5M12 8.5V15M16 10v5",
  probe: "M3 12h4l3-7 4 14 3-7h4",
  door: "M6 21V3h12v18M4 21h16M14.5 12h.01",
  person: "M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  backup: "M4 7c0-2 16-2 16 0v10c0 2-16 2-16 0zM4 7c0 2 16 2 16 0M4 12c0 2 16 2 16 0",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM20 20l-4.8-4.8",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  refresh: "M20 12a8 8 0 1 1-2.5-5.8M20 4v4h-4",
  stop: "M7 7h10v10H7z",
  send: "M5 12h14M13 6l6 6-6 6",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  trash: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5L19 19M5 19l1.5-1.5M17.5 6.5L19 5",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
  pause: "M8 5v14M16 5v14",
  external: "M14 4h6v6M20 4l-9 9M18 13v7H4V6h7",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      aria-hidden="true"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      className="shrink-0"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
