// Proves the way from nothing to the first answer without a terminal: the guide, a key, a question to the built-in model, and the steps
// that the gateway ticks by itself.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ bare: true });

for (const width of [1280, 390]) {
  test(`from an empty gateway to an answered request, ${width} px`, { timeout: 6 * PATIENCE }, async () => {
    const { page, check, close } = await ctx.open("/", { width, height: width === 390 ? 844 : 800 });
    if (width === 1280) {
      await page.getByRole("link", { name: "Get started" }).click();
    } else {
      await page.getByRole("button", { name: "More" }).click();
      await page.getByRole("link", { name: "Getting started" }).click();
    }
    await page.getByText("Database (D1)").waitFor();
    await check("the guide");
    await page.getByRole("link", { name: "Make a key" }).click();
    const form = page.getByRole("dialog", { name: "New key" });
    await form.getByLabel("Name").fill(`First key ${width}`);
    await form.getByRole("button", { name: "Make the key" }).click();
    await page.getByLabel("I have saved it").check();
    await page.getByRole("button", { name: "Close" }).last().click();
    await page.goto(`${ctx.gw.url}/console/start`);
    await page.getByRole("link", { name: "Use demo/echo" }).click();
    await page.getByLabel("Ask something…").fill("Does it answer?");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Does it answer?").nth(1).waitFor();
    await check("the first answer");
    await page.goto(`${ctx.gw.url}/console/start`);
    await page.getByText("The gateway is ready.").waitFor();
    await check("the guide at its end");
    await close();
  });
}

test("the first request of a client turns the light green", { timeout: 4 * PATIENCE }, async () => {
  const { key, id } = await ctx.gw.createKey({ name: "A client" });
  const { page, check, close } = await ctx.open(`/connect?key=${id}`);
  await page.getByText("Waiting for a request with “A client”").waitFor();
  await page.getByText("Codex", { exact: true }).click();
  await page.getByText('wire_api = "responses"', { exact: false }).waitFor();
  assert.ok(!(await page.content()).includes(key));
  await ctx.gw.complete(key, { model: "demo/echo", messages: [{ role: "user", content: "Hi" }] });
  await page.getByText("A request has arrived.").waitFor();
  await check("connected");
  await close();
});
