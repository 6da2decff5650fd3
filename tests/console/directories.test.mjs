// Proves of directories: one is added with an address and a token that is shown once, is used, gets another token, is changed and removed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { bearer, eventually } from "../support/util.mjs";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";
import { focused, press, reach } from "./support/keyboard.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };

const ask = async (token) => (await ctx.gw.call("/scim/v2/Users?count=1", { headers: bearer(token) })).status;

/** Takes the token from the dialog that shows it, and closes that. */
async function taken(page) {
  const dialog = page.getByRole("dialog", { name: "Address and token" });
  await dialog.getByText(`${ctx.gw.url}/scim/v2`).waitFor();
  const token = await dialog.getByLabel("SCIM_TOKEN").inputValue();
  await dialog.getByLabel("I have saved it").check();
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
  return token;
}

test("a directory is added, used, and gets another token", LONG, async () => {
  const { page, check, close } = await ctx.open("/identity");
  await page.locator("label", { hasText: /^Directories \(SCIM\)$/ }).click();
  await page.getByText("No directory.").waitFor();
  await page.getByRole("button", { name: "Add a directory" }).first().click();
  const form = page.getByRole("dialog", { name: "Add a directory" });
  await form.getByLabel("Name").fill("Entra ID");
  await form.getByLabel("Roles by group").fill("Gateway operators: operator");
  await check("the form");
  await form.getByRole("button", { name: "Add", exact: true }).click();
  const first = await taken(page);
  const drawer = page.getByRole("dialog", { name: "Entra ID" });
  await drawer.getByText("Gateway operators: operator").waitFor();
  await check("a directory");
  assert.ok(!(await page.content()).includes(first));
  assert.equal(await ask(first), 200);
  await drawer.getByRole("button", { name: "New token" }).click();
  const rotating = page.getByRole("dialog", { name: "New token" });
  await rotating.getByLabel("The token before it").selectOption("0");
  await rotating.getByRole("button", { name: "New token" }).click();
  const second = await taken(page);
  assert.notEqual(second, first);
  assert.equal(await ask(second), 200);
  const hasEnded = async () => (await ask(first)) === 401;
  await eventually(hasEnded, { within: 2 * PATIENCE, what: "the end of the first token" });
  await close();
});

test("a directory is added, by keyboard alone", LONG, async () => {
  const { page, check, close } = await ctx.open("/");
  await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("x");
  await page.getByRole("heading", { name: "Sign-in & directories", level: 1 }).waitFor();
  await reach(page, page.getByRole("radio", { name: "Sign-in services" }));
  await page.keyboard.press("ArrowRight");
  await focused(page.getByRole("radio", { name: "Directories (SCIM)" }));
  await press(page, page.getByRole("button", { name: "Add a directory" }).first());
  await focused(page.getByLabel("Name"));
  await page.keyboard.type("Keyboard");
  await page.keyboard.press("Enter");
  const shown = page.getByRole("dialog", { name: "Address and token" });
  await shown.getByText(`${ctx.gw.url}/scim/v2`).waitFor();
  const token = await shown.getByLabel("SCIM_TOKEN").inputValue();
  await check("the address and the token");
  // What is shown once is not lost by the key that closes other dialogs.
  await page.keyboard.press("Escape");
  await press(page, shown.getByLabel("I have saved it"), "Space");
  await press(page, shown.getByRole("button", { name: "Close" }));
  const drawer = page.getByRole("dialog", { name: "Keyboard" });
  await drawer.getByRole("button", { name: "New token" }).waitFor();
  assert.ok(!(await page.content()).includes(token));
  assert.equal(await ask(token), 200);
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await close();
});

test("a directory is changed, turned off and removed, on a phone", LONG, async () => {
  const made = await admin(ctx, "POST", "/scim-clients", { name: "Okta" });
  assert.equal(made.status, 201, made.text);
  const { page, check, close } = await ctx.open(`/identity/${made.body.id}?of=directories`, {
    width: 390,
    height: 844,
  });
  const drawer = page.getByRole("dialog", { name: "Okta" });
  await drawer.getByRole("button", { name: "Edit" }).click();
  const form = page.getByRole("dialog", { name: "Edit" });
  await form.getByLabel("Roles of its users").fill("user, viewer");
  await form.getByRole("button", { name: "Save" }).click();
  await form.waitFor({ state: "detached" });
  await drawer.getByText("user, viewer").waitFor();
  await check("a directory on a phone");
  await drawer.getByRole("button", { name: "Turn off" }).click();
  await drawer.getByRole("button", { name: "Turn on" }).waitFor();
  const stored = (await admin(ctx, "GET", `/scim-clients/${made.body.id}`)).body;
  assert.deepEqual([stored.enabled, stored.roles], [false, ["user", "viewer"]]);
  await drawer.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog", { name: "Remove this directory?" }).getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  assert.equal((await admin(ctx, "GET", `/scim-clients/${made.body.id}`)).status, 404);
  await close();
});
