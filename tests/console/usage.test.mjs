// Proves usage and cost: what is downloaded is what is shown, groups and measures are in the address, and the chart is a table as well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 16 });
const LONG = { timeout: 4 * PATIENCE };

test("the sum of the rows is the sum that is shown, and what is downloaded", LONG, async () => {
  const { page, check, close } = await ctx.open("/usage");
  await page.getByRole("row", { name: /^Sum/ }).waitFor();
  const [{ requests }] = await ctx.gw.db("SELECT count(*) AS requests FROM request_log");
  const cells = await page.getByRole("row", { name: /^Sum/ }).getByRole("cell").allTextContents();
  assert.ok(cells.includes(String(requests)), cells.join(" | "));
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: "CSV" }).click();
  const file = readFileSync(await (await waiting).path(), "utf8");
  const [head, ...lines] = file.trim().split("\r\n");
  assert.match(head, /^model,cost_usd,/);
  assert.equal(
    lines.reduce((sum, line) => sum + Number(line.split(",")[3]), 0),
    requests,
  );
  await check();
  await close();
});

test("by key and by requests, in the address, with keys by their names, and as a table", LONG, async () => {
  const { page, check, close } = await ctx.open("/usage");
  await page.getByText("Key", { exact: true }).first().click();
  await page.waitForURL(/by=key/);
  await page.getByText("Requests", { exact: true }).nth(1).click();
  await page.waitForURL(/measure=requests/);
  await page.reload();
  await page.getByRole("cell", { name: "Web app" }).waitFor();
  await page.getByRole("button", { name: "As a table" }).click();
  await page.getByRole("columnheader", { name: "Batch jobs" }).waitFor();
  await check("as a table");
  await close();
});

test("time is moved back by keyboard and by steps, in the address, and back to now", LONG, async () => {
  const { page, check, close } = await ctx.open("/usage?range=24h");
  await page.getByRole("row", { name: /^Sum/ }).waitFor();
  await page.getByRole("button", { name: "Earlier" }).click();
  await page.waitForURL(/from=\d+&to=\d+/);
  const { searchParams } = new URL(page.url());
  assert.equal(Number(searchParams.get("to")) - Number(searchParams.get("from")), 86_400_000);
  await page.getByText("There is no request in this time.").waitFor();
  await page.getByRole("slider", { name: "The time that is shown" }).focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForURL((url) => Number(url.searchParams.get("to")) < Number(searchParams.get("to")));
  await check("an earlier day");
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.getByRole("row", { name: /^Sum/ }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("range"), "24h");
  await close();
});
