// Proves of roles and direct grants: a role is made like another, given, cannot be deleted while it is in use, and a grant for a time
// is added and taken back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };

test("a role is made like a built-in one, and changed", LONG, async () => {
  const { page, check, close } = await ctx.open("/roles");
  await page.getByRole("row", { name: /viewer/ }).click();
  await page.getByText("It cannot be changed; make one like it instead.").waitFor();
  await check("a built-in role");
  await page.getByRole("button", { name: "Make one like it" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Auditors");
  await page.getByLabel("Code").fill("auditors");
  await page.getByLabel("Filter").last().fill("manage_guards");
  await page.getByLabel("manage_guards").check();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /Auditors.*of this deployment/ }).click();
  await page.getByLabel("What it is for").fill("Looks, and keeps the rules");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Looks, and keeps the rules").waitFor();
  const { body } = await admin(ctx, "GET", "/roles/auditors");
  assert.ok(body.permissions.includes("manage_guards") && body.permissions.includes("view_audit"));
  await close();
});

test("a user gets it and a grant for a time; the role cannot be deleted meanwhile", LONG, async () => {
  const made = await admin(ctx, "POST", "/users", { email: "bob@example.org", password: PASSWORD, roles: ["user"] });
  const { page, check, problems, close } = await ctx.open(`/users/${made.body.id}`);
  await page.getByRole("checkbox", { name: "auditors" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("row", { name: /bob@example.org.*auditors/ }).click();
  await page.getByRole("button", { name: "Grant permissions" }).click();
  const dialog = page.getByRole("dialog", { name: "Grant permissions" });
  await dialog.getByLabel("Filter").fill("view_users");
  await dialog.getByLabel("view_users").check();
  await dialog.getByLabel("For how long").selectOption({ label: "a week" });
  await dialog.getByLabel("Why").fill("looks for duplicates");
  await dialog.getByRole("button", { name: "Grant permissions" }).click();
  const row = page.getByRole("listitem").filter({ hasText: "looks for duplicates" });
  await row.getByText("view_users").waitFor();
  await check("a user with a grant");
  const { grants } = (await admin(ctx, "GET", `/users/${made.body.id}/grants`)).body;
  assert.ok(Math.abs(grants[0].expires_at - Date.now() - 7 * 86_400_000) < 600_000);
  await row.getByRole("button", { name: "Take back" }).click();
  await page.getByText("Nothing: what they may do is that of their roles.").waitFor();
  await page.goto(`${ctx.gw.url}/console/roles/auditors`);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this role?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("role_in_use").waitFor();
  // The refusal is what the browser reports, and nothing else.
  assert.ok(
    problems.every((problem) => /409/.test(problem)),
    problems.join("\n"),
  );
  await close();
});
