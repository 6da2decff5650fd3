// Proves keys: one is made by keyboard and is in the list at once, its secret is shown once and works, and what is done to it is done.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 4 });
const LONG = { timeout: 4 * PATIENCE };

test("a key is made by keyboard alone, shown once, and works", LONG, async () => {
  const { page, check, close } = await ctx.open("/keys");
  await page.getByRole("grid").getByText("Web app").waitFor();
  await page.getByRole("button", { name: "New key" }).press("Enter");
  const form = page.getByRole("dialog", { name: "New key" });
  // The first field has the focus.
  await form.locator("input:focus").waitFor();
  await page.keyboard.type("Made by keyboard");
  await page.getByLabel("Tools (MCP)").fill("github/get_*\n\nagent/*");
  await page.getByLabel("Agreement to calls of tools in chats").selectOption("rules");
  await page.getByLabel("Calls of tools a day").fill("50");
  await page.getByLabel("Budget in dollars").fill("25");
  await page.getByText("at most $25.00 a month, then requests are refused with 402", { exact: false }).waitFor();
  await check("the form of a key");
  await page.getByRole("button", { name: "Make the key" }).press("Enter");
  const secret = await page.getByLabel("NEXUS_API_KEY").inputValue();
  assert.match(secret, /^sk-nx-/);
  await check("the secret");
  // It is not closed by mistake.
  await page.keyboard.press("Escape");
  assert.ok(await page.getByText("This is shown once").isVisible());
  await page.getByLabel("I have saved it").press("Space");
  await page.getByRole("button", { name: "Close" }).press("Enter");
  await page.getByRole("grid").getByText("Made by keyboard").waitFor();
  assert.ok(!(await page.content()).includes(secret), "the secret has left the page");
  const { status } = await ctx.gw.complete(secret, { model: "demo/echo", messages: [{ role: "user", content: "Hi" }] });
  assert.equal(status, 200);
  const { keys } = (await admin(ctx, "GET", "/keys")).body;
  const made = keys.find(({ name }) => name === "Made by keyboard");
  assert.deepEqual(made.allow_tools, ["github/get_*", "agent/*"]);
  assert.deepEqual([made.tool_approval, made.max_tool_calls_per_day], ["rules", 50]);
  await close();
});

test("an error of the API is shown at its field", LONG, async () => {
  const { page, close } = await ctx.open("/keys?new=1");
  await page.getByRole("dialog").getByLabel("Name").fill("Too dear");
  await page.getByLabel("Budget in dollars").fill("-5");
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.locator("[aria-invalid=true]").first().waitFor();
  await close();
});

test("a key is changed, rotated with both secrets valid, disabled and deleted", LONG, async () => {
  const made = await ctx.gw.createKey({ name: "Of many lives" });
  const ask = async (key) =>
    (await ctx.gw.complete(key, { model: "demo/echo", messages: [{ role: "user", content: "Hi" }] })).status;
  const { page, check, close } = await ctx.open(`/keys/${made.id}`);
  const drawer = page.getByRole("dialog", { name: "Of many lives" });
  await drawer.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Requests a minute").fill("77");
  await page.getByRole("button", { name: "Save the changes" }).click();
  await drawer.getByText("0 of 77").waitFor();
  await check("a key");
  await drawer.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog", { name: "Rotate" }).getByRole("button", { name: "Rotate" }).click();
  const secret = await page.getByLabel("NEXUS_API_KEY").inputValue();
  assert.deepEqual([await ask(secret), await ask(made.key)], [200, 200]);
  await page.getByLabel("I have saved it").check();
  await page.getByRole("button", { name: "Close" }).last().click();
  await drawer.getByRole("button", { name: "Disable" }).click();
  await page.getByText("are refused within seconds").waitFor();
  await page.getByRole("dialog", { name: "Disable" }).getByRole("button", { name: "Disable" }).click();
  await drawer.getByRole("button", { name: "Enable" }).waitFor();
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete" }).getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/keys$/);
  assert.equal(await page.getByRole("grid").getByText("Of many lives").count(), 0);
  await close();
});

test("several keys are disabled at once, and others deleted, after saying how many", LONG, async () => {
  for (const name of ["Crowd 1", "Crowd 2", "Crowd 3"]) await ctx.gw.createKey({ name });
  const keys = async () => (await ctx.gw.admin("GET", "/keys?search=Crowd")).body.keys;
  const { page, check, close } = await ctx.open("/keys?search=Crowd");
  await page.getByRole("button", { name: "Choose several" }).click();
  await page.getByRole("checkbox", { name: "Crowd 1" }).check();
  // A click on the row chooses it as well, and opens nothing.
  await page.getByRole("row", { name: /Crowd 2/ }).click();
  await page.getByText("2 keys are chosen").waitFor();
  await check("keys that are chosen");
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByText("2 keys stop working at once.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await page.getByText("0 keys are chosen").waitFor();
  assert.deepEqual((await keys()).map(({ enabled }) => enabled).sort(), [false, false, true]);
  await page.getByRole("button", { name: "Choose all that are shown" }).press("Enter");
  await page.getByRole("button", { name: "Delete" }).press("Enter");
  await page.getByText("3 keys are deleted.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter");
  await page.getByText("No key is called that.").waitFor();
  assert.deepEqual(await keys(), []);
  await close();
});
