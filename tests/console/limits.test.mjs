// Proves limits: those of keys and owners in one list, the one nearest to its end first; one is set with a look at what it would have
// refused, holds, and is removed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const LONG = { timeout: 4 * PATIENCE };
const ctx = consoleSuite({ traffic: 18 });

test("a limit is set by keyboard, says what it would have refused, and holds", LONG, async () => {
  const { gw, keys } = ctx;
  const past = async () => {
    const { body } = await gw.admin("GET", "/stats/timeseries?range=7d&owner=search");
    return body.lines.flatMap(({ requests }) => requests).reduce((sum, value) => sum + value, 0) >= 6;
  };
  await eventually(past, { within: PATIENCE, what: "the statistics" });
  const { page, check, close } = await ctx.open("/limits");
  await page.getByRole("grid").getByText("Batch jobs").waitFor();
  await check("limits");
  await page.getByRole("button", { name: "New limit" }).press("Enter");
  await page.getByLabel("Name", { exact: true }).fill("search");
  await page.getByLabel("Requests a day").fill("2");
  await page.getByText(/This would have refused at least [4-6] requests/).waitFor();
  await check("the form of a limit");
  await page.getByRole("button", { name: "Set the limits" }).press("Enter");
  await page.getByRole("grid").getByText("search", { exact: true }).waitFor();
  // Another isolate knows of a change within seconds.
  const statuses = [];
  const isRefused = async () => {
    const body = { model: "demo/echo", messages: [{ role: "user", content: "Hi" }] };
    statuses.push((await gw.complete(keys.batch.key, body)).status);
    return statuses.includes(429);
  };
  await eventually(isRefused, { within: PATIENCE, what: "a refusal" });
  await page.goto(`${gw.url}/console/limits/${encodeURIComponent("user:search")}`);
  await page.getByRole("dialog").getByText("2 of 2 requests a day").waitFor();
  await check("a limit");
  await close();
});

test("an error of the API is shown at its field", LONG, async () => {
  const { page, close } = await ctx.open("/limits?new=1");
  await page.getByLabel("Name", { exact: true }).fill("too-dear");
  await page.getByLabel("Budget in dollars").fill("-5");
  await page.getByRole("button", { name: "Set the limits" }).click();
  await page.locator("[aria-invalid=true]").first().waitFor();
  await close();
});

test("limits of which none is set are not made", LONG, async () => {
  const { page, close } = await ctx.open("/limits?new=1");
  await page.getByLabel("Name", { exact: true }).fill("nothing-set");
  await page.getByRole("button", { name: "Set the limits" }).click();
  await page.getByText("Set at least one limit, or a budget.").waitFor();
  const { body } = await ctx.gw.admin("GET", "/limits");
  assert.ok(!body.limits.some(({ subject }) => subject === "user:nothing-set"));
  await close();
});

test("limits are removed after saying what that means, on a phone in Chinese", LONG, async () => {
  await ctx.gw.admin("PUT", "/limits/model:gpt-5", { limits: { tokens_per_minute: 1000 } });
  const at = `/limits/${encodeURIComponent("model:gpt-5")}`;
  const { page, check, close } = await ctx.open(at, { language: "zh", width: 390, height: 844 });
  await page.getByRole("dialog").getByRole("button", { name: "移除" }).click();
  await page.getByText("此后“gpt-5”只受其密钥上的限额约束").waitFor();
  await check("the question");
  await page.getByRole("dialog", { name: "移除" }).getByRole("button", { name: "移除" }).click();
  await page.waitForURL(/\/limits$/);
  const { body } = await ctx.gw.admin("GET", "/limits");
  assert.ok(!body.limits.some(({ subject }) => subject === "model:gpt-5"));
  await close();
});
