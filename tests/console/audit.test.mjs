// Proves the audit log: filters and the open entry are in the address, each change is shown before and after, and an entry that was
// altered in the database is found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const LONG = { timeout: 4 * PATIENCE };
const ctx = consoleSuite({
  traffic: 0,
  setUp: async ({ gw, keys }) => {
    await gw.admin("PUT", `/keys/${keys.batch.id}`, { limits: { requests_per_minute: 700 } });
    await gw.call("/keys", { headers: { authorization: "Bearer not-the-token" } });
    // An entry is written within a second of its answer.
    for (let n = 0; n === 0; )
      [{ n }] = await gw.db("SELECT count(*) AS n FROM audit_log WHERE line LIKE '%invalid_admin_token%'");
  },
});

test("what changed is found and read by keyboard alone", LONG, async () => {
  const { page, check, close } = await ctx.open("/audit");
  const grid = page.getByRole("grid");
  await grid.getByText("invalid_admin_token").first().waitFor();
  await check("the audit log");
  await page.keyboard.press("/");
  await page.keyboard.type("PUT /keys/{id}");
  await page.keyboard.press("Enter");
  await page.waitForURL(/operation=PUT/);
  await grid.getByText("1 entry").waitFor();
  await grid.focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const entry = page.getByRole("dialog");
  await entry.getByText("policy.limits.requests_per_minute").waitFor();
  assert.deepEqual(
    [await entry.getByText("600", { exact: true }).count(), await entry.getByText("700", { exact: true }).count()],
    [1, 1],
  );
  await check("an entry");
  // The address has all of it.
  await page.reload();
  await page.getByRole("dialog").getByText("policy.limits.requests_per_minute").waitFor();
  await page.keyboard.press("Escape");
  assert.match(page.url(), /\/audit\?operation=/);
  await close();
});

test("from an entry to the history of its object, on a phone", LONG, async () => {
  const { page, check, close } = await ctx.open("/audit", { width: 390, height: 844 });
  await page.getByRole("row").filter({ hasText: "PUT /keys/{id}" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "History of this object" }).click();
  await page.waitForURL(/target=/);
  await page.getByRole("button", { name: "More filters" }).waitFor();
  await check("the history of an object");
  await close();
});

test(
  "an address names an entry that is not among those that are shown, and the signed heads are there",
  LONG,
  async () => {
    const { page, check, close } = await ctx.open("/audit/1?operation=DELETE%20/nothing");
    const entry = page.getByRole("dialog");
    await entry.getByText("Entry 1").first().waitFor();
    await check("an entry by its address");
    await page.goto(`${ctx.gw.url}/console/audit?heads=1`);
    await page.getByText("None yet: the first is signed within an hour.").waitFor();
    await close();
  },
);

test("the log is verified, and an altered entry is found", LONG, async () => {
  const { page, check, close } = await ctx.open("/audit");
  await page.getByRole("button", { name: "Verify the log" }).click();
  await page.getByText(/All [\d,]+ entries are as they were written/).waitFor();
  await check("a sound log");
  await ctx.gw.db("UPDATE audit_log SET line = replace(line, '600', '601') WHERE line LIKE '%PUT /keys/%'");
  await page.getByRole("button", { name: "Verify the log" }).click();
  await page.getByText(/The chain breaks at entry \d+/).waitFor();
  await close();
});
