// How large the console may be, gzipped, how many requests the first page takes, and that it loads nothing from elsewhere. A build that breaks a budget fails.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const KIB = 1024;

/** In bytes, gzipped. */
export const BUDGETS = {
  initial: 130 * KIB,
  styles: 16 * KIB,
  page: 40 * KIB,
  pages: { playground: 75 * KIB },
  all: 600 * KIB,
};

/** Most requests before the first page can begin: its HTML, boot.js, scripts and styles. */
const MOST_REQUESTS = 8;

/** The sizes of a build: what the first page needs, what each page needs besides, and everything. */
export function measure(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  const bytes = (file) => gzipSync(readFileSync(join(folder, file)), { level: 9 }).length;
  const entry = Object.keys(manifest).find((name) => manifest[name].isEntry);
  const first = closure(manifest, entry);
  const sum = (files) => [...files].reduce((total, file) => total + bytes(file), 0);
  const stylesOf = (names) => new Set([...names].flatMap((name) => manifest[name].css ?? []));
  const scripts = (names) =>
    new Set([...names].map((name) => manifest[name].file).filter((file) => file.endsWith(".js")));
  const pages = Object.keys(manifest).filter((name) => /pages\/[^/]+\/page\.tsx$/.test(name));
  return {
    initial: sum(scripts(first)) + bytes("boot.js"),
    styles: sum(stylesOf(first)),
    pages: Object.fromEntries(
      pages.map((name) => {
        const own = [...closure(manifest, name)].filter((part) => !first.has(part));
        return [name.split("/").at(-2), sum(scripts(own)) + sum(stylesOf(own))];
      }),
    ),
    requests: 2 + scripts(first).size + stylesOf(first).size,
    all: sum(filesOf(folder)),
    foreign: foreignOrigins(folder),
  };
}

/** What is over its budget, in sentences. */
export function checkBudgets({ initial, styles, pages, requests, all, foreign }) {
  const over = (what, bytes, most) =>
    bytes > most ? [`${what}: ${(bytes / KIB).toFixed(1)} KiB gzipped, at most ${most / KIB}`] : [];
  return [
    ...over("JavaScript of the first page", initial, BUDGETS.initial),
    ...over("CSS of the first page", styles, BUDGETS.styles),
    ...Object.entries(pages).flatMap(([name, bytes]) =>
      over(`The page ${name}`, bytes, BUDGETS.pages[name] ?? BUDGETS.page),
    ),
    ...over("Everything", all, BUDGETS.all),
    ...(requests > MOST_REQUESTS ? [`The first page takes ${requests} requests, at most ${MOST_REQUESTS}`] : []),
    ...foreign.map((origin) => `Something is loaded from ${origin}`),
  ];
}

function closure(manifest, name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const imported of manifest[name].imports ?? []) closure(manifest, imported, seen);
  return seen;
}

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== "manifest.json")
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));

/** Addresses of other origins in what a browser loads by itself: links and scripts of the page, and `url()` and imports of styles. */
function foreignOrigins(folder) {
  const texts = filesOf(folder)
    .filter((file) => /\.(html|css)$/.test(file))
    .map((file) => readFileSync(join(folder, file), "utf8"));
  const found = texts.flatMap((text) => [
    ...text.matchAll(/(?:src=|href=|url\(|@import)\s*["']?((?:https?:)?\/\/[^"')\s]+)/g),
  ]);
  return [...new Set(found.map(([, address]) => address))];
}
