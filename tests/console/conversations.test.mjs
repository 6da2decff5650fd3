// Proves of conversations: what was said is found and read as text that runs nothing, exported, and deleted only by typing its id.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const EVIL = '**bold** <img src=x onerror="document.title=1"> [click](javascript:alert(1))';
const ctx = consoleSuite({
  traffic: 0,
  setUp: async (made) => {
    const { gw, keys } = made;
    const ask = (id, content) =>
      gw.complete(
        keys.web.key,
        { model: "demo/echo", messages: [{ role: "user", content }] },
        { headers: { "x-session-id": id } },
      );
    await ask("evil", EVIL);
    await ask("plain", "About lamps");
    const list = async () => (await admin(made, "GET", "/conversations")).body.conversations;
    await eventually(async () => (await list()).length >= 2, { within: PATIENCE });
  },
});
const LONG = { timeout: 4 * PATIENCE };

test("what was said is found, and nothing of it runs", LONG, async () => {
  const { page, check, close } = await ctx.open("/conversations?q=bold");
  await page.getByRole("row").nth(1).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("strong", { hasText: "bold" }).waitFor();
  assert.equal(await dialog.locator("img").count(), 0, "no element of the text");
  assert.equal(await dialog.locator('a[href^="javascript"]').count(), 0);
  assert.notEqual(await page.title(), "1");
  const href = await dialog.getByRole("link", { name: "As NDJSON" }).getAttribute("href");
  assert.match(href, /^\/conversations\/evil\/export\?key_id=.+&format=ndjson$/);
  const file = await page.request.get(ctx.gw.url + href);
  assert.match(await file.text(), /onerror/);
  await check("a conversation");
  await close();
});

test("it is deleted by typing its id, on a phone", LONG, async () => {
  const { page, check, close } = await ctx.open(`/conversations/plain?of=${ctx.keys.web.id}`, {
    width: 390,
    height: 844,
    theme: "dark",
  });
  await page.getByText("About lamps").first().waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete this conversation?" });
  const last = dialog.getByRole("button", { name: "Delete" });
  assert.ok(await last.isDisabled());
  await dialog.getByLabel("Id of the conversation").fill("plain");
  await check("the question");
  await last.click();
  await dialog.waitFor({ state: "detached" });
  const { conversations } = (await admin(ctx, "GET", "/conversations")).body;
  assert.ok(!conversations.some(({ conversation_id }) => conversation_id === "plain"));
  await close();
});
