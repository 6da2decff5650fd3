// Pictures of the pages, light, dark, in Chinese and on a phone, for docs/console.md: `node screenshots.mjs <folder> [name,…]`. WebP,
// which makes a picture of text small.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PATIENCE, openConsole } from "./console.mjs";
import { writeHistory } from "./history.mjs";
import { PAGES, openAs } from "./pages.mjs";
import { withContent } from "./content.mjs";

const [, , folder, only] = process.argv;
const ctx = await openConsole({ traffic: 40, setUp: withContent });
try {
  await writeHistory(ctx.gw);
  for (const [language, theme] of [
    ["en", "light"],
    ["en", "dark"],
    ["zh", "light"],
  ])
    await shoot(language, theme, 1280, 800);
  await shoot("en", "light", 390, 844);
} finally {
  await ctx.stop();
}

async function shoot(language, theme, width, height) {
  for (const row of PAGES) {
    const { name, [language]: heading, act, picture } = row;
    // Those that are named are made in any case.
    if (only ? !only.split(",").includes(name) : picture === false) continue;
    const { page, close } = await openAs(ctx, row, { language, theme, width, height });
    await page.getByRole("heading", { level: 1, name: heading, exact: true }).waitFor({ timeout: PATIENCE });
    await page.waitForLoadState("networkidle").catch(() => {});
    await act?.(page, ctx);
    // Charts are drawn after what they show has come.
    await page.waitForTimeout(700);
    const file = `${name}-${width < 720 ? "phone" : `${theme}-${language}`}.webp`;
    writeFileSync(join(folder, file), await capture(page));
    await close();
  }
}

/** Playwright itself writes PNG and JPEG only. */
async function capture(page) {
  const protocol = await page.context().newCDPSession(page);
  const { data } = await protocol.send("Page.captureScreenshot", { format: "webp", quality: 70 });
  return Buffer.from(data, "base64");
}
