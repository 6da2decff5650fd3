// The words of the page: typed dictionaries. English is what counts; a key that Chinese lacks, or one with other arguments, is an
// error of the compiler. Each page has a dictionary of its own, which is loaded with it.

import { usePreferences } from "../lib/preferences.ts";

type Entry = string | ((...args: never[]) => string);
type SameAs<English> = {
  [Key in keyof English]: English[Key] extends (...args: infer Args) => string ? (...args: Args) => string : string;
};

/** A hook that answers the words in the language of the person. */
export function words<English extends Record<string, Entry>>(en: English, zh: SameAs<English>): () => English {
  return () => (usePreferences().language === "zh" ? (zh as unknown as English) : en);
}
