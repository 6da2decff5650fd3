// Proves the system's page: the checks of a deployment, a backup that is made, verified and not restored by mistake, an export that is
// downloaded, and dead letters that are read and deleted after saying what is lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/util.mjs";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const LONG = { timeout: 4 * PATIENCE };
const ctx = consoleSuite({ traffic: 6 });

test("the deployment is checked, and the cache is emptied", LONG, async () => {
  const { page, check, close } = await ctx.open("/settings");
  await page.getByText("Secrets and settings").waitFor();
  await page.getByRole("button", { name: "Remove them" }).click();
  await page.getByText(/\d+ removed\./).waitFor();
  await page.getByText("Memory:").waitFor();
  await check("the checks");
  await close();
});

test("a backup is made, verified, and restored only when its id is typed", LONG, async () => {
  const { page, check, close } = await ctx.open("/settings?of=backups");
  await page.getByRole("button", { name: "Make a backup" }).press("Enter");
  const listed = page.locator("main li").first();
  await listed.waitFor();
  const isDone = async () => {
    await ctx.gw.scheduled();
    return (await ctx.gw.admin("GET", "/system/backups")).body.backups[0]?.state === "done";
  };
  await eventually(isDone, { within: PATIENCE, what: "the backup" });
  await listed.getByText("complete").waitFor();
  await listed.getByRole("button").click();
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByText(/Whole: [\d,]+ rows in \d+ parts?/).waitFor();
  await page.getByRole("dialog").getByText("request_log").waitFor();
  await check("a backup");
  await page.getByRole("button", { name: "Restore" }).click();
  const restore = page.getByRole("dialog", { name: "Restore this backup?" });
  const go = restore.getByRole("button", { name: "Restore" });
  assert.ok(await go.isDisabled());
  const { body } = await ctx.gw.admin("GET", "/system/backups");
  await restore.getByLabel(/to confirm/).fill(body.backups[0].id);
  await check("the question before a restore");
  // There are rows, and they are not to be replaced.
  await go.click();
  await restore.getByRole("alert").waitFor();
  // What came after the backup goes with the restore.
  await ctx.gw.createKey({ name: "Made after the backup" });
  await restore.getByLabel("Replace the rows that are in the database now").check();
  await go.click();
  const isRestored = async () => {
    await ctx.gw.scheduled();
    return (await ctx.gw.admin("GET", `/system/backups/${body.backups[0].id}`)).body.restore?.state === "done";
  };
  await eventually(isRestored, { within: 2 * PATIENCE, what: "the restore" });
  await page.getByText("● Restored").waitFor();
  const { keys } = (await ctx.gw.admin("GET", "/keys")).body;
  assert.ok(keys.length > 0 && !keys.some(({ name }) => name === "Made after the backup"));
  await page.goto(`${ctx.gw.url}/console/keys`);
  await page.getByRole("grid").getByText("Web app").waitFor();
  await close();
});

test("an export shows how far it is and is downloaded, on a phone", LONG, async () => {
  const { page, check, close } = await ctx.open("/settings?of=exports", { width: 390, height: 844, theme: "dark" });
  await page.getByRole("button", { name: "New export" }).click();
  await page.getByLabel("Format").selectOption("ndjson");
  await page.getByRole("button", { name: "Begin the export" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  const isDone = async () => {
    await ctx.gw.scheduled();
    return (await ctx.gw.admin("GET", "/exports")).body.exports[0]?.state === "done";
  };
  await eventually(isDone, { within: PATIENCE, what: "the export" });
  const button = page.getByRole("button", { name: "Download" });
  await button.waitFor();
  await check("an export");
  const [file] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split("\n");
  assert.equal(lines.filter((line) => "model" in JSON.parse(line)).length, 6);
  await close();
});

test("a dead letter is read, cannot be recorded, and is deleted after saying what is lost", LONG, async () => {
  await ctx.gw.enqueue("not a list of events");
  const isKept = async () => (await ctx.gw.admin("GET", "/system/dead-letters")).body.dead_letters.length > 0;
  await eventually(isKept, { within: PATIENCE, what: "the dead letter" });
  const { page, check, close } = await ctx.open("/settings?of=dead");
  await page.locator("main li").first().getByRole("button").press("Enter");
  await page.getByText("not a list of events").waitFor();
  await check("a dead letter");
  await page.getByRole("button", { name: "Record it now" }).click();
  await page.getByRole("dialog").getByRole("alert").waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("The requests in it are never recorded").waitFor();
  await page.getByRole("dialog", { name: "Delete this message?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("No message was given up.").waitFor();
  await close();
});
