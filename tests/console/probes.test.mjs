// Proves of probe tasks: one is made, asks now, shows what came of it, is turned off and deleted.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };

test("a task is made, runs, and is deleted", LONG, async () => {
  const { page, check, close } = await ctx.open("/probes");
  await page.getByText("No task.").waitFor();
  await page.getByRole("button", { name: "New task" }).first().click();
  const form = page.getByRole("dialog", { name: "New task" });
  await form.getByLabel("Name").fill("sums");
  await form.getByLabel("Provider").selectOption("backup");
  await form.getByLabel("Model").fill("gpt-5");
  await form.getByLabel("Question").fill("1+1? Only the number.");
  await form.getByLabel("How often").selectOption({ label: "15 min" });
  await form.getByRole("button", { name: "Create" }).click();
  const drawer = page.getByRole("dialog", { name: "sums" });
  await drawer.getByText("It has not run yet.").waitFor();
  await drawer.getByRole("button", { name: "Run it now" }).click();
  await drawer.getByText("1 of the last 1 answered").waitFor();
  await drawer.getByText("first token").waitFor();
  await check("a task with a run");
  const { tasks } = (await admin(ctx, "GET", "/probe-tasks")).body;
  assert.deepEqual([tasks[0].interval_s, tasks[0].model, tasks[0].last_ok], [900, "gpt-5", true]);
  await drawer.getByRole("button", { name: "Turn off" }).click();
  await drawer.getByRole("button", { name: "Turn on" }).waitFor();
  await drawer.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this task?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No task.").waitFor();
  await close();
});
