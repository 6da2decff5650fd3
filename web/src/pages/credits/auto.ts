// How a rule for automatic top-ups is said.

import { money } from "../../lib/format.ts";
import { localeOf, usePreferences } from "../../lib/preferences.ts";
import { useWords } from "./words.ts";

/** "below $20 up to $200, once a day" */
export function useAutoText(): (rule: { min_balance: number; target_balance: number }) => string {
  const words = useWords();
  const locale = localeOf(usePreferences());
  return ({ min_balance, target_balance }) =>
    words.autoText(money(min_balance * 1e6, locale), money(target_balance * 1e6, locale));
}
