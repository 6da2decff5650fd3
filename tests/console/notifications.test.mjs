// Proves of notifications: they are sent to a group, counted in the frame until they are read, lead to what they are about, and are
// taken back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };

test("one is sent, and taken back", LONG, async () => {
  const { page, check, close } = await ctx.open("/notifications");
  await page.getByRole("button", { name: "Send a notification" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("For", { exact: true }).selectOption("role");
  await dialog.getByLabel("Code of the role").fill("operator");
  await dialog.getByLabel("What it says, in a line").fill("The price table is new");
  await dialog.getByLabel("Where there is more").fill("/usage?range=7d");
  await dialog.getByRole("button", { name: "Send", exact: true }).click();
  const row = page.getByRole("listitem").filter({ hasText: "The price table is new" });
  await row.getByText("role:operator").waitFor();
  await check("what was sent");
  await row.getByRole("button", { name: "Take back" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
  await row.waitFor({ state: "detached" });
  await close();
});

test("a user sees how many are unread, reads one, and then all", LONG, async () => {
  const { body } = await admin(ctx, "GET", "/users?email=ada@example.org");
  const send = (title, link) =>
    admin(ctx, "POST", "/notifications", { recipients: `user:${body.users[0].id}`, title, link, level: "critical" });
  await send("Look at the usage", "/usage?range=7d");
  await send("It runs nothing: <img src=x onerror=alert(1)>", "https://status.example/");
  const { page, check, close } = await ctx.openAs("ada@example.org", "/notifications");
  const navigation = page.getByRole("navigation").first();
  await navigation.getByRole("link", { name: /Notifications.*unread/ }).waitFor();
  await page.getByText("It runs nothing: <img src=x onerror=alert(1)>").waitFor();
  await check("notifications of a user");
  const row = page.getByRole("listitem").filter({ hasText: "Look at the usage" });
  await row.getByRole("link", { name: "Open" }).click();
  await page.getByRole("heading", { level: 1, name: "Usage & cost" }).waitFor();
  assert.equal(new URL(page.url()).search, "?range=7d");
  await page.goBack();
  await row.getByRole("button", { name: "Mark as read" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Mark all as read" }).click();
  await navigation.getByRole("link", { name: /unread/ }).waitFor({ state: "detached" });
  await page.getByText("Unread (0)").click();
  await page.getByText("You have read everything.").waitFor();
  assert.equal(new URL(page.url()).searchParams.get("show"), "unread");
  await close();
});

test("who may not send sees no button for it", LONG, async () => {
  await admin(ctx, "POST", "/users", { email: "bob@example.org", password: PASSWORD, roles: ["user"] });
  const { page, check, close } = await ctx.openAs("bob@example.org", "/notifications", { width: 390, height: 844 });
  await page.getByText("There is nothing for you.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Send a notification" }).count(), 0);
  await check("without the permission");
  await close();
});
