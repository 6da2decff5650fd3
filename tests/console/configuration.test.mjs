// Proves of settings at run time, the configuration as a file, presets of the operator's own, and signed requests: each is changed
// here, says what it does, and is taken back.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };

test("a setting is changed, and taken back by its history", LONG, async () => {
  const { page, check, close } = await ctx.open("/settings?of=config");
  await page.getByRole("searchbox", { name: "Name of a setting" }).fill("LOG_LEVEL");
  await page.keyboard.press("Enter");
  const row = page.getByRole("list", { name: "Settings" }).getByRole("listitem").filter({ hasText: "LOG_LEVEL" });
  await row.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Value").fill("debug");
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("stored here").waitFor();
  await check("a setting that is stored");
  const changes = page.getByRole("list", { name: "Changes" });
  await changes.getByRole("button", { name: "Take back" }).first().click();
  await row.getByText("stored here").waitFor({ state: "detached" });
  const { settings } = (await admin(ctx, "GET", "/system/config")).body;
  assert.equal(settings.find(({ name }) => name === "LOG_LEVEL").stored, null);
  await close();
});

test("a value that cannot be used is refused at its field", LONG, async () => {
  const { page, close } = await ctx.open("/settings?of=config&search=LOG_LEVEL");
  await page.getByRole("button", { name: "Change" }).click();
  await page.getByLabel("Value").fill("loud");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await close();
});

test("the configuration is saved, and a file is imported after a look", LONG, async () => {
  const { page, check, close } = await ctx.open("/settings?of=file");
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Export" }).click(),
  ]);
  const file = JSON.parse(readFileSync(await saved.path(), "utf8"));
  assert.ok(file.providers.some(({ name }) => name === "openai") && !JSON.stringify(file).includes("sk-openai"));
  const provider = file.providers.find(({ name }) => name === "openai");
  provider.description = "The first choice";
  await page
    .locator('input[type="file"]')
    .setInputFiles({ name: "changed.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(file)) });
  await page.getByText("changed.json: This is what the import would do.").waitFor();
  await page.getByText("The first choice").waitFor();
  await check("what an import would do");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The import is done.").waitFor();
  const { providers } = (await admin(ctx, "GET", "/providers")).body;
  assert.equal(providers.find(({ name }) => name === "openai").description, "The first choice");
  await close();
});

test("a preset of the house is made, and stands in the gallery", LONG, async () => {
  const { page, check, close } = await ctx.open("/providers?presets=1");
  await page.getByRole("button", { name: "New preset" }).click();
  const form = page.getByRole("dialog", { name: "New preset" });
  await form.getByLabel("ID").fill("in-house");
  await form.getByLabel("Name", { exact: true }).fill("In-house models");
  await form.getByLabel("Address").fill(`${ctx.up.url}/v1`);
  await form.getByLabel("Models").fill("gpt-5-mini");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByText("In-house models").waitFor();
  await check("presets");
  await page.goto(`${ctx.gw.url}/console/providers/new`);
  await page.getByRole("button", { name: /In-house models/ }).click();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "in-house");
  await close();
});

test("a key is made to need signatures, with a secret that is shown once", LONG, async () => {
  const { page, check, close } = await ctx.open(`/keys/${ctx.keys.batch.id}`);
  await page.getByRole("button", { name: "Set signatures" }).click();
  await page.getByRole("button", { name: "Make a signing secret" }).click();
  assert.ok((await page.getByLabel("NEXUS_SIGNING_SECRET").inputValue()).length > 20);
  await page.getByLabel("I have saved it").check();
  await page.getByRole("dialog").last().getByRole("button", { name: "Close" }).click();
  await page.getByLabel("What is accepted").selectOption("required");
  await page.getByRole("button", { name: "Save the changes" }).click();
  // The choice says the same, until its dialog has closed.
  await page.locator("p", { hasText: "Every request must be signed; the secret alone is refused." }).waitFor();
  await page.getByText("Checked with hmac-sha256.").waitFor();
  await check("a key that needs signatures");
  assert.equal((await admin(ctx, "GET", `/keys/${ctx.keys.batch.id}`)).body.signature, "required");
  await close();
});
