// Proves of every page, in both themes and languages and on a screen and a phone: it is there, axe finds nothing, it does not scroll
// sideways, and nothing is reported in the browser's console, policies included.
//
// A page is loaded once for a language and a width, and changes its theme while it is open: one language begins in the light theme, the
// other in the dark one. Two pages are open at once, since much of a page's time is waiting for it to be quiet.
import { describe, test } from "node:test";
import { PATIENCE, RULES_OF_COLOUR, consoleSuite } from "./support/console.mjs";
import { PAGES, openAs } from "./support/pages.mjs";
import { withContent } from "./support/content.mjs";

const ctx = consoleSuite({ setUp: withContent });

describe("pages", { concurrency: 2 }, () => {
  for (const page of PAGES) {
    for (const [language, theme, other] of [
      ["en", "light", "dark"],
      ["zh", "dark", "light"],
    ]) {
      for (const [width, height] of [
        [1280, 800],
        [390, 844],
      ]) {
        test(`${page.name}, ${language}, ${width} px`, { timeout: 4 * PATIENCE }, async () => {
          const opened = await openAs(ctx, page, { language, theme, width, height });
          await opened.page.getByRole("heading", { level: 1, name: page[language], exact: true }).waitFor();
          // Until what it asked for has come.
          await opened.page.waitForLoadState("networkidle").catch(() => {});
          await page.act?.(opened.page, ctx);
          await opened.check(`${page.name}, ${theme}`);
          await opened.page.emulateMedia({ colorScheme: other });
          await opened.check(`${page.name}, ${other}`, RULES_OF_COLOUR);
          await opened.close();
        });
      }
    }
  }
});
