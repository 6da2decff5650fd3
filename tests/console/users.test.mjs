// Proves of users: one is made, found, disabled and deleted; an invitation shows its code once; and of a person with few permissions
// that nothing else is there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, admin, consoleSuite } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 0 });
const LONG = { timeout: 4 * PATIENCE };
const PASSWORD = "Tr4vel-Lamp";
const userOf = async (email) => (await admin(ctx, "GET", `/users?email=${email}`)).body.users[0];

test("a user is made with a role, disabled, enabled again and deleted", LONG, async () => {
  const { page, check, close } = await ctx.open("/users");
  await page.getByRole("button", { name: "New user" }).first().click();
  await page.getByLabel("Mail address").last().fill("eve@example.org");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("checkbox", { name: "viewer" }).check();
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("row", { name: /eve@example\.org/ }).click();
  assert.deepEqual((await userOf("eve@example.org")).roles.sort(), ["user", "viewer"]);
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByText("Their sessions end and the API keys").waitFor();
  await page.getByRole("dialog", { name: "Disable this user?" }).getByRole("button", { name: "Disable" }).click();
  await page.getByRole("row", { name: /eve@example\.org.*disabled/ }).click();
  await check("a user");
  await page.getByRole("button", { name: "Enable again" }).click();
  await page.getByRole("row", { name: /eve@example\.org.*active/ }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "Delete this user?" }).getByRole("button", { name: "Delete" }).click();
  await page.getByRole("row", { name: /eve@example\.org/ }).waitFor({ state: "detached" });
  assert.equal(await userOf("eve@example.org"), undefined);
  await close();
});

test("an invitation shows its code once, and is withdrawn", LONG, async () => {
  const { page, check, close } = await ctx.open("/users?of=registration");
  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByLabel("What it is for").fill("The search team");
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  const code = await page.getByRole("textbox", { name: "NEXUS_INVITATION" }).inputValue();
  assert.ok(code.length > 10);
  await page.getByRole("checkbox", { name: "I have saved it" }).check();
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByText("The search team").waitFor();
  assert.ok(!(await page.content()).includes(code));
  await check("the invitations");
  await page.getByRole("button", { name: /^Withdraw/ }).click();
  await page.getByText("No invitation is open.").waitFor();
  await close();
});

test("a user without rights sees their own things and no others", LONG, async () => {
  const made = await admin(ctx, "POST", "/users", { email: "bob@example.org", password: PASSWORD, roles: ["user"] });
  await ctx.gw.createKey({ name: "Bob's", owner: made.body.id });
  const { page, check, close } = await ctx.open("/", { signedIn: false });
  await page.getByText("Mail and password").click();
  await page.getByLabel("Mail address").fill("bob@example.org");
  await page.locator('input[name="password"]').fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const navigation = page.getByRole("navigation").first();
  await navigation.getByRole("link", { name: "Keys" }).click();
  await page.getByText("Bob's").first().waitFor();
  assert.equal(await page.getByText("Web app").count(), 0, "keys of others");
  for (const name of ["Users", "Roles", "Content rules", "Audit log", "Alerts", "System"])
    assert.equal(await navigation.getByRole("link", { name }).count(), 0, name);
  await navigation.getByRole("link", { name: "Providers" }).click();
  await page.getByText("You have no provider of your own.").waitFor();
  assert.equal(await page.getByText("backup").count(), 0, "providers of the operator");
  await page.goto(`${ctx.gw.url}/console/users`);
  await page.getByRole("heading", { level: 1, name: "404" }).waitFor();
  await check("a page that is not theirs");
  await close();
});
