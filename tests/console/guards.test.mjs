// Proves of content rules: one is written with a look at what it finds, acts on requests, and shows where; it is turned off and
// deleted; who only looks is offered no change.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 5 * PATIENCE };
const ask = (content) =>
  ctx.gw.complete(ctx.keys.web.key, { model: "demo/echo", messages: [{ role: "user", content }] });

test("a rule is tried while it is written, acts, and shows where", LONG, async () => {
  const { page, check, close } = await ctx.open("/guards");
  await page.getByRole("button", { name: "New rule" }).click();
  const form = page.getByRole("dialog", { name: "New rule" });
  await form.getByLabel("Name", { exact: true }).fill("customers");
  await form.getByText("block", { exact: true }).click();
  await form.getByLabel("Patterns of your own").fill("customer=C-######");
  await form.getByRole("textbox", { name: "Text" }).fill("about customer=C-123456");
  await form.getByRole("button", { name: "Try it" }).click();
  await form.getByText("Blocked: it would not be passed on.").waitFor();
  await form.getByText("mask", { exact: true }).click();
  await form.getByRole("button", { name: "Try it" }).click();
  await form.locator("mark").waitFor();
  await form.getByRole("checkbox", { name: "mail addresses" }).check();
  await form.getByText("100 % of what it finds is right").waitFor();
  await check("a rule that is being written");
  await form.getByText("block", { exact: true }).click();
  await form.getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /customers.*block/ }).waitFor();
  await eventually(async () => (await ask("about customer=C-654321")).status === 400, {
    within: PATIENCE,
    what: "the rule in force",
  });
  await eventually(
    async () => (await ctx.gw.db("SELECT count(*) AS n FROM request_log WHERE guards LIKE '%customers%'"))[0].n > 0,
    { within: PATIENCE, what: "the request in the log" },
  );
  await page.getByRole("row", { name: /customers/ }).click();
  await page.getByRole("dialog").getByText("block, requests to providers").first().waitFor();
  assert.ok(!(await page.content()).includes("C-654321"), "what was found");
  await check("where a rule acted");
  await page.getByRole("dialog").getByRole("link", { name: "Open" }).first().click();
  await page.getByRole("dialog").getByText("request:block:customers").waitFor();
  await close();
});

test("a rule is turned off and deleted", LONG, async () => {
  const { page, close } = await ctx.open("/guards");
  await page.getByRole("row", { name: /no-secrets/ }).click();
  await page.getByRole("button", { name: "Turn off" }).click();
  await page.getByRole("button", { name: "Turn on" }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this rule?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("row", { name: /no-secrets/ }).waitFor({ state: "detached" });
  await close();
});

test("who only looks is offered no change", LONG, async () => {
  await admin(ctx, "POST", "/users", { email: "eve@example.org", password: PASSWORD, roles: ["viewer"] });
  const { page, check, close } = await ctx.openAs("eve@example.org", "/guards");
  await page.getByRole("row", { name: /private/ }).click();
  await page.getByText("Where it acted").waitFor();
  for (const name of ["New rule", "Edit", "Delete", "Turn off"])
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  await check("a rule for a viewer");
  await close();
});
