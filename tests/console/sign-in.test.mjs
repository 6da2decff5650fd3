// Proves signing in and out, that a wrong token says what is wrong, and that a session that ends in the middle of work is resumed
// where it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PATIENCE, consoleSuite, enterToken } from "./support/console.mjs";

const ctx = consoleSuite({ traffic: 3 });
const LONG = { timeout: 3 * PATIENCE };

test("a wrong token is refused with its code and the id of the request", LONG, async () => {
  const { page, problems, close } = await ctx.open("/", { signedIn: false });
  await enterToken(page, "adm-wrong-token-wrong-token");
  const alert = page.getByRole("alert").filter({ hasText: "invalid_admin_token" });
  await alert.waitFor();
  assert.match(await alert.textContent(), /req_/);
  // The refusal itself is what the browser reports, and nothing else.
  assert.ok(
    problems.every((problem) => /401/.test(problem)),
    problems.join("\n"),
  );
  await close();
});

test("no script can read the session, and nothing of it is stored", LONG, async () => {
  const { page, check, close } = await ctx.open("/");
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  assert.equal(await page.evaluate(() => document.cookie), "");
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!stored.includes(ctx.gw.adminToken));
  const cookies = await page.context().cookies();
  assert.ok(cookies.length > 0 && cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === "Strict"));
  await check();
  await close();
});

test("a session that ended is signed in over the page, which goes on where it was", LONG, async () => {
  const { page, close } = await ctx.open("/keys");
  await page.getByRole("grid").getByText("Web app").waitFor();
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Half-written");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Make the key" }).click();
  const dialog = page.getByRole("dialog", { name: "Your session has ended" });
  await dialog.waitFor();
  await enterToken(dialog, ctx.gw.adminToken);
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.getByRole("dialog").getByLabel("Name").inputValue(), "Half-written");
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByText("This is shown once").waitFor();
  await close();
});

test("who signs out is out, at the gateway as well", LONG, async () => {
  const { page, close } = await ctx.open("/", { signedIn: false });
  await enterToken(page, ctx.gw.adminToken);
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const before = await page.context().cookies();
  await page.getByRole("button", { name: "Admin token" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
  // The cookie of before opens nothing any more.
  const cookie = before.map(({ name, value }) => `${name}=${value}`).join("; ");
  const { json } = await ctx.gw.call("/console/session", { headers: { cookie } });
  assert.equal(json().kind, null);
  await close();
});

test("a page that is open when another console is deployed says so, and loads it", LONG, async () => {
  let tag = '"one"';
  const prepare = (page) =>
    page.route("**/console/", async (route) => {
      if (route.request().method() !== "HEAD") return route.continue();
      return route.fulfill({ status: 200, headers: { etag: tag } });
    });
  const { page, check, close } = await ctx.open("/keys", { prepare });
  await page.getByRole("grid").getByText("Web app").waitFor();
  await page.clock.install();
  tag = '"two"';
  await page.reload();
  await page.getByRole("grid").getByText("Web app").waitFor();
  assert.equal(await page.getByText("There is a new version of the console.").count(), 0, "it is the new one already");
  tag = '"three"';
  await page.clock.runFor(301_000);
  await page.getByText("There is a new version of the console.").waitFor();
  await check("a page with the chip");
  await page.getByRole("button", { name: "Load it again" }).click();
  await page.getByRole("grid").getByText("Web app").waitFor();
  assert.equal(await page.getByText("There is a new version of the console.").count(), 0);
  await close();
});
