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

function read(): Preferences {
  const language = typeof navigator !== "undefined" && navigator.language?.startsWith("zh") ? "zh" : "en";
  const defaults: Preferences = {
    theme: "system",
    language,
    zone: "",
    density: "normal",
    signIn: "",
    renewable: false,
  };
  try {
    return { ...defaults, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return defaults;
  }
}

let current = read();

export const preferences = () => current;

export function setPreferences(change: Partial<Preferences>) {
  current = { ...current, ...change };
  try {
    localStorage.setItem(KEY, JSON.stringify(current));
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
