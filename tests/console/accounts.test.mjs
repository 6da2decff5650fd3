// Proves what people with an account see: they make one, sign in by password, have the pages of their own things and no others, and
// go on without noticing when their access token expires. And that the links of mails say what is wrong with them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, consoleSuite } from "./support/console.mjs";

const PASSWORD = "Tr4vel-Lamp-2";
const ctx = consoleSuite({
  bare: true,
  setUp: async ({ gw }) => {
    const { status, text } = await gw.admin("PUT", "/registration", { mode: "open" });
    if (status !== 200) throw new Error(text);
  },
});
const LONG = { timeout: 4 * PATIENCE };

async function signIn(page, email) {
  await page.getByText("Mail and password").click();
  await page.getByLabel("Mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

test("an account is made, and has the pages of its own things", LONG, async () => {
  const { page, check, close } = await ctx.open("/register", { signedIn: false });
  await page.getByLabel("Mail address").fill("bob@example.org");
  await page.getByLabel("New password").fill(PASSWORD);
  await check("registration");
  await page.getByRole("button", { name: "Make an account" }).click();
  await page.getByText("Sign in with it.").waitFor();
  await page.getByRole("link", { name: "To the sign-in" }).click();
  await signIn(page, "bob@example.org");
  const links = await page.getByRole("navigation").first().getByRole("link").allTextContents();
  for (const name of ["Requests", "Usage & cost", "Playground", "Keys"])
    assert.ok(links.includes(name), `${name}: ${links}`);
  for (const name of ["Users", "Audit log", "Roles", "System"]) assert.ok(!links.includes(name), `${name}: ${links}`);
  // A page that is not theirs is none, whatever the address.
  await page.goto(`${ctx.gw.url}/console/users`);
  await page.getByRole("heading", { level: 1, name: "404" }).waitFor();
  await page.goto(`${ctx.gw.url}/console/keys?new=1`);
  const form = page.getByRole("dialog", { name: "New key" });
  await form.getByLabel("Name").fill("Bob's key");
  assert.equal(await form.getByLabel("Owner").count(), 0);
  await form.getByRole("button", { name: "Make the key" }).click();
  assert.match(await page.getByLabel("NEXUS_API_KEY").inputValue(), /^sk-nx-/);
  await check("a key of one's own");
  await close();
});

test("an access token that expires is renewed in silence", LONG, async () => {
  const { page, close } = await ctx.open("/", { signedIn: false });
  await signIn(page, "bob@example.org");
  const context = page.context();
  const kept = (await context.cookies()).filter(({ name }) => !/access/i.test(name));
  assert.equal(kept.length, 1, "what is left is the refresh token");
  await context.clearCookies();
  await context.addCookies(kept);
  await page.getByRole("link", { name: "Keys", exact: true }).click();
  await page.getByRole("grid").getByText("Bob's key").waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  await close();
});

test("a link that is spent or cut says so, and its token leaves the address", LONG, async () => {
  const { page, problems, check, close } = await ctx.open("/reset-password#token=u.s", { signedIn: false });
  await page.getByLabel("New password").waitFor();
  assert.ok(!page.url().includes("token"));
  await check("a new password");
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByRole("alert").first().waitFor();
  assert.ok(
    problems.every((problem) => /\b4\d\d\b/.test(problem)),
    problems.join("\n"),
  );
  await page.goto(`${ctx.gw.url}/console/verify-email`);
  await page.getByText("The link is not complete.", { exact: false }).waitFor();
  await close();
});
