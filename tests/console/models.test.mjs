// Proves of the models: a logical model is made and changed with the keyboard alone, says what changes before it is saved, and any
// model is explained and simulated.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };
const logical = async (name) =>
  (await admin(ctx, "GET", "/logical-models")).body.logical_models.find((one) => one.name === name);

test("a logical model is made, weighed and ordered with the keyboard alone", LONG, async () => {
  const { page, check, close } = await ctx.open("/models");
  await page.keyboard.press("Tab");
  await page.getByRole("button", { name: "New logical model" }).focus();
  await page.keyboard.press("Enter");
  await page.getByLabel("Name").focus();
  await page.keyboard.type("steady");
  for (const candidate of ["openai/gpt-5", "backup/gpt-5"]) {
    await page.getByLabel("Add a candidate").selectOption({ label: candidate });
  }
  await page.getByRole("slider", { name: "Weight: openai/gpt-5" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByRole("spinbutton", { name: "Weight: backup/gpt-5" }).focus();
  await page.keyboard.press("Alt+ArrowDown");
  const changes = page.locator("section", { hasText: "What changes" });
  await changes.getByText("0 · 110").waitFor();
  await changes.getByText("1 · 100").waitFor();
  await check("the editor");
  await page.getByRole("button", { name: "Create" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  const made = await logical("steady");
  assert.deepEqual(
    made.candidates.map(({ weight, priority }) => [weight, priority]),
    [
      [110, 0],
      [100, 1],
    ],
  );
  await page.getByRole("row", { name: /steady/ }).click();
  await page.getByLabel("Description").fill("For everything");
  await changes.getByText("For everything").waitFor();
  assert.equal(await changes.locator("li").count(), 1, "only what differs");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  assert.deepEqual((await logical("steady")).candidates.length, 2);
  await close();
});

test("who would answer is explained, for what a request needs, and simulated", LONG, async () => {
  const { page, check, close } = await ctx.open("/models?explain=steady", { width: 390, height: 844 });
  await page.getByText(/candidates can be asked/).waitFor();
  await page
    .getByText(/latency (−|0)/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Simulate 1,000 requests" }).click();
  await page.getByText("Of 1,000 requests").waitFor();
  await page.getByText(/1,000 \(100 %\)/).waitFor();
  await check("the explanation");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  assert.ok(!page.url().includes("explain"));
  await close();
});

test("a candidate is dragged to another place by the pointer", LONG, async () => {
  const { page, close } = await ctx.open("/models");
  await page.getByRole("row", { name: /steady/ }).click();
  const rows = page.locator("[data-key]");
  await rows.nth(1).getByText("backup/gpt-5").waitFor();
  const from = await rows.nth(1).getByTitle("Drag it to another place").boundingBox();
  const to = await rows.nth(0).boundingBox();
  await page.mouse.move(from.x + 5, from.y + 5);
  await page.mouse.down();
  for (let step = 0; step < 4; step++) await page.mouse.move(from.x + 5, to.y + 4 - step);
  await page.mouse.up();
  await rows.nth(0).getByText("backup/gpt-5").waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  const places = (await logical("steady")).candidates.map(({ model, provider_id, priority }) => [
    priority,
    provider_id,
    model,
  ]);
  const [first] = places.sort();
  const { providers } = (await admin(ctx, "GET", "/providers")).body;
  assert.equal(providers.find(({ id }) => id === first[1]).name, "backup");
  await close();
});

test("a sticky session is found and unbound", LONG, async () => {
  const asked = await ctx.gw.complete(
    ctx.keys.web.key,
    { model: "smart", messages: [{ role: "user", content: "Hi" }] },
    { headers: { "x-session-id": "session-1" } },
  );
  assert.equal(asked.status, 200, asked.text);
  const isBound = async () => (await admin(ctx, "GET", "/routing/sessions/session-1")).status === 200;
  await eventually(isBound, { within: PATIENCE, what: "the binding" });
  const { page, check, close } = await ctx.open("/models", { warns: /404/ });
  await page.getByRole("button", { name: "Sticky sessions" }).click();
  const dialog = page.getByRole("dialog", { name: "Sticky sessions" });
  await dialog.getByLabel("Session").fill("no-such-session");
  await dialog.getByRole("button", { name: "Find" }).click();
  await dialog.getByText("session_not_found").waitFor();
  await dialog.getByLabel("Session").fill("session-1");
  await page.keyboard.press("Enter");
  const bound = dialog.getByRole("region", { name: "Sticky sessions" });
  await bound.getByText("smart").waitFor();
  await bound.getByText("Web app").waitFor();
  await check("a session");
  await bound.getByRole("button", { name: "Unbind" }).click();
  await dialog.getByText("It is unbound.").waitFor();
  assert.equal(await isBound(), false);
  await close();
});
