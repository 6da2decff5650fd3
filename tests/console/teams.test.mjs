// Proves of teams: one is made, gets members, a budget and a key; an owner changes it, and a member only looks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 5 * PATIENCE };
let team;

test("a team is made, with a member, a budget and a key", LONG, async () => {
  await admin(ctx, "POST", "/users", { email: "bob@example.org", name: "Bob", password: PASSWORD, roles: ["user"] });
  const { page, check, close } = await ctx.open("/teams");
  await page.getByRole("button", { name: "New team" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Crawlers");
  await page.getByRole("button", { name: "Create" }).click();
  const drawer = page.getByRole("dialog", { name: "Crawlers" });
  await drawer.getByText("It has no member.").waitFor();
  team = page.url().split("/").at(-1);
  for (const [email, role] of [
    ["bob@example.org", "member"],
    ["ada@example.org", "owner"],
  ]) {
    await drawer.getByRole("button", { name: "Add a member" }).click();
    const form = page.getByRole("dialog", { name: "Add a member" });
    await form.getByLabel("Mail address or id of the user").fill(email);
    await form.getByLabel("In the team").selectOption(role);
    await form.getByRole("button", { name: "Add", exact: true }).click();
    await form.waitFor({ state: "detached" });
  }
  await drawer.getByText("Members (2)").waitFor();
  await drawer.getByRole("link", { name: "Limits" }).click();
  await page.getByRole("dialog").getByLabel("Budget in dollars").fill("75");
  await page.getByRole("button", { name: "Set the limits" }).click();
  await page.getByRole("dialog").first().waitFor({ state: "detached" });
  await page.goto(`${ctx.gw.url}/console/teams/${team}`);
  await drawer.getByText("$0 of $75.00 budget of the month").waitFor();
  await drawer.getByRole("link", { name: "New key" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Nightly crawl");
  assert.equal(await page.getByRole("dialog").getByLabel("Owner").inputValue(), team);
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByText("This is shown once").waitFor();
  await page.goto(`${ctx.gw.url}/console/teams/${team}`);
  await drawer.getByText("Nightly crawl").waitFor();
  await check("a team");
  await close();
});

test("an owner makes a member an owner and takes them out", LONG, async () => {
  const { page, check, close } = await ctx.openAs("ada@example.org", `/teams/${team}`);
  const row = page.getByRole("listitem").filter({ hasText: "Bob" });
  await row.getByRole("button", { name: "Make an owner" }).click();
  await row.getByRole("button", { name: "Make a member" }).click();
  await row.getByRole("button", { name: "Make an owner" }).waitFor();
  await check("a team of one's own");
  await close();
});

test("a member looks at it and is offered nothing that would be refused", LONG, async () => {
  const { page, check, close } = await ctx.openAs("bob@example.org", "/teams", { width: 390, height: 844 });
  await page.getByText("Crawlers").click();
  const drawer = page.getByRole("dialog", { name: "Crawlers" });
  await drawer.getByText("Nightly crawl").waitFor();
  for (const name of ["Add a member", "Take out", "Rename", "Delete", "New key"])
    assert.equal(await drawer.getByText(name, { exact: true }).count(), 0, name);
  assert.equal(await page.getByText("Search", { exact: true }).count(), 0, "a team of others");
  await check("a team of which one is a member");
  await close();
});
