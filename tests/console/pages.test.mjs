// Proves of every page, in both themes and languages and on a screen and a phone: it is there, axe finds nothing, it does not scroll
// sideways, and nothing is reported in the browser's console, policies included.
import { test } from "node:test";
import { PATIENCE, consoleSuite } from "./support/console.mjs";
import { PAGES, openAs } from "./support/pages.mjs";
import { withContent } from "./support/content.mjs";

const ctx = consoleSuite({ setUp: withContent });

for (const page of PAGES) {
  for (const language of ["en", "zh"]) {
    for (const [theme, width] of [
      ["light", 1280],
      ["dark", 1280],
      ["light", 390],
      ["dark", 390],
    ]) {
      test(`${page.name}, ${language}, ${theme}, ${width} px`, { timeout: 4 * PATIENCE }, async () => {
        const opened = await openAs(ctx, page, { language, theme, width, height: width === 390 ? 844 : 800 });
        await opened.page.getByRole("heading", { level: 1, name: page[language], exact: true }).waitFor();
        // Until what it asked for has come.
        await opened.page.waitForLoadState("networkidle").catch(() => {});
        await page.act?.(opened.page, ctx);
        await opened.check(page.name);
        await opened.close();
      });
    }
  }
}
