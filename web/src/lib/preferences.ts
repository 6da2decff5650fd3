// What a person chose for this browser: theme, language, time zone and density. Kept in local storage, which holds nothing else.

import { useSyncExternalStore } from "react";

export interface Preferences {
  theme: "system" | "light" | "dark";
  language: "en" | "zh";
  /** An IANA name; empty is the zone of the browser. */
  zone: string;
  density: "compact" | "normal" | "comfortable";
  /** How the person signed in last; empty before the first time. */
  signIn: "" | "token" | "mail";
  /** Whether there may be a cookie that renews the session, which scripts cannot see. */
  renewable: boolean;
}

const KEY = "nexus.preferences";
const listeners = new Set<() => void>();

/** What was chosen here before. What was not is left to the browser, which may say something else the next time. */
function read(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return {};
  }
}

const DEFAULTS: Preferences = {
  theme: "system",
  language: typeof navigator !== "undefined" && navigator.language?.startsWith("zh") ? "zh" : "en",
  zone: "",
  density: "normal",
  signIn: "",
  renewable: false,
};

let chosen = read();
let current: Preferences = { ...DEFAULTS, ...chosen };

export const preferences = () => current;

export function setPreferences(change: Partial<Preferences>) {
  chosen = { ...chosen, ...change };
  current = { ...DEFAULTS, ...chosen };
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen));
  } catch {
    // Storage is closed: the choice lasts until the page is left.
  }
  const page = document.documentElement;
  if (current.theme === "system") delete page.dataset.theme;
  else page.dataset.theme = current.theme;
  page.dataset.density = current.density;
  page.lang = current.language === "zh" ? "zh-CN" : "en";
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

/** The time zone in which times are shown and days are counted. */
export const zoneOf = ({ zone }: Preferences) => zone || Intl.DateTimeFormat().resolvedOptions().timeZone;

/** The tag of the language for `Intl`. */
export const localeOf = ({ language }: Preferences) => (language === "zh" ? "zh-CN" : "en-GB");
